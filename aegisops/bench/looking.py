"""Something looked at again and again while something else goes on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def looking(look: Callable[[], None], every_s: float) -> Iterator[None]:
    """Calls `look` on a thread of its own while the block lasts; raises at its end what `look` raised."""
    stop = threading.Event()

    def again_and_again() -> None:
        while not stop.wait(every_s):
            look()

    with ThreadPoolExecutor(1) as pool:
        looks = pool.submit(again_and_again)
        try:
            yield
        finally:
            stop.set()
        looks.result()
