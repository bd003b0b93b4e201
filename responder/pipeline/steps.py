"""The steps of the pipeline: they read the store, ask a room, and write down what came of it.

Each writes under a key of its own, so that running it again after a crash changes nothing; what it answers
only says how to go on.
"""

from collections.abc import Callable

from responder.approval import Approvals
from responder.audit import AuditTrail
from responder.pipeline.acting import Acting
from responder.pipeline.case_files import CaseFiles, StepsConfig
from responder.pipeline.deciding import Deciding
from responder.pipeline.durable import StopGate
from responder.pipeline.ending import Ending
from responder.pipeline.execution import Execution
from responder.pipeline.permitting import Permitting
from responder.pipeline.rooms import Rooms
from responder.pipeline.undoing import Undoing
from responder.store import Store
from responder.telemetry import PipelineMetrics, Stages


class PipelineSteps:
    """All steps, on the same store, as the responder `instance`. `clock` gives seconds since the epoch,
    `sleep` waits."""

    def __init__(
        self,
        *,
        config: StepsConfig,
        store: Store,
        rooms: Rooms,
        stages: Stages,
        metrics: PipelineMetrics,
        gate: StopGate,
        instance: str,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        files = CaseFiles(
            config=config,
            store=store,
            rooms=rooms,
            stages=stages,
            metrics=metrics,
            clock=clock,
            approvals=Approvals(store.database),
            trail=AuditTrail(store.database, clock),
        )
        self.deciding = Deciding(files, sleep)
        self.permitting = Permitting(files)
        execution = Execution(rooms.remedies, store.journal, gate, instance, clock=clock, sleep=sleep)
        self.acting = Acting(files, self.permitting, execution)
        self.ending = Ending(files)
        self.undoing = Undoing(files, execution)
