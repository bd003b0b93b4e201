"""Incidents out by HTTP: every new revision is sent until the listener acknowledges it."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

import httpx
from pydantic import TypeAdapter

from detector.incident import Incident, IncidentState

log = logging.getLogger(__name__)

_INCIDENT = TypeAdapter(Incident)
_RETRIED = (401, 403, 408, 429)  # the first two until somebody has put the tokens in order
_PATIENCE = 5  # failed answers about one incident before the next ones are let past it


@dataclass(frozen=True, slots=True)
class ReporterConfig:
    """How incidents are sent, with `token` as a bearer where there is one. Times in seconds; `max_pending`
    bounds the incidents kept for a listener."""

    url: str
    token: str | None = field(default=None, repr=False)
    max_pending: int = 10_000
    timeout_s: float = 10.0
    first_delay_s: float = 0.2
    max_delay_s: float = 5.0


@dataclass(slots=True)
class ReporterCounts:
    """What became of the incidents handed over; written by the reporter, read by anyone."""

    acknowledged: int = 0
    failed_attempts: int = 0
    refused: int = 0  # answered with a 4xx that can never succeed
    overflowed: int = 0  # dropped because too many were waiting


class _Verdict(Enum):
    ACKNOWLEDGED = auto()
    REFUSED = auto()
    ANSWERED_BADLY = auto()
    NO_ANSWER = auto()


@dataclass(slots=True)
class _Pending:
    incident: Incident
    since: float
    bad_answers: int = 0


class Reporter:
    """Sends each incident's newest revision, in the order the incidents first came, from its own thread.

    Any 2xx acknowledges. 401, 403, 408, 429, 5xx, 3xx and no answer at all are tried again with exponential
    back-off and jitter; any other 4xx can never succeed and is logged, counted and dropped. While an
    incident waits, a newer revision takes the place of the older one. An incident whose answers are bad
    `_PATIENCE` times in a row goes to the back, so that it cannot hold up the others.

    `monotonic`: seconds of a clock that never goes back; `jitter()`: uniform in [0, 1);
    `on_acknowledged(seconds)`: told how long each acknowledged revision had waited.
    """

    def __init__(
        self,
        config: ReporterConfig,
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
        on_acknowledged: Callable[[float], None],
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self.counts = ReporterCounts()
        self._config = config
        self._monotonic = monotonic
        self._jitter = jitter
        self._on_acknowledged = on_acknowledged
        self._client = httpx.Client(timeout=config.timeout_s, transport=transport, trust_env=False)
        if config.token is not None:
            self._client.headers["authorization"] = f"Bearer {config.token}"
        self._address = _without_secrets(config.url)
        self._pending: OrderedDict[str, _Pending] = OrderedDict()
        self._changed = threading.Condition()
        self._closing = False
        self._give_up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="reporter", daemon=True)

    def start(self) -> None:
        """Start sending."""
        self._thread.start()

    def offer(self, incident: Incident) -> None:
        """Hand over a new revision. Never blocks; past `max_pending` the oldest, closed first, is dropped."""
        with self._changed:
            known = self._pending.get(incident.id)
            if known is not None:
                if incident.revision > known.incident.revision:
                    self._pending[incident.id] = _Pending(incident, known.since, known.bad_answers)
                return
            if len(self._pending) >= self._config.max_pending:
                self._drop_one()
            self._pending[incident.id] = _Pending(incident, self._monotonic())
            self._changed.notify()

    @property
    def pending(self) -> int:
        """How many incidents wait to be acknowledged."""
        return len(self._pending)

    def close(self, grace_s: float) -> int:
        """Send what waits for at most `grace_s` seconds, then stop; how many stayed unacknowledged."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(grace_s)
        self._give_up.set()
        left = self.pending
        if left:
            log.warning("stopping with %d incident(s) that %s never acknowledged", left, self._address)
        return left

    def _run(self) -> None:
        with self._client:
            self._send_all()

    def _send_all(self) -> None:
        failures = 0
        while not self._give_up.is_set() and (waiting := self._next()) is not None:
            verdict = self._send(waiting.incident)
            self._settle(waiting, verdict)
            if verdict in (_Verdict.ACKNOWLEDGED, _Verdict.REFUSED):
                if failures:
                    log.info("%s takes incidents again; %d waiting", self._address, self.pending)
                failures = 0
                continue
            failures += 1
            self.counts.failed_attempts += 1
            self._give_up.wait(self._delay(failures))

    def _next(self) -> _Pending | None:
        """The first incident that waits; waits for one itself. None when closing with none left."""
        with self._changed:
            while not self._pending and not self._closing:
                self._changed.wait()
            return next(iter(self._pending.values()), None)

    def _send(self, incident: Incident) -> _Verdict:
        try:
            response = self._client.post(
                self._config.url,
                content=_INCIDENT.dump_json(incident),
                headers={"content-type": "application/json", "traceparent": incident.traceparent},
            )
        except httpx.HTTPError as error:
            log.warning(
                "cannot report %s to %s: %s", incident.id, self._address, error or type(error).__name__
            )
            return _Verdict.NO_ANSWER
        if response.is_success:
            return _Verdict.ACKNOWLEDGED
        if response.is_client_error and response.status_code not in _RETRIED:
            log.error(
                "%s refused %s revision %d with status %d, it is not sent again: %.200s",
                *(self._address, incident.id, incident.revision, response.status_code, response.text),
            )
            return _Verdict.REFUSED
        log.warning("%s answered %s with status %d", self._address, incident.id, response.status_code)
        return _Verdict.ANSWERED_BADLY

    def _settle(self, sent: _Pending, verdict: _Verdict) -> None:
        """Take a settled revision off the list, unless a newer one came while it was on its way."""
        incident_id = sent.incident.id
        with self._changed:
            current = self._pending.get(incident_id)
            newest = current is sent
            if verdict in (_Verdict.ACKNOWLEDGED, _Verdict.REFUSED):
                if newest:
                    del self._pending[incident_id]
                elif current is not None:
                    current.bad_answers = 0
            elif verdict is _Verdict.ANSWERED_BADLY and current is not None:
                current.bad_answers += 1
                if current.bad_answers >= _PATIENCE:
                    current.bad_answers = 0
                    self._pending.move_to_end(incident_id)
        if verdict is _Verdict.ACKNOWLEDGED:
            self.counts.acknowledged += 1
            self._on_acknowledged(self._monotonic() - sent.since)
        elif verdict is _Verdict.REFUSED:
            self.counts.refused += 1

    def _delay(self, failures: int) -> float:
        doublings = float(1 << min(failures - 1, 30))
        ceiling = min(self._config.max_delay_s, self._config.first_delay_s * doublings)
        return ceiling * (0.5 + 0.5 * self._jitter())

    def _drop_one(self) -> None:
        closed = (key for key, p in self._pending.items() if p.incident.state is IncidentState.CLOSED)
        dropped = next(closed, None) or next(iter(self._pending))
        del self._pending[dropped]
        self.counts.overflowed += 1
        log.error("%d incidents wait for %s: %s is dropped", self._config.max_pending, self._address, dropped)


def _without_secrets(url: str) -> str:
    parsed = httpx.URL(url)
    return str(parsed.copy_with(userinfo=b"", query=None, fragment=None))
