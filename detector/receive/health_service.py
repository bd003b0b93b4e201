"""The gRPC health service, by which orchestrators and load balancers ask whether to send here.

`grpc.health.v1.Health/Check` of the gRPC health checking protocol. `Watch` is not implemented, which its
callers take as "healthy" by that protocol: each would hold a thread for as long as it looks. The messages
have one field each, and are on the wire what protobuf's own wrappers of a string and a number are.
"""

from collections.abc import Callable, Collection
from enum import IntEnum

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.wrappers_pb2 import Int32Value, StringValue

NAME = "grpc.health.v1.Health"


class ServingStatus(IntEnum):
    """`grpc.health.v1.HealthCheckResponse.ServingStatus`."""

    SERVING = 1
    NOT_SERVING = 2


def health_handler(services: Collection[str], serving: Callable[[], bool]) -> grpc.GenericRpcHandler:
    """Answers for the server ("") and for each of `services`; NOT_FOUND for any other."""

    def check(body: bytes, context: grpc.ServicerContext) -> bytes:
        try:
            service = StringValue.FromString(body).value
        except DecodeError:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f"the body is not a {NAME} request")
        if service and service not in services:
            context.abort(grpc.StatusCode.NOT_FOUND, "there is no service of that name")
        status = ServingStatus.SERVING if serving() else ServingStatus.NOT_SERVING
        return Int32Value(value=status).SerializeToString()

    return grpc.method_handlers_generic_handler(NAME, {"Check": grpc.unary_unary_rpc_method_handler(check)})
