"""The responder as a process of its own, for benches: started, asked, killed and started again."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self

import httpx
from pydantic import TypeAdapter

from detector import Incident

_INCIDENT = TypeAdapter(Incident)
_LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
_START_S = 180.0


class ResponderProcess:
    """`python -m responder` on a free port, its data and log in `directory`.

    `settings`: by name, without their prefix, and `otel`: the `OTEL_*` variables; none is taken from the
    environment.
    """

    def __init__(
        self, directory: Path, settings: Mapping[str, str], otel: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_", "DIAGNOSIS_"))}
        all_settings = {"PORT": "0", "DATA_DIR": str(directory / "data")} | dict(settings)
        own = {f"AEGISOPS_RESPONDER_{name}": value for name, value in all_settings.items()}
        self._environ = {**kept, **own, **otel}
        directory.mkdir(parents=True, exist_ok=True)
        self._log = directory / "responder.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._client = httpx.Client(trust_env=False, timeout=30.0)

    def start(self) -> None:
        """Start, and wait until it listens. Raises RuntimeError with its log when it ends instead."""
        process = self.launch()
        deadline = time.monotonic() + _START_S
        while not self.listening():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the responder did not start: {self.log}")
            time.sleep(0.02)

    def launch(self) -> subprocess.Popen[bytes]:
        """Start, and wait for nothing."""
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "responder"], env=self._environ, stdout=log, stderr=log
            )
        return self._process

    def listening(self) -> bool:
        """Since it was launched last it has said where it listens."""
        found = _LISTENING.search(self.log) if self._process is not None else None
        if found is not None:
            self._client.base_url = found[1]
        return found is not None

    @property
    def log(self) -> str:
        """What it said since it was launched last."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def pid(self) -> int:
        """Its process id. Raises RuntimeError when it was not started."""
        if self._process is None:
            raise RuntimeError("start it first")
        return self._process.pid

    @property
    def running(self) -> bool:
        """It was started, and has not ended."""
        return self._process is not None and self._process.poll() is None

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self._client.base_url)

    def kill(self) -> None:
        """kill -9."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def report(self, incident: Incident) -> None:
        """What the detector does."""
        headers = {"content-type": "application/json", "traceparent": incident.traceparent}
        answer = self._client.post("/detections", content=_INCIDENT.dump_json(incident), headers=headers)
        answer.raise_for_status()

    def record(self, incident_id: str) -> dict[str, Any]:
        """`GET /incidents/{id}`."""
        record: dict[str, Any] = self._client.get(f"/incidents/{incident_id}").raise_for_status().json()
        return record

    def approve(self, incident_id: str) -> None:
        """What a human does."""
        body = {"who": "bench", "why": "as asked"}
        self._client.post(f"/incidents/{incident_id}/approve", json=body).raise_for_status()

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Give back the connections to it."""
        self._client.close()

    def __exit__(self, *_: object) -> None:
        self.kill()
        self.close()
