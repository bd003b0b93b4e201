"""OTLP over gRPC: any SDK or Collector exports to it, and is answered when the worker has judged."""

from detector.receive.credentials import BearerTokens, CredentialsError, TlsFiles
from detector.receive.grpc_server import OtlpGrpcServer
from detector.receive.intake import Intake, OtlpRequest, Signal
from detector.receive.listening import AddressInUse, ListenError
from detector.receive.reception import ReceiveLimits, Reception

__all__ = [
    "AddressInUse",
    "BearerTokens",
    "CredentialsError",
    "Intake",
    "ListenError",
    "OtlpGrpcServer",
    "OtlpRequest",
    "ReceiveLimits",
    "Reception",
    "Signal",
    "TlsFiles",
]
