"""Alerts of other systems as they come in: new, repeated, resolved, or about a fault that is known.

An alert that fires, is resolved and fires again has two episodes; each belongs to one incident.
"""

from collections.abc import Sequence

from responder.store.alert import Alert
from responder.store.alert_intake import AlertIntake
from responder.store.database import Database
from responder.store.incidents import Receipt
from responder.store.timeline import order_events
from responder.store.webhook_calls import WebhookCall, claim, refuse_replay

_AT_ONCE = 50  # in one transaction, as others wait for it


class Alerts:
    """Takes alerts in."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def receive(
        self, batch: Sequence[Alert], at: float, call: WebhookCall | None = None
    ) -> list[Receipt | None]:
        """Take in all of them; what became of each, in their order.

        None: it says that a fault is over which was never reported. `call`: the signed call that brought
        them; raises ReplayedError when that came before. It counts as taken in with the last of them: one
        that failed half way may come again, and what was kept of it is known then.
        """
        if call is not None:
            with self._database.read() as tx:
                refuse_replay(tx, call, at)
        receipts: list[Receipt | None] = []
        for start in range(0, max(1, len(batch)), _AT_ONCE):
            part = batch[start : start + _AT_ONCE]
            with self._database.write() as tx:
                if call is not None and start + _AT_ONCE >= len(batch):
                    claim(tx, call, at)
                order_events(tx)  # which also keeps two from creating an incident for one fault
                receipts += AlertIntake(tx, at).take(part)
        return receipts

    def receive_one(self, alert: Alert, at: float) -> Receipt | None:
        """Take in one."""
        return self.receive([alert], at)[0]
