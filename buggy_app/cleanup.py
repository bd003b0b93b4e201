"""Frees the disk: turns debug dumping off and removes the dumps."""

import os
from collections.abc import Mapping

from buggy_app.remedy import RemedyError, remedy
from buggy_app.settings import Settings
from buggy_app.state_directory import StateDirectory
from buggy_app.work_directory import WorkDirectory


def clean_up(settings: Settings, state: StateDirectory) -> str:
    """Do it; answers a line that says what was done."""
    try:
        cleaned = WorkDirectory(state, settings.disk_budget_bytes).clean_up()
    except OSError as error:
        raise RemedyError(f"cannot clean up {state.work}: {error.strerror}") from error
    if not cleaned.files and not cleaned.was_dumping:
        return "nothing to clean up"
    dumping = "turned debug dumping off, " if cleaned.was_dumping else ""
    return f"{dumping}removed {cleaned.files} dumps ({cleaned.size} bytes)"


def run(environ: Mapping[str, str]) -> int:
    """Clean up; answers the exit code."""
    return remedy(environ, clean_up)


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
