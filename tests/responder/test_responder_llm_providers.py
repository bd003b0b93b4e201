"""Providers over real HTTP: each way a server may fail is one typed error, within the deadline."""

import dataclasses
import socket
from collections.abc import Callable, Iterator

import pytest
from scripted_llm import Fault, ScriptedServer, Status, answer, scripted_server

from responder.diagnose.llm import (
    BadAnswer,
    EventLoopThread,
    LlmProvider,
    Message,
    Prompt,
    ProviderRefused,
    ProviderTimeout,
    ProviderUnreachable,
    RateLimited,
    Refusal,
)
from responder.diagnose.llm.claude import Claude
from responder.diagnose.llm.openai_compatible import OpenAiCompatible
from responder.loopback import is_loopback

SHORT_S = 0.4
LONG_S = 20.0
PROMPT = Prompt("system", (Message("user", "question"),), "diagnosis", {"type": "object"}, 100)
Make = Callable[[str], LlmProvider]


@pytest.fixture
def loop() -> Iterator[EventLoopThread]:
    thread = EventLoopThread()
    yield thread
    thread.close()


@pytest.fixture(params=["openai", "claude"])
def make(request: pytest.FixtureRequest, loop: EventLoopThread) -> Iterator[Make]:
    made: list[LlmProvider] = []

    def provider(url: str) -> LlmProvider:
        if request.param == "claude":
            one: LlmProvider = Claude(loop, base_url=url.removesuffix("/v1"), model="m", api_key="key-1")
        else:
            one = OpenAiCompatible(loop, name="ollama", base_url=url, model="m", api_key="key-1")
        made.append(one)
        return one

    yield provider
    for one in made:
        one.close()


def test_a_valid_answer_comes_with_model_and_tokens(make: Make) -> None:
    with scripted_server(answer()) as server:
        done = make(server.url).complete(PROMPT, LONG_S)
    assert done.text == answer()
    assert (done.model, done.tokens_in, done.tokens_out) in [
        ("served-model", 321, 54),
        ("claude-served", 222, 33),
    ]


def test_the_key_is_sent_and_nothing_of_the_environment(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY", "OPENAI_API_KEY"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "from-the-environment")
    with scripted_server(answer()) as server:
        make(server.url).complete(PROMPT, LONG_S)
    assert "from-the-environment" not in str(server.headers)
    assert "key-1" in str(server.headers)


def test_a_proxy_is_not_used_on_the_way_to_this_machine(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with scripted_server(answer()) as server:
        assert make(server.url).complete(PROMPT, LONG_S).text == answer()


@pytest.mark.parametrize("fault", [Fault.SILENT, Fault.DRIP, Fault.DRIPPING_HEADERS])
def test_a_server_that_does_not_finish_is_cut_off_at_the_deadline(make: Make, fault: Fault) -> None:
    with scripted_server(fault) as server, pytest.raises(ProviderTimeout):
        make(server.url).complete(PROMPT, SHORT_S)


def test_an_endless_answer_ends_at_its_bound(make: Make) -> None:
    with scripted_server(Fault.FLOOD) as server, pytest.raises(BadAnswer) as caught:
        make(server.url).complete(PROMPT, LONG_S)
    assert caught.value.reason is Refusal.TOO_LONG


def test_a_compressed_answer_is_not_unpacked(make: Make) -> None:
    with scripted_server(Fault.GZIP) as server, pytest.raises(BadAnswer):
        make(server.url).complete(PROMPT, LONG_S)


@pytest.mark.parametrize("reply", [Fault.CUT_OFF, Fault.HTML, Fault.EMPTY, Status(500), Status(503)])
def test_what_is_no_model_server_is_unreachable(make: Make, reply: Fault | Status) -> None:
    with scripted_server(reply) as server, pytest.raises(ProviderUnreachable):
        make(server.url).complete(PROMPT, LONG_S)
    assert len(server.requests) == 1, "trying again is the caller's decision"


def test_a_refused_connection_is_unreachable(make: Make) -> None:
    with socket.socket() as taken:  # bound and not listening
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(ProviderUnreachable):
            make(f"http://127.0.0.1:{taken.getsockname()[1]}/v1").complete(PROMPT, LONG_S)


@pytest.mark.parametrize(
    ("value", "seconds"), [("7", 7.0), ("1e9", 3600.0), ("-5", None), ("nan", None), ("soon", None)]
)
def test_too_many_requests_says_when_to_come_back(make: Make, value: str, seconds: float | None) -> None:
    reply = Status(429, (("Retry-After", value),))
    with scripted_server(reply) as server, pytest.raises(RateLimited) as caught:
        make(server.url).complete(PROMPT, LONG_S)
    assert caught.value.retry_after_s == seconds
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [401, 403, 404, 409])
def test_a_server_that_will_not_is_a_refusal(make: Make, code: int) -> None:
    with scripted_server(Status(code)) as server, pytest.raises(ProviderRefused):
        make(server.url).complete(PROMPT, LONG_S)


@pytest.mark.parametrize("finish", ["length", "max_tokens"])
def test_an_answer_cut_off_at_its_greatest_length_is_bad(make: Make, finish: str) -> None:
    with scripted_server("{", finish=finish) as server:
        provider = make(server.url)
        if (finish == "length") is not (provider.name == "ollama"):
            return  # the other protocol's word
        with pytest.raises(BadAnswer) as caught:
            provider.complete(PROMPT, LONG_S)
    assert caught.value.reason is Refusal.CUT_OFF


def test_no_error_tells_the_key(make: Make) -> None:
    reply = Status(401, body="key-1 is wrong")
    with scripted_server(reply) as server, pytest.raises(ProviderRefused) as caught:
        make(server.url).complete(PROMPT, LONG_S)
    assert "key-1" not in str(caught.value)


def formats(server: ScriptedServer) -> list[str]:
    return [request.get("response_format", {}).get("type", "plain") for request in server.requests]


def test_a_server_that_does_not_know_schemas_is_asked_more_simply_from_then_on(loop: EventLoopThread) -> None:
    with scripted_server(Status(400), Status(400), answer(), answer()) as server:
        provider = OpenAiCompatible(loop, name="ollama", base_url=server.url, model="m", api_key="k")
        provider.complete(PROMPT, LONG_S)
        provider.complete(PROMPT, LONG_S)
        provider.close()
    assert formats(server) == ["json_schema", "json_object", "plain", "plain"]


def test_a_model_that_wants_the_newer_parameters_gets_them_from_then_on(loop: EventLoopThread) -> None:
    refusal = Status(400, body='{"error": {"message": "no", "param": "max_tokens", "code": "unsupported"}}')
    with scripted_server(refusal, answer()) as server:
        provider = OpenAiCompatible(loop, name="openai", base_url=server.url, model="m", api_key="k")
        provider.complete(PROMPT, LONG_S)
        provider.complete(PROMPT, LONG_S)
        provider.close()
    assert [request.get("max_tokens") for request in server.requests] == [100, None, None]
    assert [request.get("max_completion_tokens") for request in server.requests] == [None, 100, 100]
    assert formats(server) == ["json_schema"] * 3


def test_a_request_that_is_bad_in_every_form_is_a_refusal(loop: EventLoopThread) -> None:
    with scripted_server(Status(400)) as server:
        provider = OpenAiCompatible(loop, name="ollama", base_url=server.url, model="m", api_key="k")
        with pytest.raises(ProviderRefused):
            provider.complete(PROMPT, LONG_S)
        provider.close()
    assert len(server.requests) == 3


def test_claude_is_not_sent_bounds_on_lists_which_it_refuses(loop: EventLoopThread) -> None:
    lists = {"a": {"type": "array", "items": {"type": "string"}, "maxItems": 3}}
    prompt = dataclasses.replace(PROMPT, schema={"type": "object", "properties": lists})
    with scripted_server(answer()) as server:
        provider = Claude(loop, base_url=server.url.removesuffix("/v1"), model="m", api_key="k")
        provider.complete(prompt, LONG_S)
        provider.close()
    sent = server.requests[0]["output_config"]["format"]["schema"]["properties"]
    assert sent == {"a": {"type": "array", "items": {"type": "string"}}}


def test_claude_is_asked_for_the_schema_and_without_where_the_model_does_not_know(
    loop: EventLoopThread,
) -> None:
    with scripted_server(Status(400), answer()) as server:
        provider = Claude(loop, base_url=server.url.removesuffix("/v1"), model="m", api_key="k")
        provider.complete(PROMPT, LONG_S)
        provider.close()
    assert [request.get("output_config") for request in server.requests] == [
        {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        None,
    ]


@pytest.mark.parametrize(
    ("host", "here"),
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("127.8.9.1", True),
        ("api.openai.com", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.1", False),
    ],
)
def test_this_machine_is_told_from_others(host: str, here: bool) -> None:
    assert is_loopback(host) is here
