"""The command executor with real commands."""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from responder.incident_record import ActionOutcome
from responder.remediate.command import CommandExecutor, CommandStep
from responder.remediate.executor import ActionResult, StepOutcome

ENVIRONMENT = {"PATH": os.environ["PATH"], "PLAIN": "plain", "OPENAI_API_KEY": "k", "DB_PASSWORD": "p"}


def perform(*argv: str, **fields: Any) -> ActionResult:
    return CommandExecutor(ENVIRONMENT).perform(CommandStep.model_validate({"argv": argv, **fields}), "key-1")


def python(script: str, *arguments: str, **fields: Any) -> ActionResult:
    return perform(sys.executable, "-S", "-c", script, *arguments, **fields)


def gone(pid: int) -> bool:
    """No such process, or one that has ended and waits for its parent."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_exit_status_zero_is_success_and_the_output_is_quoted() -> None:
    result = python("import sys; print('freed 3 files'); print('and more', file=sys.stderr)")
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert 'exit status 0, "' in result.detail
    assert "freed 3 files" in result.detail
    assert "and more" in result.detail


def test_any_other_exit_status_is_a_failure_with_the_output() -> None:
    result = python("import sys; print('disk is read-only'); sys.exit(3)")
    assert result.outcome is ActionOutcome.FAILED
    assert 'exit status 3, "disk is read-only"' in result.detail


def test_a_command_ended_by_a_signal_is_a_failure() -> None:
    result = python("import os; os.kill(os.getpid(), 9)")
    assert (result.outcome, result.detail.rpartition(": ")[2]) == (ActionOutcome.FAILED, "ended by signal 9")


def test_arguments_never_reach_a_shell(tmp_path: Path) -> None:
    result = perform("echo", f"$(touch {tmp_path}/a); touch {tmp_path}/b", "$HOME", cwd=str(tmp_path))
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert list(tmp_path.iterdir()) == []
    assert "$HOME" in result.detail


def test_directory_key_and_additions_reach_the_command(tmp_path: Path) -> None:
    script = "import json, os; json.dump([os.getcwd(), dict(os.environ)], open('seen', 'w'))"
    python(script, cwd=str(tmp_path), env={"BUDGET": "3"})
    directory, environ = json.loads((tmp_path / "seen").read_text())
    assert directory == str(tmp_path)
    assert (environ["BUDGET"], environ["PLAIN"], environ["AEGISOPS_IDEMPOTENCY_KEY"]) == (
        "3",
        "plain",
        "key-1",
    )


def test_variables_named_like_secrets_do_not_reach_the_command_unless_handed_on(tmp_path: Path) -> None:
    script = "import json, os; json.dump(dict(os.environ), open('seen', 'w'))"
    python(script, cwd=str(tmp_path), env={"DB_PASSWORD": "handed on"})
    environ = json.loads((tmp_path / "seen").read_text())
    assert "OPENAI_API_KEY" not in environ
    assert environ["DB_PASSWORD"] == "handed on"


def test_a_command_over_its_time_is_ended_with_all_its_children(tmp_path: Path) -> None:
    script = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        "open('pids.new', 'w').write(f'{os.getpid()} {child.pid}')\n"
        "os.rename('pids.new', 'pids')\n"
        "print('working', flush=True)\n"
        "time.sleep(600)"
    )
    result = python(script, cwd=str(tmp_path), timeout_s=2)
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert 'stopped after 2 s, "working"' in result.detail
    deadline = time.monotonic() + 30
    for pid in (tmp_path / "pids").read_text().split():
        while not gone(int(pid)):
            assert time.monotonic() < deadline, f"{pid} still runs"
            time.sleep(0.02)


def test_a_child_left_behind_does_not_hold_the_step_up(tmp_path: Path) -> None:
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-S', '-c', 'import time; time.sleep(600)'])\n"
        "open('pid', 'w').write(str(child.pid)); print('left')"
    )
    result = python(script, cwd=str(tmp_path), timeout_s=60)
    os.kill(int((tmp_path / "pid").read_text()), 9)
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert '"left"' in result.detail


def test_much_output_is_read_and_only_its_end_is_shown() -> None:
    result = python("for i in range(200_000): print('line', i)")
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert len(result.detail) <= 700
    assert "line 199999" in result.detail


def test_output_that_is_no_text_is_shown_as_far_as_it_goes() -> None:
    result = python(r"import sys; sys.stdout.buffer.write(b'\xff\x00\x1b[31mred\n')")
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert result.detail.isprintable()


def test_secrets_in_arguments_and_output_are_not_shown() -> None:
    result = python("import sys; print('password=hunter22')", "--token=s3cr3tvalue")
    assert [s for s in ("hunter22", "s3cr3tvalue") if s in result.detail] == []


def test_a_command_that_does_not_exist_is_a_failure() -> None:
    result = perform("/nowhere/at/all")
    assert result.outcome is ActionOutcome.FAILED
    assert "did not start" in result.detail


def test_a_directory_that_does_not_exist_is_a_failure(tmp_path: Path) -> None:
    assert perform("true", cwd=str(tmp_path / "missing")).outcome is ActionOutcome.FAILED


def test_only_a_step_that_says_so_may_be_done_again() -> None:
    executor = CommandExecutor({})
    once, again = CommandStep(argv=("true",)), CommandStep(argv=("true",), idempotent=True)
    assert executor.already_done(once, executor.observe(once)) is StepOutcome.UNKNOWN
    assert executor.already_done(again, executor.observe(again)) is StepOutcome.NOT_DONE


@pytest.mark.parametrize(
    "fields",
    [
        {"argv": []},
        {"argv": [""]},
        {"argv": ["a\x00b"]},
        {"argv": "rm -rf /"},
        {"argv": ["true"], "cwd": "relative"},
        {"argv": ["true"], "env": {"A=B": "c"}},
        {"argv": ["true"], "env": {"A": "\x00"}},
        {"argv": ["true"], "timeout_s": 100_000},
        {"argv": ["true"], "shell": True},
    ],
)
def test_a_step_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CommandStep.model_validate(fields)
