"""What a crash bench has around responders: commands that leave a trace, and a detector that is told so."""

import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from pydantic import TypeAdapter

from aegisops.bench.local_server import LocalServer
from detector import IncidentState, Recovery, SeriesHealth

_RECOVERY = TypeAdapter(Recovery)
_ACT = """
import os, sys, time
with open(sys.argv[1], "a") as file:
    file.write(os.environ["AEGISOPS_IDEMPOTENCY_KEY"] + "\\n")
time.sleep(float(sys.argv[2]))
"""


class Remedies:
    """A catalogue whose every action appends its key to a file and takes `action_s` seconds, and a policy.

    `services`: what each may do, by name; `asking`: those whose actions a human must approve.
    """

    def __init__(
        self, directory: Path, services: dict[str, str], asking: frozenset[str], action_s: float
    ) -> None:
        self._acted = directory / "acted.txt"
        script = directory / "act.py"
        script.write_text(_ACT, encoding="utf-8")
        step = {"command": {"argv": [sys.executable, str(script), str(self._acted), str(action_s)]}}
        declared = {name: {"actions": {action: [step]}} for name, action in services.items()}
        self.catalogue = directory / "catalogue.yaml"
        self.catalogue.write_text(json.dumps({"version": 1, "services": declared}), encoding="utf-8")
        entries = [
            {"name": name, "mode": "approve" if name in asking else "auto", "max_share": 1.0}
            for name in services
        ]
        self.policy = directory / "policy.yaml"
        self.policy.write_text(json.dumps({"version": 1, "services": entries}), encoding="utf-8")

    def acted(self) -> Counter[str]:
        """How often each step was really performed, by its idempotency key."""
        return Counter(self._acted.read_text(encoding="utf-8").split() if self._acted.exists() else ())

    def acted_in(self, incident_id: str) -> bool:
        """A step was performed in that incident."""
        return any(key.startswith(f"{incident_id}:") for key in self.acted())


class RecoveryServer(LocalServer):
    """A detector's query interface: the series of an incident are normal while `normal` says so of its id.

    `asked`: how often it was.
    """

    def __init__(self, normal: Callable[[str], bool]) -> None:
        super().__init__("application/json")
        self._normal = normal
        self._since: dict[str, float] = {}
        self._guard = threading.Lock()
        self.asked = 0

    def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        """`GET /incidents/{id}/recovery`."""
        del body
        found = re.fullmatch(r"/incidents/([^/]+)/recovery", path)
        return (200, _RECOVERY.dump_json(self.recovery(unquote(found[1])))) if found else (404, b"{}")

    def recovery(self, incident_id: str) -> Recovery:
        """How the incident's series are now."""
        normal = self._normal(incident_id)
        with self._guard:
            self.asked += 1
            if normal:
                self._since.setdefault(incident_id, time.time())
            else:
                self._since.pop(incident_id, None)
            return _recovery(incident_id, self._since.get(incident_id))


def _recovery(incident_id: str, since: float | None) -> Recovery:
    normal = since is not None
    series = SeriesHealth(
        series="process.memory.usage:value",
        signal="memory",
        unit="By",
        value=1e8 if normal else 9e8,
        low=0.0,
        high=2e8,
        normal=normal,
        age_s=0.1,
    )
    return Recovery(
        incident_id=incident_id,
        state=IncidentState.OPEN,
        reporting=True,
        normal=normal,
        normal_for_s=0.0 if since is None else time.time() - since,
        series=(series,),
    )
