"""The tables. Only types and constraints that SQLite and PostgreSQL both have.

A change here is a migration in `migrations/`, which says how.
"""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect

ID_LENGTH = 200
INSTANCE_ID_LENGTH = 64
VERSION_TABLE = "aegisops_schema"  # which migration was the last one; Alembic's own

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Text from anywhere, as both databases can keep it (see `fit_to_keep`)."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """What is kept of `value`."""
        del dialect
        return None if value is None else fit_to_keep(value)


def fit_to_keep(text: str) -> str:
    """The text without NUL, which PostgreSQL does not take, and without halves of surrogate pairs, which are
    no text at all; a replacement character or a question mark stands in their place."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


incidents = Table(
    "incidents",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    # The detector's own id, where it differs: an incident that came by webhook and was then detected.
    Column("detector_id", String(ID_LENGTH)),
    Column("source", String(20), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("service", String(ID_LENGTH), nullable=False),
    Column("type", String(40), nullable=False),
    Column("over", Boolean, nullable=False),
    Column("document", JSON, nullable=False),
    Column("state", String(20), nullable=False),
    Column("state_since", Double, nullable=False),
    Column("received_at", Double, nullable=False),
    Column("revised_at", Double, nullable=False),
    Column("updated_at", Double, nullable=False),
    Column("resolved_at", Double),
    Index("incidents_by_time", "received_at", "id"),
    Index("incidents_by_state", "state", "received_at"),
    Index("incidents_by_service", "service", "received_at"),
    Index("incidents_to_count", "state", "type", "service"),
)

# Every id under which an incident was reported besides its own.
aliases = Table(
    "incident_aliases",
    metadata,
    Column("alias", String(ID_LENGTH), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
)

# What webhooks added to an incident, kept apart so that the detector's next revision does not replace it.
alerts = Table(
    "incident_alerts",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("received_at", Double, nullable=False),
    Column("evidence", JSON, nullable=False),
)

# One row an episode of an alert: from its firing until it is resolved. `digest` is of its source and key.
alert_episodes = Table(
    "alert_episodes",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("source", String(20), nullable=False),
    Column("alert_id", String(ID_LENGTH), nullable=False),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False, index=True),
    Column("firing", Boolean, nullable=False),
    Column("began", Double),
    Column("updated_at", Double, nullable=False),
)

# Signed calls of webhooks, by the hash of their ids, for as long as their signatures are good.
webhook_calls = Table(
    "webhook_calls",
    metadata,
    Column("source", String(20), primary_key=True),
    Column("digest", String(64), primary_key=True),
    Column("until", Double, nullable=False, index=True),
)

timeline = Table(
    "timeline",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("incident_id", ForeignKey("incidents.id"), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("key", String(ID_LENGTH + 40), nullable=False),
    Column("at", Double, nullable=False),
    Column("state", String(20), nullable=False),
    Column("message", Words, nullable=False),
    UniqueConstraint("incident_id", "seq"),
    UniqueConstraint("incident_id", "key"),
)

diagnoses = Table(
    "diagnoses",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("document", JSON, nullable=False),
)

actions = Table(
    "actions",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("action", String(40), nullable=False),
    Column("target", String(ID_LENGTH), nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Words, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("risky", Boolean, nullable=False),
    Column("verification", String(20)),
    Column("verification_detail", Words, nullable=False),
    Column("undo", String(20)),
    Column("undo_detail", Words),
    Index("actions_by_target", "target", "started_at"),
)

# One row a step of an action: written before the step is performed and again after it.
action_steps = Table(
    "action_steps",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("key", String(ID_LENGTH + 40), nullable=False),
    Column("prior", JSON, nullable=False),
    Column("outcome", String(20), nullable=False),
    Column("detail", Words, nullable=False),
    Column("started_at", Double, nullable=False),
    Column("ended_at", Double),
    Column("begun_by", String(INSTANCE_ID_LENGTH)),
)

runbook = Table(
    "runbook_entries",
    metadata,
    Column("id", String(ID_LENGTH), primary_key=True),
    Column("document", JSON, nullable=False),
    Column("updated_at", Double, nullable=False),
)

# What waits, or waited, for a human; one row a proposal that was asked for.
approvals = Table(
    "approvals",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("attempt", Integer, primary_key=True, autoincrement=False),
    Column("rank", Integer, primary_key=True, autoincrement=False),
    Column("action", String(40), nullable=False),
    Column("target", String(ID_LENGTH), nullable=False),
    Column("explanation", Words, nullable=False),
    Column("requested_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("answer", String(20)),
    Column("who", Words, nullable=False),
    Column("why", Words, nullable=False),
    Column("via", String(20), nullable=False),
    Column("answered_at", Double),
    Column("resumed_at", Double, index=True),
)

# Only ever appended to; each row carries the hash of the one before. Texts, so that a hash is of what stands
# here, whatever a database makes of JSON.
audit_trail = Table(
    "audit_trail",
    metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("kind", String(40), nullable=False),
    Column("incident_id", String(ID_LENGTH), nullable=False, index=True),
    Column("actor", Text, nullable=False),
    Column("key", String(ID_LENGTH + 100), nullable=False, unique=True),
    Column("detail", Text, nullable=False),
    Column("previous", String(64), nullable=False),
    Column("hash", String(64), nullable=False),
)

# One row: the newest record. Writers queue at it, and a trail cut off at its end does not fit it.
audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", Integer, nullable=False),
    Column("hash", String(64), nullable=False),
)

# What people are to be told: one row a change of state and channel, written in the transaction of the change.
# `next_at`: not before then; in the future also while somebody delivers it. DBOS has a table `notifications`.
notifications = Table(
    "channel_notifications",
    metadata,
    Column("incident_id", ForeignKey("incidents.id"), primary_key=True),
    Column("key", String(ID_LENGTH + 40), primary_key=True),
    Column("channel", String(40), primary_key=True),
    Column("state", String(20), nullable=False),
    Column("entered_at", Double, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("next_at", Double, nullable=False),
    Column("outcome", String(20)),
    Column("settled_at", Double),
    Index("channel_notifications_due", "channel", "outcome", "next_at"),
)

# Processes that may work on incidents, where several share the database. Who takes over a process's work
# takes its row away, and without its row a process begins no action any more.
instances = Table(
    "instances",
    metadata,
    Column("id", String(INSTANCE_ID_LENGTH), primary_key=True),
    Column("started_at", Double, nullable=False),
)
