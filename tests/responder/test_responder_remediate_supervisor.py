"""The supervisord executor against a real supervisord."""

import os
import signal
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError
from supervisord_process import DEAF, POISONED, STEADY, UNTIL_MARKED, Program, Supervisord, supervisord

from responder.incident_record import ActionOutcome
from responder.remediate.executor import ActionResult, DryRun, StepOutcome
from responder.remediate.supervisor.executor import SupervisorExecutor
from responder.remediate.supervisor.rpc import SupervisorClient
from responder.remediate.supervisor.step import Operation, SupervisorConnection, SupervisorStep


def step(**fields: Any) -> Operation:
    adapter: TypeAdapter[Operation] = TypeAdapter(SupervisorStep)
    return adapter.validate_python(fields)


def perform(daemon: Supervisord, **fields: Any) -> ActionResult:
    return SupervisorExecutor(daemon.client).perform(step(**fields), "key")


def replicas(count: int, running: int, group: str = "app") -> list[Program]:
    return [Program(f"{group}-{i}", autostart=i < running, group=group) for i in range(count)]


def test_restart_gives_a_new_process() -> None:
    with supervisord(Program("web")) as daemon:
        daemon.wait_for("web", "RUNNING")
        before = daemon.info("web:web")
        result = perform(daemon, operation="restart", program="web")
        after = daemon.info("web:web")
    assert result == ActionResult(ActionOutcome.SUCCEEDED, "restarted web:web")
    assert after.state.name == "RUNNING"
    assert after.pid not in (0, before.pid)


def test_restart_of_a_group_leaves_stopped_replicas_stopped() -> None:
    with supervisord(*replicas(3, running=2), Program("other")) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        daemon.wait_for("other", "RUNNING")
        before = {p.name: p.pid for p in daemon.client.processes()}
        result = perform(daemon, operation="restart", program="app:*")
        after = {p.name: p.pid for p in daemon.client.processes()}
        states = daemon.states()
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert states == {"app-0": "RUNNING", "app-1": "RUNNING", "app-2": "STOPPED", "other": "RUNNING"}
    assert after["app-0"] != before["app-0"]
    assert after["app-1"] != before["app-1"]
    assert after["other"] == before["other"]


def test_restart_of_one_of_a_group_leaves_its_siblings_alone() -> None:
    with supervisord(*replicas(2, running=2)) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        before = daemon.info("app:app-0").pid
        result = perform(daemon, operation="restart", program="app:app-1")
        assert daemon.info("app:app-0").pid == before
    assert result.detail == "restarted app:app-1"


def test_restart_starts_the_first_where_none_is_wanted() -> None:
    with supervisord(*replicas(2, running=0)) as daemon:
        result = perform(daemon, operation="restart", program="app:*")
        states = daemon.states()
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert states == {"app-0": "RUNNING", "app-1": "STOPPED"}


def test_restart_mends_a_program_that_had_given_up() -> None:
    programs = [Program("web", UNTIL_MARKED, startsecs=1, autostart=False, options="startretries=0")]
    with supervisord(*programs) as daemon:
        poison = daemon.directory / "poison"
        poison.touch()
        daemon.client.start("web:web")
        daemon.wait_for("web", "FATAL")
        poison.unlink()
        result = perform(daemon, operation="restart", program="web")
        states = daemon.states()
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert states == {"web": "RUNNING"}


def test_restart_of_a_poisoned_program_fails_with_the_reason() -> None:
    with supervisord(Program("web", POISONED, startsecs=1, options="startretries=50")) as daemon:
        daemon.wait_for("web", "BACKOFF")
        result = perform(daemon, operation="restart", program="web")
    assert result.outcome is ActionOutcome.FAILED
    assert "web:web is BACKOFF: Exited too quickly" in result.detail


def test_restart_stops_at_the_first_failure_and_leaves_the_rest_running() -> None:
    programs = [
        Program("app-0", UNTIL_MARKED, startsecs=1, group="app"),
        Program("app-1", UNTIL_MARKED, startsecs=1, group="app"),
    ]
    with supervisord(*programs) as daemon:
        daemon.wait_for("app-0", "RUNNING")
        daemon.wait_for("app-1", "RUNNING")
        before = daemon.info("app:app-1").pid
        (daemon.directory / "poison").touch()
        result = perform(daemon, operation="restart", program="app:*")
        after = daemon.info("app:app-1")
    assert result.outcome is ActionOutcome.FAILED
    assert (after.pid, after.state.name) == (before, "RUNNING")


def test_restart_kills_a_process_that_does_not_stop() -> None:
    with supervisord(Program("web", DEAF)) as daemon:
        daemon.wait_for_file("deaf")
        before = daemon.info("web:web").pid
        result = perform(daemon, operation="restart", program="web", kill_after_s=0.2)
        after = daemon.info("web:web")
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert after.pid not in (0, before)


def test_restart_starts_what_it_stopped_even_when_its_time_is_over() -> None:
    with supervisord(Program("web", startsecs=1)) as daemon:
        daemon.wait_for("web", "RUNNING")
        result = perform(daemon, operation="restart", program="web", timeout_s=0.1)
        daemon.wait_for("web", "RUNNING")
    assert result == ActionResult(ActionOutcome.FAILED, "web:web not RUNNING within 0.1 s")


def test_a_command_that_does_not_exist_is_a_failure_that_names_it() -> None:
    programs = [Program("web", autostart=False, options="command=/nowhere/at/all")]
    with supervisord(*programs) as daemon:
        result = perform(daemon, operation="start", program="web")
    assert result.outcome is ActionOutcome.FAILED
    assert "/nowhere/at/all" in result.detail


def test_an_unknown_program_fails_and_says_which_there_are() -> None:
    with supervisord(Program("web", autostart=False)) as daemon:
        result = perform(daemon, operation="restart", program="wbe")
    assert result.outcome is ActionOutcome.FAILED
    assert "knows no 'wbe'" in result.detail
    assert "web:web" in result.detail


def test_start_and_stop_do_what_they_say_and_may_be_repeated() -> None:
    with supervisord(Program("web", autostart=False)) as daemon:
        outcomes = []
        states = []
        for operation in ("start", "start", "stop", "stop"):
            outcomes.append(perform(daemon, operation=operation, program="web").outcome)
            states.append(daemon.states()["web"])
    assert outcomes == [ActionOutcome.SUCCEEDED] * 4
    assert states == ["RUNNING", "RUNNING", "STOPPED", "STOPPED"]


def test_scale_up_starts_the_next_replicas_up_to_the_maximum() -> None:
    with supervisord(*replicas(12, running=2)) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        first = perform(daemon, operation="scale_up", group="app", by=8, max_replicas=11)
        running = [p.name for p in daemon.client.processes() if p.state.name == "RUNNING"]
        second = perform(daemon, operation="scale_up", group="app", by=2, max_replicas=11)
        third = perform(daemon, operation="scale_up", group="app", by=2, max_replicas=11)
    assert sorted(running) == sorted(f"app-{i}" for i in range(10))
    assert first.outcome is ActionOutcome.SUCCEEDED
    assert second == ActionResult(ActionOutcome.SUCCEEDED, "started app:app-10, now 11 replicas")
    assert third == ActionResult(ActionOutcome.REFUSED, "11 replicas run, max_replicas is 11")


def test_scale_up_without_a_stopped_program_fails() -> None:
    with supervisord(*replicas(1, running=1)) as daemon:
        daemon.wait_for("app-0", "RUNNING")
        result = perform(daemon, operation="scale_up", group="app", max_replicas=4)
    assert result.outcome is ActionOutcome.FAILED
    assert "no stopped program is left in group 'app'" in result.detail


def test_scale_down_stops_the_last_started_and_keeps_the_minimum() -> None:
    with supervisord(*replicas(3, running=3)) as daemon:
        daemon.wait_for("app-2", "RUNNING")
        first = perform(daemon, operation="scale_down", group="app", by=5, min_replicas=1)
        states = daemon.states()
        second = perform(daemon, operation="scale_down", group="app")
    assert first.outcome is ActionOutcome.SUCCEEDED
    assert states == {"app-0": "RUNNING", "app-1": "STOPPED", "app-2": "STOPPED"}
    assert second == ActionResult(ActionOutcome.REFUSED, "1 replicas run, min_replicas is 1")


def test_already_done_tells_a_restart_from_none() -> None:
    with supervisord(*replicas(2, running=2)) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        restart = step(operation="restart", program="app:*")
        prior = executor.observe(restart)
        before = executor.already_done(restart, prior)
        executor.perform(restart, "key")
        after = executor.already_done(restart, prior)
    assert (before, after) == (StepOutcome.NOT_DONE, StepOutcome.DONE)


def test_an_interrupted_restart_is_finished_and_not_repeated() -> None:
    with supervisord(*replicas(3, running=3)) as daemon:
        daemon.wait_for("app-2", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        restart = step(operation="restart", program="app:*")
        prior = executor.observe(restart)
        executor.perform(step(operation="restart", program="app:app-0"), "key")
        daemon.client.stop("app:app-1")  # the crash came between this stop and its start
        daemon.wait_for("app-1", "STOPPED")
        first, third = daemon.info("app:app-0").pid, daemon.info("app:app-2").pid
        before = executor.already_done(restart, prior)
        result = executor.perform(restart, "key", prior)
        after = executor.already_done(restart, prior)
        assert daemon.info("app:app-0").pid == first
        assert daemon.info("app:app-2").pid != third
        assert set(daemon.states().values()) == {"RUNNING"}
    assert (before, after) == (StepOutcome.NOT_DONE, StepOutcome.DONE)
    assert result == ActionResult(ActionOutcome.SUCCEEDED, "restarted app:app-1, app:app-2")


def test_an_interrupted_scale_up_goes_no_further_than_it_was_meant_to() -> None:
    with supervisord(*replicas(6, running=1)) as daemon:
        daemon.wait_for("app-0", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        scale = step(operation="scale_up", group="app", by=2, max_replicas=6)
        prior = executor.observe(scale)
        daemon.client.start("app:app-1")
        daemon.wait_for("app-1", "RUNNING")
        before = executor.already_done(scale, prior)
        executor.perform(scale, "key", prior)
        after = executor.already_done(scale, prior)
        running = [name for name, state in daemon.states().items() if state == "RUNNING"]
    assert (before, after) == (StepOutcome.NOT_DONE, StepOutcome.DONE)
    assert len(running) == 3


def test_a_crash_loop_that_restarts_by_itself_leaves_doubt() -> None:
    with supervisord(Program("web", POISONED, startsecs=1, options="startretries=50")) as daemon:
        daemon.wait_for("web", "BACKOFF")
        executor = SupervisorExecutor(daemon.client)
        restart = step(operation="restart", program="web")
        prior = {"web:web": "BACKOFF 0 1"}  # an earlier try of supervisord's own
        answer = executor.already_done(restart, prior)
    assert answer is StepOutcome.UNKNOWN


def test_a_process_killed_and_revived_counts_as_restarted() -> None:
    with supervisord(Program("web", STEADY)) as daemon:
        daemon.wait_for("web", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        restart = step(operation="restart", program="web")
        prior = executor.observe(restart)
        pid = daemon.info("web:web").pid
        os.kill(pid, signal.SIGKILL)
        daemon.wait_until(lambda: daemon.info("web:web").pid not in (0, pid))
        answer = executor.already_done(restart, prior)
    assert answer is StepOutcome.DONE


def test_a_dry_run_names_what_would_be_touched_and_touches_nothing() -> None:
    with supervisord(*replicas(3, running=2)) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        before = daemon.client.processes()
        up = executor.dry_run(step(operation="scale_up", group="app", by=5, max_replicas=9))
        full = executor.dry_run(step(operation="scale_up", group="app", max_replicas=2))
        start = executor.dry_run(step(operation="start", program="app:app-0"))
        unknown = executor.dry_run(step(operation="restart", program="wbe"))
        after = daemon.client.processes()
    assert before == after
    assert up == DryRun(True, "would start app:app-2, now 3 replicas")
    assert full == DryRun(False, "2 replicas run, max_replicas is 2")
    assert start == DryRun(True, "would do nothing: all were running already")
    assert not unknown.possible


@pytest.mark.parametrize(
    "scale",
    [
        {"operation": "scale_up", "group": "app", "by": 1, "max_replicas": 4},
        {"operation": "scale_down", "group": "app", "by": 1},
        {"operation": "start", "program": "app:*"},
        {"operation": "stop", "program": "app:*"},
    ],
    ids=lambda scale: scale["operation"],
)
def test_what_is_taken_back_is_what_the_step_did(scale: dict[str, object]) -> None:
    with supervisord(*replicas(4, running=2)) as daemon:
        daemon.wait_for("app-1", "RUNNING")
        executor = SupervisorExecutor(daemon.client)
        before = daemon.states()
        prior = executor.observe(step(**scale))
        executor.perform(step(**scale), "key")
        between = daemon.states()
        outcomes = [executor.undo(step(**scale), prior, "undo").outcome for _ in range(2)]
        after = daemon.states()
    assert between != before
    assert after == before
    assert outcomes == [ActionOutcome.SUCCEEDED, ActionOutcome.SUCCEEDED]


def test_a_restart_cannot_be_taken_back() -> None:
    executor = SupervisorExecutor(SupervisorClient("unix:///tmp/no-supervisord-here.sock"))
    assert not executor.can_undo(step(operation="restart", program="web"))


def test_no_supervisord_is_an_answer_and_not_an_error() -> None:
    executor = SupervisorExecutor(SupervisorClient("unix:///tmp/no-supervisord-here.sock"))
    restart = step(operation="restart", program="web")
    prior = executor.observe(restart)
    result = executor.perform(restart, "key")
    assert executor.already_done(restart, prior) is StepOutcome.UNKNOWN
    assert result.outcome is ActionOutcome.FAILED
    assert "does not answer" in result.detail


@pytest.mark.parametrize(
    "url", ["unix://relative.sock", "https://x", "/tmp/s", "http://", "unix:///" + "a" * 120]
)
def test_a_connection_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValidationError):
        SupervisorConnection(url=url)
