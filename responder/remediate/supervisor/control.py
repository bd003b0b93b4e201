"""Stopping and starting supervisord's processes, and waiting until that has really happened."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from responder.remediate.step_error import StepError
from responder.remediate.supervisor.rpc import ProcessInfo, ProcessState, SupervisorClient, SupervisorError
from responder.remediate.time_limit import TimeLimit

_POLL_S = 0.05
_AFTER_KILL_S = 3.0


@dataclass(frozen=True, slots=True)
class ProcessControl:
    """Methods raise `StepError`.

    `limit`: for all starts together. `kill_after_s`: how long a process may take to stop before SIGKILL.
    """

    client: SupervisorClient
    limit: TimeLimit
    kill_after_s: float

    def restart(self, processes: Sequence[ProcessInfo]) -> None:
        """Stop and start, together. What was stopped is started even when the time is over."""
        self.stop(processes)
        self.start(processes)

    def stop(self, processes: Sequence[ProcessInfo]) -> None:
        """Stop, with SIGKILL for what does not; returns when all are gone."""
        for process in processes:
            self.client.stop(process.full_name)
        remaining = self._wait_gone(processes, self.kill_after_s)
        for process in remaining:
            self.client.kill(process.full_name)
        if remaining and (stuck := self._wait_gone(remaining, _AFTER_KILL_S)):
            raise StepError(f"{_names(stuck)} did not stop, not even by SIGKILL")

    def start(self, processes: Sequence[ProcessInfo]) -> None:
        """Start; returns when all are RUNNING, and raises with the reason as soon as one will not be."""
        refusals = []
        for process in processes:
            try:
                self.client.start(process.full_name)
            except SupervisorError as error:
                if error.fault is None:
                    raise
                refusals.append(f"{process.full_name} did not start: {error}{self._spawn_error(process)}")
        if refusals:
            raise StepError("; ".join(refusals))
        self._await_running({p.full_name for p in processes})

    def _await_running(self, names: Collection[str]) -> None:
        waiting = frozenset({ProcessState.STARTING, ProcessState.STOPPING})
        while True:
            now = [p for p in self.client.processes() if p.full_name in names]
            failed = [p for p in now if p.state not in waiting and p.state is not ProcessState.RUNNING]
            if failed:
                raise StepError("; ".join(_why_not_running(p) for p in failed))
            starting = [p for p in now if p.state in waiting]
            if not starting:
                return
            if self.limit.over:
                raise StepError(f"{_names(starting)} not RUNNING within {self.limit.seconds:g} s")
            self.limit.sleep(_POLL_S)

    def _wait_gone(self, processes: Sequence[ProcessInfo], patience_s: float) -> list[ProcessInfo]:
        """Those of `processes` whose old process (by pid) is still there after `patience_s`."""
        deadline = self.limit.monotonic() + patience_s
        while True:
            pids = {p.full_name: p.pid for p in self.client.processes()}
            remaining = [p for p in processes if p.pid and pids.get(p.full_name) == p.pid]
            if not remaining or self.limit.monotonic() >= deadline:
                return remaining
            self.limit.sleep(_POLL_S)

    def _spawn_error(self, process: ProcessInfo) -> str:
        errors = [p.spawn_error for p in self.client.processes() if p.full_name == process.full_name]
        return f" ({errors[0]})" if errors and errors[0] else ""


def _why_not_running(process: ProcessInfo) -> str:
    reason = f": {process.spawn_error}" if process.spawn_error else ""
    return f"{process.full_name} is {process.state.name}{reason}"


def _names(processes: Sequence[ProcessInfo]) -> str:
    return ", ".join(p.full_name for p in processes)
