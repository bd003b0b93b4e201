"""The bounded hand-over between gRPC threads and the worker."""

import threading

import pytest
from otlp_requests import T0, gauge, metrics_request

from detector.receive import Intake, OtlpRequest, Signal


def request(size: int = 10, signal: Signal = Signal.METRICS) -> OtlpRequest:
    return OtlpRequest(signal, metrics_request(gauge("m", 1.0, T0)), T0, size)


def test_requests_come_out_in_the_order_they_were_offered() -> None:
    intake = Intake(max_requests=3, max_bytes=100)
    offered = [request(), request(), request()]
    assert all(intake.offer(each) for each in offered)
    assert [intake.take(0) for _ in range(3)] == offered


def test_a_full_intake_refuses_and_counts() -> None:
    intake = Intake(max_requests=1, max_bytes=100)
    assert intake.offer(request())
    assert not intake.offer(request(signal=Signal.LOGS))
    intake.take(0)
    assert intake.accepted == {"metrics": 1, "logs": 0, "traces": 0}
    assert intake.refused == {"metrics": 0, "logs": 1, "traces": 0}


def test_what_is_withdrawn_is_not_taken_and_counts_as_refused() -> None:
    intake = Intake(max_requests=2, max_bytes=100)
    withdrawn, kept = request(60), request(40)
    assert intake.offer(withdrawn)
    assert intake.offer(kept)
    assert intake.withdraw(withdrawn)
    assert intake.queued_bytes == 40
    assert intake.take(0) is kept
    assert (intake.accepted["metrics"], intake.refused["metrics"]) == (1, 1)


def test_what_was_taken_cannot_be_withdrawn() -> None:
    intake = Intake(max_requests=2, max_bytes=100)
    taken = request()
    intake.offer(taken)
    intake.take(0)
    assert not intake.withdraw(taken)
    assert (intake.accepted["metrics"], intake.refused["metrics"]) == (1, 0)


def test_bytes_are_bounded_and_freed_by_taking() -> None:
    intake = Intake(max_requests=10, max_bytes=100)
    assert intake.offer(request(60))
    assert not intake.offer(request(60))
    assert intake.queued_bytes == 60
    intake.take(0)
    assert intake.queued_bytes == 0
    assert intake.offer(request(60))


def test_taking_from_an_empty_intake_answers_none() -> None:
    assert Intake(max_requests=1, max_bytes=1).take(0) is None


def test_a_waiting_taker_wakes_up_for_an_offer() -> None:
    intake = Intake(max_requests=1, max_bytes=100)
    taken: list[OtlpRequest | None] = []
    taker = threading.Thread(target=lambda: taken.append(intake.take(30)))
    taker.start()
    offered = request()
    intake.offer(offered)
    taker.join(30)
    assert taken == [offered]


def test_an_intake_that_can_hold_nothing_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one request"):
        Intake(max_requests=0, max_bytes=1)
