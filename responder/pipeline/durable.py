"""Durable execution: what a workflow asks of it, and DBOS as the one that keeps it in the database.

A workflow is a function of steps. The result of a step is kept before the next one begins; after a crash
the workflow runs again from the top, and steps that ended answer what they answered before. A step that
was interrupted runs again: each must find out by itself what it already did.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, Protocol, TypeVar

from dbos import DBOS, Serializer, SetWorkflowID, WorkflowStatusString
from sqlalchemy import Engine

from responder.store import StoreUnavailableError

_LOG = logging.getLogger(__name__)

P = ParamSpec("P")
T = TypeVar("T", str, int, dict[str, str])

WORKFLOW_VERSION = "3"
"""Goes up when the order or the names of steps change: what an older version began it also ends."""

QUEUE = "incidents"
_QUEUE_POLL_S = 0.1
_RUNNING = WorkflowStatusString.PENDING.value
_POOL = 10  # connections at most
_TRIES = 4  # of a step that fails, about 3 s in all
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 4.0


class Steps(Protocol):
    """Runs the steps of a workflow."""

    def step(self, name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`, or, after a crash, the result it gave before."""
        ...


class DirectSteps:
    """Runs steps as plain calls and keeps nothing: for tests and as a measure of what durability costs."""

    def step(self, name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`."""
        del name
        return function(*args, **kwargs)


class StopGate:
    """Lets steps begin until it is closed; then whoever comes waits until the process ends.

    Its closing makes an orderly end of the process look to every workflow like a crash between two steps,
    the case it is made for, while actions in flight are waited for. It can also be shut for a while, as
    when the database is away.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._closed = False
        self._shut = False
        self._acting = 0

    def enter(self) -> None:
        """Returns at once while open, waits while shut, and never returns once closed."""
        with self._changed:
            self._changed.wait_for(self._open)

    def shut(self) -> None:
        """Let nothing begin for now."""
        with self._changed:
            self._shut = True

    def reopen(self) -> None:
        """Let steps begin again, unless it is closed."""
        with self._changed:
            self._shut = False
            self._changed.notify_all()

    def _open(self) -> bool:
        return not (self._closed or self._shut)

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Around what should not be cut off in the middle."""
        with self._changed:
            self._changed.wait_for(self._open)
            self._acting += 1
        try:
            yield
        finally:
            with self._changed:
                self._acting -= 1
                self._changed.notify_all()

    def close(self, grace_s: float) -> bool:
        """Close; True when all that was acting has ended within `grace_s` seconds."""
        with self._changed:
            self._closed = True
            return self._changed.wait_for(lambda: self._acting == 0, timeout=grace_s)


class JsonSerializer(Serializer):
    """Workflow inputs and step results as JSON, readable in the database and safe to read back."""

    def name(self) -> str:
        """The format's name as it is kept beside each value."""
        return "aegisops_json"

    def serialize(self, data: Any) -> str:
        """JSON text; an exception becomes its type and message."""
        if isinstance(data, BaseException):
            data = {"error": type(data).__name__, "message": str(data)}
        return json.dumps(data)

    def deserialize(self, serialized_data: str) -> Any:
        """The value; an exception comes back as `StepFailedError`."""
        data = json.loads(serialized_data)
        if isinstance(data, dict) and data.keys() == {"error", "message"}:
            return StepFailedError(f"{data['error']}: {data['message']}")
        return data


class StepFailedError(Exception):
    """A step that failed before a crash, as it is remembered after it."""


def continuation(incident_id: str, attempt: int, rank: int) -> str:
    """The id of the workflow after an approval; no incident can be called so, as a tab is not printable."""
    return f"{incident_id}\t{attempt}.{rank}"


class DbosWorkflows:
    """Runs one workflow an incident, by DBOS, in the database at `database_url`.

    `instance`: this process, among those that share the database. `engine`: to the same database, where DBOS
    should not make one. DBOS keeps its own global state: one object
    of this class at a time.
    """

    def __init__(
        self,
        database_url: str,
        gate: StopGate,
        max_running: int,
        instance: str,
        engine: Engine | None = None,
    ) -> None:
        self._gate = gate
        self._max_running = max_running
        self._run: Callable[[str], str] | None = None
        self._go_on: Callable[[str, int, int], str] | None = None
        self._launched = False
        DBOS(
            config={
                "name": "aegisops-responder",
                "system_database_url": database_url,
                "system_database_engine": engine,
                "application_version": WORKFLOW_VERSION,
                "executor_id": instance,
                "sys_db_pool_size": _POOL,
                "serializer": JsonSerializer(),
                "enable_otlp": False,
                "log_level": "WARNING",
            }
        )

    @property
    def launched(self) -> bool:
        """Workflows run."""
        return self._launched

    def launch(self, workflow: Callable[[str], str], go_on: Callable[[str, int, int], str]) -> None:
        """Begin to run `workflow` for incidents, and `go_on` (incident, attempt, rank) for those that waited
        for a human; first those that a former process left unfinished."""

        def incident(incident_id: str) -> str:  # DBOS marks the function, and a method cannot be marked
            return workflow(incident_id)

        def incident_after_approval(incident_id: str, attempt: int, rank: int) -> str:
            return go_on(incident_id, attempt, rank)

        self._run = DBOS.workflow(name="incident")(incident)
        self._go_on = DBOS.workflow(name="incident after approval")(incident_after_approval)
        DBOS.launch()
        DBOS.register_queue(
            QUEUE,
            worker_concurrency=self._max_running,
            polling_interval_sec=_QUEUE_POLL_S,
            on_conflict="always_update",
        )
        self._launched = True

    def start(self, incident_id: str) -> None:
        """Have the incident worked on; does nothing when it is, was, or waits for its turn."""
        if self._run is None:
            raise RuntimeError("launch before start")
        with SetWorkflowID(incident_id):
            DBOS.enqueue_workflow(QUEUE, self._run, incident_id)

    def resume(self, incident_id: str, attempt: int, rank: int) -> None:
        """Have the incident worked on again where it waited for a human; does nothing when it is already."""
        if self._go_on is None:
            raise RuntimeError("launch before resume")
        with SetWorkflowID(continuation(incident_id, attempt, rank)):
            DBOS.enqueue_workflow(QUEUE, self._go_on, incident_id, attempt, rank)

    def ended(self, workflow_id: str) -> str | None:
        """How a workflow ended (an incident's has its id, or see `continuation`), as DBOS calls it; None
        while it has not or never began."""
        status = DBOS.get_workflow_status(workflow_id)
        running = {
            WorkflowStatusString.PENDING.value,
            WorkflowStatusString.ENQUEUED.value,
            WorkflowStatusString.DELAYED.value,
        }
        return None if status is None or status.status in running else status.status

    def owners(self) -> set[str]:
        """The processes that workflows are, or were last, running in."""
        running = DBOS.list_workflows(status=_RUNNING, load_input=False, load_output=False)
        return {one.executor_id for one in running if one.executor_id is not None}

    def adopt(self, owner: str) -> list[str]:
        """Put what was running in a process that is gone back into the queue, for any; the ids of its
        workflows."""
        ids = [
            one.workflow_id
            for one in DBOS.list_workflows(
                status=_RUNNING, executor_id=owner, load_input=False, load_output=False
            )
        ]
        if ids:
            DBOS.resume_workflows(ids, queue_name=QUEUE)
        return ids

    def step(self, name: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of `function`, kept; tried again a few times when it raises, and for as long as the
        database is away, locked or full."""

        def once_open(*args: P.args, **kwargs: P.kwargs) -> T:
            pause_s = _FIRST_PAUSE_S
            while True:
                self._gate.enter()
                try:
                    return function(*args, **kwargs)
                except StoreUnavailableError as error:
                    _LOG.warning("the step '%s' waits: %s", name, error)
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

        options: Any = {
            "name": name,
            "retries_allowed": True,
            "max_attempts": _TRIES,
            "interval_seconds": 0.4,
        }
        return DBOS.run_step(options, once_open, *args, **kwargs)

    def close(self) -> None:
        """Stop, leaving what runs to be taken up at the next launch."""
        self._launched = False
        DBOS.destroy(destroy_registry=True)
