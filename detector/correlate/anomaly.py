"""One thing that is not normal with a service, while it is observed."""

from dataclasses import dataclass, field

from detector.classify.meaning import Signal
from detector.incident import AnomalyReason, EvidenceKind, Forecast
from detector.series import Stat

EXAMPLES = 5

AnomalyKey = int | str
"""The slot of a series, or the name of something read from logs or from coming and going."""


@dataclass(slots=True)
class Anomaly:
    """Something sustained and material that is not normal, or context of it (`weight` 0).

    Times are seconds since the epoch: `first_seen` and `last_seen` of the observations, `heard_at` the
    receiver's clock at the last of them. `active`: it is so at this moment. `raising`: an incident is not
    over before this is. `kept_s`: once it has ended it counts with others for at least so long, seconds.
    `voice_weight`: its weight for or against a type, where that is not `weight`.
    """

    key: AnomalyKey
    kind: EvidenceKind
    signal: Signal
    reason: AnomalyReason
    series: str
    name: str
    stat: Stat | None
    unit: str
    weight: float
    score: float
    first_seen: float
    last_seen: float
    heard_at: float
    noticed_at: float
    before: float | None = None
    now: float | None = None
    low: float | None = None
    high: float | None = None
    count: int = 1
    needed: int = 1
    active: bool = True
    raising: bool = False
    voice_weight: float | None = None
    kept_s: float = 0.0
    label: str = ""  # the series as people call it
    instance: str | None = None
    forecast: Forecast | None = None
    detail: str = ""
    log_lines: list[str] = field(default_factory=list)
    trace_ids: list[str] = field(default_factory=list)

    @property
    def strength(self) -> float:
        """Its share in an alarm, 0 to 1: weight times score, half as much again once it has lasted."""
        lasted = min(1.0, max(0, self.count - self.needed) / (3.0 * self.needed))
        return min(1.0, self.weight * (1.0 + 0.5 * lasted)) * self.score

    def explain_only(self, weight: float, voice_weight: float) -> None:
        """Let it speak for or against a type, and (by itself) neither open an incident nor hold it open."""
        self.weight, self.voice_weight = weight, voice_weight

    def symptom(self, weight: float) -> None:
        """Let it count in full, whatever it was before."""
        self.weight, self.voice_weight = weight, None

    def cite_log(self, line: str, trace_id: str = "") -> None:
        """Keep a log line (and its trace) as an example, a few at most, each once."""
        if line and line not in self.log_lines and len(self.log_lines) < EXAMPLES:
            self.log_lines.append(line)
        self.cite_trace(trace_id)

    def cite_trace(self, trace_id: str) -> None:
        """Keep a trace as an example, a few at most, each once."""
        if trace_id and trace_id not in self.trace_ids and len(self.trace_ids) < EXAMPLES:
            self.trace_ids.append(trace_id)
