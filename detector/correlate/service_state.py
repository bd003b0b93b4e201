"""All that is known of one service between two looks at it."""

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from detector.classify.meaning import Meaning, Signal
from detector.correlate.anomaly import Anomaly, AnomalyKey
from detector.correlate.lifecycle import ServiceLife
from detector.correlate.releases import Releases
from detector.correlate.suspicion import Suspicion
from detector.series import LogNotice, ServiceId, SpanNotice, Stat

if TYPE_CHECKING:
    from detector.correlate.live_incident import LiveIncident

SLOTS_SHOWN = 64
SERVER, CLIENT = 2, 3  # OTLP span kinds
_SHOWN = {Stat.VALUE, Stat.RATE, Stat.SHARE, Stat.MEAN, Stat.COUNT_RATE, Stat.ERROR_RATIO}


@dataclass(slots=True)
class ServiceState:
    """One service: its number, its life, its present anomalies and its open incident, if any.

    `alarming_since`: when its anomalies came to be enough for an incident, while they are.
    """

    id: ServiceId
    number: int
    life: ServiceLife
    releases: Releases = field(default_factory=Releases)
    warm: bool = False
    series_count: int = 0
    slots: list[int] = field(default_factory=list)  # judged series, to see whether they are warm
    by_signal: dict[Signal, list[int]] = field(default_factory=dict)
    measures_itself: set[Signal] = field(default_factory=set)
    knows_limit: set[Signal] = field(default_factory=set)
    secondary: list[tuple[int, Meaning]] = field(default_factory=list)
    anomalies: dict[AnomalyKey, Anomaly] = field(default_factory=dict)
    suspicions: dict[int, Suspicion] = field(default_factory=dict)  # by series
    alarming_since: float | None = None
    live: "LiveIncident | None" = None
    closed: "LiveIncident | None" = None
    logs: deque[LogNotice] = field(default_factory=lambda: deque(maxlen=32))
    failed: deque[SpanNotice] = field(default_factory=lambda: deque(maxlen=32))
    slow: deque[SpanNotice] = field(default_factory=lambda: deque(maxlen=32))
    combined_at: float = 0.0

    def remember_series(self, slot: int, meaning: Meaning, stat: Stat) -> None:
        """Keep a judged series for the overview of golden signals, within bounds."""
        if len(self.slots) < 4 * SLOTS_SHOWN:
            self.slots.append(slot)
        if stat in _SHOWN:
            shown = self.by_signal.setdefault(meaning.signal, [])
            if len(shown) < SLOTS_SHOWN:
                shown.append(slot)

    def cite_examples(self) -> None:
        """Give each anomaly that can use them log lines and traces from its time."""
        for anomaly in self.anomalies.values():
            since = anomaly.first_seen - 2.0
            if anomaly.signal is Signal.ERROR_LOGS or anomaly.key == "silence":
                for log in self.logs:
                    if log.time >= since:
                        anomaly.cite_log(log.body, log.trace_id)
                continue
            for span in self._examples(anomaly.signal):
                if span.time >= since:
                    anomaly.cite_trace(span.trace_id)

    def _examples(self, signal: Signal) -> list[SpanNotice]:
        if signal is Signal.ERROR_RATIO:
            return [s for s in self.failed if s.kind != CLIENT]
        if signal is Signal.NETWORK_ERRORS:
            return [s for s in self.failed if s.kind == CLIENT]
        if signal is Signal.SERVER_LATENCY:
            return [s for s in self.slow if s.kind == SERVER]
        if signal in {Signal.CLIENT_LATENCY, Signal.DB_LATENCY}:
            return [s for s in self.slow if s.kind == CLIENT]
        return []
