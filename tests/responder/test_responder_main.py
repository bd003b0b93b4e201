"""The process: what it says and how it exits when it cannot start, and how it stops."""

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from responder_process import ResponderProcess

pytestmark = pytest.mark.e2e


def refused(directory: Path, **variables: str) -> tuple[int, list[str]]:
    """Exit status and lines of a responder that does not start."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_"))}
    own = {"AEGISOPS_RESPONDER_PORT": "0", "AEGISOPS_RESPONDER_DATA_DIR": str(directory / "data")}
    done = subprocess.run(
        [sys.executable, "-m", "responder"],
        env=environ | own | variables,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.splitlines()


def test_a_setting_that_cannot_be_used_ends_with_one_line(tmp_path: Path) -> None:
    status, lines = refused(tmp_path, AEGISOPS_RESPONDER_PORT="many")
    assert (status, len(lines)) == (2, 1)
    assert "AEGISOPS_RESPONDER_PORT" in lines[0]


def test_a_catalogue_that_is_not_there_ends_with_one_line(tmp_path: Path) -> None:
    status, lines = refused(tmp_path, AEGISOPS_RESPONDER_CATALOGUE=str(tmp_path / "none.yaml"))
    assert (status, len(lines)) == (2, 1)
    assert "AEGISOPS_RESPONDER_CATALOGUE" in lines[0]


def test_a_policy_that_cannot_be_used_ends_with_one_line(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nservices:\n  - {name: shop, mode: automatic}\n")
    status, lines = refused(tmp_path, AEGISOPS_RESPONDER_POLICY=str(policy))
    assert (status, len(lines)) == (2, 1)
    assert f"{policy}, line 3: services[0].mode" in lines[0]


def test_a_taken_port_ends_with_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        status, lines = refused(tmp_path, AEGISOPS_RESPONDER_PORT=port)
    assert (status, len(lines)) == (4, 1)
    assert port in lines[0]
    assert "AEGISOPS_RESPONDER_PORT" in lines[0]


def test_a_place_that_cannot_be_written_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    status, lines = refused(tmp_path)
    assert (status, len(lines)) == (3, 1)
    assert "AEGISOPS_RESPONDER_DATA_DIR" in lines[0]


def test_a_locked_database_ends_with_one_line(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    holder = sqlite3.connect(tmp_path / "data" / "responder.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        status, lines = refused(tmp_path)
    finally:
        holder.close()
    assert (status, len(lines)) == (3, 1)
    assert "locked" in lines[0]


def test_a_telemetry_variable_that_cannot_be_used_ends_with_one_line(tmp_path: Path) -> None:
    status, lines = refused(tmp_path, OTEL_TRACES_EXPORTER="pigeon")
    assert (status, len(lines)) == (2, 1)
    assert "OTEL_" in lines[0]


def test_it_listens_is_ready_and_stops_on_sigterm(tmp_path: Path) -> None:
    with ResponderProcess(tmp_path) as process:
        assert httpx.get(f"{process.url}/ready").status_code == 200
        assert process.stop() == 0
        assert "Traceback" not in process.log
