"""Several responders as real processes on one PostgreSQL: one queue, one owner an incident, take-over."""

import json
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from pipeline_doubles import make_incident
from postgres_server import PostgresServer
from responder_process import SCRIPT, Acted, FakeDetector, ResponderProcess
from waiting import eventually

pytestmark = pytest.mark.e2e

QUICK = {
    "AEGISOPS_RESPONDER_SETTLE_S": "0.3",
    "AEGISOPS_RESPONDER_VERIFY_STABLE_S": "0.3",
    "AEGISOPS_RESPONDER_VERIFY_TIMEOUT_S": "20",
    "AEGISOPS_RESPONDER_VERIFY_POLL_S": "0.1",
    "AEGISOPS_RESPONDER_MAX_RUNNING": "4",
}
FINAL = {"RESOLVED", "REJECTED", "ESCALATED", "FAILED"}


class Shops(Acted):
    """Many services, each with a remedy that takes a while."""

    def __init__(self, directory: Path, count: int, action_s: float) -> None:
        super().__init__(directory, action_s)
        self.names = [f"shop-{number}" for number in range(count)]
        script = directory / "act.py"
        script.write_text(SCRIPT)
        entries = {
            name: {
                "actions": {
                    "RESTART": [
                        {
                            "command": {
                                "argv": [sys.executable, str(script), str(self.path), name, str(action_s)]
                            }
                        }
                    ]
                }
            }
            for name in self.names
        }
        self.catalogue.write_text(json.dumps({"version": 1, "services": entries}))
        services = [{"name": name, "mode": "auto", "max_share": 1.0} for name in self.names]
        self.policy.write_text(json.dumps({"version": 1, "services": services}))


@contextmanager
def responders(
    count: int, directory: Path, url: str, acted: Acted, detector: FakeDetector, **variables: str
) -> Iterator[list[ResponderProcess]]:
    own = {
        "AEGISOPS_RESPONDER_DATABASE_URL": url,
        "AEGISOPS_RESPONDER_CATALOGUE": str(acted.catalogue),
        "AEGISOPS_RESPONDER_POLICY": str(acted.policy),
        "AEGISOPS_RESPONDER_DETECTOR_URL": detector.url,
    }
    with ExitStack() as stack:
        yield [
            stack.enter_context(ResponderProcess(directory, **(QUICK | own | variables)))
            for _ in range(count)
        ]


def all_final(process: ResponderProcess, count: int) -> bool:
    page = httpx.get(f"{process.url}/incidents", params={"limit": 500}, timeout=30).json()
    return page["total"] == count and all(one["state"] in FINAL for one in page["items"])


def test_of_three_one_is_killed_in_the_middle_of_actions_and_the_others_go_on(
    tmp_path: Path, postgres_url: str
) -> None:
    shops = Shops(tmp_path, 30, action_s=0.5)
    with (
        FakeDetector(lambda: True) as detector,
        responders(3, tmp_path, postgres_url, shops, detector) as (one, two, three),
    ):
        for number, name in enumerate(shops.names):
            incident = make_incident(f"INC-{number}", service=name)
            (one, two, three)[number % 3].report(incident)
            (one, two, three)[(number + 1) % 3].report(incident)  # as a reporter that had no answer
        eventually(lambda: len(shops.lines) >= 3, "the first actions")
        one.kill()
        eventually(lambda: all_final(two, 30), f"all ends\n{two.log}\n{three.log}", 120)
        counts = Counter(shops.lines)
        assert max(counts.values()) == 1
        for number, name in enumerate(shops.names):
            record = three.record(f"INC-{number}")
            assert record["state"] == "RESOLVED", record
            (action,) = record["actions"]
            # Cut off between writing down that it begins and beginning, it is not known to have been done.
            assert counts[name] == 1 or action["outcome"] == "interrupted"
            assert record["trace_id"] == make_incident().traceparent.split("-")[1]
            messages = [event["message"] for event in record["timeline"]]
            assert len(set(messages)) == len(messages)
        assert "is gone" in two.log + three.log


def test_what_one_asked_a_human_another_one_takes_up(tmp_path: Path, postgres_url: str) -> None:
    acted = Acted(tmp_path)
    acted.write_policy("approve")
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responders(2, tmp_path, postgres_url, acted, detector) as (one, two),
    ):
        one.report(make_incident())
        eventually(lambda: two.record()["state"] == "AWAITING_APPROVAL", "the request")
        one.kill()
        body = {"who": "alice", "why": "seen before", "attempt": 1, "action": "RESTART"}
        assert httpx.post(f"{two.url}/incidents/INC-1/approve", json=body).status_code == 200
        assert two.wait_for_end()["state"] == "RESOLVED", two.log
        assert acted.lines == ["RESTART"]


def test_events_are_seen_at_the_responder_that_did_not_cause_them(tmp_path: Path, postgres_url: str) -> None:
    acted = Acted(tmp_path)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responders(2, tmp_path, postgres_url, acted, detector) as (one, two),
        httpx.Client(timeout=60) as client,
    ):
        one.report(make_incident())
        states = []
        with client.stream("GET", f"{two.url}/incidents/INC-1/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    states.append(json.loads(line.removeprefix("data: "))["state"])
                    if states[-1] in FINAL:
                        break
        assert (states[0], states[-1]) == ("RECEIVED", "RESOLVED")


def test_one_that_was_frozen_and_taken_over_ends_without_acting_again(
    tmp_path: Path, postgres: PostgresServer, postgres_url: str
) -> None:
    acted = Acted(tmp_path, action_s=0.5)
    with (
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responders(1, tmp_path, postgres_url, acted, detector) as (one,),
    ):
        one.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        one.process.send_signal(signal.SIGSTOP)
        postgres.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'test_%'")
        with responders(1, tmp_path, postgres_url, acted, detector) as (two,):
            assert two.wait_for_end()["state"] == "RESOLVED", two.log
            one.process.send_signal(signal.SIGCONT)
            assert one.process.wait(timeout=60) == 5, one.log
            assert acted.lines == ["RESTART"]
            assert two.record()["actions"][0]["outcome"] == "interrupted"


def test_a_database_that_restarts_is_ridden_out(tmp_path: Path) -> None:
    acted = Acted(tmp_path, action_s=0.5)
    with (
        PostgresServer() as server,
        server.database() as url,
        FakeDetector(lambda: bool(acted.lines)) as detector,
        responders(1, tmp_path, url, acted, detector) as (one,),
    ):
        one.report(make_incident())
        eventually(lambda: bool(acted.lines), "the action")
        server.stop(signal.SIGQUIT)
        server.start()
        assert one.wait_for_end()["state"] == "RESOLVED", one.log
        assert acted.lines == ["RESTART"]
