"""`aegisops notify`: do the responder's notifications arrive?"""

import os
from typing import Annotated

import typer

from aegisops.errors import StackError
from detector.hosting import SettingsError
from responder.notify import Channel, ChannelsError, NotDeliveredError, load_channels, trial_message
from responder.settings import load_settings

notify_app = typer.Typer(no_args_is_help=True, help="Looks after the responder's notifications.")

EXIT_ANSWER_NO = 1


@notify_app.callback()
def notify() -> None:
    """Looks after the responder's notifications."""


@notify_app.command("test")
def try_out(
    channel: Annotated[str | None, typer.Option(help="Only this channel of the file.")] = None,
) -> None:
    """Sends a test message to each channel of AEGISOPS_RESPONDER_NOTIFICATIONS and says what happened."""
    delivered = [_send(one) for one in _channels(channel)]
    if not all(delivered):
        raise typer.Exit(EXIT_ANSWER_NO)


def _send(channel: Channel) -> bool:
    told = f"{channel.name} ({channel.notifier.kind})"
    try:
        channel.notifier.send(trial_message())
    except NotDeliveredError as error:
        typer.echo(f"error: {told}: {error}", err=True)
        return False
    typer.echo(f"{told}: delivered")
    return True


def _channels(name: str | None) -> list[Channel]:
    try:
        path = load_settings().notifications
        if path is None:
            raise StackError(
                "nobody is notified: set AEGISOPS_RESPONDER_NOTIFICATIONS to a file of channels, which "
                "docs/notifications.md describes"
            )
        channels = load_channels(path, os.environ)
    except (SettingsError, ChannelsError) as error:
        raise StackError(str(error)) from error
    chosen = [channel for channel in channels if name in (None, channel.name)]
    if not chosen:
        known = ", ".join(channel.name for channel in channels)
        raise StackError(f"there is no channel {name}; there is {known}")
    return chosen
