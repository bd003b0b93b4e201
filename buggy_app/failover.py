"""Switches the app to the dependency's secondary endpoint, if that one answers."""

import http.client
import os
from collections.abc import Mapping

from buggy_app.active_endpoint import ActiveEndpoint, Endpoint
from buggy_app.remedy import RemedyError, remedy
from buggy_app.settings import Settings
from buggy_app.state_directory import StateDirectory

PROBE_TIMEOUT_S = 2.0


def fail_over(settings: Settings, state: StateDirectory) -> str:
    """Do it; answers a line that says what was done."""
    endpoint = ActiveEndpoint(state, settings)
    if endpoint.get() is Endpoint.SECONDARY:
        return "already on the secondary endpoint"
    _probe(settings.dependency_host, endpoint.port(Endpoint.SECONDARY))
    endpoint.set(Endpoint.SECONDARY)
    return "switched from the primary to the secondary endpoint"


def _probe(host: str, port: int) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/catalog")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        reason = f"secondary endpoint {host}:{port} does not answer ({error}); staying on the primary"
        raise RemedyError(reason) from error
    finally:
        connection.close()
    if status != http.client.OK:
        raise RemedyError(f"secondary endpoint {host}:{port} answers {status}; staying on the primary")


def run(environ: Mapping[str, str]) -> int:
    """Fail over; answers the exit code."""
    return remedy(environ, fail_over)


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
