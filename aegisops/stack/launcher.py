"""Starts and stops the local stack, and says when it is ready or why it is not."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import httpx

from aegisops.errors import StackError
from aegisops.settings import StackSettings, inherited_environment
from aegisops.stack import supervisord
from aegisops.stack.layout import Program, StackLayout, programs

READY_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0  # supervisord gives each part 5 s to end, one part after another


class Stack:
    """The processes of one stack. Use as a context manager: leaving it stops all that it started."""

    def __init__(self, settings: StackSettings, root: Path) -> None:
        self.settings = settings
        self.layout = StackLayout(root.absolute())
        self._supervisord: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Stack":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, *, fresh: bool = False) -> None:
        """Starts every process; `fresh` forgets what an earlier stack in the same place had learned."""
        self._prepare(fresh=fresh)
        for named in self.settings.ports():
            _refuse_taken(named.port, f"{named.owner}; {named.variable}")
        log = self.layout.logs / "launcher.log"
        with log.open("ab") as output:
            self._supervisord = subprocess.Popen(
                [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.layout.supervisord_conf)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=inherited_environment(),
                cwd=self.layout.root,
                start_new_session=True,  # an interrupt at the terminal reaches the launcher alone
            )

    def wait_ready(self, progress: Callable[[str], None] = lambda _: None) -> None:
        """Returns when every part answers; raises `StackError` with the log's last words when one cannot."""
        deadline = time.monotonic() + READY_TIMEOUT_S
        waiting = {
            "detector": f"{self.settings.detector_url}/ready",
            "responder": f"{self.settings.responder_url}/ready",
            "buggy-app-0": f"{self.settings.app_url}/health",
        }
        if self.settings.collector is not None:
            waiting["collector"] = f"http://127.0.0.1:{self.settings.collector_health_port}"
        with httpx.Client(timeout=2.0, trust_env=False) as http:
            while waiting:
                self._refuse_dead(waiting)
                for name, url in list(waiting.items()):
                    if _answers(http, url):
                        del waiting[name]
                        progress(name)
                if waiting and time.monotonic() > deadline:
                    names = ", ".join(waiting)
                    raise StackError(
                        f"{names} did not become ready in {READY_TIMEOUT_S:.0f} s; "
                        f"see the logs in {self.layout.logs}"
                    )
                time.sleep(0.1)

    def processes(self) -> list[supervisord.ProcessState]:
        """Every process and its state, as the process manager sees it."""
        return supervisord.ask(self.layout)

    def alive(self) -> bool:
        """Whether the process manager this launcher started still runs."""
        return self._supervisord is not None and self._supervisord.poll() is None

    def stop(self) -> None:
        """Stops all that was started. May be called twice."""
        process, self._supervisord = self._supervisord, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _prepare(self, *, fresh: bool) -> None:
        layout = self.layout
        if not layout.socket_fits:
            raise StackError(
                f"the path {layout.socket} is too long for a Unix socket; "
                "set AEGISOPS_STATE_DIR to a shorter one"
            )
        running = running_pid(layout)
        if running is not None:
            raise StackError(
                f"a stack already runs in {layout.root} (process {running}); stop it with `aegisops down`"
            )
        try:
            if fresh and layout.root.exists():
                shutil.rmtree(layout.root)
            for directory in (layout.app_state, layout.responder_data, layout.collector_data, layout.logs):
                directory.mkdir(parents=True, exist_ok=True)
            plan: list[Program] = programs(self.settings, layout)
            layout.supervisord_conf.write_text(supervisord.render(plan, layout), encoding="utf-8")
        except OSError as error:
            raise StackError(
                f"cannot write in {layout.root} ({error.strerror}); "
                "set AEGISOPS_STATE_DIR to a directory that you may write to"
            ) from None

    def _refuse_dead(self, waiting: dict[str, str]) -> None:
        if not self.alive():
            raise StackError(f"the process manager stopped: {_last_words(self.layout.logs / 'launcher.log')}")
        try:
            states = supervisord.ask(self.layout)
        except OSError:
            return  # it does not listen yet
        for state in states:
            if state.name in waiting and state.gave_up:
                log = self.layout.logs / f"{state.name}.log"
                raise StackError(f"{state.name} could not start: {_last_words(log)}")


def running_pid(layout: StackLayout) -> int | None:
    """Process id of the supervisord that runs in this place, if one does."""
    try:
        pid = int(layout.supervisord_pid.read_text(encoding="ascii"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if str(layout.supervisord_conf).encode() in command.split(b"\0") else None


def stop_running(layout: StackLayout) -> int | None:
    """Stops the stack that runs in this place, whoever started it; its process id, or None if none does."""
    pid = running_pid(layout)
    if pid is None:
        return None
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while running_pid(layout) is not None:
        if time.monotonic() > deadline:
            raise StackError(
                f"process {pid} did not stop in {STOP_TIMEOUT_S:.0f} s; end it with kill -9 {pid}"
            )
        time.sleep(0.1)
    return pid


def _refuse_taken(port: int, owner: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise StackError(
                    f"port {port} is taken ({owner}): stop what listens there, or set that variable to "
                    "another port; a stack that was left running is stopped by `aegisops down`"
                ) from None
            raise StackError(f"port {port} cannot be used ({owner}): {error.strerror}") from None


def _answers(http: httpx.Client, url: str) -> bool:
    try:
        return http.get(url).is_success
    except httpx.HTTPError:
        return False


def _last_words(log: Path) -> str:
    try:
        lines = [
            line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()
        ]
    except OSError:
        lines = []
    return lines[-1].strip() if lines else f"it left no message; see {log.parent}"
