"""Who is told of what: the file of channels, read and checked at start.

A channel names the environment variable that holds its URL, as the URL of a messenger is a secret.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    StringConstraints,
    ValidationError,
    model_validator,
)

from detector import Severity
from responder.incident_record import PipelineState
from responder.notify.apprise_notifier import AppriseNotifier, UnusableUrlError
from responder.notify.log_notifier import LogNotifier
from responder.notify.message import Notifier
from responder.remediate.declaration import Declared
from responder.yaml_file.document import YamlError, file_bytes, read_declaration
from responder.yaml_file.problems import at_line, problems_of, told

MAX_CHANNELS = 20

_SEVERITIES = tuple(Severity)


class ChannelsError(Exception):
    """The channels cannot be used; the message says where and what to change, and holds no secret."""


def _no_boolean(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("a number is needed here, not yes/no")
    return value


def _tellable(state: PipelineState) -> PipelineState:
    if state is PipelineState.RECEIVED:
        raise ValueError("RECEIVED is told of by ANALYSING, which follows once the evidence has gathered")
    return state


State = Annotated[PipelineState, AfterValidator(_tellable)]


class DeclaredChannel(Declared):
    """One channel: an Apprise URL from the variable `url_from`, or the log."""

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
    url_from: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,99}$")] | None = None
    log: bool = False
    states: Annotated[tuple[State, ...], Field(min_length=1)] = (
        PipelineState.AWAITING_APPROVAL,
        PipelineState.ESCALATED,
        PipelineState.FAILED,
        PipelineState.RESOLVED,
    )
    min_severity: Severity = Severity.LOW

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.url_from is None) == (not self.log):
            raise ValueError("give either url_from or log: true")
        return self


class DeclaredChannels(Declared):
    """The whole file. `timeout_s`: how long one delivery may take; `give_up_after_s`: after how long without
    success no further one is tried."""

    version: Literal[1]
    timeout_s: Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=60)] = 10.0
    give_up_after_s: Annotated[float, BeforeValidator(_no_boolean), Field(gt=0, le=86_400)] = 3_600.0
    channels: Annotated[tuple[DeclaredChannel, ...], Field(min_length=1, max_length=MAX_CHANNELS)]

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [channel.name for channel in self.channels]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two channels are called '{twice}'; give each a name of its own")
        return self


@dataclass(frozen=True, slots=True)
class Channel:
    """A way of telling people, and what it is for. Times are seconds."""

    name: str
    notifier: Notifier
    states: frozenset[PipelineState]
    min_severity: Severity
    timeout_s: float
    give_up_after_s: float

    def wants(self, severity: Severity) -> bool:
        """Whether incidents of that severity are told of."""
        return _SEVERITIES.index(severity) >= _SEVERITIES.index(self.min_severity)


def load_channels(path: Path, environ: Mapping[str, str]) -> tuple[Channel, ...]:
    """The channels of the file, with their URLs from `environ`. Raises `ChannelsError`."""
    try:
        data = file_bytes(path, "channels", "AEGISOPS_RESPONDER_NOTIFICATIONS")
    except YamlError as error:
        raise ChannelsError(str(error)) from error
    return parse_channels(data, environ, str(path))


def parse_channels(data: bytes, environ: Mapping[str, str], source: str = "channels") -> tuple[Channel, ...]:
    """The channels in `data` (UTF-8). Raises `ChannelsError`."""
    try:
        document = read_declaration(data, "channels")
    except YamlError as error:
        raise ChannelsError(f"{source}{at_line(error.line)}: {error}") from error
    try:
        declared = DeclaredChannels.model_validate(document.value)
    except ValidationError as error:
        raise ChannelsError(told(source, problems_of(error, document))) from error
    return tuple(
        Channel(
            name=one.name,
            notifier=_notifier(one, environ, declared.timeout_s, source),
            states=frozenset(one.states),
            min_severity=one.min_severity,
            timeout_s=declared.timeout_s,
            give_up_after_s=declared.give_up_after_s,
        )
        for one in declared.channels
    )


def routes(channels: tuple[Channel, ...]) -> dict[PipelineState, tuple[str, ...]]:
    """Names of the channels that tell of a state, by state."""
    return {
        state: tuple(channel.name for channel in channels if state in channel.states)
        for state in PipelineState
    }


def _notifier(
    declared: DeclaredChannel, environ: Mapping[str, str], timeout_s: float, source: str
) -> Notifier:
    if declared.url_from is None:
        return LogNotifier()
    url = environ.get(declared.url_from, "").strip()
    where = f"{source}: channel {declared.name}"
    if not url:
        raise ChannelsError(
            f"{where}: the environment variable {declared.url_from} is not set; set it to an Apprise URL"
        )
    try:
        return AppriseNotifier(SecretStr(url), timeout_s)
    except UnusableUrlError as error:
        raise ChannelsError(
            f"{where}: the URL in {declared.url_from} cannot be used, {error}; "
            "see https://github.com/caronc/apprise/wiki for its form"
        ) from error
