"""The health check of our images, in Python and in Go: is 0 where a server answers 200, and nowhere else."""

import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from compose_stack import ROOT, health_check


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/ready" else 503)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """A test prints nothing."""


@pytest.fixture
def port() -> Iterator[int]:
    with HTTPServer(("127.0.0.1", 0), Ready) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module", params=["python", "go"])
def check(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    if request.param == "go":
        return [str(health_check(tmp_path_factory.mktemp("answers")))]
    return [sys.executable, "-S", str(ROOT / "compose" / "answers.py")]


def healthy(check: list[str], port: int, path: str) -> bool:
    return subprocess.run([*check, str(port), path], capture_output=True, check=False).returncode == 0


def test_a_server_that_answers_200_is_healthy(check: list[str], port: int) -> None:
    assert healthy(check, port, "/ready")


def test_one_that_answers_otherwise_is_not(check: list[str], port: int) -> None:
    assert not healthy(check, port, "/")


def test_nor_is_one_that_is_not_there(check: list[str], port: int) -> None:
    assert not healthy(check, 1, "/ready")
