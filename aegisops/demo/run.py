"""The main job from beginning to end: warm up, inject, watch, judge."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from aegisops.demo.report import FaultResult, fill, judge
from aegisops.demo.screen import Screen
from aegisops.demo.watch import StackView, wait_until
from aegisops.errors import DemoError
from buggy_app.chaos import Chaos

SERVICE = "buggy-app"
WARM_UP_TIMEOUT_S = 90.0
FAULT_TIMEOUT_S = 75.0
CALM_TIMEOUT_S = 60.0
POLL_S = 0.25


@dataclass(slots=True)
class Demo:
    """Runs faults against a stack that is ready."""

    view: StackView
    chaos: Chaos
    screen: Screen

    def warm_up(self) -> None:
        """Returns when the detector has learned what is normal for the app."""

        def failure() -> str:
            health = self.view.health_of(SERVICE)
            heard = "nothing was heard of it" if health is None else f"{health.series_count} series so far"
            return f"the detector was not warm for {SERVICE} in {WARM_UP_TIMEOUT_S:.0f} s ({heard})"

        wait_until(self._calm_and_warm, WARM_UP_TIMEOUT_S, failure)

    def run(self, faults: Sequence[str], variant: str | None = None) -> list[FaultResult]:
        """Injects each fault in turn (in `variant`, None: its usual form) and watches it to its end."""
        results = []
        for fault in faults:
            result = self._one(fault, variant)
            results.append(result)
            self.screen.fault_done(result)
        return results

    def _one(self, fault: str, variant: str | None) -> FaultResult:
        result = FaultResult(fault=fault, injected_at=time.time())
        try:
            wait_until(
                self._calm_and_warm, CALM_TIMEOUT_S, lambda: f"{SERVICE} was not calm before the fault"
            )
            result.injected_at = time.time()
            self.chaos.inject(fault, variant=variant)
            self.screen.fault_injected(result)
            try:
                self._watch(result)
            finally:
                self.chaos.clear(fault)
            self._note_others(result)
            judge(result)
        except DemoError as error:
            result.problem = str(error)
        return result

    def _watch(self, result: FaultResult) -> None:
        """Follows the fault's incident until the responder is done with it, or time is up."""
        deadline = time.monotonic() + FAULT_TIMEOUT_S
        while time.monotonic() < deadline:
            if result.incident_id is None:
                opened = self.view.incidents_since(result.injected_at)
                if opened:
                    fill(result, opened[0])
            else:
                record = self.view.record(result.incident_id)
                fill(result, record)
                self.screen.progress(result, record)
                if record.state.final:
                    return
            time.sleep(POLL_S)

    def _note_others(self, result: FaultResult) -> None:
        """Waits until the detector has closed the incident, then lists what else was raised meanwhile."""
        deadline = time.monotonic() + CALM_TIMEOUT_S
        while self.view.open_incidents() and time.monotonic() < deadline:
            time.sleep(POLL_S)
        result.other_incidents = [
            f"{record.incident.id} {record.incident.type.value}"
            for record in self.view.incidents_since(result.injected_at)
            if record.incident.id != result.incident_id
        ]

    def _calm_and_warm(self) -> bool:
        health = self.view.health_of(SERVICE)
        return (
            health is not None
            and health.warm
            and health.reporting
            and health.open_incident is None
            and not self.view.open_incidents()
        )
