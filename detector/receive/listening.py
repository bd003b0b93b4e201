"""Addresses to listen on, and what is said where they cannot be."""

import errno
import socket

HOST_SETTING = "AEGISOPS_DETECTOR_HOST"


class ListenError(Exception):
    """The server cannot listen on its address; the message says which and what to set."""


class AddressInUse(ListenError):  # noqa: N818  # named as the operating system names it
    """Another process listens on the address."""


def in_use(host: str, port: int, setting: str) -> AddressInUse:
    """What to raise where another process has the port; `setting` is that of the port."""
    return AddressInUse(
        f"OTLP port {host}:{port} is taken by another process: stop that process, "
        f"or set {setting} to a free port"
    )


def require_free(host: str, port: int, setting: str) -> None:
    """Raise a ListenError that says what to set, where gRPC would only say that it failed."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise in_use(host, port, setting) from error
        raise ListenError(
            f"cannot listen for OTLP on {host}:{port} ({error.strerror}): set {HOST_SETTING} to an address "
            f"of this machine and {setting} to a port this user may use"
        ) from error
