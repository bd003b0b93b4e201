"""Which of the dependency's two endpoints the app calls."""

from enum import StrEnum

from buggy_app.settings import Settings
from buggy_app.state_directory import StateDirectory, read_bytes, replace_file


class Endpoint(StrEnum):
    """The two endpoints of the dependency."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


class ActiveEndpoint:
    """The active endpoint, kept in the state directory and thus the same for all replicas."""

    def __init__(self, state: StateDirectory, settings: Settings) -> None:
        self._path = state.active_endpoint
        self._settings = settings

    def get(self) -> Endpoint:
        """The active endpoint, the primary unless told otherwise."""
        content = (read_bytes(self._path) or b"").strip()
        return Endpoint.SECONDARY if content == Endpoint.SECONDARY.encode() else Endpoint.PRIMARY

    def set(self, endpoint: Endpoint) -> bool:
        """Make `endpoint` the active one; False when it already was."""
        if self.get() is endpoint:
            return False
        replace_file(self._path, endpoint.encode() + b"\n")
        return True

    def port(self, endpoint: Endpoint) -> int:
        """The TCP port of an endpoint."""
        if endpoint is Endpoint.PRIMARY:
            return self._settings.dependency_primary_port
        return self._settings.dependency_secondary_port

    def url(self, endpoint: Endpoint) -> str:
        """The base URL of an endpoint."""
        return f"http://{self._settings.dependency_host}:{self.port(endpoint)}"
