"""The socket proxy as it is shipped, by a haproxy of this machine, before the engine of the tests."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from docker_proxy import UnixConnection

CONFIGURATION = Path(__file__).parents[2] / "compose" / "socket-proxy"
LABEL = "io.aegisops.remedies"


@dataclass(frozen=True)
class SocketProxy:
    """`url`: for a Docker client."""

    url: str
    log: Path

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> int:
        """The status of the answer. `body`: as it is when it is text, else as JSON."""
        text = body.encode() if isinstance(body, str) else body and json.dumps(body)
        connection = UnixConnection(self.url.removeprefix("unix://"))
        try:
            with suppress(BrokenPipeError):  # refused before all of the body was sent
                connection.request(method, path, text, {"Content-Type": "application/json", **headers})
            return connection.getresponse().status
        finally:
            connection.close()


@contextmanager
def socket_proxy(engine_url: str, volumes: str = "(?!)") -> Iterator[SocketProxy]:
    """Runs until the end of the block. `volumes`: as in the proxy's configuration."""
    with tempfile.TemporaryDirectory(prefix="aegisops-proxy.") as directory:
        path, log = Path(directory, "proxy.sock"), Path(directory, "log")
        environment = {
            "DOCKER_SOCKET": engine_url.removeprefix("unix://"),
            "LISTEN": f"unix@{path}",
            "VOLUMES": volumes,
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                [_haproxy(), "-f", CONFIGURATION / "haproxy.cfg"],
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            _await(path, process, log)
            yield SocketProxy(f"unix://{path}", log)
        finally:
            process.kill()
            process.wait()


def _haproxy() -> str:
    for directory in (None, "/usr/sbin"):
        if found := shutil.which("haproxy", path=directory):
            return found
    why = "no haproxy; on Debian: apt-get install haproxy"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _await(path: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
