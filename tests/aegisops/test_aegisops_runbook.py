"""`aegisops runbook` and `aegisops feedback`, against a responder's API on a real database."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from typer.testing import CliRunner, Result

from aegisops.cli import app
from detector.hosting import HttpServer
from responder.api import ApiParts, build_app
from responder.learn import Runbook
from responder.store import Database, Store

NOW = 1_700_000_000.0


class NoWork:
    launched = True

    def start(self, incident_id: str) -> None:
        """Nothing is worked on."""


def serve(application: FastAPI) -> tuple[HttpServer, str]:
    server = HttpServer("127.0.0.1", 0, "api")
    server.start(application)
    return server, f"http://127.0.0.1:{server.port}"


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    database = Database(f"sqlite:///{tmp_path / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    store = Store.over(database)
    runbook = Runbook(store.runbook, lambda: NOW)
    server, address = serve(build_app(ApiParts(store, NoWork(), runbook, lambda: NOW, RandomIdGenerator())))
    yield address
    server.stop(1.0)
    database.close()


def aegisops(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def entry(number: int = 1, **changed: Any) -> dict[str, Any]:
    return {
        "incident_type": "memory_oom",
        "patterns": [f"metric memory above_normal number{'x' * number}"],
        "common_actions": ["SCALE_UP", "RESTART"],
        "resolution_time_avg_ms": 14_200.0,
        "success_rate": 1.0,
        "learned_from_incident_ids": [f"INC-{number}"],
    } | changed


def written(path: Path, document: object) -> str:
    path.write_text(json.dumps(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("wrapped", [True, False], ids=["as exported", "a bare list"])
def test_what_is_imported_is_listed_shown_and_exported(url: str, tmp_path: Path, wrapped: bool) -> None:
    document: Any = {"version": 1, "entries": [entry()]} if wrapped else [entry()]
    taken = aegisops("runbook", "import", written(tmp_path / "in.json", document), "--url", url)
    assert taken.stdout == "1 entries taken in, 0 known already\n", taken.output
    listed = aegisops("runbook", "list", "--url", url)
    (line,) = (one for one in listed.stdout.splitlines() if "memory_oom" in one)
    cells = [cell.strip() for cell in line.strip("│").split("│")]
    assert cells[1:5] == ["memory_oom", "1", "100%", "SCALE_UP"]
    shown = aegisops("runbook", "show", cells[0], "--url", url)
    assert "memory_oom  imported" in shown.stdout
    assert "0 of 0" in shown.stdout
    out = tmp_path / "out.json"
    assert aegisops("runbook", "export", str(out), "--url", url).exit_code == 0
    assert json.loads(out.read_text(encoding="utf-8")) == {"version": 1, "entries": [entry()]}
    assert json.loads(aegisops("runbook", "export", "--url", url).stdout)["entries"] == [entry()]


def test_a_large_file_goes_in_several_calls(url: str, tmp_path: Path) -> None:
    ids = [f"{number:0>200}" for number in range(200)]
    entries = [entry(n, learned_from_incident_ids=[f"{n}-{one}" for one in ids]) for n in range(1, 60)]
    taken = aegisops("runbook", "import", written(tmp_path / "in.json", entries), "--url", url)
    assert taken.stdout == "59 entries taken in, 0 known already\n", taken.output


def test_an_entry_that_cannot_be_used_is_named_and_nothing_is_sent(tmp_path: Path) -> None:
    path = written(tmp_path / "in.json", [entry(), entry(incident_type="gremlins")])
    refused = aegisops("runbook", "import", path, "--url", "http://127.0.0.1:1")
    assert refused.exit_code == 2
    assert "entries.1.incident_type: Input should be 'memory_oom'" in refused.stderr


@pytest.mark.parametrize("text", ["{", "7", '"x"', "\udcff"])
def test_a_file_that_is_no_runbook_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "in.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    refused = aegisops("runbook", "import", str(path), "--url", "http://127.0.0.1:1")
    assert refused.exit_code == 2
    assert refused.stderr.startswith("error: ")


def test_an_entry_that_is_not_there_is_status_1(url: str) -> None:
    missing = aegisops("runbook", "show", "RB-none", "--url", url)
    assert (missing.exit_code, missing.stdout) == (1, "")


def test_feedback_goes_to_the_incident_with_who_and_why() -> None:
    asked: list[tuple[str, bytes]] = []
    answer = {
        "incident_id": "INC/1",
        "verdict": "wrong",
        "who": "alice",
        "why": "",
        "outcomes": [{"action": "RESTART", "helped": False}],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.server_port}"
    said = aegisops("feedback", "INC/1", "wrong", "--why", "back again", "--who", "alice", "--url", address)
    server.shutdown()
    server.server_close()
    thread.join()
    assert said.stdout == "INC/1: wrong by alice; learned: RESTART did not help\n", said.output
    body = b'{"verdict":"wrong","who":"alice","why":"back again"}'
    assert asked == [("/incidents/INC%2F1/feedback", body)]


def test_a_verdict_that_is_neither_is_wrong_usage() -> None:
    assert aegisops("feedback", "INC-1", "maybe").exit_code == 2
