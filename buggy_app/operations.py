"""The remedies by HTTP, for a responder that runs on another machine or in another container than the app.

POST /failover, /cleanup and /rollback do what the programs of those names do; 409 when one cannot be carried
out. It changes what all replicas share, and does not depend on any of them being alive.
"""

import os
import sys
from collections.abc import Callable, Mapping

from fastapi import FastAPI, HTTPException

from buggy_app.cleanup import clean_up
from buggy_app.failover import fail_over
from buggy_app.listener import ListenError, listen
from buggy_app.remedy import RemedyError
from buggy_app.rollback import roll_back
from buggy_app.settings import Settings, SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError
from buggy_app.web_server import web_server

Act = Callable[[Settings, StateDirectory], str]
REMEDIES: Mapping[str, Act] = {"failover": fail_over, "cleanup": clean_up, "rollback": roll_back}


def create_app(settings: Settings, state: StateDirectory) -> FastAPI:
    """One route a remedy, and `/health`."""
    app = FastAPI(title="buggy-app operations", docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/health")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.post("/{remedy}")
    def carry_out(remedy: str) -> dict[str, str]:
        act = REMEDIES.get(remedy)
        if act is None:
            raise HTTPException(404, f"no such remedy; there are: {', '.join(REMEDIES)}")
        try:
            return {"done": act(settings, state)}
        except RemedyError as error:
            raise HTTPException(409, str(error)) from error

    return app


def run(environ: Mapping[str, str]) -> int:
    """Serve until told to stop; answers the exit code."""
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
        listener = listen(settings.host, settings.operations_port, "BUGGY_APP_OPERATIONS_PORT")
    except (SettingsError, StateDirectoryError, ListenError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program that cannot start says why
        return 2
    web_server(create_app(settings, state)).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
