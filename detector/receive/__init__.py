"""OTLP over gRPC: any SDK or Collector exports to it, and is answered when the worker has judged."""

from detector.receive.grpc_server import AddressInUse, ListenError, OtlpGrpcServer, ReceiveLimits
from detector.receive.intake import Intake, OtlpRequest, Signal

__all__ = [
    "AddressInUse",
    "Intake",
    "ListenError",
    "OtlpGrpcServer",
    "OtlpRequest",
    "ReceiveLimits",
    "Signal",
]
