"""One replica of the app, from environment to exit code.

What can make a start fail is looked at first, before anything slow is imported (see `serve`).
"""

import logging
import os
import sys
import time
from collections.abc import MutableMapping

from buggy_app.listener import ListenError, listen
from buggy_app.settings import SettingsError, load_settings
from buggy_app.startup_configuration import ConfigurationStore, StartupConfigurationError
from buggy_app.state_directory import StateDirectory, StateDirectoryError

EXIT_FAILED, EXIT_SETTINGS = 1, 2
FLUSH_S = 0.5


def run(environ: MutableMapping[str, str]) -> int:
    """Run a replica until it is told to stop; answers its exit code."""
    started_at = time.time()
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
    except (SettingsError, StateDirectoryError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - nothing else is set up yet
        return EXIT_SETTINGS
    store = ConfigurationStore(state)
    try:
        loaded = store.load()
        listener = listen(settings.host, settings.port, "BUGGY_APP_PORT", shared=True)
    except StartupConfigurationError as error:
        return _fail(environ, store, started_at, f"start-up configuration is not valid: {error}")
    except ListenError as error:
        return _fail(environ, store, started_at, str(error))

    from buggy_app.serve import Start, serve  # noqa: PLC0415 - slow to import, and not needed to fail

    return serve(environ, Start(settings, state, store, loaded, started_at), listener)


def _fail(
    environ: MutableMapping[str, str], store: ConfigurationStore, started_at: float, reason: str
) -> int:
    """Say by telemetry and on stderr why this start fails."""
    from buggy_app.telemetry.sdk import (  # noqa: PLC0415 - a quarter of a second, only when needed
        Identity,
        Telemetry,
        log_to_stderr,
        prepare_environment,
    )

    log_to_stderr()
    prepare_environment(environ, logs_only=True)
    telemetry = Telemetry(Identity(store.release(), started_at))
    logging.getLogger("buggy_app").critical("%s", reason)
    telemetry.shutdown(FLUSH_S)
    return EXIT_FAILED


def main() -> None:
    """Run and leave at once: no thread that hangs in a call may hold up a stopped replica."""
    code = run(os.environ)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
