"""Several responders on one database, each started again whenever it ends, and killed at random times."""

import signal
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import httpx
import numpy as np

from aegisops.bench.responder_process import ResponderProcess
from detector import Incident

_PAUSE_S = 0.2
_START_S = 180.0


class Supervisor:
    """Keeps `count` responders running while it is entered, as a process manager would.

    `ended_alone`: how many ended that nobody killed.
    """

    def __init__(
        self, count: int, directory: Path, settings: Mapping[str, str], otel: Mapping[str, str]
    ) -> None:
        self._responders = [
            ResponderProcess(directory / f"responder-{number}", settings, otel) for number in range(count)
        ]
        self._keepers = [threading.Thread(target=self._keep, args=(one,)) for one in self._responders]
        self._guard = threading.Lock()
        self._stopping = False
        self.ended_alone = 0

    def kill_one(self, chance: np.random.Generator) -> bool:
        """kill -9 to one of those that run, whatever it does, starting included; False where none runs."""
        with self._guard:
            running = [one for one in self._responders if one.running]
            if running:
                running[int(chance.integers(len(running)))].kill()
            return bool(running)

    def report(self, incident: Incident, chance: np.random.Generator, within_s: float) -> int:
        """What a reporter does: tries one responder, then others until one has taken it; after how many
        tries, 0 where none did in time."""
        deadline = time.monotonic() + within_s
        tries = 0
        while time.monotonic() < deadline:
            responder = self._responders[int(chance.integers(len(self._responders)))]
            tries += 1
            if _taken(responder, incident):
                return tries
            time.sleep(_PAUSE_S)
        return 0

    def _keep(self, responder: ResponderProcess) -> None:
        while True:
            with self._guard:
                if self._stopping:
                    return
                process = responder.launch()
            status = process.wait()
            with self._guard:
                self.ended_alone += status != -signal.SIGKILL
            time.sleep(_PAUSE_S)

    def __enter__(self) -> Self:
        for keeper in self._keepers:
            keeper.start()
        deadline = time.monotonic() + _START_S
        while not all(one.listening() for one in self._responders):
            if time.monotonic() > deadline:
                logs = "\n".join(one.log for one in self._responders)
                self.__exit__()
                raise RuntimeError(f"the responders did not start: {logs}")
            time.sleep(_PAUSE_S)
        return self

    def __exit__(self, *_: object) -> None:
        with self._guard:
            self._stopping = True
        for responder in self._responders:
            responder.kill()
        for keeper in self._keepers:
            keeper.join()
        for responder in self._responders:
            responder.close()


def _taken(responder: ResponderProcess, incident: Incident) -> bool:
    if not responder.listening():
        return False
    try:
        responder.report(incident)
    except httpx.HTTPError:
        return False  # killed in the middle, or it could not keep it
    return True
