"""Delivers what the store says people are to be told, out of the way of the pipeline.

Each channel has a thread of its own, so that a slow one delays no other. What waits is in the store alone:
nothing is lost where a process dies, and what was being delivered then is delivered again.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from opentelemetry import metrics, trace

from detector.hosting.registry import counter
from responder import telemetry_registry as told
from responder.approval import Approval, Approvals
from responder.incident_record import PipelineState
from responder.notify.channels import Channel
from responder.notify.message import Failure, NotDeliveredError
from responder.notify.wording import Change, Wording
from responder.quantity import span as duration
from responder.store import LONGEST_PAUSE_S, Delivery, IncidentRow, Notification, Store
from responder.telemetry import PipelineMetrics, Stages

_LOG = logging.getLogger(__name__)
_POLL_S = 0.5
_CLAIM_S = 5.0  # beyond the time a delivery may take; after a crash it is taken up again then
_FIRST_PAUSE_S = 2.0


class NotificationMetrics:
    """Counts deliveries, `aegisops.notifications*`."""

    def __init__(self, provider: metrics.MeterProvider) -> None:
        meter = provider.get_meter(told.SCOPE)
        self._settled = counter(meter, told.NOTIFICATIONS)
        self._failures = counter(meter, told.NOTIFICATIONS_FAILED)

    def settled(self, one: Notification, outcome: Delivery) -> None:
        """A notification is done with."""
        self._settled.add(
            1,
            {
                "aegisops.notification.channel": one.channel,
                "aegisops.notification.outcome": outcome.value,
                "aegisops.state": one.state.value,
            },
        )

    def failed(self, one: Notification, failure: Failure) -> None:
        """An attempt to deliver one failed."""
        self._failures.add(1, {"aegisops.notification.channel": one.channel, "error.type": failure.value})


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all channels share. `clock` gives seconds since the epoch."""

    store: Store
    approvals: Approvals
    wording: Wording
    stages: Stages
    metrics: NotificationMetrics
    clock: Callable[[], float]


class Lane:
    """Delivers one channel's notifications, one after another."""

    def __init__(self, channel: Channel, desk: Desk) -> None:
        self._channel = channel
        self._desk = desk

    def deliver_one(self) -> bool:
        """Try what is due longest; False when nothing is due."""
        channel, desk = self._channel, self._desk
        now = desk.clock()
        one = desk.store.notifications.claim(channel.name, now, now + channel.timeout_s + _CLAIM_S)
        if one is None:
            return False
        row = desk.store.incidents.get(one.incident_id)
        if row is None:
            raise LookupError(f"no incident {one.incident_id}")
        asked = desk.approvals.last(one.incident_id) if one.state is PipelineState.AWAITING_APPROVAL else None
        if not channel.wants(row.incident.severity):
            self._settle(one, Delivery.BELOW)
        elif asked is not None and _is_past(asked, row):
            self._note(one, f"{channel.name} was not asked to approve: it is no longer needed", "outdated")
            self._settle(one, Delivery.OUTDATED)
        else:
            self._deliver(one, row, asked)
        return True

    def _deliver(self, one: Notification, row: IncidentRow, asked: Approval | None) -> None:
        desk = self._desk
        said = desk.store.timeline.message(one.incident_id, one.key)
        message = desk.wording.message(Change(row.incident, one.state, said, asked))
        with desk.stages.stage(told.NOTIFY, row.incident) as span:
            span.set_attributes(
                {
                    "aegisops.state": one.state.value,
                    "aegisops.notification.channel": one.channel,
                    "aegisops.notification.attempt": one.tries,
                }
            )
            try:
                self._channel.notifier.send(message)
            except NotDeliveredError as error:
                span.set_attribute("error.type", error.failure.value)
                span.set_status(trace.StatusCode.ERROR, str(error))
                self._failed(one, error)
            else:
                self._note(one, f"{one.channel} was told: {message.title}", "told")
                self._settle(one, Delivery.DELIVERED)

    def _failed(self, one: Notification, error: NotDeliveredError) -> None:
        desk, now = self._desk, self._desk.clock()
        desk.metrics.failed(one, error.failure)
        _LOG.warning("%s: %s cannot be told of %s: %s", one.incident_id, one.channel, one.state, error)
        # By the pauses, not by the clock: after one that was set an hour forward there is still hope.
        waited = sum(_pause_s(tries) for tries in range(1, one.tries))
        if waited >= self._channel.give_up_after_s:
            told = f"{one.channel} could not be told in {one.tries} tries over {duration(waited)}: {error}"
            self._note(one, told, "gave-up")
            self._settle(one, Delivery.UNDELIVERABLE)
            return
        self._note(one, f"{one.channel} could not be told yet: {error}", "failed")
        desk.store.notifications.postpone(one, now + _pause_s(one.tries))

    def _note(self, one: Notification, message: str, what: str) -> None:
        key = f"notify:{one.key}:{one.channel}:{what}"
        self._desk.store.timeline.note(one.incident_id, message, key=key, at=self._desk.clock())

    def _settle(self, one: Notification, outcome: Delivery) -> None:
        self._desk.store.notifications.settle(one, outcome, self._desk.clock())
        self._desk.metrics.settled(one, outcome)


class Notifying:
    """A thread for each channel, which delivers what is due."""

    def __init__(self, channels: Sequence[Channel], desk: Desk, metrics: PipelineMetrics) -> None:
        self._metrics = metrics
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(
                target=self._run, args=(Lane(channel, desk),), name=f"notify-{channel.name}", daemon=True
            )
            for channel in channels
        ]

    def start(self) -> None:
        """Begin to deliver."""
        for thread in self._threads:
            thread.start()

    def stop(self, grace_s: float) -> None:
        """Begin no further delivery; what is under way may take `grace_s` seconds to end."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(grace_s / len(self._threads))

    def _run(self, lane: Lane) -> None:
        while not self._stopping.wait(_POLL_S):
            try:
                while lane.deliver_one() and not self._stopping.is_set():
                    pass
            except Exception as error:  # noqa: BLE001 - must outlive a busy database; logged and counted
                _LOG.warning("cannot deliver notifications, trying again", exc_info=True)
                self._metrics.outlived("notify", error)


def _pause_s(tries: int) -> float:
    """Between that try and the next one."""
    return min(LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(tries - 1, 20))


def _is_past(asked: Approval, row: IncidentRow) -> bool:
    """Nobody needs to answer (any more)."""
    return asked.answer is not None or row.over or row.state.final
