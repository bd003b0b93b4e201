"""Delivery: once for a change of state, tried again, noted, counted, and never in the way."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pipeline_doubles import TRACEPARENT, make_incident, proposal
from sqlalchemy import select
from waiting import eventually

from detector import IncidentState, Severity
from responder.approval import Answer, Approvals, Human
from responder.incident_record import ActionKind, PipelineState
from responder.legibility import Gate
from responder.notify import (
    Channel,
    Desk,
    Failure,
    Message,
    NotDeliveredError,
    NotificationMetrics,
    Notifying,
    Wording,
    routes,
)
from responder.notify.delivery import Lane
from responder.store import Database, Store
from responder.store.schema import notifications
from responder.telemetry import PipelineMetrics, Stages

REFUSED = NotDeliveredError(Failure.REFUSED, "the receiver answered with status 500")


class Receiver:
    """A notifier that raises what it is told to, one error a message."""

    kind = "test"

    def __init__(self) -> None:
        self.errors: list[Exception] = []
        self.messages: list[Message] = []

    def send(self, message: Message) -> None:
        self.messages.append(message)
        if self.errors:
            raise self.errors.pop()


class Office:
    """A store with one channel that tells of everything."""

    def __init__(self, directory: Path, min_severity: Severity = Severity.LOW) -> None:
        self.receiver = Receiver()
        states = frozenset(PipelineState)
        self.channel = Channel("team", self.receiver, states, min_severity, timeout_s=10, give_up_after_s=600)
        self.database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        self.database.open()
        self.now = 1000.0
        self.spans, self.reader = InMemorySpanExporter(), InMemoryMetricReader()
        self.tracers, self.meters = TracerProvider(), MeterProvider([self.reader])
        self.tracers.add_span_processor(SimpleSpanProcessor(self.spans))
        self.store = Store.over(self.database, routes((self.channel,)))
        self.approvals = Approvals(self.database)
        self.store.incidents.receive(make_incident(), self.now)
        self.desk = Desk(
            store=self.store,
            approvals=self.approvals,
            wording=Wording("http://ops.example", None, Gate()),
            stages=Stages(self.tracers, self.meters),
            metrics=NotificationMetrics(self.meters),
            clock=lambda: self.now,
        )
        self.lane = Lane(self.channel, self.desk)

    def enter(self, state: PipelineState, key: str = "end") -> None:
        self.store.timeline.move("INC-1", state, "nothing that was tried helped", key=key, at=self.now)

    def ask(self) -> None:
        self.approvals.request(
            "INC-1",
            1,
            0,
            proposal(ActionKind.RESTART),
            explanation="a human must agree",
            at=self.now,
            expires_at=self.now + 60,
        )
        self.enter(PipelineState.AWAITING_APPROVAL, "1.await.0")

    def outcomes(self) -> list[str | None]:
        with self.database.read() as tx:
            return list(tx.execute(select(notifications.c.outcome)).scalars())

    def notes(self) -> list[str]:
        record = self.store.records.get("INC-1")
        assert record is not None
        return [event.message for event in record.timeline if event.message.startswith("team ")]

    def counts(self) -> dict[str, int]:
        """What our metrics count, by name and by outcome or error."""
        data = self.reader.get_metrics_data()
        assert data is not None
        counts = {}
        for metric in data.resource_metrics[0].scope_metrics[0].metrics:
            for point in metric.data.data_points:
                assert isinstance(point, NumberDataPoint)
                attributes = point.attributes or {}
                what = attributes.get("aegisops.notification.outcome") or attributes["error.type"]
                counts[f"{metric.name} {what}"] = int(point.value)
        return counts


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    office = Office(tmp_path)
    yield office
    office.database.close()


def test_a_change_is_told_once_noted_counted_and_traced(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.enter(PipelineState.ESCALATED)  # the step ran again after a crash
    assert office.lane.deliver_one()
    assert not office.lane.deliver_one()
    (message,) = office.receiver.messages
    assert message.title == "A human is needed: shop"
    assert message.text.startswith("Nothing that was tried helped.")
    assert office.outcomes() == ["delivered"]
    assert office.notes() == ["team was told: A human is needed: shop"]
    assert office.counts() == {"aegisops.notifications delivered": 1}
    (span,) = office.spans.get_finished_spans()
    assert span.name == "notify"
    assert f"{span.context.trace_id:032x}" == TRACEPARENT.split("-")[1]


def test_a_state_that_is_only_noted_again_is_no_change(office: Office) -> None:
    office.enter(PipelineState.ANALYSING, "1.analyse")
    office.enter(PipelineState.ANALYSING, "2.analyse")
    office.store.timeline.note("INC-1", "something", key="note", at=office.now)
    assert office.outcomes() == [None]


def test_a_change_that_is_rolled_back_is_not_told(office: Office) -> None:
    with pytest.raises(LookupError):
        office.store.timeline.move("INC-9", PipelineState.ESCALATED, "", key="end", at=office.now)
    assert office.outcomes() == []


def test_a_failure_is_tried_again_later_and_later_and_noted_once(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.receiver.errors = [REFUSED] * 3
    pauses = []
    while not office.outcomes()[0]:
        before = office.now
        while not office.lane.deliver_one():
            office.now += 1.0
        pauses.append(office.now - before)
    assert pauses == [0.0, 2.0, 4.0, 8.0]
    assert office.notes() == [
        "team could not be told yet: the receiver answered with status 500",
        "team was told: A human is needed: shop",
    ]
    assert office.counts() == {
        "aegisops.notifications delivered": 1,
        "aegisops.notifications.failures refused": 3,
    }


def test_after_its_time_it_is_given_up_and_that_is_noted(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.receiver.errors = [REFUSED] * 1_000
    while office.outcomes() == [None]:
        office.lane.deliver_one()
        office.now += 100.0
    assert office.outcomes() == ["undeliverable"]
    assert office.notes()[-1].startswith(
        "team could not be told in 10 tries over 14 min: the receiver answered"
    )
    assert office.counts()["aegisops.notifications undeliverable"] == 1


def test_a_clock_set_forward_gives_nothing_up(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.receiver.errors = [REFUSED]
    office.now += 3600.0
    assert office.lane.deliver_one()
    assert office.outcomes() == [None]
    office.now += 2.0
    assert office.lane.deliver_one()
    assert office.outcomes() == ["delivered"]


def test_after_a_clock_was_set_back_a_further_try_does_not_wait_for_it(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.receiver.errors = [REFUSED]
    assert office.lane.deliver_one()
    office.now -= 3600.0
    assert office.lane.deliver_one()
    assert office.outcomes() == ["delivered"]


def test_a_clock_set_forward_leaves_a_question_to_be_asked(office: Office) -> None:
    office.ask()
    office.now += 3600.0
    assert office.lane.deliver_one()
    assert office.receiver.messages[0].title == "Approve RESTART of shop?"


def test_what_is_being_delivered_is_nobody_elses_until_its_time_is_over(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    first = office.store.notifications.claim("team", office.now, office.now + 15)
    assert first is not None
    assert not Lane(office.channel, office.desk).deliver_one()
    office.now += 15  # whoever claimed it died
    assert office.lane.deliver_one()
    assert office.outcomes() == ["delivered"]


def answered(office: Office) -> None:
    human = Human("alice", "seen before", "api")
    office.approvals.answer("INC-1", Answer.APPROVED, human, at=office.now)


def run_out(office: Office) -> None:
    asked = office.approvals.last("INC-1")
    assert asked is not None
    office.approvals.expire(asked, office.now + 60)


def over(office: Office) -> None:
    closed = replace(make_incident(revision=2, state=IncidentState.CLOSED), closed_at=office.now)
    office.store.incidents.receive(closed, office.now)


@pytest.mark.parametrize("happens", [answered, run_out, over])
def test_a_question_that_needs_no_answer_any_more_is_not_asked(
    office: Office, happens: Callable[[Office], None]
) -> None:
    office.ask()
    happens(office)
    assert office.lane.deliver_one()
    assert office.receiver.messages == []
    assert office.outcomes() == ["outdated"]


def test_a_question_is_asked(office: Office) -> None:
    office.ask()
    assert office.lane.deliver_one()
    assert office.receiver.messages[0].title == "Approve RESTART of shop?"


def test_incidents_less_severe_than_the_channel_is_for_are_not_told(tmp_path: Path) -> None:
    office = Office(tmp_path, min_severity=Severity.CRITICAL)
    office.enter(PipelineState.ESCALATED)
    assert office.lane.deliver_one()
    assert (office.receiver.messages, office.outcomes(), office.notes()) == ([], ["below"], [])
    office.database.close()


def test_the_thread_outlives_an_error_and_delivers_after_it(office: Office) -> None:
    office.enter(PipelineState.ESCALATED)
    office.receiver.errors = [RuntimeError("broken")]
    notifying = Notifying((office.channel,), office.desk, PipelineMetrics(office.meters))
    notifying.start()
    eventually(lambda: office.receiver.messages != [], "the error")
    office.now += 20  # the claim of the one that broke is over
    eventually(lambda: office.outcomes() == ["delivered"], "the delivery")
    notifying.stop(5.0)
