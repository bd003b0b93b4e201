"""The Docker Engine's API, as far as remedies need it; every call has a time limit.

These calls and no others are made, so that a proxy before the engine's socket can refuse the rest:

    GET    /version
    GET    /containers/json
    GET    /containers/{id}/json
    GET    /containers/{id}/stats             undo of raise_memory_limit
    POST   /containers/{id}/restart           restart
    POST   /containers/{id}/start             scale_up, raise_memory_limit
    POST   /containers/{id}/update            raise_memory_limit
    POST   /containers/create                 scale_up
    POST   /networks/{id}/connect             scale_up, of services in more than one network
    POST   /containers/{id}/stop              scale_down
    DELETE /containers/{id}                   scale_down, scale_up of what does not come up

Reference: https://docs.docker.com/reference/api/engine/
"""

import errno
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import docker
import requests
from docker.errors import APIError, DockerException

from responder.remediate.step_error import StepError

T = TypeVar("T")

# What the engine answers since 20.10 (API 1.41) is enough; newer engines refuse what is below 1.44.
_HIGHEST_VERSION = (1, 44)
_EXPLANATION_LIMIT = 400
_MAY_NOT = "let the responder's user read and write the socket, or put a socket proxy before it"
_ADVICE = {errno.EACCES: _MAY_NOT, errno.EPERM: _MAY_NOT}


class EngineError(StepError):
    """The engine did not answer or refused; the message says what to do. In doubt where it was asked to
    change something and gave no answer, so that it may yet do it."""

    def __init__(self, message: str, status: int | None = None, in_doubt: bool = False) -> None:
        super().__init__(message, in_doubt)
        self.status = status


@dataclass(frozen=True, slots=True)
class Container:
    """A container as the engine describes it. Limits in bytes, 0: none; `memory_swap` is memory and swap
    together, -1: no limit. `health` is "" without a health check. `details`: all that was answered."""

    id: str
    name: str
    status: str
    started_at: str
    exit_code: int
    oom_killed: bool
    health: str
    memory: int
    memory_swap: int
    labels: Mapping[str, str]
    details: Mapping[str, Any]


class DockerEngine:
    """One engine. `url`: `unix:///path` or `tcp://host:port`. Thread-safe: each session is its own."""

    def __init__(self, url: str, call_timeout_s: float = 10.0) -> None:
        self._url = url
        self._timeout_s = call_timeout_s

    @contextmanager
    def session(self) -> Iterator["EngineSession"]:
        """Connections to the engine for one step. Raises `EngineError`, as every call does."""
        _require_listening(self._url, self._timeout_s)
        client = self._client("1.41")
        try:
            session = EngineSession(client, self._url)
            version = session.api_version()
            if version > (1, 41):
                client.close()
                client = self._client("{}.{}".format(*min(version, _HIGHEST_VERSION)))
                session = EngineSession(client, self._url)
            yield session
        finally:
            client.close()

    def _client(self, version: str) -> Any:
        client = docker.APIClient(base_url=self._url, version=version, timeout=self._timeout_s)
        client.trust_env = False  # a proxy for the web is no way to an engine
        return client


class EngineSession:
    """The calls. Every one raises `EngineError`."""

    def __init__(self, client: Any, url: str) -> None:
        self._client = client
        self._url = url

    def api_version(self) -> tuple[int, int]:
        """The newest version of the API the engine speaks."""
        answer = self._call("GET /version", lambda: self._client.version(api_version=False))
        try:
            major, minor = answer["ApiVersion"].split(".")
            return int(major), int(minor)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise EngineError(f"what answers at {self._url} is not a Docker engine") from error

    def containers(self, labels: Mapping[str, str]) -> list[Container]:
        """The containers with all of `labels`, whether they run or not."""
        wanted = {"label": [f"{name}={value}" for name, value in labels.items()]}
        listed = self._call("GET /containers/json", lambda: self._client.containers(all=True, filters=wanted))
        return [c for c in (self.container(str(one["Id"])) for one in listed) if c is not None]

    def container(self, id_or_name: str) -> Container | None:
        """One container; None where there is none."""
        try:
            details = self._call(
                "GET /containers/{id}/json", lambda: self._client.inspect_container(id_or_name)
            )
        except EngineError as error:
            if error.status == requests.codes.not_found:
                return None
            raise
        return _container(details)

    def memory_usage(self, id_: str) -> int:
        """Bytes a running container uses, without the file cache that could be given back."""
        stats = self._call("GET /containers/{id}/stats", lambda: self._client.stats(id_, stream=False))
        memory = stats.get("memory_stats", {})
        details = memory.get("stats", {})
        cache = details.get("total_inactive_file", details.get("inactive_file", 0))  # cgroup v1, v2
        return max(0, int(memory.get("usage", 0)) - int(cache))

    def restart(self, id_: str, kill_after_s: int) -> None:
        """Stop, by SIGKILL after `kill_after_s`, and start; answers when it is started."""
        self._change("POST /containers/{id}/restart", lambda: self._client.restart(id_, timeout=kill_after_s))

    def start(self, id_: str) -> None:
        """Start; one that runs is left alone."""
        self._change("POST /containers/{id}/start", lambda: self._client.start(id_))

    def stop(self, id_: str, kill_after_s: int) -> None:
        """Stop, by SIGKILL after `kill_after_s`; one that does not run, or is gone, is left alone."""
        self._change("POST /containers/{id}/stop", lambda: self._client.stop(id_, timeout=kill_after_s), 404)

    def remove(self, id_: str) -> None:
        """Remove, with its anonymous volumes and even if it runs; one that is gone is no error."""
        self._change(
            "DELETE /containers/{id}",
            lambda: self._client.remove_container(id_, v=True, force=True),
            404,
            409,
        )

    def create(self, name: str, config: Mapping[str, Any]) -> str:
        """Make a container and do not start it; its id."""
        answer = self._change(
            "POST /containers/create", lambda: self._client.create_container_from_config(config, name)
        )
        return str(answer["Id"])

    def connect(self, id_: str, network: str, aliases: list[str]) -> None:
        """Join one more network."""
        self._change(
            "POST /networks/{id}/connect",
            lambda: self._client.connect_container_to_network(id_, network, aliases=aliases),
        )

    def set_memory_limit(self, id_: str, memory: int, memory_swap: int) -> None:
        """Set the limits in bytes; `memory_swap` 0 or -1: leave it as it is."""
        swap = memory_swap if memory_swap > 0 else None
        self._change(
            "POST /containers/{id}/update",
            lambda: self._client.update_container(id_, mem_limit=memory, memswap_limit=swap),
        )

    def _change(self, call: str, make: Callable[[], T], *harmless: int) -> T | Any:
        try:
            return self._call(call, make, changes=True)
        except EngineError as error:
            if error.status in harmless:
                return None
            raise

    def _call(self, call: str, make: Callable[[], T], changes: bool = False) -> T | Any:
        try:
            return make()
        except APIError as error:
            raise EngineError(_refused(call, self._url, error), error.status_code) from error
        except requests.exceptions.Timeout as error:
            raise EngineError(f"{call}: the engine gave no answer in time", in_doubt=changes) from error
        except (DockerException, requests.exceptions.RequestException, OSError, ValueError) as error:
            reason = str(error)[:_EXPLANATION_LIMIT] or type(error).__name__
            message = f"{call}: no answer from the Docker engine at {self._url}: {reason}"
            raise EngineError(message, in_doubt=changes) from error


def _container(details: Mapping[str, Any]) -> Container:
    try:
        state, host = details["State"], details["HostConfig"]
        health = (state.get("Health") or {}).get("Status", "")
        return Container(
            id=str(details["Id"]),
            name=str(details["Name"]).removeprefix("/"),
            status=str(state["Status"]),
            started_at=str(state["StartedAt"]),
            exit_code=int(state["ExitCode"]),
            oom_killed=bool(state["OOMKilled"]),
            health="" if health == "none" else str(health),
            memory=int(host.get("Memory") or 0),
            memory_swap=int(host.get("MemorySwap") or 0),
            labels={str(k): str(v) for k, v in (details["Config"].get("Labels") or {}).items()},
            details=details,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise EngineError(f"the engine's answer was not understood: {error!r}") from error


def _refused(call: str, url: str, error: APIError) -> str:
    said = str(error.explanation or error)[:_EXPLANATION_LIMIT]
    if error.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
        return f"{url} does not allow {call}; let the socket proxy there pass it ({said})"
    return f"{call}: the engine answered {error.status_code}: {said}"


def _require_listening(url: str, timeout_s: float) -> None:
    """Finds out by a connection of our own whether anything listens: the client's errors do not say why."""
    try:
        if url.startswith("unix://"):
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
                probe.settimeout(timeout_s)
                probe.connect(url.removeprefix("unix://"))
        else:
            address = urlsplit(url)
            socket.create_connection((address.hostname, address.port), timeout_s).close()
    except OSError as error:
        advice = _ADVICE.get(error.errno or 0, "start the engine, or correct process_manager.docker.url")
        raise EngineError(
            f"the Docker engine at {url} cannot be reached ({error.strerror or error}): {advice}"
        ) from error
