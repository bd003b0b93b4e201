import queue
import time
from collections.abc import Callable, Iterator

import pytest
from detector_doubles import ToldEngine, a_batch
from detector_incidents import an_incident

from detector.incident import Incident, IncidentState, IncidentType
from detector.report.queries import OracleBusyError
from detector.series import Normalised
from detector.worker import Stages, Worker, WorkerConfig


class Rig:
    """A worker whose requests are numbers: of so many points each, negative ones cannot be normalised."""

    def __init__(self, config: WorkerConfig, clock: Callable[[], float] = time.time) -> None:
        self.requests: queue.Queue[int] = queue.Queue()
        self.engine = ToldEngine()
        self.settled: queue.Queue[tuple[int, type[Exception] | None]] = queue.Queue()
        self.reported: queue.Queue[Incident] = queue.Queue()
        self.opened: list[str] = []
        self.judged: list[int] = []
        stages = Stages(
            take=self.take,
            normalise=self.normalise,
            settled=lambda request, error: self.settled.put((request, error and type(error))),
            flush=lambda _: a_batch(1),
            judge=self.engine,
            judged=lambda request, _: self.judged.append(request),
            opened=lambda incident: self.opened.append(incident.id),
            report=self.reported.put,
        )
        self.worker = Worker(stages, config, clock, time.monotonic)

    def take(self, timeout_s: float) -> int | None:
        try:
            return self.requests.get(timeout=timeout_s) if timeout_s else self.requests.get_nowait()
        except queue.Empty:
            return None

    def normalise(self, request: int) -> Normalised:
        if request < 0:
            raise ValueError("not to be normalised")
        return a_batch(request)


@pytest.fixture
def rig() -> Iterator[Rig]:
    rig = Rig(WorkerConfig(tick_s=0.01, poll_s=0.005, max_questions=2))
    yield rig
    if rig.worker.alive:
        assert rig.worker.stop(5)


def test_requests_are_judged_and_new_incidents_reported_in_order(rig: Rig) -> None:
    rig.worker.start()
    rig.requests.put(7)
    rig.engine.changed = [an_incident("INC-1"), an_incident("INC-2")]
    assert [rig.reported.get(timeout=5).id for _ in range(2)] == ["INC-1", "INC-2"]
    assert rig.worker.stop(5)
    assert rig.worker.points == rig.engine.ingested
    assert rig.engine.ingested >= 7


def test_one_thread_alone_touches_the_engine(rig: Rig) -> None:
    rig.worker.start()
    rig.requests.put(1)
    rig.worker.ask(lambda engine, _: engine.incidents()).result(5)
    rig.worker.stop(5)
    assert len(rig.engine.threads) == 1


def test_what_raises_costs_only_itself(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    rig.worker.start()
    rig.engine.tick_fails = True
    for request in (-1, 0, 5):
        rig.requests.put(request)
    with pytest.raises(ZeroDivisionError):
        rig.worker.ask(lambda _, now: now / 0).result(5)
    assert rig.worker.ask(lambda *_: "still here").result(5) == "still here"
    assert rig.worker.stop(5)
    assert rig.engine.ingested >= 5
    assert rig.worker.failures >= 4
    assert caplog.text.count("Traceback") == 1


def test_a_request_is_settled_once_it_was_judged_or_could_not_be(rig: Rig) -> None:
    for request in (7, -1, 0):
        rig.requests.put(request)
    rig.worker.start()
    assert [rig.settled.get(timeout=5) for _ in range(3)] == [(7, None), (-1, ValueError), (0, ValueError)]
    assert rig.engine.ingested >= 7


def test_stopping_works_off_what_was_taken_in(rig: Rig) -> None:
    for _ in range(200):
        rig.requests.put(1000)
    rig.worker.start()
    assert rig.worker.stop(10)
    assert rig.engine.ingested >= 200_000


def test_time_does_not_go_back_for_the_judgement_where_the_clock_does() -> None:
    readings = iter([100.0, 50.0])
    rig = Rig(WorkerConfig(), lambda: next(readings, 60.0))
    rig.worker.start()
    seen = [rig.worker.ask(lambda _, now: now).result(5) for _ in range(3)]
    assert rig.worker.stop(5)
    assert seen == [100.0] * 3


def test_open_incidents_are_counted_by_type(rig: Rig) -> None:
    rig.worker.start()
    rig.engine.changed = [an_incident("INC-1"), an_incident("INC-2", type=IncidentType.CPU_SPIKE)]
    for _ in range(2):
        rig.reported.get(timeout=5)
    rig.worker.ask(lambda *_: None).result(5)
    assert dict(rig.worker.open_by_type) == {IncidentType.NETWORK_LATENCY: 1, IncidentType.CPU_SPIKE: 1}
    rig.engine.changed = [an_incident("INC-1", 2, state=IncidentState.CLOSED)]
    rig.reported.get(timeout=5)
    rig.worker.ask(lambda *_: None).result(5)
    assert dict(rig.worker.open_by_type) == {IncidentType.CPU_SPIKE: 1}
    assert rig.opened == ["INC-1", "INC-2"]


def test_a_question_to_nobody_is_refused(rig: Rig) -> None:
    with pytest.raises(OracleBusyError):
        rig.worker.ask(lambda *_: None)


def test_too_many_questions_are_refused(rig: Rig) -> None:
    held: queue.Queue[None] = queue.Queue()
    rig.worker.start()
    futures = [rig.worker.ask(lambda *_: held.get(timeout=10))]

    def ask_too_much() -> None:
        while len(futures) < 10:
            futures.append(rig.worker.ask(lambda *_: held.get(timeout=10)))

    with pytest.raises(OracleBusyError):
        ask_too_much()
    for _ in futures:
        held.put(None)
    for future in futures:
        future.result(10)
