"""A worker that has nothing against any request: settles each as it comes, and keeps it for the test."""

import queue
import threading

from detector.receive import Intake, OtlpRequest


class WillingWorker:
    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._settled: queue.Queue[OtlpRequest] = queue.Queue()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._stopping.is_set():
            request = self._intake.take(0.02)
            if request is not None:
                self._settled.put(request)
                request.settle(None)

    def next(self) -> OtlpRequest:
        """The next request it settled, waiting for it."""
        return self._settled.get(timeout=20)

    def everything(self) -> list[OtlpRequest]:
        """All that it settled and `next` did not answer."""
        return [self._settled.get_nowait() for _ in range(self._settled.qsize())]

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(20)
