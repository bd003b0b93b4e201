"""What all formats become."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from responder.redaction import redact

MAX_ID = 200
MAX_LINES = 20
MAX_LINE = 500
MAX_LABELS = 50
MAX_LABEL = 300
MAX_NAME = 100
MAX_BATCH = 1_000


@dataclass(frozen=True, slots=True)
class ReportedAlert:
    """One alert of a call. All texts are untrusted, and cut to their bounds where they are used.

    `key`: the same for the same alert, whenever it comes again. `id`: the id its incident gets where it is
    one of its own. `service`: None where nothing says what it is about. `kinds`: names that may tell what
    kind of fault it is, the most telling first. `began`: seconds since the epoch. `about`: an id under which
    we may have reported the fault to the sender ourselves.
    """

    source: str
    key: str
    id: str
    title: str
    service: str | None
    kinds: tuple[str, ...]
    severity: str | None
    firing: bool
    began: float | None
    lines: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    about: str = ""


@dataclass(frozen=True, slots=True)
class Refused:
    """One alert of a call that cannot be used: which, and what to change."""

    which: str
    why: str


def clean_name(value: object) -> str:
    """`value` as a name: on one line, printable, at most MAX_ID characters; "" where nothing is left."""
    text = str(value)[: 4 * MAX_ID]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:MAX_ID]


def label_texts(labels: Mapping[str, object]) -> list[str]:
    """The first MAX_LABELS labels as `name=value`, secrets masked and cut."""
    kept = list(labels.items())[:MAX_LABELS]
    return [redact(f"{clean_name(name)[:MAX_NAME]}={value}", MAX_NAME + MAX_LABEL) for name, value in kept]
