"""What one verification has seen so far, and whether that settles it. Knows neither clock nor network."""

import math
from collections.abc import Sequence

from detector import Incident, Recovery, SeriesHealth, ServiceHealth
from responder.incident_record import VerificationOutcome
from responder.quantity import span
from responder.redaction import name, sanitised
from responder.verify.config import Verification, VerifyConfig
from responder.verify.health_text import HealthText
from responder.verify.stagnation import Stagnation

_NOT_A_SYMPTOM = frozenset({"request_rate", "other", "silence"})
"""Signals that may change through a remedy itself, or without harm: traffic, series of unknown
meaning, and instances that were replaced (a silent service is seen by `reporting`)."""


class Watch:
    """Follows one incident from `acted_at` on. Each look returns a verification once it is settled."""

    def __init__(self, incident: Incident, acted_at: float, config: VerifyConfig) -> None:
        self._incident = incident
        self._acted_at = acted_at
        self._config = config
        self._service = name(incident.service)
        heaviest_first = sorted(incident.evidence, key=lambda e: -(e.weight * e.score))
        self._text = HealthText(heaviest_first, acted_at)
        self._stagnation = Stagnation(heaviest_first, acted_at, config.give_up_s, config.fresh_s)
        self._worse_since: dict[str, float] = {}
        self._restarts: dict[str, float] = {}
        self._series: tuple[SeriesHealth, ...] = ()
        self._normal_since: float | None = None
        self._longest_normal_s = 0.0
        self._unreachable = False
        self._last = "the detector was not asked yet"

    def see(self, recovery: Recovery, at: float) -> Verification | None:
        """The detector's answer about the incident."""
        self._unreachable = False
        self._series = recovery.series
        normal_for = self._normal_for(recovery, at)
        self._longest_normal_s = max(self._longest_normal_s, normal_for)
        worse = self._worse(recovery.worse, at)
        if not recovery.reporting:
            self._stagnation.restart()
            self._last = f"{self._service} sends no telemetry"
            return None
        plainly_bad = self._stagnation.plain(recovery.series, at)
        if normal_for >= self._config.stable_s:
            return self._settled(worse, normal_for, at)
        if recovery.normal:
            self._last = f"normal for {normal_for:.0f} s so far"
            return None
        self._last = self._text.troubles(recovery.series, at) or "the detector does not call it normal yet"
        if not plainly_bad:
            return None
        return self._verification(
            VerificationOutcome.NOT_RECOVERED,
            f"No better {span(at - self._acted_at)} after the action: {self._last}.",
        )

    def see_services(self, services: Sequence[ServiceHealth], at: float) -> Verification | None:
        """The detector does not know the incident: judge by the health of the service as a whole."""
        self._unreachable = False
        found = [s for s in services if s.service == self._incident.service]
        found = [s for s in found if s.namespace == self._incident.namespace] or found
        self._series = tuple(series for service in found for series in _signals(service))
        obstacle = self._obstacle(found, at)
        if obstacle:
            self._normal_since = None
            self._last = obstacle
            return None
        self._normal_since = at if self._normal_since is None else self._normal_since
        normal_for = at - max(self._normal_since, self._acted_at)
        self._longest_normal_s = max(self._longest_normal_s, normal_for)
        self._last = f"normal for {normal_for:.0f} s so far"
        if normal_for < self._config.stable_s:
            return None
        return self._verification(
            VerificationOutcome.RECOVERED,
            f"The detector did not raise this incident; all signals of {self._service} are normal for "
            f"{normal_for:.0f} s{self._changes(at)}.",
        )

    def unreachable(self, why: str) -> bool:
        """The detector could not be asked; answers whether that is news."""
        news = not self._unreachable
        self._unreachable = True
        self._stagnation.restart()
        self._normal_since = None
        self._last = f"the detector cannot be asked ({sanitised(why, 200)})"
        return news

    def timed_out(self, at: float) -> Verification:
        """No look settled it in time."""
        longest = self._longest_normal_s
        flapped = f"; it was normal for at most {longest:.0f} s on end" if longest >= 1 else ""
        return self._verification(
            VerificationOutcome.NOT_RECOVERED,
            f"Not back to normal {span(at - self._acted_at)} after the action: {self._last}{flapped}.",
        )

    def _normal_for(self, recovery: Recovery, at: float) -> float:
        """Seconds of normal without a break, as far as they lie after the action."""
        if not (recovery.reporting and recovery.normal and math.isfinite(recovery.normal_for_s)):
            return 0.0
        return max(0.0, min(recovery.normal_for_s, at - self._acted_at))

    def _settled(self, worse: Sequence[SeriesHealth], normal_for: float, at: float) -> Verification | None:
        if not worse:
            return self._verification(
                VerificationOutcome.RECOVERED,
                f"Normal for {normal_for:.0f} s{self._changes(at)}.",
            )
        # Others may be off while a process starts up; only what lasts was made worse.
        self._last = f"what raised the incident is normal, but {self._text.troubles(worse, at)}"
        lasting = [s for s in worse if at - self._worse_since[s.series] >= self._config.stable_s]
        if not lasting:
            return None
        since = min(self._worse_since[s.series] for s in lasting)
        return self._verification(
            VerificationOutcome.MADE_WORSE,
            f"What raised the incident is normal, but for {at - since:.0f} s something else is not: "
            f"{self._text.troubles(lasting, at)}.",
        )

    def _worse(self, reported: Sequence[SeriesHealth], at: float) -> list[SeriesHealth]:
        """What counts as worse now; remembers since when."""
        counted = [s for s in reported if s.signal not in _NOT_A_SYMPTOM and self._not_ours(s)]
        names = {s.series for s in counted}
        self._worse_since = {
            **{series: since for series, since in self._worse_since.items() if series in names},
            **{series: at for series in names if series not in self._worse_since},
        }
        return counted

    def _not_ours(self, series: SeriesHealth) -> bool:
        """False for a count of restarts that stands still: the remedy's own restart is no harm."""
        if series.signal != "restarts" or series.value is None:
            return True
        return series.value > self._restarts.setdefault(series.series, series.value)

    def _obstacle(self, found: Sequence[ServiceHealth], at: float) -> str:
        """Why the service cannot be called normal; empty where it is."""
        if not found:
            return f"the detector hears nothing from a service called {self._service}"
        if not all(s.reporting for s in found):
            return f"{self._service} sends no telemetry"
        if not all(s.warm for s in found):
            return f"the detector has not yet learned what is normal for {self._service}"
        if not self._series:
            return f"{self._service} sends no signal that could be judged"
        bad = [s for s in self._series if not s.normal and s.signal not in _NOT_A_SYMPTOM]
        return self._text.troubles(bad, at)

    def _changes(self, at: float) -> str:
        """The end of a sentence that says how long all has been normal."""
        changes = self._text.changes(self._series, at)
        return f": {changes}" if changes else ""

    def _verification(self, outcome: VerificationOutcome, detail: str) -> Verification:
        return Verification(outcome, detail, self._series)


def _signals(service: ServiceHealth) -> list[SeriesHealth]:
    return [
        SeriesHealth(s.signal, s.signal, s.unit, s.value, s.low, s.high, s.normal, None)
        for s in service.signals
    ]
