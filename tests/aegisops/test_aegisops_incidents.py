"""`aegisops incidents` and `aegisops audit` as processes."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from responder.audit import AuditKind, AuditTrail
from responder.store import Database

pytestmark = pytest.mark.e2e


def aegisops(*arguments: str, directory: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_"))}
    own = {"AEGISOPS_RESPONDER_DATA_DIR": str(directory), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "aegisops", *arguments],
        env=inherited | own | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class Responder:
    """Remembers what it was asked, and answers what it is told to."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, bytes]] = []
        self.status, self.answer = 200, b"{}"
        responder = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                length = int(self.headers.get("content-length") or 0)
                responder.asked.append((self.command, self.path, self.rfile.read(length)))
                self.send_response(responder.status)
                self.send_header("content-length", str(len(responder.answer)))
                self.end_headers()
                self.wfile.write(responder.answer)

            do_POST = do_GET  # noqa: N815 - named by http.server

            def log_message(self, format: str, *args: Any) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()


@pytest.fixture
def responder() -> Iterator[Responder]:
    responder = Responder()
    yield responder
    responder.server.shutdown()
    responder.server.server_close()
    responder.thread.join()


def test_an_answer_goes_to_the_responder_with_who_and_why(responder: Responder, tmp_path: Path) -> None:
    responder.answer = b'{"action": "RESTART", "target": "shop", "answer": "approved", "who": "alice"}'
    command = ["incidents", "approve", "INC/1", "--who", "alice", "--why", "seen", "--url", responder.url]
    done = aegisops(*command, directory=tmp_path)
    assert (done.returncode, done.stdout.strip()) == (0, "RESTART of shop: approved by alice"), done.stderr
    assert responder.asked == [("POST", "/incidents/INC%2F1/approve", b'{"who":"alice","why":"seen"}')]


def test_a_refusal_is_one_line_and_status_1(responder: Responder, tmp_path: Path) -> None:
    responder.status, responder.answer = 409, b'{"detail": "INC-1 waits for no approval"}'
    command = ["incidents", "reject", "INC-1", "--who", "a", "--why", "b", "--url", responder.url]
    done = aegisops(*command, directory=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (1, "error: INC-1 waits for no approval")


@pytest.mark.parametrize(
    ("calibrated", "said"),
    [
        (True, "92 % of such diagnoses were right when it was measured"),
        (False, "92 % sure, by belief: not measured for such a diagnosis"),
    ],
)
def test_an_incident_is_shown_with_what_its_confidence_means(
    responder: Responder, tmp_path: Path, calibrated: bool, said: str
) -> None:
    diagnosis = {
        "outcome": "fault",
        "incident_type": "disk_space",
        "confidence": 0.92,
        "analyst": "offline",
        "calibrated": calibrated,
    }
    incident = {"id": "INC-1", "service": "shop", "type": "disk_space", "summary": "the disk is full"}
    record: dict[str, Any] = {
        "incident": incident,
        "state": "RESOLVED",
        "diagnosis": diagnosis,
        "timeline": [],
        "approval": None,
    }
    responder.answer = json.dumps(record).encode()
    done = aegisops("incidents", "show", "INC-1", "--url", responder.url, directory=tmp_path)
    assert done.returncode == 0, done.stderr
    assert f"diagnosis: disk space (by offline); {said}" in done.stdout


def test_without_a_responder_it_says_where_it_looked(tmp_path: Path) -> None:
    done = aegisops("incidents", "list", "--url", "http://127.0.0.1:1", directory=tmp_path)
    assert done.returncode == 3
    assert "http://127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trail_is_verified_by_data_directory_and_setting(tmp_path: Path) -> None:
    path = tmp_path / "responder.db"
    database = Database(f"sqlite:///{path}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    trail = AuditTrail(database, lambda: 1000.0)
    for number in range(3):
        trail.append(AuditKind.APPROVED, "INC-1", "alice", {"n": number}, key=str(number))
    sound = aegisops("audit", "verify", directory=tmp_path)  # while it is in use
    assert sound.returncode == 0, sound.stderr
    assert "3 records" in sound.stdout
    assert trail.check().head in sound.stdout
    database.close()
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE audit_trail SET actor = 'mallory' WHERE seq = 2")
    connection.close()
    changed = aegisops("audit", "verify", "--data-dir", str(tmp_path), directory=tmp_path / "none")
    assert changed.returncode == 1
    assert "record 2 was changed" in changed.stderr


def test_a_trail_that_is_not_there_is_named_with_the_setting(tmp_path: Path) -> None:
    done = aegisops("audit", "verify", directory=tmp_path / "none")
    assert done.returncode == 3
    assert "AEGISOPS_RESPONDER_DATA_DIR" in done.stderr
    assert not (tmp_path / "none").exists()
