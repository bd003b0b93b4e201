"""The command line answers mistakes with one line that says what to do, and a documented exit code."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest


def aegisops(*arguments: str, state: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "aegisops", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=state.parent,
        env={"PATH": "/usr/bin:/bin", "AEGISOPS_STATE_DIR": str(state), **environment},
    )


@pytest.mark.parametrize("verb", ["inject", "clear"])
def test_an_unknown_fault_is_answered_with_the_known_ones(tmp_path: Path, verb: str) -> None:
    answer = aegisops("chaos", verb, "gremlins", state=tmp_path / "s")
    assert answer.returncode == 2
    assert "unknown fault 'gremlins'; known faults: memory_oom," in answer.stderr
    assert "Traceback" not in answer.stderr


def test_chaos_without_a_stack_says_how_to_start_one(tmp_path: Path) -> None:
    answer = aegisops("chaos", "inject", "cpu_spike", state=tmp_path / "s")
    assert answer.returncode == 3
    assert "start one with `aegisops up`" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_taken_port_ends_the_start_with_its_name(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        answer = aegisops("up", state=tmp_path / "s", AEGISOPS_DETECTOR_OTLP_PORT=port)
    assert answer.returncode == 3
    assert f"port {port} is taken (detector, OTLP; AEGISOPS_DETECTOR_OTLP_PORT)" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_report_that_cannot_be_written_is_refused_before_the_demo_starts(tmp_path: Path) -> None:
    answer = aegisops("demo", "--report", str(tmp_path / "none" / "r.json"), state=tmp_path / "s")
    assert answer.returncode == 3
    assert "name another place with --report" in answer.stderr
    assert "starting" not in answer.stdout


def test_stopping_where_nothing_runs_says_so(tmp_path: Path) -> None:
    answer = aegisops("down", state=tmp_path / "s")
    assert answer.returncode == 0
    assert "no stack runs here" in answer.stdout
