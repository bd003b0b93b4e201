"""Serves an application from a thread of its own, so that the process's signals stay with its main thread."""

import errno
import socket
import threading
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


class HttpAddressError(OSError):
    """The HTTP address cannot be bound; the message says why."""


class HttpServer:
    """uvicorn on a socket that is bound before anything else starts, so that a taken port shows at once."""

    def __init__(self, host: str, port: int, name: str) -> None:
        """Bind; `name` is its thread's. `port` 0 takes any free one. Raises HttpAddressError."""
        self._name = name
        try:
            family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
            self._socket = socket.create_server((host, port), family=family, backlog=128)
            # Accepted sockets inherit it. asyncio sets it too, but not on those of a socket made like this,
            # and the body of an answer then waits up to 40 ms until the client acknowledges its head.
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise HttpAddressError(f"{host}:{port} {reason}") from error
        self.port: int = self._socket.getsockname()[1]
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(
        self,
        app: ASGIApp,
        *,
        certificate_and_key: tuple[Path, Path] | None = None,
        max_connections: int | None = None,
    ) -> None:
        """Serve `app` until `stop`, over TLS where these PEM files are given.

        Connections beyond `max_connections` are answered 503.
        """
        certificate, key = certificate_and_key or (None, None)
        config = uvicorn.Config(
            app,
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            limit_concurrency=max_connections,
            ssl_certfile=certificate,
            ssl_keyfile=key,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=lambda: server.run(sockets=[self._socket]), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self, grace_s: float) -> None:
        """Finish the calls under way for at most `grace_s` seconds and close the port."""
        if self._server is not None and self._thread is not None:
            self._server.config.timeout_graceful_shutdown = max(1, int(grace_s))
            self._server.should_exit = True
            self._thread.join(grace_s + 1)
        self._socket.close()
