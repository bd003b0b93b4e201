"""Apprise against real receivers on loopback: what arrives, how failures are told, and that no key leaks."""

import json
import logging
import socket
from io import StringIO
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr
from recording_server import RecordingServer, recording_server
from smtp_server import smtp_server

from responder.notify import Failure, Message, NotDeliveredError, Urgency
from responder.notify.apprise_notifier import MAX_HANGING, AppriseNotifier, UnusableUrlError

# Of a library that Apprise uses, on the Python it is used with.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

KEY = "k3y-that-nobody-may-see"
GOALERT_KEY = "00000000-0000-4000-8000-000000000000"
MESSAGE = Message(
    urgency=Urgency.WARNING,
    title="Approve RESTART of shop?",
    text="Memory of shop is at its limit. *not bold* & <not a tag>",
    topic="INC-1",
    incident_url="http://ops.example/incidents/INC-1",
    approval_link="http://ops.example/approvals/signed",
)


def to(url: str, timeout_s: float = 5.0) -> AppriseNotifier:
    return AppriseNotifier(SecretStr(url), timeout_s)


def json_url(server: RecordingServer) -> str:
    return server.url.replace("http://", f"json://user:{KEY}@") + f"/{KEY}"


def why(notifier: AppriseNotifier) -> tuple[Failure, str]:
    with pytest.raises(NotDeliveredError) as caught:
        notifier.send(MESSAGE)
    return caught.value.failure, str(caught.value)


def test_a_web_hook_gets_title_text_and_links_as_they_are() -> None:
    with recording_server() as server:
        to(json_url(server)).send(MESSAGE)
    (request,) = server.requests
    sent = json.loads(request.body)
    assert sent["title"] == MESSAGE.title
    assert sent["message"].splitlines() == [
        MESSAGE.text,
        "Approve or reject: http://ops.example/approvals/signed",
        "Incident: http://ops.example/incidents/INC-1",
    ]
    assert sent["type"] == "warning"
    assert not sent["attachments"]


def test_a_mail_arrives() -> None:
    with smtp_server() as server:
        url = f"mailto://127.0.0.1:{server.port}/oncall@example.com?from=aegisops@example.com&mode=insecure"
        to(url).send(MESSAGE)
    (mail,) = server.mails
    assert mail["subject"] == MESSAGE.title
    assert "oncall@example.com" in server.recipients[0]
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().splitlines() == MESSAGE.body.splitlines()
    html = mail.get_body(("html",))
    assert html is None or "<not a tag>" not in html.get_content()


def test_a_chat_gets_plain_text() -> None:
    with recording_server() as server:
        to(server.url.replace("http://", "mmost://") + f"/{KEY}").send(MESSAGE)
    body = server.requests[0].body.decode()
    payload = json.loads(parse_qs(body)["payload"][0]) if body.startswith("payload=") else json.loads(body)
    assert "Memory of shop is at its limit" in payload["text"]


def test_a_receiver_that_gathers_by_a_key_gets_the_incidents_id() -> None:
    with recording_server(status=204) as server:
        notifier = to(server.url.replace("http://", "goalert://") + "/" + GOALERT_KEY)
        notifier.send(MESSAGE)
        notifier.send(MESSAGE)
    assert [json.loads(request.body)["dedup"] for request in server.requests] == ["INC-1", "INC-1"]


def test_a_refusal_is_told_with_its_status() -> None:
    with recording_server(status=500) as server:
        assert why(to(json_url(server))) == (Failure.REFUSED, "the receiver answered with status 500")


def test_a_redirect_is_not_followed() -> None:
    with recording_server() as elsewhere:
        with recording_server(status=307, headers={"Location": elsewhere.url}) as server:
            assert why(to(json_url(server)))[0] is Failure.REFUSED
        assert elsewhere.requests == []


def test_a_receiver_that_is_not_there_is_told() -> None:
    with socket.socket() as taken:  # bound and not listening: the port refuses
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        assert why(to(f"json://127.0.0.1:{port}/{KEY}"))[0] is Failure.UNREACHABLE


@pytest.mark.parametrize("how", ["silent", "drip"])
def test_a_receiver_that_hangs_is_given_up_and_bounded(how: str) -> None:
    with recording_server(**{how: True}) as server:
        notifier = to(json_url(server), timeout_s=0.1)
        for _ in range(MAX_HANGING):
            assert why(notifier) == (Failure.TIMEOUT, "no answer within 0.1 s")
        asked = len(server.requests)
        assert why(notifier) == (Failure.TIMEOUT, f"{MAX_HANGING} deliveries before it still hang")
        assert len(server.requests) == asked
        server.released.set()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        (f"slack://{KEY}", "not what Apprise needs for slack://"),
        (f"{KEY}://x", "no scheme|scheme that Apprise knows"),
        ("", "scheme that Apprise knows"),
        (f"pagerduty://@{KEY}", "not what Apprise needs for pagerduty://"),
        (f"file:///etc/{KEY}", "scheme that Apprise knows"),
    ],
)
def test_an_unusable_url_is_refused_without_showing_it(url: str, reason: str) -> None:
    with pytest.raises(UnusableUrlError, match=reason) as caught:
        to(url)
    assert KEY not in str(caught.value)


def test_no_key_and_no_link_is_logged_at_any_level() -> None:
    root, written = logging.getLogger(), StringIO()
    handler, level = logging.StreamHandler(written), root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with recording_server() as server:
            to(json_url(server)).send(MESSAGE)
        with recording_server(status=404, body=KEY.encode()) as server:
            notifier = to(json_url(server))
            assert KEY not in why(notifier)[1]
        with pytest.raises(UnusableUrlError):
            to(f"pagerduty://{KEY}")
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    assert KEY not in written.getvalue()
    assert "signed" not in written.getvalue()
    assert KEY not in repr(notifier.__dict__)
    assert "signed" not in repr(MESSAGE)
