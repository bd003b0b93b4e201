"""Sockets to listen on."""

import socket


class ListenError(RuntimeError):
    """An address cannot be listened on; the message says why and which setting to change."""


def listen(host: str, port: int, setting: str, *, shared: bool = False) -> socket.socket:
    """A socket bound to an address, not listening yet; `shared`: other processes may bind it too.

    Raises `ListenError` that names `setting`.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        reason = f"cannot listen on {host}:{port} ({error.strerror}); free it or change {setting}"
        raise ListenError(reason) from error
    return listener
