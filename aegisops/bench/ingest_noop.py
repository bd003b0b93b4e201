"""The ceiling of an OTLP receiver in Python: it parses a request and drops it.

`python -m aegisops.bench.ingest_noop` prints the port it listens on, and runs until it is killed.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)

MOST_BYTES = 64 * 1024 * 1024


class Dropping(MetricsServiceServicer):
    """Takes all, and keeps nothing."""

    def Export(  # noqa: N802 - the name in the protocol
        self,
        request: ExportMetricsServiceRequest,  # noqa: ARG002 - parsed by the library, and that is all
        context: grpc.ServicerContext,  # noqa: ARG002 - contract
    ) -> ExportMetricsServiceResponse:
        """Full success."""
        return ExportMetricsServiceResponse()


def serve() -> None:
    """Until the process is killed."""
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.max_receive_message_length", MOST_BYTES)])
    add_MetricsServiceServicer_to_server(Dropping(), server)  # type: ignore[no-untyped-call]  # generated code
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - its answer
    threading.Event().wait()


if __name__ == "__main__":
    serve()
