"""What the remedies have in common: one thing done, one line printed, exit code 0 or 1. Safe to repeat."""

import sys
from collections.abc import Callable, Mapping

from buggy_app.settings import Settings, SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError


class RemedyError(RuntimeError):
    """The remedy could not be carried out; the message says why."""


def remedy(environ: Mapping[str, str], act: Callable[[Settings, StateDirectory], str]) -> int:
    """Carry out `act`, print the line it answers, and answer the exit code."""
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
        line = act(settings, state)
    except (SettingsError, StateDirectoryError, RemedyError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command line speaks
        return 1
    print(line)  # noqa: T201 - a command line speaks
    return 0
