"""SIGINT and SIGTERM, obeyed only where it is safe."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from aegisops.errors import StackError


class Interrupted(StackError):  # noqa: N818 - the user's wish, no error
    """A signal asked for the end."""


class Interruption:
    """Holds both signals back while `held`; within `obeyed` the first one raises `Interrupted`.

    What must not be torn in two, as starting a process and keeping its id, or stopping it, is done while
    the signals are held. One that came then is obeyed next; those after the first change nothing.
    """

    def __init__(self) -> None:
        self._came: signal.Signals | None = None
        self._obeyed = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """To be entered by the main thread."""
        before = {
            number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def obeyed(self) -> Iterator[None]:
        """Raises `Interrupted` from wherever the signal finds the program."""
        self._obeyed = True
        try:
            self._raise_if_due()
            yield
        finally:
            self._obeyed = False

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._came = signal.Signals(number)
        self._raise_if_due()

    def _raise_if_due(self) -> None:
        if self._obeyed and self._came is not None:
            self._obeyed = False  # once
            raise Interrupted(f"interrupted by {self._came.name}; the stack was stopped")
