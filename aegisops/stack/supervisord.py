"""The process manager's configuration, written from the layout, and a few questions to the running one."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast
from xmlrpc.client import ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from aegisops.stack.layout import Program, StackLayout

_NOT_RUNNING = frozenset({"BACKOFF", "EXITED", "FATAL"})


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process as supervisord sees it; `pid` is 0 when it does not run.

    `exit_status`: of its last end; -1 when a signal ended it.
    """

    name: str
    state: str
    pid: int
    exit_status: int

    @property
    def gave_up(self) -> bool:
        """It ended by itself with an error; one that was killed is just being started again."""
        return self.state == "FATAL" or (self.state in _NOT_RUNNING and self.exit_status > 0)


def render(programs: Sequence[Program], layout: StackLayout) -> str:
    """The text of supervisord.conf."""
    groups: dict[str, list[str]] = {}
    for program in programs:
        if program.group:
            groups.setdefault(program.group, []).append(program.name)
    sections = [
        _daemon(layout),
        *(_program(program, layout) for program in programs),
        *(f"[group:{name}]\nprograms={','.join(members)}\n" for name, members in groups.items()),
    ]
    return "\n".join(sections)


def ask(layout: StackLayout) -> list[ProcessState]:
    """All processes now. Raises OSError while supervisord does not listen yet or any more."""
    transport = SupervisorTransport(None, None, f"unix://{layout.socket}")
    try:
        proxy = ServerProxy("http://127.0.0.1", transport=transport)
        answers = cast("list[dict[str, Any]]", proxy.supervisor.getAllProcessInfo())
    finally:
        transport.close()
    return [
        ProcessState(str(a["name"]), str(a["statename"]), int(a["pid"]), int(a["exitstatus"]))
        for a in answers
    ]


def _daemon(layout: StackLayout) -> str:
    return (
        f"[unix_http_server]\nfile={_literal(layout.socket)}\nchmod=0700\n\n"
        f"[supervisord]\nnodaemon=true\nsilent=true\nlogfile={_literal(layout.logs / 'supervisord.log')}\n"
        f"logfile_maxbytes=5MB\nlogfile_backups=1\npidfile={_literal(layout.supervisord_pid)}\n"
        f"childlogdir={_literal(layout.logs)}\n\n"
        "[rpcinterface:supervisor]\n"
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface\n"
    )


def _program(program: Program, layout: StackLayout) -> str:
    environment = ",".join(f'{name}="{_literal(value)}"' for name, value in program.environment.items())
    return (
        f"[program:{program.name}]\n"
        f"command={_literal(shlex.join(program.command))}\n"
        f"directory={_literal(layout.root)}\n"
        f"environment={environment}\n"
        f"autostart={str(program.autostart).lower()}\n"
        f"autorestart={str(program.restart_always).lower()}\n"
        "startsecs=1\nstartretries=20\nstopsignal=TERM\nstopwaitsecs=5\nstopasgroup=true\nkillasgroup=true\n"
        f"redirect_stderr=true\nstdout_logfile={_literal(layout.logs / (program.name + '.log'))}\n"
        "stdout_logfile_maxbytes=5MB\nstdout_logfile_backups=1\n"
    )


def _literal(value: object) -> str:
    """supervisord expands % in every value."""
    return str(value).replace("%", "%%")
