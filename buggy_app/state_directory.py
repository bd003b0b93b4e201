"""The directory all programs of the app share: where things lie in it, and how they are written safely."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class StateDirectoryError(RuntimeError):
    """The state directory cannot be used; the message says why and what to change."""


class StateDirectory:
    """Paths inside the state directory. Files are replaced whole, so a reader never sees half of one."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.database = self.root / "orders.sqlite"
        self.work = self.root / "work"
        self.chaos = self.root / "chaos"
        self.replicas = self.root / "replicas"
        self.configuration = self.root / "configuration"
        self.active_endpoint = self.root / "active-endpoint"
        self.pool_epoch = self.root / "pool-epoch"

    def prepare(self) -> None:
        """Create what is missing; raises `StateDirectoryError` when it cannot be created or written."""
        try:
            for path in (self.root, self.work, self.chaos, self.replicas, self.configuration):
                path.mkdir(parents=True, exist_ok=True)
            probe = self.root / f".probe-{socket.gethostname()}.{os.getpid()}"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise StateDirectoryError(
                f"cannot write in {self.root} ({error.strerror}); set BUGGY_APP_STATE_DIR to a writable one"
            ) from error

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Hold the lock `name` against all other processes and threads; waits for it."""
        with (self.root / f"{name}.lock").open("wb") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @contextmanager
    def try_lock(self, name: str) -> Iterator[bool]:
        """As `lock`, but does not wait: yields whether the lock was to be had."""
        with (self.root / f"{name}.lock").open("wb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def replace_file(path: Path, content: bytes) -> None:
    """Write `content` beside `path` and put it in its place in one step."""
    beside = path.with_name(f".{path.name}.{socket.gethostname()}.{os.getpid()}")  # containers share pids
    beside.write_bytes(content)
    beside.replace(path)


def write_json(path: Path, value: object) -> None:
    """Replace `path` by `value` as JSON."""
    replace_file(path, json.dumps(value, indent=2).encode() + b"\n")


def read_bytes(path: Path) -> bytes | None:
    """The content of `path`, None when there is no such file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def remove(path: Path) -> bool:
    """Remove a file; answers whether it was there."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True
