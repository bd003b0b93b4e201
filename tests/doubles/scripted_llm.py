"""Language models for tests: a provider in memory, and a real HTTP server that answers or fails as told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from responder.diagnose.llm import Completion, Prompt, ProviderError

FAULT: dict[str, Any] = {
    "outcome": "fault",
    "incident_type": "memory_oom",
    "root_cause": "The memory of the_service grows towards its limit (e1).",
    "confidence": 0.8,
    "citations": ["e1"],
    "proposals": [
        {"action": "RESTART", "target": "the_service", "reason": "It frees the memory.", "confidence": 0.7}
    ],
}
"""An answer that can be taken for an incident whose first evidence was measured."""


def answer(**changes: Any) -> str:
    """`FAULT` with changes, as text."""
    return json.dumps({**FAULT, **changes})


def ballot(vote: str, **changes: Any) -> str:
    """A council vote that can be taken, with changes, as text."""
    return json.dumps({"citation": "e1", "vote": vote, "confidence": 0.7, **changes})


@dataclass
class ScriptedProvider:
    """Gives `replies` one after the other (the last one again and again); errors are raised.

    A reply that is a function is called with the prompt, so that a model can do what it reads.
    """

    replies: list[str | ProviderError | Exception | Callable[[Prompt], str]]
    name: str = "scripted"
    model: str = "scripted-1"
    tokens: tuple[int, int] | None = (100, 50)
    prompts: list[Prompt] = field(default_factory=list)

    def complete(self, prompt: Prompt, deadline_s: float) -> Completion:
        self.prompts.append(prompt)
        reply = self.replies[min(len(self.prompts), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        text = reply if isinstance(reply, str) else reply(prompt)
        return Completion(text, self.model, *(self.tokens or (None, None)))

    def close(self) -> None:
        return None


class Fault(StrEnum):
    """Ways in which a model server fails."""

    SILENT = "silent"  # takes the request, and never answers
    CUT_OFF = "cut_off"  # closes in the middle of the body
    DRIP = "drip"  # a byte now and then, for ever
    FLOOD = "flood"  # bytes as fast as they go, for ever
    DRIPPING_HEADERS = "dripping_headers"
    HTML = "html"
    EMPTY = "empty"
    GZIP = "gzip"


@dataclass(frozen=True)
class Status:
    """An error of the server."""

    code: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = '{"error": {"message": "no"}}'


@dataclass
class ScriptedServer:
    """Replies in order, the last one again and again; a `str` is the text of a whole, valid answer."""

    replies: list[str | Fault | Status]
    finish: str = "stop"
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    url: str = ""


def _chat(text: str, finish: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "served-model",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}],
        "usage": {"prompt_tokens": 321, "completion_tokens": 54, "total_tokens": 375},
    }


def _message(text: str, finish: str) -> dict[str, Any]:
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-served",
        "content": [{"type": "text", "text": text}],
        "stop_reason": "end_turn" if finish == "stop" else finish,
        "stop_sequence": None,
        "usage": {"input_tokens": 222, "output_tokens": 33},
    }


@contextmanager
def scripted_server(*replies: str | Fault | Status, finish: str = "stop") -> Iterator[ScriptedServer]:
    """A server on loopback that speaks OpenAI's and Anthropic's protocol. `url` ends with `/v1`."""
    told = ScriptedServer(list(replies), finish)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            told.requests.append(json.loads(body))
            told.headers.append({name.lower(): value for name, value in self.headers.items()})
            reply = told.replies[min(len(told.requests), len(told.replies)) - 1]
            try:
                self.reply(reply)
            except OSError:
                self.close_connection = True  # the client has left, as it should

        def reply(self, reply: str | Fault | Status) -> None:
            if isinstance(reply, Status):
                self.whole(reply.code, reply.body.encode(), *reply.headers)
            elif reply is Fault.HTML:
                self.whole(200, b"<html>Sign in</html>", ("Content-Type", "text/html"))
            elif reply is Fault.EMPTY:
                self.whole(200, b"")
            elif reply is Fault.GZIP:
                self.whole(200, b"\x1f\x8b", ("Content-Encoding", "gzip"))
            elif isinstance(reply, Fault):
                self.fail(reply)
            else:
                shape = _message if self.path.endswith("/messages") else _chat
                self.whole(200, json.dumps(shape(reply, told.finish)).encode())

        def whole(self, code: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            for name, value in headers or (("Content-Type", "application/json"),):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def fail(self, fault: Fault) -> None:
            self.close_connection = True
            if fault is Fault.SILENT:
                told.released.wait(60)
                return
            if fault is Fault.DRIPPING_HEADERS:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nx-")
                self.until_released(b"a", 0.02)
                return
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            if fault is Fault.CUT_OFF:
                self.send_header("Content-Length", "5000")
            self.end_headers()
            self.wfile.write(b'{"id": "')
            if fault is Fault.DRIP:
                self.until_released(b"a", 0.02)
            elif fault is Fault.FLOOD:
                self.until_released(b"a" * 65536, 0.0)

        def until_released(self, chunk: bytes, pause_s: float) -> None:
            while not told.released.wait(pause_s):
                self.wfile.write(chunk)
                self.wfile.flush()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield told
    finally:
        told.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
