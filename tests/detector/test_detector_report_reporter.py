import json
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from detector_incidents import an_incident

from detector.incident import IncidentState
from detector.report.reporter import Reporter, ReporterConfig


class Listener(httpx.BaseTransport):
    """Answers each POST as told, and keeps what it was sent."""

    def __init__(self, answer: Callable[[str, int], int]) -> None:
        self.answer = answer
        self.seen: list[tuple[str, int]] = []
        self.headers: list[httpx.Headers] = []
        self.changed = threading.Condition()
        self.hold = threading.Event()
        self.hold.set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.read())
        with self.changed:
            self.seen.append((body["id"], body["revision"]))
            self.headers.append(request.headers)
            self.changed.notify_all()
        self.hold.wait(10)
        status = self.answer(body["id"], len(self.seen))
        if status == 0:
            raise httpx.ConnectError("refused", request=request)
        return httpx.Response(status)

    def wait_for(self, count: int) -> None:
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.seen) >= count, 10), self.seen


class Rig:
    def __init__(self, answer: Callable[[str, int], int], max_pending: int = 100) -> None:
        self.listener = Listener(answer)
        self.latencies: list[float] = []
        config = ReporterConfig(
            "http://user:hunter2@127.0.0.1:1/detections?key=hunter2",
            max_pending=max_pending,
            first_delay_s=0.001,
            max_delay_s=0.004,
        )
        self.reporter = Reporter(config, lambda: 1.0, lambda: 0.5, self.latencies.append, self.listener)


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    rigs: list[Rig] = []

    def make(answer: Callable[[str, int], int], max_pending: int = 100) -> Rig:
        rigs.append(Rig(answer, max_pending))
        return rigs[-1]

    yield make
    for one in rigs:
        one.listener.hold.set()
        if one.reporter._thread.ident is not None:
            one.reporter.close(5)


def test_an_incident_is_sent_with_its_trace_context(rig: Callable[..., Rig]) -> None:
    it = rig(lambda *_: 202)
    it.reporter.start()
    it.reporter.offer(an_incident())
    assert it.reporter.close(5) == 0
    assert it.listener.seen == [("INC-1", 1)]
    assert it.listener.headers[0]["traceparent"] == an_incident().traceparent
    assert it.latencies == [0.0]


def test_a_token_is_sent_as_a_bearer_and_not_shown() -> None:
    listener = Listener(lambda *_: 202)
    config = ReporterConfig("http://127.0.0.1:1/detections", "aegis_of-the-detector")
    reporter = Reporter(config, lambda: 1.0, lambda: 0.5, lambda _: None, listener)
    reporter.start()
    reporter.offer(an_incident())
    assert reporter.close(5) == 0
    assert listener.headers[0]["authorization"] == "Bearer aegis_of-the-detector"
    assert "aegis_of-the-detector" not in repr(config)


def test_no_answer_is_tried_again_until_acknowledged(rig: Callable[..., Rig]) -> None:
    it = rig(lambda _, attempt: 0 if attempt < 20 else 200)
    it.reporter.start()
    it.reporter.offer(an_incident())
    it.listener.wait_for(20)
    assert it.reporter.close(5) == 0
    assert it.reporter.counts.failed_attempts == 19
    assert it.reporter.counts.acknowledged == 1


@pytest.mark.parametrize("status", [401, 403, 408, 429, 500, 503, 302])
def test_an_answer_that_may_change_is_tried_again(rig: Callable[..., Rig], status: int) -> None:
    it = rig(lambda _, attempt: status if attempt < 3 else 204)
    it.reporter.start()
    it.reporter.offer(an_incident())
    it.listener.wait_for(3)
    assert it.reporter.close(5) == 0
    assert it.reporter.counts.acknowledged == 1


def test_a_refusal_for_good_is_counted_and_dropped(rig: Callable[..., Rig]) -> None:
    it = rig(lambda incident_id, _: 422 if incident_id == "INC-1" else 202)
    it.reporter.offer(an_incident("INC-1"))
    it.reporter.offer(an_incident("INC-2"))
    it.reporter.start()
    it.listener.wait_for(2)
    assert it.reporter.close(5) == 0
    assert (it.reporter.counts.refused, it.reporter.counts.acknowledged) == (1, 1)


def test_only_the_newest_revision_of_a_waiting_incident_is_sent_in_order_of_first_coming(
    rig: Callable[..., Rig],
) -> None:
    it = rig(lambda *_: 202)
    for incident in (
        an_incident("INC-1"),
        an_incident("INC-2"),
        an_incident("INC-1", 2),
        an_incident("INC-1"),
    ):
        it.reporter.offer(incident)
    it.reporter.start()
    assert it.reporter.close(5) == 0
    assert it.listener.seen == [("INC-1", 2), ("INC-2", 1)]


def test_a_revision_that_comes_while_the_one_before_is_under_way_is_sent_after_it(
    rig: Callable[..., Rig],
) -> None:
    it = rig(lambda *_: 202)
    it.listener.hold.clear()
    it.reporter.start()
    it.reporter.offer(an_incident("INC-1", 1))
    it.listener.wait_for(1)
    it.reporter.offer(an_incident("INC-1", 2))
    it.listener.hold.set()
    assert it.reporter.close(5) == 0
    assert it.listener.seen == [("INC-1", 1), ("INC-1", 2)]


def test_an_incident_the_listener_chokes_on_does_not_hold_up_the_others(rig: Callable[..., Rig]) -> None:
    it = rig(lambda incident_id, _: 500 if incident_id == "INC-1" else 202)
    it.reporter.offer(an_incident("INC-1"))
    it.reporter.offer(an_incident("INC-2"))
    it.reporter.start()
    with it.listener.changed:
        assert it.listener.changed.wait_for(lambda: ("INC-2", 1) in it.listener.seen, 10)
    assert it.reporter.close(0.01) == 1


def test_what_waits_is_bounded_and_closed_incidents_go_first(rig: Callable[..., Rig]) -> None:
    it = rig(lambda *_: 202, max_pending=2)
    it.reporter.offer(an_incident("INC-1"))
    it.reporter.offer(an_incident("INC-2", state=IncidentState.CLOSED))
    it.reporter.offer(an_incident("INC-3"))
    it.reporter.start()
    assert it.reporter.close(5) == 0
    assert it.listener.seen == [("INC-1", 1), ("INC-3", 1)]
    assert it.reporter.counts.overflowed == 1


def test_secrets_of_the_address_are_not_logged(
    rig: Callable[..., Rig], caplog: pytest.LogCaptureFixture
) -> None:
    it = rig(lambda _, attempt: (0, 500, 400)[attempt - 1])
    it.reporter.offer(an_incident())
    it.reporter.start()
    it.listener.wait_for(3)
    it.reporter.close(5)
    assert "127.0.0.1:1/detections" in caplog.text
    assert "hunter2" not in caplog.text
