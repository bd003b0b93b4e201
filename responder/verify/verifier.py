"""Asks the detector, again and again, whether an action helped."""

import logging
from collections.abc import Callable

from detector import Incident
from responder.verify.config import Verification, VerifyConfig
from responder.verify.detector_query import DetectorQuery, DetectorUnavailable
from responder.verify.watch import Watch

_LOG = logging.getLogger(__name__)


class Verifier:
    """Reads from telemetry whether an incident is over after an action.

    `clock` gives seconds since the epoch, `monotonic` seconds that nobody sets, `sleep` waits. Safe to call
    from several threads, and to call again after a crash: the time-out counts from the call, normal time
    only from the action on.
    """

    def __init__(
        self,
        detector: DetectorQuery,
        config: VerifyConfig,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
        *,
        monotonic: Callable[[], float],
    ) -> None:
        self._detector = detector
        self._config = config
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic

    def verify(self, incident: Incident, acted_at: float) -> Verification:
        """Blocks until it is settled, at most about `timeout_s`; never raises for an absent detector.

        Recovered: every raising series normal for `stable_s` after `acted_at` and nothing else worse.
        Made worse: normal, but other series are out of their range for `stable_s`. Not recovered: at the
        time-out, or as soon as fresh samples stay as bad as before for `give_up_s`.
        """
        config = self._config
        watch = Watch(incident, acted_at, config)
        # Only the time since the action comes from the clock; after that one that is set must not count.
        offset = max(self._clock(), acted_at) - self._monotonic()

        def now() -> float:
            return self._monotonic() + offset

        deadline = now() + config.timeout_s
        while True:
            settled = self._look(incident, watch, now)
            if settled is not None:
                return settled
            left = deadline - now()
            if left <= 0:
                return watch.timed_out(now())
            self._sleep(min(config.poll_s, left))

    def _look(self, incident: Incident, watch: Watch, now: Callable[[], float]) -> Verification | None:
        try:
            recovery = self._detector.recovery(incident.id)
            if recovery is not None:
                return watch.see(recovery, now())
            return watch.see_services(self._detector.services(), now())
        except DetectorUnavailable as error:
            if watch.unreachable(str(error)):
                _LOG.warning("verification of %s waits: %s", incident.id, error)
            return None
