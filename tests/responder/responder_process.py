"""The responder as a process of its own, and a detector that says a service is well once it was acted on."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import httpx
from pydantic import TypeAdapter
from waiting import eventually

from aegisops.bench.crash_scene import RecoveryServer
from detector import Incident

LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:\d+)")
_INCIDENT = TypeAdapter(Incident)

SCRIPT = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    file.write(sys.argv[2] + " " + os.environ["AEGISOPS_IDEMPOTENCY_KEY"] + "\\n")
time.sleep(float(sys.argv[3]))
"""


class Acted:
    """The file that the scratch catalogue's commands append a line to."""

    def __init__(self, directory: Path, action_s: float = 0.0) -> None:
        self.path = directory / "acted.txt"
        script = directory / "act.py"
        script.write_text(SCRIPT)
        actions = "\n".join(
            f"      {name}:\n        - command: {{argv: {json.dumps(self._argv(script, name, action_s))}}}"
            for name in ("RESTART", "SCALE_UP")
        )
        self.catalogue = directory / "catalogue.yaml"
        self.catalogue.write_text(f"version: 1\nservices:\n  shop:\n    actions:\n{actions}\n")
        self.policy = directory / "policy.yaml"
        self.write_policy("auto")

    def write_policy(self, mode: str, more: str = "") -> None:
        """A policy of one entry, for the service of the catalogue."""
        self.policy.write_text(
            f"version: 1\nservices:\n  - {{name: shop, mode: {mode}, max_share: 1.0{more}}}\n"
        )

    def _argv(self, script: Path, name: str, action_s: float) -> list[str]:
        return [sys.executable, str(script), str(self.path), name, str(action_s)]

    @property
    def lines(self) -> list[str]:
        """The actions that were really done."""
        return [line.split()[0] for line in self.path.read_text().splitlines()] if self.path.exists() else []


class FakeDetector(RecoveryServer):
    """Says that all is normal since `cured()` was first seen to hold."""

    def __init__(self, cured: Callable[[], bool]) -> None:
        super().__init__(lambda _: cured())


class ResponderProcess:
    """`python -m responder` on a free port, with its data in `directory`; may be started again."""

    def __init__(self, directory: Path, **variables: str) -> None:
        environ = {k: v for k, v in os.environ.items() if not k.startswith(("AEGISOPS_", "OTEL_"))}
        own = {"AEGISOPS_RESPONDER_PORT": "0", "AEGISOPS_RESPONDER_DATA_DIR": str(directory / "data")}
        self._environ = environ | own | variables
        self.log = ""
        self.url = ""
        self.start()

    def start(self) -> None:
        """Start, and wait until it listens or ends."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "responder"],
            env=self._environ,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        stderr = self.process.stderr
        assert stderr is not None
        self.log = ""
        for line in stderr:
            self.log += line
            if found := LISTENING.search(line):
                self.url = found[1]
                break
        self._reader = threading.Thread(target=self._read, args=(stderr,), daemon=True)
        self._reader.start()

    def _read(self, stderr: Any) -> None:
        for line in stderr:
            self.log += line
        stderr.close()

    def report(self, incident: Incident) -> None:
        """What the detector does."""
        response = httpx.post(
            f"{self.url}/detections",
            content=_INCIDENT.dump_json(incident),
            headers={"content-type": "application/json", "traceparent": incident.traceparent},
        )
        assert response.status_code == 202, response.text

    def record(self, incident_id: str = "INC-1") -> dict[str, Any]:
        """`GET /incidents/{id}`."""
        response = httpx.get(f"{self.url}/incidents/{incident_id}")
        assert response.status_code == 200, response.text
        record: dict[str, Any] = response.json()
        return record

    def states(self, incident_id: str = "INC-1") -> set[str]:
        """All states on the incident's timeline."""
        return {event["state"] for event in self.record(incident_id)["timeline"]}

    def wait_for_end(self, incident_id: str = "INC-1") -> dict[str, Any]:
        """The record once its state is final."""
        final = {"RESOLVED", "REJECTED", "ESCALATED", "FAILED"}
        eventually(
            lambda: self.record(incident_id)["state"] in final, f"the end of {incident_id}\n{self.log}", 60
        )
        return self.record(incident_id)

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self._ended()

    def stop(self) -> int:
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self._ended()

    def _ended(self) -> int:
        status = self.process.wait(timeout=30)
        self._reader.join(timeout=5)
        return status

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._ended()
