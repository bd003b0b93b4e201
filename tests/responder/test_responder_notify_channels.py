"""The file of channels: what it may say, and that mistakes are told without a secret."""

import pytest

from detector import Severity
from responder.incident_record import PipelineState
from responder.notify import ChannelsError, routes
from responder.notify.channels import Channel, parse_channels

KEY = "k3y-that-nobody-may-see"
# Of a library that Apprise uses, on the Python it is used with.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


def parsed(channels: str, more: str = "", **environ: str) -> tuple[Channel, ...]:
    return parse_channels(f"version: 1\n{more}channels: [{channels}]\n".encode(), environ)


def test_what_is_left_out_has_its_default() -> None:
    (channel,) = parsed("{name: team, url_from: TEAM_URL}", TEAM_URL=f"json://127.0.0.1/{KEY}")
    assert channel.notifier.kind == "JSON"
    assert channel.states == {
        PipelineState.AWAITING_APPROVAL,
        PipelineState.ESCALATED,
        PipelineState.FAILED,
        PipelineState.RESOLVED,
    }
    assert channel.wants(Severity.LOW)
    assert (channel.timeout_s, channel.give_up_after_s) == (10.0, 3600.0)
    assert KEY not in repr(channel)


def test_a_channel_is_for_its_states_and_severities() -> None:
    channels = parsed(
        "{name: a, log: true, states: [ESCALATED], min_severity: high}, {name: b, log: true}",
        "timeout_s: 2\ngive_up_after_s: 60\n",
    )
    assert [channels[0].wants(severity) for severity in Severity] == [False, False, True, True]
    to = routes(channels)
    assert to[PipelineState.ESCALATED] == ("a", "b")
    assert to[PipelineState.RESOLVED] == ("b",)
    assert to[PipelineState.ANALYSING] == ()
    assert (channels[0].timeout_s, channels[0].give_up_after_s) == (2.0, 60.0)


@pytest.mark.parametrize(
    ("channels", "told"),
    [
        ("", "at least one item is needed"),
        ("{name: a}", "give either url_from or log: true"),
        ("{name: a, log: true, url_from: A_URL}", "give either url_from or log: true"),
        ("{name: a, log: true, states: [RECEIVED]}", "RECEIVED is told of by ANALYSING"),
        ("{name: a, log: true, states: [NOWHERE]}", "'ESCALATED'"),
        ("{name: a, log: true, state: [FAILED]}", "did you mean 'states'?"),
        ("{name: a, log: true, min_severity: awful}", "'critical'"),
        ("{name: A b, log: true}", r"channels\[0\].name"),
        ("{name: a, log: true}, {name: a, log: true}", "two channels are called 'a'"),
        (f"{{name: a, url: 'slack://{KEY}'}}", "unknown field 'url'"),
        (f"{{name: a, url_from: 'slack://{KEY}'}}", r"channels\[0\].url_from"),
        ("{name: a, url_from: A_URL}", "the environment variable A_URL is not set"),
        ("{name: a, url_from: BAD_URL}", "channel a: the URL in BAD_URL cannot be used"),
    ],
)
def test_a_mistake_is_told_without_a_secret(channels: str, told: str) -> None:
    with pytest.raises(ChannelsError, match=told) as caught:
        parsed(channels, BAD_URL=f"slack://{KEY}")
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"- a", b"\xff", b"a: &b [*b]", b"version: 2\nchannels: []", b"x" * 70_000]
)
def test_what_is_no_file_of_channels_is_refused(data: bytes) -> None:
    with pytest.raises(ChannelsError):
        parse_channels(data, {})
