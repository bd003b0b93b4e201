"""Kills a replica that uses more memory than it may, as systemd-oomd or a cgroup's limit would.

Why a guard: RLIMIT_AS and RLIMIT_DATA make allocations fail and kill nobody, RLIMIT_RSS does nothing
on Linux, and a cgroup of one's own needs root or a session that delegates one.
"""

import os
import signal
import sys
import threading
from collections.abc import Mapping

import psutil

from buggy_app.replica_registry import ReplicaRegistry, runs
from buggy_app.settings import SettingsError, load_settings
from buggy_app.state_directory import StateDirectory, StateDirectoryError

INTERVAL_S = 0.1


def kill_oversized(registry: ReplicaRegistry, limit: int) -> list[tuple[int, int]]:
    """Kill every replica whose resident memory exceeds `limit` bytes; answers (pid, bytes) of each."""
    killed = []
    for replica in registry.alive():
        try:
            process = psutil.Process(replica.pid)
            resident = process.memory_info().rss
            if resident > limit and runs(replica):
                process.kill()
                killed.append((replica.pid, resident))
        except psutil.NoSuchProcess:
            continue
    return killed


def run(environ: Mapping[str, str]) -> int:
    """Watch until told to stop; answers the exit code."""
    try:
        settings = load_settings(environ)
        state = StateDirectory(settings.state_dir)
        state.prepare()
    except (SettingsError, StateDirectoryError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a program that cannot start says why
        return 2
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    registry = ReplicaRegistry(state)
    while not stop.wait(INTERVAL_S):
        for pid, resident in kill_oversized(registry, settings.memory_limit_bytes):
            line = f"out of memory: killed process {pid}, {resident} of {settings.memory_limit_bytes} bytes"
            print(line, flush=True)  # noqa: T201 - the guard's log
    return 0


if __name__ == "__main__":
    raise SystemExit(run(os.environ))
