"""OTLP over gRPC and HTTP: any SDK or Collector exports to it, and is answered once that was judged."""

from detector.receive.credentials import BearerTokens, CredentialsError, TlsFiles
from detector.receive.grpc_server import OtlpGrpcServer
from detector.receive.http_server import OtlpHttpServer
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
    "OtlpHttpServer",
    "OtlpRequest",
    "ReceiveLimits",
    "Reception",
    "Signal",
    "TlsFiles",
]
