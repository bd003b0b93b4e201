"""`aegisops notify test` says which channels work, and shows no URL."""

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from typer.testing import CliRunner, Result

from aegisops.cli import app
from aegisops.errors import StackError

# Of a library that Apprise uses, on the Python it is used with.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

KEY = "k3y-that-nobody-may-see"


class Receiver(HTTPServer):
    """Takes what is sent to /good/… and refuses the rest."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.titles: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.titles.append(sent["title"])
        self.send_response(200 if self.path.startswith("/good/") else 503)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Silent."""


def notify_test(tmp_path: Path, port: int, *options: str, **variables: str) -> Result:
    channels = tmp_path / "channels.yaml"
    channels.write_text(
        "version: 1\nchannels:\n  - {name: good, url_from: GOOD_URL}\n  - {name: bad, url_from: BAD_URL}\n"
    )
    own = {
        "AEGISOPS_RESPONDER_NOTIFICATIONS": str(channels),
        "GOOD_URL": f"json://127.0.0.1:{port}/good/{KEY}",
        "BAD_URL": f"json://127.0.0.1:{port}/bad/{KEY}",
    }
    return CliRunner().invoke(app, ["notify", "test", *options], env=own | variables)


def test_it_says_of_each_channel_what_happened(tmp_path: Path) -> None:
    with Receiver() as receiver:
        thread = Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        both = notify_test(tmp_path, receiver.server_port)
        one = notify_test(tmp_path, receiver.server_port, "--channel", "good")
        receiver.shutdown()
        thread.join()
    assert (both.exit_code, both.stdout) == (1, "good (JSON): delivered\n")
    assert both.stderr == "error: bad (JSON): the receiver answered with status 503\n"
    assert (one.exit_code, one.stderr) == (0, "")
    assert receiver.titles == ["Test of notifications"] * 3


@pytest.mark.parametrize(
    ("options", "variables", "told"),
    [
        ((), {"GOOD_URL": f"nonsense://{KEY}"}, "the URL in GOOD_URL cannot be used"),
        ((), {"GOOD_URL": ""}, "GOOD_URL is not set"),
        ((), {"AEGISOPS_RESPONDER_NOTIFICATIONS": ""}, "set AEGISOPS_RESPONDER_NOTIFICATIONS"),
        ((), {"AEGISOPS_RESPONDER_NOTIFICATIONS": "/nowhere"}, "cannot read the channels /nowhere"),
        (("--channel", "other"), {}, "there is no channel other; there is good, bad"),
    ],
)
def test_what_cannot_be_used_is_told_and_not_shown(
    tmp_path: Path, options: tuple[str, ...], variables: dict[str, str], told: str
) -> None:
    result = notify_test(tmp_path, 1, *options, **variables)
    assert isinstance(result.exception, StackError)
    assert told in str(result.exception)
    assert KEY not in str(result.exception)
