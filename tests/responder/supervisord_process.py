"""A real supervisord for tests: on a Unix socket in a short path, with programs that are tiny scripts."""

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from responder.remediate.supervisor.rpc import ProcessInfo, SupervisorClient, SupervisorError

STEADY = "import time\nwhile True: time.sleep(0.1)"
DEAF = (
    "import pathlib, signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "pathlib.Path('deaf').touch()\nwhile True: time.sleep(0.1)"
)
POISONED = "raise SystemExit('no such configuration')"
UNTIL_MARKED = (
    "import pathlib, time\nif pathlib.Path('poison').exists(): raise SystemExit(3)\n"
    "while True: time.sleep(0.1)"
)


@dataclass(frozen=True)
class Program:
    name: str
    script: str = STEADY
    autostart: bool = True
    startsecs: int = 0
    group: str = ""
    options: str = ""


@dataclass(frozen=True)
class Supervisord:
    directory: Path
    client: SupervisorClient
    process: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        return f"unix://{self.directory / 's.sock'}"

    def info(self, full_name: str) -> ProcessInfo:
        return next(p for p in self.client.processes() if p.full_name == full_name)

    def states(self) -> dict[str, str]:
        return {p.name: p.state.name for p in self.client.processes()}

    def wait_for(self, name: str, state: str) -> None:
        self.wait_until(lambda: self.states()[name] == state)

    def wait_for_file(self, name: str) -> None:
        self.wait_until((self.directory / name).exists)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; states are {self.states()}"
            time.sleep(0.02)


@contextmanager
def supervisord(*programs: Program) -> Iterator[Supervisord]:
    directory = Path(tempfile.mkdtemp(prefix="sv-", dir="/tmp"))
    (directory / "s.conf").write_text(_configuration(directory, programs))
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-m", "supervisor.supervisord", "-n", "-c", directory / "s.conf"],
        cwd=directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    running = Supervisord(directory, SupervisorClient(f"unix://{directory / 's.sock'}"), process)
    try:
        _wait_listening(running)
        yield running
    finally:
        process.terminate()
        _wait_ended(running)
        shutil.rmtree(directory)


def _wait_listening(running: Supervisord) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            running.client.processes()
        except SupervisorError:
            assert running.process.poll() is None, "supervisord ended at once"
            assert time.monotonic() < deadline, "supervisord does not listen"
            time.sleep(0.02)
        else:
            return


def _wait_ended(running: Supervisord) -> None:
    deadline = time.monotonic() + 30
    while running.process.poll() is None:
        if time.monotonic() > deadline:
            running.process.kill()
        with contextlib.suppress(SupervisorError):
            running.client.processes()  # wakes it: left alone, it looks for signals once a second
        time.sleep(0.02)


def _configuration(directory: Path, programs: tuple[Program, ...]) -> str:
    sections = [
        f"[unix_http_server]\nfile={directory}/s.sock",
        f"[supervisord]\nlogfile={directory}/s.log\npidfile={directory}/s.pid\nchildlogdir={directory}\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
    ]
    groups: dict[str, list[str]] = {}
    for program in programs:
        script = directory / f"{program.name}.py"
        script.write_text(program.script)
        sections.append(
            f"[program:{program.name}]\ncommand={sys.executable} -S {script}\n"
            f"autostart={program.autostart}\nstartsecs={program.startsecs}\nstopwaitsecs=1\n"
            f"autorestart=true\n{program.options}"
        )
        if program.group:
            groups.setdefault(program.group, []).append(program.name)
    sections += [f"[group:{name}]\nprograms={','.join(members)}" for name, members in groups.items()]
    return "\n\n".join(sections) + "\n"
