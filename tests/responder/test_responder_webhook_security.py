"""Forged, changed, old and repeated webhooks: none is taken in."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from access_samples import OLD_SECRET, SECRET, hex_signature, sample_access, signed
from alert_samples import cloud_event, notification, pagerduty_event, prometheus_alert
from closed_api import NOW, ApiUnderTest, as_role
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from responder.access import SIGNATURE_WINDOW_S, parse_secrets, signed_call
from responder.api.app import MAX_BODY_BYTES

ALERT = {"incident_id": "a-1", "alert_type": "oom", "logs": "killed", "container_name": "shop"}
BODY = json.dumps(ALERT).encode()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(tmp_path, sample_access())
    yield api
    api.close()


def post(api: ApiUnderTest, body: bytes, headers: dict[str, str], path: str = "/webhook") -> int:
    headers = {"content-type": "application/json"} | headers
    return int(api.client.post(path, content=body, headers=headers).status_code)


def grafana_headers(body: bytes, at: float = NOW, secret: str = SECRET) -> dict[str, str]:
    sent = str(int(at))
    return {
        "x-grafana-alerting-timestamp": sent,
        "x-grafana-alerting-signature": hex_signature(f"{sent}:".encode() + body, secret),
    }


def test_a_signed_call_is_taken_in_once(api: ApiUnderTest) -> None:
    headers = signed(BODY, NOW)
    assert post(api, BODY, headers) == 202
    assert post(api, BODY, headers) == 409
    assert api.total == 1


def test_a_replay_after_a_restart_is_refused(api: ApiUnderTest, tmp_path: Path) -> None:
    headers = signed(BODY, NOW)
    assert post(api, BODY, headers) == 202
    api.close()
    restarted = ApiUnderTest(tmp_path, sample_access())
    assert post(restarted, BODY, headers) == 409
    restarted.close()


def test_the_ids_of_calls_are_forgotten_once_their_signatures_are_too_old(api: ApiUnderTest) -> None:
    for number in range(3):
        api.now = NOW + number * (3 * SIGNATURE_WINDOW_S + 24 * 3600.0)
        assert post(api, BODY, signed(BODY, api.now, f"msg_{number}")) == 202
    with api.store.database.read() as tx:
        assert tx.exec_driver_sql("SELECT count(*) FROM webhook_calls").scalar() == 1


def test_a_clock_set_forward_and_back_lets_nothing_be_replayed(api: ApiUnderTest) -> None:
    headers = signed(BODY, NOW)
    assert post(api, BODY, headers) == 202
    api.now = NOW + 3600.0
    assert post(api, BODY, headers) == 401
    assert post(api, BODY, signed(BODY, api.now, "msg_later")) == 202
    api.now = NOW + 1.0
    assert post(api, BODY, headers) == 409


def test_a_call_that_could_not_be_taken_in_may_come_again(api: ApiUnderTest) -> None:
    bad = b'{"incident_id": ""}'
    headers = signed(bad, NOW)
    assert post(api, bad, headers) == 422
    assert post(api, bad, headers) == 422


@pytest.mark.parametrize("age", [SIGNATURE_WINDOW_S + 1, -SIGNATURE_WINDOW_S - 1, NOW])
def test_a_timestamp_outside_the_window_is_refused(api: ApiUnderTest, age: float) -> None:
    assert post(api, BODY, signed(BODY, NOW - age)) == 401
    body = json.dumps(notification(prometheus_alert(), version="1")).encode()
    assert post(api, body, grafana_headers(body, NOW - age), "/webhook/grafana") == 401
    assert api.total == 0


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-signature": ""},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1a," + "A" * 43 + "="},
        {"webhook-signature": "v1,!!!!"},
        {"webhook-signature": "v1,A " * 600},
        {"webhook-signature": "v1,\xff\xfe"},
        {"webhook-id": ""},
        {"webhook-id": "another"},
        {"webhook-id": "m" * 201},
        {"webhook-timestamp": ""},
        {"webhook-timestamp": str(int(NOW) + 1)},
        {"webhook-timestamp": "now"},
        {"webhook-timestamp": "9" * 400},
        {"webhook-timestamp": "-1"},
        {"webhook-timestamp": "²"},
    ],
)
def test_a_header_that_was_changed_is_refused(api: ApiUnderTest, change: dict[str, str]) -> None:
    raw = [(k, v.encode("latin-1")) for k, v in (signed(BODY, NOW) | change).items()]
    assert api.client.post("/webhook", content=BODY, headers=raw).status_code == 401
    assert api.total == 0


def test_a_body_that_was_changed_is_refused(api: ApiUnderTest) -> None:
    other = BODY.replace(b"shop", b"bank")
    assert post(api, other, signed(BODY, NOW)) == 401
    assert post(api, BODY, signed(BODY, NOW, secret="not the secret of it")) == 401
    assert post(api, BODY, {}) == 401
    assert api.total == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_no_single_bit_can_be_changed(api: ApiUnderTest, position: int, bit: int) -> None:
    changed = bytearray(BODY)
    changed[position] ^= 1 << bit
    assert post(api, bytes(changed), signed(BODY, NOW)) in (400, 401, 422)
    assert api.total == 0


def test_a_secret_is_changed_without_a_gap(api: ApiUnderTest) -> None:
    assert post(api, BODY, signed(BODY, NOW, "one", OLD_SECRET)) == 202
    assert post(api, BODY, signed(BODY, NOW, "two", SECRET)) == 202
    both = signed(BODY, NOW, "three", SECRET)
    both["webhook-signature"] = "v1,AAAA " + both["webhook-signature"]
    assert post(api, BODY, both) == 202


def test_grafana_signs_timestamp_and_body(api: ApiUnderTest) -> None:
    body = json.dumps(notification(prometheus_alert(), version="1")).encode()
    headers = grafana_headers(body)
    assert post(api, body + b" ", headers, "/webhook/grafana") == 401
    assert post(api, body, headers, "/webhook/grafana") == 202
    assert post(api, body, headers, "/webhook/grafana") == 409
    upper = headers | {"x-grafana-alerting-signature": headers["x-grafana-alerting-signature"].upper()}
    assert post(api, body, upper, "/webhook/grafana") == 409
    no_time = {"x-grafana-alerting-signature": hex_signature(body)}
    assert post(api, body, no_time, "/webhook/grafana") == 401


def test_pagerduty_signs_the_body_with_all_its_secrets(api: ApiUnderTest) -> None:
    body = json.dumps(pagerduty_event()).encode()
    path = "/webhook/pagerduty"
    rotating = f"v1={hex_signature(body, 'a secret we do not have')},v1={hex_signature(body, OLD_SECRET)}"
    assert post(api, body, {"x-pagerduty-signature": f"v1={hex_signature(body + b' ')}"}, path) == 401
    assert post(api, body, {"x-pagerduty-signature": f"v0={hex_signature(body)}"}, path) == 401
    assert post(api, body, {"x-pagerduty-signature": rotating}, path) == 202
    assert post(api, body, {"x-pagerduty-signature": rotating}, path) == 409


def test_an_event_of_pagerduty_from_days_ago_is_refused(api: ApiUnderTest) -> None:
    body = json.dumps(pagerduty_event(at=-25 * 3600.0)).encode()
    headers = {"x-pagerduty-signature": f"v1={hex_signature(body)}"}
    assert post(api, body, headers, "/webhook/pagerduty") == 401


def test_an_event_whose_attributes_no_signature_covers_is_refused(api: ApiUnderTest) -> None:
    body = b'{"service": "shop"}'
    binary = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "s", "ce-type": "t"}
    assert post(api, body, signed(body, NOW) | binary, "/webhook/cloudevents") == 422
    assert post(api, body, as_role("alerts") | binary, "/webhook/cloudevents") == 202
    structured = json.dumps(cloud_event()).encode()
    headers = signed(structured, NOW) | {"content-type": "application/cloudevents+json"}
    assert post(api, structured, headers, "/webhook/cloudevents") == 202


def test_a_token_for_alerts_is_enough_and_no_other(api: ApiUnderTest) -> None:
    path, body = "/webhook/alertmanager", json.dumps(notification(prometheus_alert())).encode()
    assert post(api, body, as_role("alerts"), path) == 202
    for role in ("viewer", "operator", "detector"):
        assert post(api, body, as_role(role), path) == 403
    assert post(api, body, {"Authorization": "Bearer wrong"}, path) == 401
    assert post(api, body, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}, path) == 401
    assert post(api, body, signed(body, NOW), path) == 401  # no secret is set for this source


def test_one_secret_closes_the_webhooks_of_all_sources(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path, sample_access(tokens=False))
    body = json.dumps(notification(prometheus_alert())).encode()
    assert post(api, body, {}, "/webhook/alertmanager") == 401
    assert post(api, BODY, signed(BODY, NOW)) == 202
    assert api.client.get("/incidents").status_code == 200
    api.close()


def test_calls_above_the_rate_are_told_when_to_come_again(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path, sample_access("2/day"))
    for number in range(2):
        assert post(api, BODY, signed(BODY, NOW, f"msg_{number}")) == 202
    response = api.client.post("/webhook", content=BODY, headers=signed(BODY, NOW, "msg_3"))
    assert response.status_code == 429
    assert 1 <= int(response.headers["retry-after"]) <= 2 * 86_400
    other = json.dumps(notification(prometheus_alert())).encode()
    assert post(api, other, as_role("alerts"), "/webhook/alertmanager") == 202
    api.close()


def test_what_is_refused_takes_nothing_off_the_rate(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path, sample_access("1/day"))
    for _ in range(3):
        assert post(api, BODY, {}) == 401
    assert post(api, BODY, signed(BODY, NOW)) == 202
    api.close()


def test_a_body_above_the_limit_is_refused_before_it_is_looked_at(api: ApiUnderTest) -> None:
    body = b" " * (MAX_BODY_BYTES + 1)
    assert post(api, body, signed(body, NOW)) == 413


def test_a_secret_of_standard_webhooks_is_read_as_base64() -> None:
    secrets = parse_secrets('{"simple": ["whsec_c2VjcmV0LW9mLXNpeHRlZW4="]}')["simple"]
    headers = signed(BODY, NOW, secret="secret-of-sixteen")
    assert signed_call("simple", secrets, headers, BODY, NOW).id == "msg_1"


def test_a_web_page_cannot_send_what_browsers_send_without_asking(tmp_path: Path) -> None:
    api = ApiUnderTest(tmp_path)
    for media in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
        for path in ("", "/alertmanager", "/grafana", "/pagerduty", "/cloudevents"):
            assert post(api, BODY, {"content-type": media}, f"/webhook{path}") == 422
    assert api.total == 0
    api.close()
