"""The HTTP executor against a real server on loopback."""

import json
import socket
import threading
from typing import Any

import pytest
from pydantic import ValidationError
from recording_server import RecordingServer, recording_server

from responder.incident_record import ActionOutcome
from responder.remediate.executor import ActionResult, StepOutcome
from responder.remediate.http import HttpExecutor, HttpStep


def perform(server: RecordingServer, path: str = "/admin", **fields: Any) -> ActionResult:
    return HttpExecutor().perform(HttpStep.model_validate({"url": server.url + path, **fields}), "key-1")


def test_a_2xx_is_success_and_its_answer_is_quoted() -> None:
    with recording_server(status=202, body=b'{"recycled":\n 4}') as server:
        result = perform(server)
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert result.detail == f'POST {server.url}/admin: status 202, "{{"recycled": 4}}"'


def test_method_headers_body_and_key_are_sent() -> None:
    with recording_server() as server:
        perform(server, "/x?a=1", method="PUT", headers={"X-Reason": "incident"}, json={"force": True})
    (request,) = server.requests
    assert (request.method, request.path, json.loads(request.body)) == ("PUT", "/x?a=1", {"force": True})
    assert request.headers["idempotency-key"] == "key-1"
    assert request.headers["x-reason"] == "incident"


@pytest.mark.parametrize("status", [301, 404, 500, 503])
def test_any_other_status_is_a_failure(status: int) -> None:
    with recording_server(status=status, body=b"no") as server:
        result = perform(server)
    assert result.outcome is ActionOutcome.FAILED
    assert f"status {status}" in result.detail


def test_the_expected_status_can_be_said() -> None:
    with recording_server(status=409) as server:
        assert perform(server, expected_status=[200, 409]).outcome is ActionOutcome.SUCCEEDED
        assert perform(server, expected_status=[200]).outcome is ActionOutcome.FAILED


def test_a_redirect_is_not_followed() -> None:
    with recording_server() as elsewhere, recording_server() as server:
        server.status, server.headers = 307, {"Location": elsewhere.url}
        result = perform(server)
    assert result.outcome is ActionOutcome.FAILED
    assert elsewhere.requests == []


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording_server() as proxy, recording_server() as server:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("NO_PROXY", "")
        perform(server)
    assert (len(proxy.requests), len(server.requests)) == (0, 1)


def test_a_server_that_never_answers_is_left_in_time_and_in_doubt() -> None:
    with recording_server(silent=True) as server:
        result = perform(server, timeout_s=1.0)
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert "no answer within 1 s" in result.detail


def test_an_endless_answer_does_not_outlast_the_time_limit() -> None:
    with recording_server(drip=True) as server:
        result = perform(server, timeout_s=1.0)
    assert result.outcome is ActionOutcome.INTERRUPTED
    assert "no answer within 1 s" in result.detail


def test_no_more_of_an_answer_is_kept_than_is_shown() -> None:
    with recording_server(body=b"x y " * 100_000) as server:
        result = perform(server)
    assert result.outcome is ActionOutcome.SUCCEEDED
    assert len(result.detail) <= 600


def test_secrets_are_not_shown() -> None:
    with recording_server(status=401, body=b"bad header s3cr3t-value and password=hunter22") as server:
        result = perform(server, "/x?token=abcdef", headers={"X-Auth": "s3cr3t-value"})
    assert [s for s in ("s3cr3t-value", "hunter22", "abcdef") if s in result.detail] == []


def test_a_refused_connection_is_a_failure() -> None:
    with recording_server() as server:
        pass
    result = perform(server)
    assert result.outcome is ActionOutcome.FAILED
    assert "ConnectError" in result.detail


def test_a_connection_lost_before_the_answer_is_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def hang_up() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=hang_up)
        thread.start()
        port = listening.getsockname()[1]
        result = HttpExecutor().perform(HttpStep(url=f"http://127.0.0.1:{port}/"), "key-1")
        thread.join()
    assert result.outcome is ActionOutcome.INTERRUPTED


def test_a_connection_that_cannot_be_made_is_a_failure() -> None:
    with socket.socket() as full:  # bound and not listening: nothing can have been sent
        full.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{full.getsockname()[1]}/"
        result = HttpExecutor().perform(HttpStep(url=url, timeout_s=0.3), "key-1")
    assert result.outcome is ActionOutcome.FAILED


def test_only_a_step_that_says_so_may_be_done_again() -> None:
    executor = HttpExecutor()
    once = HttpStep(url="http://127.0.0.1/")
    again = HttpStep(url="http://127.0.0.1/", idempotent=True)
    assert executor.already_done(once, executor.observe(once)) is StepOutcome.UNKNOWN
    assert executor.already_done(again, executor.observe(again)) is StepOutcome.NOT_DONE


@pytest.mark.parametrize(
    "fields",
    [
        {"url": "ftp://host/x"},
        {"url": "file:///etc/passwd"},
        {"url": "/relative"},
        {"url": "http://"},
        {"url": "http://user:pw@host/"},
        {"url": "http://[::1"},
        {"url": "http://h/", "method": "TRACE"},
        {"url": "http://h/", "headers": {"X": "a\r\nY: b"}},
        {"url": "http://h/", "headers": {"X y": "a"}},
        {"url": "http://h/", "timeout_s": 0},
        {"url": "http://h/", "expected_status": [700]},
    ],
)
def test_a_step_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HttpStep.model_validate(fields)
