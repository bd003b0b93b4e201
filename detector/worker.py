"""The one thread that owns the judgement: requests are worked off, time passes, questions are answered."""

import logging
import queue
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

from detector.hosting.trace_context import in_trace
from detector.incident import Incident, IncidentState, IncidentType
from detector.report.queries import Knowledge, OracleBusyError
from detector.report.telemetry import detected
from detector.series import Normalised

log = logging.getLogger(__name__)

T = TypeVar("T")
Request = TypeVar("Request")


class Judge(Knowledge, Protocol):
    """What the worker drives (the engine). Called from the worker's thread only."""

    def ingest(self, batch: Normalised, now: float) -> None:
        """Score a batch and learn from it."""

    def tick(self, now: float) -> list[Incident]:
        """Let time pass; the incidents that are new or changed."""


@dataclass(frozen=True, slots=True)
class Stages(Generic[Request]):
    """The way of the data through the worker, each stage a function called from the worker's thread only.

    `take(timeout_s)`: the next request, None when none came in that time; `normalise(request)`: what it
    comes to; `settled(request, error)`: its judgement has ended, or raised `error`; `flush(now)`: what
    windows of spans and logs came to that closed by now. `opened(incident)`: take note of a new one;
    `report(incident)`: away with a new or changed one, without waiting.
    """

    take: Callable[[float], Request | None]
    normalise: Callable[[Request], Normalised]
    settled: Callable[[Request, Exception | None], None]
    flush: Callable[[float], Normalised]
    judge: Judge
    judged: Callable[[Request, float], None]
    opened: Callable[[Incident], None]
    report: Callable[[Incident], None]


@dataclass(frozen=True, slots=True)
class WorkerConfig:
    """Times in seconds. `max_questions` bounds the questions that wait for an answer."""

    tick_s: float = 0.25
    poll_s: float = 0.02
    max_questions: int = 256
    trouble_log_s: float = 10.0


class Worker(Generic[Request]):
    """Judges requests as they come, lets time pass every `tick_s`, and answers questions in between.

    An error in the judgement of one request, tick or question is logged (with its traceback at most every
    `trouble_log_s`), counted in `failures`, and costs only that request, tick or question.
    `clock`: seconds since the epoch (where it is set back, time stands still for the judgement until it
    has caught up); `monotonic`: seconds that never go back.
    """

    def __init__(
        self,
        stages: Stages[Request],
        config: WorkerConfig,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        self.points = 0
        self.failures = 0
        self.open_by_type: Mapping[IncidentType, int] = {}
        self._stages = stages
        self._config = config
        self._clock = clock
        self._latest = 0.0
        self._monotonic = monotonic
        self._open: dict[str, IncidentType] = {}
        self._questions: queue.Queue[Callable[[], None]] = queue.Queue(config.max_questions)
        self._next_tick = monotonic()
        self._next_trouble_log = monotonic()
        self._stopping = threading.Event()
        self._drain_until = float("inf")
        self._thread = threading.Thread(target=self._run, name="judgement", daemon=True)

    def start(self) -> None:
        """Start working."""
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def ask(self, question: Callable[[Knowledge, float], T]) -> "Future[T]":
        """The answer to `question(judge, now)`; raises OracleBusyError when too many wait or none will be."""
        future: Future[T] = Future()

        def answer() -> None:
            if not future.set_running_or_notify_cancel():
                return
            error = self._outlive(
                "a question", lambda: future.set_result(question(self._stages.judge, self._now()))
            )
            if error is not None:
                future.set_exception(error)

        if not self.alive:
            raise OracleBusyError
        try:
            self._questions.put_nowait(answer)
        except queue.Full as full:
            raise OracleBusyError from full
        return future

    def stop(self, drain_s: float) -> bool:
        """Work off what was taken in for at most `drain_s` seconds, then end; False if that was too short.

        Nothing may come in any more when this is called.
        """
        self._drain_until = self._monotonic() + drain_s
        self._stopping.set()
        self._thread.join(drain_s + 1.0)
        return not self.alive

    def _run(self) -> None:
        while True:
            stopping = self._stopping.is_set()
            request = self._stages.take(0.0 if stopping else self._patience())
            if request is not None:
                self._stages.settled(request, self._outlive("a request", partial(self._judge, request)))
            self._answer_all()
            if self._monotonic() >= self._next_tick:
                self._tick()
            if stopping and (request is None or self._monotonic() >= self._drain_until):
                break
        self._tick()
        self._answer_all()

    def _now(self) -> float:
        self._latest = max(self._latest, self._clock())
        return self._latest

    def _patience(self) -> float:
        return max(0.0, min(self._config.poll_s, self._next_tick - self._monotonic()))

    def _judge(self, request: Request) -> None:
        began = self._monotonic()
        self._ingest(self._stages.normalise(request))
        self._stages.judged(request, self._monotonic() - began)

    def _ingest(self, batch: Normalised) -> None:
        self.points += len(batch.samples)
        self._stages.judge.ingest(batch, self._now())

    def _tick(self) -> None:
        self._next_tick = self._monotonic() + self._config.tick_s
        self._outlive("the windows that closed", lambda: self._ingest(self._stages.flush(self._now())))
        self._outlive("a tick", self._report_changes)

    def _report_changes(self) -> None:
        changed = self._stages.judge.tick(self._now())
        for incident in changed:
            if incident.state is IncidentState.OPEN:
                if incident.id not in self._open:
                    self._note_opened(incident)
                self._open[incident.id] = incident.type
            elif self._open.pop(incident.id, None) is not None:
                self._note_closed(incident)
            self._stages.report(incident)
        if changed:
            self.open_by_type = Counter(self._open.values())

    def _note_opened(self, incident: Incident) -> None:
        with in_trace(incident.traceparent):
            log.warning(
                "%s opened: %s of %s, confidence %.2f: %.300s",
                *(incident.id, incident.type, incident.service, incident.confidence, incident.summary),
                extra=detected(incident),
            )
        self._stages.opened(incident)

    @staticmethod
    def _note_closed(incident: Incident) -> None:
        with in_trace(incident.traceparent):
            log.info(
                "%s closed: %s of %s is over",
                *(incident.id, incident.type, incident.service),
                extra=detected(incident),
            )

    def _answer_all(self) -> None:
        for _ in range(self._questions.qsize()):
            self._questions.get_nowait()()

    def _outlive(self, what: str, work: Callable[[], None]) -> Exception | None:
        """Do `work`; its error, if it raised one. The thread must outlive errors in what it is handed."""
        try:
            work()
        except Exception as error:
            self.failures += 1
            if self._monotonic() >= self._next_trouble_log:
                self._next_trouble_log = self._monotonic() + self._config.trouble_log_s
                log.exception("the judgement of %s failed and is skipped (%d so far)", what, self.failures)
            return error
        return None
