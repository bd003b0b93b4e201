"""A stack that is interrupted before it is up waits for nothing more, and leaves nothing behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from free_ports import free_ports
from waiting import eventually

PORTS = (
    "BUGGY_APP_PORT",
    "BUGGY_APP_DEPENDENCY_PRIMARY_PORT",
    "BUGGY_APP_DEPENDENCY_SECONDARY_PORT",
    "AEGISOPS_DETECTOR_OTLP_PORT",
    "AEGISOPS_DETECTOR_OTLP_HTTP_PORT",
    "AEGISOPS_DETECTOR_HTTP_PORT",
    "AEGISOPS_RESPONDER_PORT",
)


def processes_of(directory: Path) -> list[str]:
    """The command lines of all processes that work in this directory or below."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink().is_relative_to(directory):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue  # not ours, or gone meanwhile
    return found


@pytest.mark.parametrize(
    ("command", "trace", "number", "code"),
    [
        ("up", "logs/launcher.log", signal.SIGINT, 0),
        ("up", "logs/responder.log", signal.SIGTERM, 0),
        ("demo", "supervisord.pid", signal.SIGINT, 3),
    ],
)
def test_an_interrupted_start_ends_at_once_and_leaves_no_process(
    tmp_path: Path, command: str, trace: str, number: signal.Signals, code: int
) -> None:
    state = tmp_path / "s"
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    process = subprocess.Popen(
        [sys.executable, "-m", "aegisops", command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=tmp_path,
        env={
            "PATH": "/usr/bin:/bin",
            "AEGISOPS_STATE_DIR": str(state),
            "AEGISOPS_COLLECTOR_BINARY": "off",
            **ports,
        },
    )
    try:
        eventually((state / command / trace).exists, f"{trace}, so that the start has begun")
        process.send_signal(number)
        process.send_signal(signal.SIGINT)  # an impatient user's second one disturbs no stopping
        said, _ = process.communicate(timeout=60)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    assert "responder is ready" not in said
    assert "Traceback" not in said
    assert process.returncode == code, said
    assert processes_of(tmp_path) == []
