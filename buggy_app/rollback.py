"""Restores the last known good start-up configuration."""

import os
from collections.abc import Mapping

from buggy_app.remedy import RemedyError, remedy
from buggy_app.settings import Settings
from buggy_app.startup_configuration import ConfigurationStore, StartupConfigurationError
from buggy_app.state_directory import StateDirectory


def roll_back(_settings: Settings, state: StateDirectory) -> str:
    """Do it; answers a line that says what was done."""
    store = ConfigurationStore(state)
    try:
        changed = store.roll_back()
    except StartupConfigurationError as error:
        raise RemedyError(f"cannot roll back: {error}") from error
    release = store.release() or "the defaults"
    return f"rolled back to {release}" if changed else f"already on the last known good ({release})"


def run(environ: Mapping[str, str]) -> int:
    """Roll back; answers the exit code."""
    return remedy(environ, roll_back)


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
