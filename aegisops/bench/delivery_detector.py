"""The detector as it is shipped, and a record of what it did.

`python -m aegisops.bench.delivery_detector DIRECTORY`. Two of its stages are replaced by ones that do the
same and more. Once a request was judged, and before its sender is told so, the numbers of its points are
appended to files of this process in DIRECTORY, which outlive a kill -9: to `delivered-PID` those of all its
points, to `judged-PID` those of the points that the models saw. Where DIRECTORY has a file `slow`, each point
takes as many seconds longer to judge as stand in it.
"""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from detector.main import DetectorStages, main
from detector.receive import OtlpRequest
from detector.series import Normalised

DELIVERED, JUDGED, SLOW = "delivered", "judged", "slow"


class _Recorder:
    def __init__(self, directory: Path, stages: DetectorStages) -> None:
        self._slow = directory / SLOW
        self._stages = stages
        self._delivered = (directory / f"{DELIVERED}-{os.getpid()}").open("ab", buffering=0)
        self._judged = (directory / f"{JUDGED}-{os.getpid()}").open("ab", buffering=0)
        self._samples = b""

    def normalise(self, request: OtlpRequest) -> Normalised:
        normalised = self._stages.normalise(request)
        self._samples = normalised.samples.values.astype(np.int64).tobytes()
        if self._slow.exists():
            time.sleep(len(normalised.samples) * float(self._slow.read_text(encoding="ascii")))
        return normalised

    def settled(self, request: OtlpRequest, error: Exception | None) -> None:
        if error is None and isinstance(request.message, ExportMetricsServiceRequest):
            self._judged.write(self._samples)
            self._delivered.write(np.fromiter(_numbers(request.message), np.int64).tobytes())
        self._stages.settled(request, error)


def _numbers(request: ExportMetricsServiceRequest) -> Iterator[int]:
    for of_resource in request.resource_metrics:
        for of_scope in of_resource.scope_metrics:
            for metric in of_scope.metrics:
                for point in metric.gauge.data_points:
                    yield point.as_int


def _recording(stages: DetectorStages) -> DetectorStages:
    recorder = _Recorder(Path(sys.argv[1]), stages)
    return replace(stages, normalise=recorder.normalise, settled=recorder.settled)


if __name__ == "__main__":
    sys.exit(main(_recording))
