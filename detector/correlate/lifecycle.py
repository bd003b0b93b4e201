"""Coming and going of services and their processes: silence, restarts, deaths. Read from heartbeats."""

from collections import deque
from dataclasses import dataclass, field

from detector.series import Heartbeat, LogNotice

FATAL = 21
"""OTLP severity number from which a log record speaks of a crash."""


@dataclass(frozen=True, slots=True)
class LifecycleConfig:
    """When silence and restarts count. Intervals are of the service's own usual export interval."""

    silent_intervals: float = 3.0
    silent_min_s: float = 2.5
    gone_intervals: float = 6.0
    gone_min_s: float = 6.0
    known_for_s: float = 20.0  # a service heard for less than this may come and go as it likes
    restart_window_s: float = 60.0
    short_life_s: float = 20.0
    start_up_s: float = 3.0
    starting_s: float = 10.0  # a fatal log line this soon after a start is a failed start
    forget_instance_s: float = 120.0


@dataclass(slots=True)
class Process:
    """One run of one instance. `began`, `heard`, `fatal_at`: receiver's clock."""

    slot: int
    name: str
    began: float
    heard: float
    saw_start: bool
    pid: int | None = None
    version: str = ""
    started_at: float | None = None
    interval: float = 0.0
    fatal_at: float | None = None
    fatal_in_start: bool = False


@dataclass(frozen=True, slots=True)
class Restart:
    """A process took another's place. `lived_s`: how long the one before was heard.

    `versions`: the `service.version` of both where they differ and both are known.
    """

    at: float
    slot: int
    instance: str
    lived_s: float
    started_before: float | None
    versions: tuple[str, str] | None = None


@dataclass(slots=True)
class ServiceLife:
    """The processes of one service, and what became of those before them."""

    config: LifecycleConfig
    first_heard: float
    last_heard: float
    processes: dict[int, Process] = field(default_factory=dict)
    restarts: deque[Restart] = field(default_factory=lambda: deque(maxlen=32))
    fatal_logs: deque[tuple[float, LogNotice, bool]] = field(default_factory=lambda: deque(maxlen=16))
    gone: list[int] = field(default_factory=list)  # instances whose process ended: to be forgotten by others
    _ended_pids: dict[int, deque[int]] = field(default_factory=dict)
    _shared: set[int] = field(default_factory=set)  # instance names that several processes use at once

    @property
    def interval(self) -> float:
        """The usual time between two signs of life of one process, seconds (0 while unknown)."""
        return max((p.interval for p in self.processes.values()), default=0.0)

    def hear(self, heartbeat: Heartbeat, slot: int, now: float) -> None:
        """A process was heard from."""
        self.last_heard = now
        process = self.processes.get(slot)
        if process is None:
            self._start(heartbeat, slot, now)
            return
        if self._is_another(process, heartbeat, now):
            self._restart(process, heartbeat, now)
            return
        gap = now - process.heard
        if gap > 0.05:
            longest = 3.0 * process.interval if process.interval else gap
            process.interval = max(min(gap, longest), 0.95 * process.interval)
        process.heard = now
        process.pid = process.pid or heartbeat.pid
        process.version = process.version or heartbeat.version
        if heartbeat.started_at is not None and process.started_at is not None:
            self._undo_if_alive(process, heartbeat.started_at, now)
            process.started_at = min(process.started_at, heartbeat.started_at)
        else:
            process.started_at = process.started_at or heartbeat.started_at

    def hear_log(self, log: LogNotice, slot: int, now: float) -> None:
        """A process wrote an error; it is remembered if it speaks of a crash."""
        process = self.processes.get(slot)
        if log.severity < FATAL:
            return
        in_start = process is not None and process.saw_start and now - process.began < self.config.starting_s
        if process is not None:
            process.fatal_at, process.fatal_in_start = now, in_start
        self.fatal_logs.append((now, log, in_start))

    def reporting(self, now: float) -> bool:
        """Whether some process of the service was heard lately."""
        return now - self.last_heard < self.silence_s

    def silent(self, now: float) -> bool:
        """Silent for longer than its usual pauses."""
        return self._known() and now - self.last_heard >= self.silence_s

    def gone_quiet(self, now: float) -> bool:
        """Silent for so long that this alone is a fault."""
        least = max(self.config.gone_intervals * self.interval, self.config.gone_min_s)
        return self._known() and now - self.last_heard >= least

    def quiet_instances(self, now: float) -> list[Process]:
        """Processes that fell silent while others report."""
        least = max(self.config.gone_intervals * self.interval, self.config.gone_min_s)
        return [p for p in self.processes.values() if now - p.heard >= least]

    def live(self, now: float) -> list[Process]:
        """Processes heard lately."""
        return [p for p in self.processes.values() if now - p.heard < 2.0 * self.silence_s]

    def starting(self, now: float) -> bool:
        """Whether some process has just started, or has not had the time yet to show how it is."""
        settling = self.config.start_up_s + 1.5 * self.interval
        return any(p.saw_start and now - p.began < settling for p in self.processes.values())

    def recent_restarts(self, now: float) -> list[Restart]:
        """Restarts within the window."""
        return [r for r in self.restarts if now - r.at < self.config.restart_window_s]

    def died_of_fatal(self, now: float) -> bool:
        """Whether a process wrote a fatal log line and then fell silent."""
        quiet = self.silence_s
        return any(
            p.fatal_at is not None and now - p.heard >= quiet and p.heard - p.fatal_at < quiet
            for p in self.processes.values()
        )

    def forgive(self, until: float) -> None:
        """An incident is over: the restarts and crashes up to `until` are not held against the service."""
        for restart in [r for r in self.restarts if r.at <= until]:
            self.restarts.remove(restart)
        for fatal in [f for f in self.fatal_logs if f[0] <= until]:
            self.fatal_logs.remove(fatal)
        for process in self.processes.values():
            if process.fatal_at is not None and process.fatal_at <= until:
                process.fatal_at = None

    def sweep(self, now: float) -> None:
        """Forget processes long silent while others report."""
        if not self.reporting(now):
            return
        for slot, process in list(self.processes.items()):
            if now - process.heard > self.config.forget_instance_s:
                del self.processes[slot]
                self._ended_pids.pop(slot, None)
                self._shared.discard(slot)
                self.gone.append(slot)

    @property
    def silence_s(self) -> float:
        """How long a silence must last to be one, seconds."""
        return max(self.config.silent_intervals * self.interval, self.config.silent_min_s)

    def _known(self) -> bool:
        return self.last_heard - self.first_heard >= self.config.known_for_s and self.interval > 0

    def _start(self, heartbeat: Heartbeat, slot: int, now: float) -> None:
        """An instance not heard before: it takes the place of one that fell silent, or comes in addition."""
        usual = self.interval
        saw_start = bool(self.processes) or (
            heartbeat.started_at is not None
            and 0.0 <= heartbeat.time - heartbeat.started_at < self.config.starting_s
        )
        for other in sorted(self.processes.values(), key=lambda p: p.heard):
            quiet_for = now - other.heard
            if max(2.0 * usual, 1.5) < quiet_for < self.config.restart_window_s:
                self._note_restart(other, heartbeat, now)
                del self.processes[other.slot]
                self.gone.append(other.slot)
                break
        self.processes[slot] = Process(
            slot=slot,
            name=heartbeat.instance.name,
            began=now,
            heard=now,
            saw_start=saw_start,
            pid=heartbeat.pid,
            version=heartbeat.version,
            started_at=heartbeat.started_at,
            interval=usual,
        )

    def _is_another(self, process: Process, heartbeat: Heartbeat, now: float) -> bool:
        if process.slot in self._shared:
            return False
        if heartbeat.pid is not None and process.pid is not None:
            return heartbeat.pid != process.pid and not self._is_shared(process.slot, heartbeat.pid)
        if heartbeat.started_at is None or process.started_at is None:
            return False
        return heartbeat.started_at > process.started_at + 0.5 and heartbeat.started_at > (
            heartbeat.time - (now - process.heard) - 0.1
        )

    def _is_shared(self, slot: int, pid: int) -> bool:
        """A process thought to have ended reports again: two processes go by one name."""
        if pid not in self._ended_pids.get(slot, ()):
            return False
        self._shared.add(slot)
        kept = [r for r in self.restarts if r.slot != slot]
        self.restarts.clear()
        self.restarts.extend(kept)
        return True

    def _restart(self, process: Process, heartbeat: Heartbeat, now: float) -> None:
        self._note_restart(process, heartbeat, now)
        self.gone.append(process.slot)
        if process.pid is not None:
            self._ended_pids.setdefault(process.slot, deque(maxlen=16)).append(process.pid)
        self.processes[process.slot] = Process(
            slot=process.slot,
            name=process.name,
            began=now,
            heard=now,
            saw_start=True,
            pid=heartbeat.pid,
            version=heartbeat.version,
            started_at=heartbeat.started_at,
            interval=process.interval,
        )

    def _note_restart(self, process: Process, heartbeat: Heartbeat, now: float) -> None:
        lived = process.heard - process.began if process.saw_start else float("inf")
        before, after = process.version, heartbeat.version
        versions = (before, after) if before and after and before != after else None
        self.restarts.append(Restart(now, process.slot, process.name, lived, process.started_at, versions))

    def _undo_if_alive(self, process: Process, started_at: float, now: float) -> None:
        """The older start is reported again: counters began late, the process never ended."""
        if started_at > (process.started_at or 0.0) - 0.5 or not self.restarts:
            return
        last = self.restarts[-1]
        same = last.started_before is not None and abs(last.started_before - started_at) < 0.5
        if last.slot == process.slot and same and now - last.at < self.config.restart_window_s:
            self.restarts.pop()
            process.began, process.saw_start = self.first_heard, False
