"""The detector's client: typed answers, bounded patience, errors that say what went wrong."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from decision_samples import LEAK
from pydantic import TypeAdapter
from scripted_detector import service_health

from detector import (
    Deploy,
    Incident,
    IncidentState,
    LogLine,
    LogSeverity,
    Neighbour,
    Neighbours,
    PeerKind,
    Recovery,
    SeriesHealth,
)
from responder.verify import DetectorClient, DetectorUnavailable

RECOVERY = Recovery(
    incident_id="INC-1",
    state=IncidentState.OPEN,
    reporting=True,
    normal=True,
    normal_for_s=4.5,
    series=(SeriesHealth("m:share", "memory", "1", 0.3, None, 0.5, True, 0.2),),
)


class Server:
    """Answers one after the other with what it was given; the last one for ever."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.paths: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.paths.append(request.url.raw_path.decode())
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def client(server: Callable[[httpx.Request], httpx.Response], max_bytes: int = 100_000) -> DetectorClient:
    return DetectorClient(
        "http://127.0.0.1:8002/",
        transport=httpx.MockTransport(server),
        max_bytes=max_bytes,
        sleep=lambda seconds: None,
    )


def json_of(shape: object, value: object, status: int = 200) -> httpx.Response:
    return httpx.Response(status, content=TypeAdapter(shape).dump_json(value))


def test_recovery_is_read_as_published() -> None:
    server = Server(json_of(Recovery, RECOVERY))

    with client(server) as detector:
        assert detector.recovery("INC-1") == RECOVERY
    assert server.paths == ["/incidents/INC-1/recovery"]


def test_an_incident_is_read_as_published() -> None:
    with client(Server(json_of(Incident, LEAK))) as detector:
        assert detector.incident("INC-1") == LEAK


def test_services_are_read_as_published() -> None:
    with client(Server(json_of(tuple, (service_health(),)))) as detector:
        assert detector.services() == (service_health(),)


LINE = LogLine(LogSeverity.ERROR, "bad <num>", "bad 1", 3, 1.0, 2.0)
NEIGHBOURS = Neighbours("shop", "", (), (Neighbour("db", "", PeerKind.DATABASE, False, 3, 1, 2.0),))
DEPLOY = Deploy("service.version", "1", "2", 1.0)


@pytest.mark.parametrize(
    ("ask", "answer", "path"),
    [
        (lambda detector: detector.logs("INC-1"), (LINE,), "/incidents/INC-1/logs?limit=200"),
        (lambda detector: detector.neighbours("a/b", "x&y"), NEIGHBOURS,
         "/services/a%2Fb/neighbours?namespace=x%26y"),
        (lambda detector: detector.deploys("shop", ""), (DEPLOY,), "/services/shop/deploys"),
    ],
)  # fmt: skip
def test_what_a_closer_look_asks_is_read_as_published(
    ask: Callable[[DetectorClient], object], answer: object, path: str
) -> None:
    server = Server(json_of(type(answer), answer), httpx.Response(404))
    with client(server) as detector:
        assert ask(detector) == answer
        assert ask(detector) is None
    assert server.paths == [path] * 2


def test_fields_of_a_newer_detector_are_ignored() -> None:
    body = TypeAdapter(Recovery).dump_python(RECOVERY, mode="json") | {"added_later": 1}

    with client(Server(httpx.Response(200, json=body))) as detector:
        assert detector.recovery("INC-1") == RECOVERY


def test_an_unknown_incident_is_none() -> None:
    with client(Server(httpx.Response(404))) as detector:
        assert detector.recovery("INC-1") is None


def test_an_id_cannot_leave_its_place_in_the_path() -> None:
    server = Server(httpx.Response(404))

    with client(server) as detector:
        detector.recovery("../services?x=/a")
    assert server.paths == ["/incidents/..%2Fservices%3Fx%3D%2Fa/recovery"]


@pytest.mark.parametrize(
    "passing",
    [httpx.Response(503), httpx.Response(429), httpx.ConnectError("refused"), httpx.ReadTimeout("slow")],
)
def test_a_fault_that_passes_is_tried_again(passing: httpx.Response | Exception) -> None:
    server = Server(passing, json_of(Recovery, RECOVERY))

    with client(server) as detector:
        assert detector.recovery("INC-1") == RECOVERY
    assert len(server.paths) == 2


def endless() -> Iterator[bytes]:
    while True:
        yield b"[" * 10_000


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (httpx.ConnectError("connection refused"), "connection refused"),
        (httpx.Response(503), "answered 503"),
        (httpx.Response(500), "answered 500"),
        (httpx.Response(302, headers={"location": "http://elsewhere/"}), "answered 302"),
        (httpx.Response(200, content=b"<html>"), "something else than expected"),
        (httpx.Response(200, json={"incident_id": "INC-1"}), "something else than expected: state"),
        (httpx.Response(200, content=endless()), "more than 100000 bytes"),
        (httpx.Response(200, headers={"content-encoding": "gzip"}, content=endless()), "encoding"),
    ],
)
def test_no_usable_answer_is_a_typed_error(answer: httpx.Response | Exception, says: str) -> None:
    with client(Server(answer)) as detector, pytest.raises(DetectorUnavailable, match=says):
        detector.recovery("INC-1")


def test_an_answer_about_another_incident_is_refused() -> None:
    with (
        client(Server(json_of(Recovery, RECOVERY))) as detector,
        pytest.raises(DetectorUnavailable, match="another"),
    ):
        detector.recovery("INC-2")


def test_an_address_without_the_query_interface_is_named() -> None:
    with client(Server(httpx.Response(404))) as detector, pytest.raises(DetectorUnavailable, match="address"):
        detector.services()


@pytest.mark.parametrize("address", ["127.0.0.1:8002", "ftp://127.0.0.1", "http://", ""])
def test_an_address_that_is_no_http_url_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="http"):
        DetectorClient(address)


class _Trickle(BaseHTTPRequestHandler):
    """Sends its answer byte by byte, for ever."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.server.stopping.wait(0.02):
                self.wfile.write(b"[")

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextlib.contextmanager
def trickling_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Trickle) as server:
        server.stopping = threading.Event()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.stopping.set()
            server.shutdown()
            thread.join()


def test_an_answer_that_trickles_in_is_not_waited_for() -> None:
    with (
        trickling_server() as address,
        DetectorClient(address, timeout_s=0.2, attempts=1) as detector,
        pytest.raises(DetectorUnavailable, match=r"did not finish its answer within 0\.2 s"),
    ):
        detector.services()


def test_a_refused_connection_is_a_typed_error() -> None:
    with (
        DetectorClient("http://127.0.0.1:1", sleep=lambda s: None) as detector,
        pytest.raises(DetectorUnavailable),
    ):
        detector.recovery("INC-1")
