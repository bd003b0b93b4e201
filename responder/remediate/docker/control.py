"""What the steps for Docker have in common: waiting until containers are really up."""

from collections.abc import Iterable
from dataclasses import dataclass

from responder.remediate.docker.engine import Container, EngineSession
from responder.remediate.step_error import StepError
from responder.remediate.time_limit import TimeLimit

_POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class ContainerControl:
    """Methods raise `StepError`.

    `kill_after_s`: how long a container may take to stop before SIGKILL. `up_for_s`: how long one without a
    health check must run to be up.
    """

    engine: EngineSession
    limit: TimeLimit
    kill_after_s: int
    up_for_s: float

    def restart(self, containers: Iterable[Container]) -> None:
        """Restart, and wait until all are up."""
        chosen = list(containers)
        for container in chosen:
            self.engine.restart(container.id, self.kill_after_s)
        self.await_up([c.id for c in chosen])

    def stop_and_remove(self, containers: Iterable[Container]) -> None:
        """Stop, and remove with what was stored in it alone."""
        for container in containers:
            self.engine.stop(container.id, self.kill_after_s)
            self.engine.remove(container.id)

    def await_up(self, ids: Iterable[str]) -> None:
        """Returns when all are healthy or have run for a while; raises as soon as one will not be."""
        began = self.limit.monotonic()
        starts: dict[str, str] = {}
        waiting = list(ids)
        while waiting:
            late = []
            for id_ in waiting:
                now = self.engine.container(id_)
                if now is None:
                    raise StepError(f"container {id_[:12]} is gone")
                _require_hope(now, starts.setdefault(id_, now.started_at))
                if not self._is_up(now, began):
                    late.append(now)
            if late and self.limit.over:
                raise StepError(f"{names(late)} not up within {self.limit.seconds:g} s")
            waiting = [c.id for c in late]
            if waiting:
                self.limit.sleep(_POLL_S)

    def _is_up(self, container: Container, began: float) -> bool:
        if container.health:
            return container.health == "healthy"
        return container.status == "running" and self.limit.monotonic() - began >= self.up_for_s


def names(containers: Iterable[Container]) -> str:
    """Their names, for people."""
    return ", ".join(c.name for c in containers)


def _require_hope(container: Container, started_at: str) -> None:
    if container.status != "running":
        memory = ", out of memory" if container.oom_killed else ""
        raise StepError(
            f"{container.name} did not stay up: {container.status}, exit status {container.exit_code}{memory}"
        )
    if container.started_at != started_at:
        raise StepError(f"{container.name} did not stay up: it ended and was started again")
    if container.health == "unhealthy":
        raise StepError(f"{container.name} runs, but its health check fails")
