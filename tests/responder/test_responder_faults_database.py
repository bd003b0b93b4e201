"""The responder while its database is full, locked or away: it says so, and goes on by itself afterwards."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from database_faults import SmallDisk, audit_fault, held_lock
from pipeline_doubles import make_incident
from postgres_server import PostgresServer
from pydantic import TypeAdapter
from responder_process import Acted, FakeDetector, ResponderProcess
from waiting import eventually

from detector import Incident

pytestmark = pytest.mark.e2e

_INCIDENT = TypeAdapter(Incident)
QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.6",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "30",
    "AEGISOPS_RESPONDER_VERIFY_GIVE_UP_S": "20",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
    "AEGISOPS_RESPONDER_STOP_GRACE_S": "4",
}
STOPPED_WITHIN_S = 15.0  # all graces together, and a slow machine


def responder(directory: Path, acted: Acted, detector: FakeDetector, **variables: str) -> ResponderProcess:
    own = {
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_DETECTOR_URL": detector.url,
    }
    return ResponderProcess(directory, **(QUICK | own | variables))


def post(process: ResponderProcess, incident_id: str) -> httpx.Response:
    content = _INCIDENT.dump_json(make_incident(incident_id, service=f"service of {incident_id}"))
    headers = {"content-type": "application/json"}
    return httpx.post(f"{process.url}/detections", content=content, headers=headers, timeout=30)


def assert_refused(answer: httpx.Response, status: int, reason: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) > 0
    detail = answer.json()["detail"]
    assert reason in detail
    assert "send it again" in detail


def is_ready(process: ResponderProcess) -> bool:
    return httpx.get(f"{process.url}/ready", timeout=30).status_code == 200


def warnings(process: ResponderProcess) -> list[str]:
    return [line for line in process.log.splitlines() if " WARNING " in line or " ERROR " in line]


def database_of(directory: Path) -> Path:
    return directory / "data" / "responder.db"


def assert_once_and_sound(process: ResponderProcess, acted: Acted, url: str) -> None:
    record = process.wait_for_end()
    assert record["state"] == "RESOLVED", process.log
    assert acted.lines == ["RESTART"]
    assert [one["outcome"] for one in record["actions"]] == ["succeeded"]
    assert record["timeline"][-1]["at"] >= record["timeline"][0]["at"]
    assert audit_fault(url) is None


def test_a_disk_that_fills_during_an_action_is_said_and_ridden_out(tmp_path: Path) -> None:
    acted = Acted(tmp_path, action_s=1.0)
    with (
        SmallDisk(tmp_path / "data") as disk,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        process.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        disk.fill()
        eventually(lambda: "cannot be written down" in process.log, "the end of the action")
        assert_refused(post(process, "INC-2"), 507, "disk that is full")
        ready = httpx.get(f"{process.url}/ready")
        assert ready.status_code == 503
        assert "disk that is full" in ready.json()["detail"]
        assert httpx.get(f"{process.url}/health").status_code == 200
        assert process.record()["state"] == "EXECUTING"
        assert httpx.get(f"{process.url}/incidents/INC-2").status_code == 404
        disk.clear()
        eventually(lambda: is_ready(process), "that it is ready again")
        assert post(process, "INC-2").status_code == 202
        assert_once_and_sound(process, acted, f"sqlite:///{database_of(tmp_path)}")
        assert process.wait_for_end("INC-2")["state"] == "ESCALATED"
        assert len(warnings(process)) < 40, process.log


def test_an_idle_responder_notices_a_full_disk_when_it_is_asked_whether_it_is_ready(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        SmallDisk(tmp_path / "data") as disk,
        FakeDetector(lambda: True) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        assert is_ready(process)
        disk.fill()
        eventually(lambda: not is_ready(process), "that it is not ready")
        disk.clear()
        eventually(lambda: is_ready(process), "that it is ready again")


def test_an_action_that_cannot_be_written_down_is_not_begun(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        SmallDisk(tmp_path / "data") as disk,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        process.report(make_incident())
        disk.fill()
        eventually(lambda: bool(warnings(process)), "that it notices")
        time.sleep(2.0)  # several further tries
        assert acted.lines == []
        assert "FAILED" not in process.states()
        disk.clear()
        assert_once_and_sound(process, acted, f"sqlite:///{database_of(tmp_path)}")


def test_with_a_full_disk_it_stops_in_time_and_refuses_to_start_until_there_is_room(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        SmallDisk(tmp_path / "data") as disk,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        process.report(make_incident())
        disk.fill()
        eventually(lambda: bool(warnings(process)), "that it notices")
        assert_stops(process)
        process.start()
        assert process.process.wait(timeout=30) == 3, process.log
        assert "make room" in process.log
        disk.clear()
        process.start()
        assert_once_and_sound(process, acted, f"sqlite:///{database_of(tmp_path)}")


def assert_stops(process: ResponderProcess) -> None:
    process.process.send_signal(signal.SIGTERM)
    assert process.process.wait(timeout=STOPPED_WITHIN_S) == 0, process.log


def test_while_another_process_holds_the_lock_it_answers_and_goes_on_after_it(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        process.report(make_incident())
        with held_lock(database_of(tmp_path)), ThreadPoolExecutor(60) as pool:
            # More than the API has threads for: those that would wait in vain do not hold up reading.
            reports = [pool.submit(post, process, f"REFUSED-{number}") for number in range(60)]
            eventually(lambda: any(one.done() for one in reports), "the first refusal")
            assert httpx.get(f"{process.url}/incidents", timeout=30).json()["total"] == 1
            assert not all(one.done() for one in reports)
            for report in reports:
                assert_refused(report.result(), 503, "")
            assert_refused(post(process, "INC-2"), 503, "is locked by another process")
            assert not is_ready(process)
            time.sleep(3.0)
            assert acted.lines == []
            assert "FAILED" not in process.states()
        eventually(lambda: is_ready(process), "that it is ready again")
        assert_once_and_sound(process, acted, f"sqlite:///{database_of(tmp_path)}")
        assert len(warnings(process)) < 40, process.log


def test_a_lock_of_some_seconds_is_waited_for(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
        ThreadPoolExecutor(1) as pool,
    ):
        with held_lock(database_of(tmp_path)):
            report = pool.submit(process.report, make_incident())
            time.sleep(2.0)
            assert not report.done()
        report.result()
        assert_once_and_sound(process, acted, f"sqlite:///{database_of(tmp_path)}")


def test_with_a_lock_that_is_never_given_back_it_stops_in_time(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responder(tmp_path, acted, detector) as process,
    ):
        process.report(make_incident())
        with held_lock(database_of(tmp_path)), ThreadPoolExecutor(1) as pool:
            waiting = pool.submit(post, process, "INC-2")
            time.sleep(1.0)
            assert_stops(process)
            assert waiting.exception() is not None or waiting.result().status_code != 202


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGQUIT], ids=["in order", "as in a crash"])
def test_while_the_database_server_is_away_it_says_so_and_goes_on_after_it(
    tmp_path: Path, stop: signal.Signals
) -> None:
    acted = Acted(tmp_path, action_s=1.0)
    with (
        PostgresServer() as server,
        server.database() as url,
        FakeDetector(lambda: True) as detector,
        responder(tmp_path, acted, detector, AEGISOPS_RESPONDER_DATABASE_URL=url) as process,
    ):
        process.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        server.stop(stop)
        eventually(lambda: "cannot be written down" in process.log, "the end of the action")
        assert_refused(post(process, "INC-2"), 503, "cannot be reached")
        assert_refused(httpx.get(f"{process.url}/incidents", timeout=30), 503, "cannot be reached")
        assert not is_ready(process)
        time.sleep(3.0)
        server.start()
        eventually(lambda: is_ready(process), "that it is ready again")
        assert post(process, "INC-2").status_code == 202
        assert_once_and_sound(process, acted, url)
        assert process.wait_for_end("INC-2")["state"] == "ESCALATED"
        assert len(warnings(process)) < 40, process.log


def test_while_the_database_server_is_away_it_stops_in_time(tmp_path: Path) -> None:
    acted = Acted(tmp_path)
    with PostgresServer() as server, server.database() as url, FakeDetector(lambda: True) as detector:
        with responder(tmp_path, acted, detector, AEGISOPS_RESPONDER_DATABASE_URL=url) as process:
            process.report(make_incident())
            server.stop()
            eventually(lambda: bool(warnings(process)), "that it notices")
            assert_stops(process)
        server.start()
