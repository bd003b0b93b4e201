"""Faults of what a responder's database lies on: a disk that is full, a lock that another process holds."""

import errno
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from responder.audit import AuditTrail
from responder.store import Database


class SmallDisk:
    """A file system of its own at `place`, a few MiB in memory; skips the test where none can be mounted."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._ballast = place / "ballast"

    def __enter__(self) -> "SmallDisk":
        self._place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(self._place)]
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"needs a file system of its own, which only root may mount: {done.stderr.strip()}")
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["umount", "--lazy", str(self._place)], check=True)

    def fill(self) -> None:
        """Leave no room at all."""
        with self._ballast.open("ab", buffering=0) as ballast:
            for size in (2**16, 2**12, 1):
                while _wrote(ballast, size):
                    pass

    def clear(self) -> None:
        """Give the room back."""
        self._ballast.unlink()


def _wrote(file: IO[bytes], size: int) -> bool:
    try:
        return bool(file.write(b"\0" * size))
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


@contextmanager
def held_lock(database: Path) -> Iterator[None]:
    """Hold the write lock of a SQLite database, as a backup or a person at a prompt may."""
    connection = sqlite3.connect(database, isolation_level=None)
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")
    finally:
        connection.close()


def audit_fault(url: str) -> str | None:
    """What is wrong with the audit trail in the database at `url`."""
    database = Database(url, "AEGISOPS_RESPONDER_DATABASE_URL")
    try:
        return AuditTrail(database, lambda: 0.0).check().fault
    finally:
        database.close()
