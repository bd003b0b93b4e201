"""What a responder is called among those that share a database, and whether one of them surely has died."""

import hashlib
import os
import re
import secrets
from pathlib import Path

import psutil

SINGLE = "responder"
"""The name of the only responder on a database that is never shared: it finds its own work again by it."""

_NAME = re.compile(r"(?P<place>[0-9a-f]{12})-(?P<pid>\d+)-[0-9a-f]{8}")


def new_instance() -> str:
    """A name for this process: where its process id means something, the process id, and chance."""
    return f"{_place()}-{os.getpid()}-{secrets.token_hex(4)}"


def surely_dead(instance: str | None) -> bool:
    """No process of that name can be doing anything any more.

    False also where that cannot be told from here: on another machine, in another container.
    """
    found = _NAME.fullmatch(instance or "")
    if found is None:
        return True  # of a database that one process at a time has open
    return found["place"] == _place() and not _acts(int(found["pid"]))


def _acts(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _place() -> str:
    """The same for processes that see each other's process ids: this boot of this kernel, this namespace."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        boot, namespace = secrets.token_hex(16), ""  # elsewhere than on Linux nobody can tell
    return hashlib.sha256(f"{boot} {namespace}".encode()).hexdigest()[:12]
