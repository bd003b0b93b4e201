"""The hostile bench, with few inputs."""

import json
from collections.abc import Iterator

import pytest
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from aegisops.bench.hostile import run
from aegisops.bench.hostile_requests import HostileRequest, HostileRequests
from detector.receive.json_encoding import JsonError, read_json

BY_GRPC, DEAR = {"mutated", "odd values", "random", "nested"}, {"bomb", "oversized"}
BY_HTTP = BY_GRPC | {"mutated JSON", "nested JSON", "mutated gzip", "misnamed"}


def drawn(count: int, *, by_http: bool, seed: int = 1) -> Iterator[HostileRequest]:
    requests = HostileRequests(seed)
    return (requests.draw(by_http=by_http) for _ in range(count))


def parses(request: HostileRequest) -> bool:
    try:
        ExportMetricsServiceRequest.FromString(request.body)
    except DecodeError:
        return False
    return True


def test_the_same_seed_draws_the_same_requests() -> None:
    first, second, other = (list(drawn(50, by_http=True, seed=seed)) for seed in (1, 1, 2))
    assert first == second != other


@pytest.mark.parametrize(("by_http", "kinds"), [(False, BY_GRPC), (True, BY_HTTP)])
def test_every_kind_that_is_not_dear_is_drawn_often(by_http: bool, kinds: set[str]) -> None:
    assert {request.kind for request in drawn(500, by_http=by_http)} - DEAR == kinds


def test_what_has_odd_values_parses_and_some_of_what_is_mutated_does() -> None:
    requests = [one for one in drawn(500, by_http=False) if one.signal == "metrics"]
    assert all(parses(one) for one in requests if one.kind == "odd values")
    assert {parses(one) for one in requests if one.kind == "mutated"} == {True, False}


def test_some_of_the_mutated_json_can_be_read() -> None:
    def readable(request: HostileRequest) -> bool:
        try:
            read_json(request.body, ExportMetricsServiceRequest())
        except JsonError:
            return False
        return True

    texts = [one for one in drawn(300, by_http=True) if one.kind == "mutated JSON"]
    assert {readable(one) for one in texts if one.signal == "metrics"} == {True, False}


def test_hostile_requests_harm_neither_the_detector_nor_honest_senders() -> None:
    lines: list[str] = []
    result = json.loads(run(lines.append, inputs=240, large_bytes=100_000).as_json())
    assert result["inputs"] == 240
    assert (result["uncaught"], result["honest_lost"], result["tracebacks"]) == (0, 0, 0), lines
    assert result["honest"] >= 6 * 20 * 1_000
    assert sum(row["count"] for row in result["answers"]) == 240
    assert {row["answer"] for row in result["answers"]} >= {"OK", "200", "INVALID_ARGUMENT", "400"}
