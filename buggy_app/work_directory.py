"""The work directory: a disk budget shared by all replicas, uploads that rotate, and debug dumps.

The budget is enforced here as a file system quota would be: a write that does not fit fails with
ENOSPC, whoever makes it. All writes of all replicas go through one lock.
"""

import errno
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

from buggy_app.state_directory import StateDirectory, read_bytes, remove, write_json

MAX_UPLOADS = 16
BLOCK = b"\xd5" * 65536


@dataclass(frozen=True, slots=True)
class DumpOrder:
    """Debug dumping as the flag in the work directory asks for it."""

    bytes_per_second: float


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up removed."""

    files: int
    size: int
    was_dumping: bool


class WorkDirectory:
    """Files within a budget of `budget` bytes."""

    def __init__(self, state: StateDirectory, budget: int) -> None:
        self.path = state.work
        self.budget = budget
        self._state = state
        self._uploads = self.path / "uploads"
        self._dumps = self.path / "dumps"
        self._flag = self.path / "debug-dump"

    def used(self) -> int:
        """Bytes in use now."""
        return sum(size for directory in (self._uploads, self._dumps) for _, size in _files(directory))

    def store_upload(self, data: bytes) -> str:
        """Keep an upload and let the oldest beyond `MAX_UPLOADS` go; answers its name.

        Raises OSError(ENOSPC) when it does not fit into the budget.
        """
        with self._state.lock("work"):
            name = f"{time.time_ns():020d}-{os.getpid()}.bin"
            if self.used() + len(data) > self.budget:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self._uploads / name))
            self._uploads.mkdir(exist_ok=True)
            (self._uploads / name).write_bytes(data)
            kept = sorted(path for path, _ in _files(self._uploads))
            for path in kept[:-MAX_UPLOADS]:
                path.unlink()
        return name

    def store_dump(self, size: int) -> None:
        """Write one dump file of `size` bytes if dumping is still wanted; what fits, when not all does.

        Raises OSError(ENOSPC) when not all of it fitted.
        """
        with self._state.lock("work"):
            if self.dump_order() is None:
                return
            fits = min(size, max(0, self.budget - self.used()))
            path = self._dumps / f"{time.time_ns():020d}-{os.getpid()}.dump"
            if fits:
                path.parent.mkdir(exist_ok=True)
                with path.open("wb") as file:
                    for offset in range(0, fits, len(BLOCK)):
                        file.write(BLOCK[: fits - offset])
            if fits < size:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    def dump_order(self) -> DumpOrder | None:
        """What the debug-dump flag asks for; None when there is no such flag."""
        content = read_bytes(self._flag)
        if content is None:
            return None
        try:
            return DumpOrder(float(json.loads(content)["bytes_per_second"]))
        except (ValueError, TypeError, KeyError):
            return DumpOrder(0.0)

    def start_dumping(self, bytes_per_second: float) -> None:
        """Leave the debug-dump flag."""
        with self._state.lock("work"):
            write_json(self._flag, {"bytes_per_second": bytes_per_second})

    def clean_up(self) -> Cleaned:
        """Turn debug dumping off and remove all dumps. Safe to repeat."""
        with self._state.lock("work"):
            was_dumping = remove(self._flag)
            dumps = list(_files(self._dumps))
            for path, _ in dumps:
                path.unlink()
        return Cleaned(len(dumps), sum(size for _, size in dumps), was_dumping)

    def has_dumps(self) -> bool:
        """Is any dump file there?"""
        return next(iter(_files(self._dumps)), None) is not None


def _files(directory: Path) -> list[tuple[Path, int]]:
    """The files of a directory and their sizes; one that vanishes meanwhile is not counted."""
    found = []
    try:
        with os.scandir(directory) as entries:
            for entry in entries:
                try:
                    found.append((Path(entry.path), entry.stat().st_size))
                except FileNotFoundError:
                    continue
    except FileNotFoundError:
        return []
    return found
