"""The executor for commands: an argument list, never a shell."""

import os
import re
import selectors
import shlex
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from typing import IO, Annotated, cast

from pydantic import Field, field_validator

from responder.incident_record import ActionOutcome
from responder.redaction import redact
from responder.remediate.declaration import Declared, ExecutorKind, Seconds, Text
from responder.remediate.executor import ActionResult, DryRun, PriorState, StepOutcome

KEY_VARIABLE = "AEGISOPS_IDEMPOTENCY_KEY"

_OUTPUT_BYTES = 4096
_OUTPUT_SHOWN = 400
_COMMAND_SHOWN = 120
_DETAIL_LIMIT = 700
_GRACE_S = 1.0  # between SIGTERM and SIGKILL
_POLL_S = 0.05
_VARIABLE_NAME = r"^[A-Za-z_][A-Za-z0-9_]{0,199}$"
_SECRET_NAME = re.compile(
    r"PASS|SECRET|TOKEN|CREDENTIAL|AUTH|COOKIE|DSN|(?:^|_)KEY|DATABASE_URL|PRIVATE|OTEL_EXPORTER_OTLP(?:_\w+)?_HEADERS"
)
_VariableValue = Annotated[str, Field(max_length=32768, pattern=r"^[^\x00]*$")]


class CommandStep(Declared):
    """One command. Exit status 0 is success; `timeout_s` ends its whole process group.

    It gets the responder's environment without the variables whose names speak of a secret, and with
    `env` added. `idempotent`: that doing it twice does no more than once, so that it may be done again
    after a crash.
    """

    argv: tuple[Text, ...] = Field(min_length=1, max_length=100)
    cwd: Text | None = None
    env: dict[Annotated[str, Field(pattern=_VARIABLE_NAME)], _VariableValue] = Field(
        default_factory=dict, max_length=100
    )
    timeout_s: Seconds = 20.0
    idempotent: bool = False

    @field_validator("cwd")
    @classmethod
    def _absolute(cls, cwd: str | None) -> str | None:
        if cwd is not None and not os.path.isabs(cwd):
            raise ValueError("write an absolute path")
        return cwd


class CommandExecutor:
    """Implements `Executor` for `CommandStep`; the key goes out as `AEGISOPS_IDEMPOTENCY_KEY`."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = {
            name: value for name, value in environ.items() if not _SECRET_NAME.search(name.upper())
        }

    def observe(self, step: CommandStep) -> PriorState:  # noqa: ARG002  # a command leaves nothing known to look at
        """Nothing can be seen from here."""
        return {}

    def dry_run(self, step: CommandStep) -> DryRun:
        """Names the command, and whether its program and directory are there."""
        shown = redact(shlex.join(step.argv), _COMMAND_SHOWN)
        if step.cwd is not None and not os.path.isdir(step.cwd):
            return DryRun(False, redact(f"{shown}: there is no directory {step.cwd}", _DETAIL_LIMIT))
        if _find_program(step, {**self._environ, **step.env}) is None:
            return DryRun(False, redact(f"{shown}: there is no program {step.argv[0]}", _DETAIL_LIMIT))
        return DryRun(True, redact(f"would run {shown}", _DETAIL_LIMIT))

    def already_done(self, step: CommandStep, prior: PriorState) -> StepOutcome:  # noqa: ARG002  # see observe
        """`NOT_DONE`, so that it is done again, where that does no harm."""
        return StepOutcome.NOT_DONE if step.idempotent else StepOutcome.UNKNOWN

    def perform(self, step: CommandStep, key: str, prior: PriorState | None = None) -> ActionResult:  # noqa: ARG002  # see observe
        """Succeeds on exit status 0; the end of the output stands in the detail."""
        shown = redact(shlex.join(step.argv), _COMMAND_SHOWN)
        try:
            process = subprocess.Popen(
                step.argv,
                cwd=step.cwd,
                env={**self._environ, **step.env, KEY_VARIABLE: key},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            return ActionResult(
                ActionOutcome.FAILED, redact(f"{shown}: did not start: {error}", _DETAIL_LIMIT)
            )
        with process:
            output, in_time = _follow(process, step.timeout_s)
            status = process.wait()
        said = f"exit status {status}" if in_time else f"stopped after {step.timeout_s:g} s"
        if in_time and status < 0:
            said = f"ended by signal {-status}"
        if quoted := _end_of(redact(output, _OUTPUT_BYTES)):
            said += f', "{quoted}"'
        if not in_time:
            outcome = ActionOutcome.INTERRUPTED  # what it did until then is unknown
        else:
            outcome = ActionOutcome.SUCCEEDED if status == 0 else ActionOutcome.FAILED
        return ActionResult(outcome, redact(f"{shown}: {said}", _DETAIL_LIMIT))


def _find_program(step: CommandStep, environ: Mapping[str, str]) -> str | None:
    """Where the program is, found as the system would find it from the step's directory; None: nowhere."""
    program = step.argv[0]
    if os.path.dirname(program):
        program = os.path.join(step.cwd or "", program)
    return shutil.which(program, path=os.pathsep.join(os.get_exec_path(environ)))


def _follow(process: "subprocess.Popen[bytes]", timeout_s: float) -> tuple[str, bool]:
    """The end of the output, and whether the process ended by itself in time; when not, its group is killed.

    Ends with the process, not with its output: a child it left behind may hold that open for ever.
    """
    deadline = time.monotonic() + timeout_s
    output = _Output(process)
    while process.poll() is None and time.monotonic() < deadline:
        output.read(min(_POLL_S, max(0.0, deadline - time.monotonic())))
    in_time = process.poll() is not None
    if not in_time:
        _end_group(process, output)
    output.read_rest()
    return output.text(), in_time


def _end_of(text: str) -> str:
    return text if len(text) <= _OUTPUT_SHOWN else "…" + text[1 - _OUTPUT_SHOWN :]


def _end_group(process: "subprocess.Popen[bytes]", output: "_Output") -> None:
    os.killpg(process.pid, signal.SIGTERM)
    deadline = time.monotonic() + _GRACE_S
    while process.poll() is None and time.monotonic() < deadline:
        output.read(_POLL_S)
    # The group outlives its leader while members of it remain, so its id cannot have been given away.
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class _Output:
    """The last bytes a process wrote; whatever it writes is read, so that it never waits for us."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._fd = cast("IO[bytes]", process.stdout).fileno()  # opened as a pipe
        os.set_blocking(self._fd, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._fd, selectors.EVENT_READ)
        self._open = True
        self._tail = b""

    def read(self, patience_s: float) -> bool:
        """Read once what is there within `patience_s`; False when there was nothing."""
        if not self._open:
            time.sleep(patience_s)
            return False
        if not self._selector.select(patience_s):
            return False
        chunk = os.read(self._fd, 65536)
        self._open = bool(chunk)
        self._tail = (self._tail + chunk)[-_OUTPUT_BYTES:]
        return self._open

    def read_rest(self) -> None:
        """Read what is there now, up to a bound, and stop looking."""
        for _ in range(64):
            if not self.read(0.0):
                break
        self._selector.close()

    def text(self) -> str:
        """What is kept; the word it was cut in is left out, since half a secret is not recognised as one."""
        text = self._tail.decode("utf-8", "replace")
        return text if len(self._tail) < _OUTPUT_BYTES else "…" + text[len(text.split(maxsplit=1)[0]) :]


def _build(connection: object, environ: Mapping[str, str]) -> CommandExecutor:  # noqa: ARG001  # it needs none
    return CommandExecutor(environ)


KIND = ExecutorKind("command", CommandStep, _build)
