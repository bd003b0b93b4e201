"""The web server, as the app and its dependency run it."""

import signal
from types import FrameType

import uvicorn


def web_server(app: object, *, lifespan: bool = True) -> uvicorn.Server:
    """A uvicorn server that SIGTERM and SIGINT end, within about a second, and not the process with it."""

    def stay(_number: int, _frame: FrameType | None) -> None:
        """Uvicorn handles the signals while it runs and raises them again when it is done."""

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stay)
    return uvicorn.Server(
        uvicorn.Config(
            app,  # type: ignore[arg-type]  # ASGI applications are of many shapes
            log_config=None,
            access_log=False,
            lifespan="on" if lifespan else "off",
            loop="asyncio",
            http="h11",
            ws="none",
            timeout_graceful_shutdown=1,
        )
    )
