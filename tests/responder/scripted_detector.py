"""A detector whose answers are a function of the time since the action, and a clock that a test moves."""

from collections.abc import Callable, Sequence

from detector import AnomalyReason, IncidentState, Recovery, SeriesHealth, ServiceHealth, SignalHealth
from responder.verify import DetectorUnavailable

ACTED_AT = 1_700_000_000.0


class FakeTime:
    """Seconds since the epoch; `sleep` makes them pass."""

    def __init__(self, now: float = ACTED_AT) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    @property
    def since_action(self) -> float:
        return self.now - ACTED_AT


class ScriptedDetector:
    """Answers by `script(seconds since the action)`; remembers for how long all was normal, as a
    detector does. A script's answer: series, others that are worse, whether the service reports; or an
    exception to raise; None for an incident that is not known (then `services` answers)."""

    def __init__(
        self,
        time: FakeTime,
        script: Callable[[float], "Answer | DetectorUnavailable | None"],
        services: Callable[[float], Sequence[ServiceHealth]] = lambda _: (),
        normal_before_s: float = 0.0,
    ) -> None:
        self._time = time
        self._script = script
        self._services = services
        self._normal_since: float | None = ACTED_AT - normal_before_s if normal_before_s else None
        self.looks = 0

    def recovery(self, incident_id: str) -> Recovery | None:
        self.looks += 1
        answer = self._script(self._time.since_action)
        if isinstance(answer, DetectorUnavailable):
            raise answer
        if answer is None:
            return None
        normal = answer.reporting and all(s.normal for s in answer.series)
        if not normal:
            self._normal_since = None
        elif self._normal_since is None:
            self._normal_since = self._time.now
        return Recovery(
            incident_id=incident_id,
            state=IncidentState.OPEN,
            reporting=answer.reporting,
            normal=normal,
            normal_for_s=self._time.now - self._normal_since if self._normal_since is not None else 0.0,
            series=tuple(answer.series),
            worse=tuple(answer.worse),
        )

    def services(self) -> Sequence[ServiceHealth]:
        return self._services(self._time.since_action)


class Answer:
    """What the scripted detector sees at one moment."""

    def __init__(
        self, *series: SeriesHealth, worse: Sequence[SeriesHealth] = (), reporting: bool = True
    ) -> None:
        self.series = series
        self.worse = worse
        self.reporting = reporting


def health(
    series: str,
    signal: str,
    value: float | None,
    *,
    high: float | None = 0.5,
    low: float | None = None,
    normal: bool | None = None,
    age_s: float | None = 0.4,
    unit: str = "1",
) -> SeriesHealth:
    """A series' health; normal by its range unless told."""
    inside = value is not None and (high is None or value <= high) and (low is None or value >= low)
    return SeriesHealth(
        series=series,
        signal=signal,
        unit=unit,
        value=value,
        low=low,
        high=high,
        normal=inside if normal is None else normal,
        age_s=age_s,
        reason=None if inside else AnomalyReason.ABOVE_NORMAL,
    )


def service_health(
    *, normal: bool = True, reporting: bool = True, warm: bool = True, service: str = "shop"
) -> ServiceHealth:
    """A service with one signal."""
    return ServiceHealth(
        service=service,
        namespace="",
        instances=("shop-1",),
        reporting=reporting,
        warm=warm,
        last_seen=ACTED_AT,
        series_count=12,
        open_incident=None,
        signals=(SignalHealth("error_ratio", "1", 0.0 if normal else 0.6, None, 0.1, normal),),
    )
