"""What a policy file may say."""

from collections.abc import Mapping
from datetime import time
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from responder.incident_record import ActionKind
from responder.remediate.declaration import Declared

MAX_SERVICES = 1_000
MAX_WINDOWS = 100


class Mode(StrEnum):
    """`observe`: never act; `approve`: a human must agree; `auto`: act."""

    OBSERVE = "observe"
    APPROVE = "approve"
    AUTO = "auto"


class Day(StrEnum):
    """Days of the week, in the order of `datetime.weekday`."""

    MON = "mon"
    TUE = "tue"
    WED = "wed"
    THU = "thu"
    FRI = "fri"
    SAT = "sat"
    SUN = "sun"


DAYS = tuple(Day)


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed here, not yes/no")
    return value


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError) as error:  # not known, a directory of names, not a name
        raise ValueError("not a known time zone; write a name such as Europe/Berlin or UTC") from error
    return name


def _not_noop(action: ActionKind) -> ActionKind:
    if action is ActionKind.NOOP:
        raise ValueError("NOOP does nothing and needs no permission; remove it")
    return action


Pattern = Annotated[str, Field(min_length=1, max_length=255)]
Span = Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=31 * 86_400)]
Count = Annotated[int, BeforeValidator(_no_boolean), Field(ge=0, le=10_000)]
Zone = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(_known_zone)]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Action = Annotated[ActionKind, AfterValidator(_not_noop)]


class Window(Declared):
    """A maintenance window: on `days` from `from` to `to` (local time of `timezone`, the file's where it is
    left out). `to` not after `from` is the next day's. In it nothing is done without a human (`approve`) or
    nothing at all (`observe`)."""

    days: Annotated[tuple[Day, ...], Field(min_length=1, max_length=7)] = DAYS
    begins: Clock = Field(alias="from")
    ends: Clock = Field(alias="to")
    timezone: Zone | None = None
    effect: Literal["approve", "observe"] = "approve"

    @property
    def bounds(self) -> tuple[time, time]:
        """From and to as times of day."""
        return time.fromisoformat(self.begins), time.fromisoformat(self.ends)


class Limits(Declared):
    """How many actions may be done to one target within `window_s` seconds: of all kinds, of one kind, and of
    a kind that has a limit of its own. 0 lets none through."""

    window_s: Span = 3_600.0
    max_actions: Count = 6
    max_same_action: Count = 3
    per_action: Mapping[Action, Count] = Field(default_factory=dict)

    def of(self, action: ActionKind) -> int:
        """How many of this kind."""
        return self.per_action.get(action, self.max_same_action)


class Breaker(Declared):
    """Opens for `open_s` seconds once that many incidents, or actions, fall on one target within `window_s`
    seconds; while it is open nothing is done and a human is called."""

    window_s: Span = 900.0
    incidents: Annotated[Count, Field(ge=1)] = 5
    actions: Annotated[Count, Field(ge=1)] = 6
    open_s: Span = 1_800.0


class ServicePolicy(Declared):
    """What may be done to the services whose `service.name` and `service.namespace` match.

    `actions`: which of the catalogue's (left out: all). `max_share`: the largest share of the instances that
    may be touched at once. `cool_down_s`: how long a target rests after an action of another incident.
    `approval_timeout_s`: how long a human may take to answer.
    """

    name: Pattern
    namespace: Annotated[str, Field(max_length=255)] = "*"
    mode: Mode
    actions: Annotated[tuple[Action, ...], Field(max_length=len(ActionKind))] | None = None
    max_share: Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=1)] = 0.5
    limits: Limits = Limits()
    cool_down_s: Annotated[float, BeforeValidator(_no_boolean), Field(ge=0, le=31 * 86_400)] = 60.0
    breaker: Breaker = Breaker()
    maintenance: Annotated[tuple[Window, ...], Field(max_length=MAX_WINDOWS)] = ()
    approval_timeout_s: Span = 900.0

    def matches(self, service: str, namespace: str) -> bool:
        """Whether the entry speaks of that service."""
        return fnmatchcase(service, self.name) and fnmatchcase(namespace, self.namespace)


class PolicyDocument(Declared):
    """The whole file. Of several entries that match a service the first holds; one that none matches is out
    of scope, and only watched."""

    version: Literal[1]
    timezone: Zone = "UTC"
    services: Annotated[tuple[ServicePolicy, ...], Field(max_length=MAX_SERVICES)]

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        seen: set[tuple[str, str]] = set()
        for entry in self.services:
            key = (entry.name, entry.namespace)
            if key in seen:
                raise ValueError(
                    f"services: {entry.name[:80]!r} in namespace {entry.namespace[:80]!r} stands here a "
                    "second time, and only the first would hold; keep one of the two"
                )
            seen.add(key)
        return self

    def entry(self, service: str, namespace: str) -> ServicePolicy | None:
        """The first entry that matches."""
        return next((one for one in self.services if one.matches(service, namespace)), None)
