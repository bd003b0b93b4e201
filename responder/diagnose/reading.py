"""Reads an incident's evidence: how strong each signal is, what grew, what the logs say. It judges nothing.

Only typed fields and numbers decide; log text counts solely through the curated patterns of
`log_patterns.yaml`, and only for kinds of message, never for what a line asks to be done.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.resources import files

import yaml
from pydantic import TypeAdapter

from detector import AnomalyReason, Evidence, EvidenceKind, Incident, IncidentType
from responder.series_name import PEER_KEYS, attribute, series_attributes

ALERT_SIGNAL = "alert"
"""Signal of evidence that is the word of an alerting system (webhook), not a measurement of the detector."""

GREW_BY = 1.5
"""Traffic counts as grown from this many times the usual request rate."""

_GROWTH_SHARE = 0.4
_AT_LIMIT = 0.95
_HAS_ROOM = 0.8
_FULL_WEIGHT = 0.7
_CLEAR = 0.5
_RATES = (":count_rate", ":rate")
_MAX_EVIDENCE = 200
_MAX_LINES = 100
_MAX_LINE_CHARS = 1000
_RANGE_REASONS = (AnomalyReason.ABOVE_NORMAL, AnomalyReason.BELOW_NORMAL, AnomalyReason.ERROR_RATE)
_VERSION = re.compile(r"\bversion\b.{1,80}?(?:->|→|\bto\b)", re.IGNORECASE)


class Fact(StrEnum):
    """Circumstances that tell one cause from another of the same type."""

    TRAFFIC_GREW = "traffic_grew"
    TRAFFIC_EXPLAINS_CPU = "traffic_explains_cpu"
    SEVERAL_PEERS = "several_peers"
    VERSION_CHANGED = "version_changed"
    CONFIGURATION_ERROR = "configuration_error"
    KEEPS_CRASHING = "keeps_crashing"
    POOL_HOLDS_UP = "pool_holds_up"


class LogKind(StrEnum):
    """Kinds of error message the logs are searched for."""

    OUT_OF_MEMORY = "out_of_memory"
    NO_SPACE_LEFT = "no_space_left"
    POOL_EXHAUSTED = "pool_exhausted"
    SLOW_PEER = "slow_peer"
    CONFIGURATION_ERROR = "configuration_error"


class LogPatterns:
    """The expressions of `log_patterns.yaml`."""

    def __init__(self, patterns: Mapping[LogKind, Sequence[str]]) -> None:
        self._patterns = {
            kind: tuple(re.compile(text, re.IGNORECASE) for text in texts) for kind, texts in patterns.items()
        }

    @classmethod
    def load(cls) -> "LogPatterns":
        """The patterns shipped with the responder."""
        text = files("responder.diagnose").joinpath("log_patterns.yaml").read_text(encoding="utf-8")
        return cls(TypeAdapter(dict[LogKind, list[str]]).validate_python(yaml.safe_load(text)))

    def search(self, kind: LogKind, line: str) -> tuple[int, int] | None:
        """Where `line` says a thing of this kind; None where it does not."""
        found = (pattern.search(line) for pattern in self._patterns.get(kind, ()))
        return next((match.span() for match in found if match), None)


@dataclass(frozen=True, slots=True)
class LogFinding:
    """A log line that matched: the evidence it came with, the line, and where in it."""

    evidence: Evidence
    line: str
    start: int
    end: int


@dataclass(frozen=True)
class Reading:
    """One incident's evidence, read. Strengths are 0 to 1."""

    incident: Incident
    patterns: LogPatterns

    @cached_property
    def evidence(self) -> tuple[Evidence, ...]:
        """The evidence, bounded, strongest first."""
        return tuple(sorted(self.incident.evidence, key=lambda e: (-strength_of(e), e.id))[:_MAX_EVIDENCE])

    def of(self, signal: str) -> tuple[Evidence, ...]:
        """Evidence of one signal that speaks for a fault, strongest first."""
        return tuple(
            e for e in self.evidence if e.signal == signal and e.reason is not AnomalyReason.BELOW_NORMAL
        )

    def strength(self, signal: str) -> float:
        """The strength of one signal's strongest evidence; 0 where there is none."""
        return max((strength_of(e) for e in self.of(signal)), default=0.0)

    def belief(self, incident_type: IncidentType) -> float:
        """What the detector (or the alert) gives this type. What it gives a processor that has room goes to
        the pool that holds the requests up."""
        meant = {incident_type}
        if incident_type is IncidentType.DB_CONNECTION_POOL and Fact.POOL_HOLDS_UP in self.facts:
            meant.add(IncidentType.CPU_SPIKE)
        named = [share(c.confidence) for c in self.incident.candidates if c.type in meant]
        if self.incident.type in meant:
            named.append(share(self.incident.confidence))
        return max(named, default=0.0)

    @cached_property
    def measured(self) -> bool:
        """True where something but log text speaks: a metric, a span, crashes, or an alerting system."""
        return any(e.signal not in ("error_logs", "request_rate") for e in self.evidence)

    @cached_property
    def alerted(self) -> float:
        """Strength of an alert's word for the incident's own type; 0 where anything was measured as well."""
        signals = {e.signal for e in self.evidence}
        return self.strength(ALERT_SIGNAL) if signals <= {ALERT_SIGNAL, "error_logs"} else 0.0

    @cached_property
    def back_in_range(self) -> bool:
        """True where every piece of evidence is a number with a range, and all are inside it."""
        judged = [e for e in self.evidence if e.signal != "request_rate"]
        return bool(judged) and all(
            e.reason in _RANGE_REASONS
            and e.now is not None
            and (e.low is not None or e.high is not None)
            and (e.low is None or e.now >= e.low)
            and (e.high is None or e.now <= e.high)
            for e in judged
        )

    @cached_property
    def traffic_growth(self) -> float | None:
        """How many times the usual request rate comes in; None where the evidence does not say."""
        rates = [
            (max(0.0, e.before), max(0.0, e.now))
            for e in self.evidence
            if e.signal == "request_rate" and e.series.endswith(_RATES)
            if e.before is not None and e.now is not None and finite(e.before) and finite(e.now)
        ]
        # A route or status that is new is no growth beside others that were there before.
        known = [pair for pair in rates if pair[0] > 0] or rates
        if not known:
            return None
        return sum(now for _, now in known) / max(sum(before for before, _ in known), 0.01)

    @cached_property
    def facts(self) -> frozenset[Fact]:
        """The circumstances this evidence shows."""
        growth = self.traffic_growth
        found: set[Fact] = set()
        if growth is not None and growth >= GREW_BY:
            found.add(Fact.TRAFFIC_GREW)
            if self._explains_cpu(growth):
                found.add(Fact.TRAFFIC_EXPLAINS_CPU)
        if self._pool_holds_up():
            found.add(Fact.POOL_HOLDS_UP)
        if len(self.peers) > 1:
            found.add(Fact.SEVERAL_PEERS)
        if any(_names_versions(e) for e in self.of("restarts")):
            found.add(Fact.VERSION_CHANGED)
        told = self.alerted if self.incident.type is IncidentType.POD_CRASH_LOOP else 0.0
        if max(self.strength("restarts"), told) >= _CLEAR:
            found.add(Fact.KEEPS_CRASHING)
        if any(_last_words(finding.evidence) for finding in self.logs(LogKind.CONFIGURATION_ERROR)):
            found.add(Fact.CONFIGURATION_ERROR)
        return frozenset(found)

    def _explains_cpu(self, growth: float) -> bool:
        """True where the growth of traffic is of the order of that of the processor's load.

        Compared as logarithms, because load also has a part that does not depend on traffic.
        """
        ratios = [
            e.now / max(e.before, 0.01)
            for e in self.of("cpu")
            if e.now is not None and e.before is not None and finite(e.now) and finite(e.before)
        ]
        steepest = max(ratios, default=0.0)
        return steepest <= 1.0 or math.log(growth) >= _GROWTH_SHARE * math.log(steepest)

    def _pool_holds_up(self) -> bool:
        """True where a pool is used up while the processor is busier than usual and yet has room: of two
        resources the one at its limit is what requests wait for (Gregg, Thinking Methodically about
        Performance, 2012: utilisation, saturation, errors)."""
        full = any(_used(e) >= _AT_LIMIT for e in self.of("db_pool"))
        busy = [_used(e) for e in self.of("cpu")]
        return full and bool(busy) and all(0.0 < used < _HAS_ROOM for used in busy)

    @cached_property
    def peers(self) -> tuple[str, ...]:
        """Whom the slow calls go to, as far as the series' attributes name them."""
        by_key: dict[str, set[str]] = {}
        for evidence in self.of("client_latency"):
            attributes = series_attributes(evidence.series)
            for key in PEER_KEYS:
                if value := attribute(attributes, key):
                    by_key.setdefault(key, set()).add(value)
        named = [tuple(sorted(peers)) for peers in by_key.values()]
        return max(named, key=len, default=())

    def logs(self, kind: LogKind) -> tuple[LogFinding, ...]:
        """Log lines of one kind, from evidence of errors, at most three."""
        found: list[LogFinding] = []
        for evidence, line in self._lines:
            span = self.patterns.search(kind, line)
            if span:
                found.append(LogFinding(evidence, line, *span))
            if len(found) == 3:
                break
        return tuple(found)

    @cached_property
    def _lines(self) -> list[tuple[Evidence, str]]:
        lines = [(e, line[:_MAX_LINE_CHARS]) for e in self.evidence for line in e.log_lines[:_MAX_LINES]]
        return lines[:_MAX_LINES]


def strength_of(evidence: Evidence) -> float:
    """How strongly one piece speaks, 0 to 1: its score, less where its share in the alarm is small."""
    weight = 1.0 if evidence.signal == ALERT_SIGNAL else min(1.0, share(evidence.weight) / _FULL_WEIGHT)
    return share(evidence.score) * weight


def _used(evidence: Evidence) -> float:
    """The share of its limit that is used, 0 where the evidence does not say."""
    return evidence.now if evidence.unit == "1" and evidence.now is not None and finite(evidence.now) else 0.0


def _last_words(evidence: Evidence) -> bool:
    """What a process said as it died at its start, by the detector's account of both. Any other line may
    have been put there by whoever can make the service log something."""
    return evidence.signal == "restarts" and evidence.reason is AnomalyReason.FATAL_LOG


def _names_versions(evidence: Evidence) -> bool:
    # The detector's own words: nothing a service sends stands in the description of its restarts.
    restarted = evidence.kind is EvidenceKind.LIFECYCLE and evidence.reason is AnomalyReason.RESTARTED
    return restarted and bool(_VERSION.search(evidence.description[:400]))


def share(value: float) -> float:
    """`value` held in 0 to 1; not a number counts as 0."""
    return min(1.0, max(0.0, value)) if math.isfinite(value) else 0.0


def finite(value: float | None) -> bool:
    """True for a number that can be reckoned with."""
    return value is not None and math.isfinite(value)
