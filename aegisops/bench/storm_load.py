"""What a storm does to a responder: calls are sent as they fall due, while others look at it and measure."""

import math
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import psutil

from aegisops.bench.storm_calls import Call

SENDERS = 8
_TRIES = 6
_LONGEST_WAIT_S = 10.0
_TRY_AGAIN = (429, 503)
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a call. `taken`: it was answered with 2xx; `seconds`: the try that was, alone."""

    call: Call
    taken: bool
    tries: int
    seconds: float


class Storm:
    """Sends `calls` to `url` over `spread_s` seconds, or as fast as they are taken where that is slower."""

    def __init__(self, url: str, calls: Sequence[Call], spread_s: float) -> None:
        self._url = url
        self._calls = calls
        self._spread_s = spread_s

    def send(self) -> list[Sent]:
        """All calls, each at most a few times."""
        began = time.monotonic()
        turn, left = threading.Lock(), iter(self._calls)

        def sender() -> list[Sent]:
            sent: list[Sent] = []
            with httpx.Client(base_url=self._url, trust_env=False, timeout=30.0) as client:
                while True:
                    with turn:
                        call = next(left, None)
                    if call is None:
                        return sent
                    time.sleep(max(0.0, began + call.due * self._spread_s - time.monotonic()))
                    sent.append(_send(client, call))

        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(sender) for _ in range(SENDERS)]
            return [one for each in senders for one in each.result()]


def _send(client: httpx.Client, call: Call) -> Sent:
    seconds = 0.0
    for tries in range(1, _TRIES + 1):
        since = time.perf_counter()
        try:
            answer = client.post(call.path, content=call.body, headers={"content-type": "application/json"})
        except httpx.TransportError:
            time.sleep(0.5)
            continue
        seconds = time.perf_counter() - since
        if answer.status_code not in _TRY_AGAIN:
            return Sent(call, answer.is_success, tries, seconds)
        time.sleep(min(_LONGEST_WAIT_S, float(answer.headers.get("retry-after", "1"))))
    return Sent(call, False, _TRIES, seconds)


class Watch:
    """Calls of somebody who looks at the incidents meanwhile, and the memory the process takes."""

    def __init__(self, url: str, pid: int) -> None:
        self._url = url
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self.seconds: dict[str, list[float]] = {"/incidents": [], "/incidents/{id}": [], "/ready": []}
        self.errors = 0
        self.rss_before = self.rss_peak = self._process.memory_info().rss
        self.cpu_s = 0.0

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Looks for as long as the block lasts."""
        with ThreadPoolExecutor(1) as pool, httpx.Client(base_url=self._url, trust_env=False) as client:
            client.get("/incidents").raise_for_status()  # the first call after a start is slow, storm or not
            looks, before = pool.submit(self._look, client), self._cpu_s()
            try:
                yield
            finally:
                self._stop.set()
                self.cpu_s = self._cpu_s() - before
                looks.result()

    def _cpu_s(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def _look(self, client: httpx.Client) -> None:
        turn = 0
        while not self._stop.wait(_LOOK_S):
            listed = self._timed("/incidents", client, "/incidents")
            items = listed.json()["items"] if listed is not None else []
            if items:
                incident_id = items[turn % len(items)]["incident"]["id"]
                self._timed("/incidents/{id}", client, f"/incidents/{incident_id}")
            self._timed("/ready", client, "/ready")
            self.rss_peak = max(self.rss_peak, self._process.memory_info().rss)
            turn += 1

    def _timed(self, name: str, client: httpx.Client, path: str) -> httpx.Response | None:
        since = time.perf_counter()
        try:
            answer = client.get(path).raise_for_status()
        except httpx.HTTPError:
            self.errors += 1
            return None
        finally:
            self.seconds[name].append(time.perf_counter() - since)
        return answer


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of them do not exceed; 0.0 of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0
