"""supervisord's XML-RPC interface, as far as remedies need it, with time limits on every call.

The transport is the standard library's: supervisor's own has no time limit, and a hung process manager
must not hang an incident. Reference: http://supervisord.org/api.html
"""

import http.client
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, TypeVar, cast
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error, Fault, ProtocolError, ServerProxy, Transport

from responder.remediate.step_error import StepError

T = TypeVar("T")


class ProcessState(IntEnum):
    """supervisord's process states (http://supervisord.org/subprocess.html#process-states)."""

    STOPPED = 0
    STARTING = 10
    RUNNING = 20
    BACKOFF = 30
    STOPPING = 40
    EXITED = 100
    FATAL = 200
    UNKNOWN = 1000


class FaultCode(IntEnum):
    """The faults that are told apart here."""

    ALREADY_STARTED = 60
    NOT_RUNNING = 70


class SupervisorError(StepError):
    """supervisord did not answer or refused; the message says why."""

    def __init__(self, message: str, fault: int | None = None) -> None:
        super().__init__(message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class ProcessInfo:
    """One process: `start` in whole seconds since the epoch (0: never started), `pid` 0 when none."""

    group: str
    name: str
    state: ProcessState
    pid: int
    start: int
    spawn_error: str

    @property
    def full_name(self) -> str:
        """`group:name`, as supervisord addresses it."""
        return f"{self.group}:{self.name}"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _BoundedTransport(Transport):
    """`socket_path` None: TCP to the proxy's host."""

    def __init__(self, socket_path: str | None, timeout: float) -> None:
        super().__init__()
        self._socket_path = socket_path
        self._timeout = timeout

    def make_connection(self, host: tuple[str, dict[str, str]] | str) -> http.client.HTTPConnection:
        address, self._extra_headers, _ = self.get_host_info(host)
        if self._socket_path is None:
            connection = http.client.HTTPConnection(address, timeout=self._timeout)
        else:
            connection = _UnixConnection(self._socket_path, self._timeout)
        self._connection = host, connection  # what `close` closes
        return connection


class SupervisorClient:
    """Calls to one supervisord. `url`: `unix:///path` or `http://[user:password@]host:port`.

    A connection per call, so that it may be used from any thread and survives a restart of supervisord.
    Every method raises `SupervisorError`.
    """

    def __init__(self, url: str, call_timeout_s: float = 5.0) -> None:
        self._socket_path = url.removeprefix("unix://") if url.startswith("unix://") else None
        self._url = "http://localhost/RPC2" if self._socket_path else f"{url.rstrip('/')}/RPC2"
        self._named = url
        self._timeout_s = call_timeout_s

    def processes(self) -> tuple[ProcessInfo, ...]:
        """All processes supervisord knows, by group and name."""
        answers = self._call(lambda rpc: cast("list[dict[str, Any]]", rpc.supervisor.getAllProcessInfo()))
        return tuple(
            ProcessInfo(
                group=str(a["group"]),
                name=str(a["name"]),
                state=ProcessState(int(a["state"])),
                pid=int(a["pid"]),
                start=int(a["start"]),
                spawn_error=str(a["spawnerr"]),
            )
            for a in answers
        )

    def start(self, full_name: str) -> None:
        """Ask for a start and do not wait for it; a process already started is left alone."""
        self._call(lambda rpc: rpc.supervisor.startProcess(full_name, False), FaultCode.ALREADY_STARTED)

    def stop(self, full_name: str) -> None:
        """Ask for a stop and do not wait for it; a process that does not run is left alone."""
        self._call(lambda rpc: rpc.supervisor.stopProcess(full_name, False), FaultCode.NOT_RUNNING)

    def kill(self, full_name: str) -> None:
        """SIGKILL; a process that does not run is left alone."""
        self._call(lambda rpc: rpc.supervisor.signalProcess(full_name, "SIGKILL"), FaultCode.NOT_RUNNING)

    def _call(self, call: Callable[[Any], T], harmless: FaultCode | None = None) -> T | Any:
        transport = _BoundedTransport(self._socket_path, self._timeout_s)
        try:
            with ServerProxy(self._url, transport=transport) as rpc:
                return call(rpc)
        except Fault as fault:
            if fault.faultCode == harmless:
                return None
            raise SupervisorError(f"supervisord refused: {fault.faultString}", fault.faultCode) from fault
        except ProtocolError as error:
            raise SupervisorError(f"supervisord answered HTTP {error.errcode} {error.errmsg}") from error
        except (OSError, http.client.HTTPException) as error:
            raise SupervisorError(
                f"supervisord at {self._named} does not answer: {error or type(error).__name__}"
            ) from error
        except (Error, ExpatError, ValueError, KeyError, TypeError) as error:
            raise SupervisorError(f"supervisord's answer was not understood: {error}") from error
