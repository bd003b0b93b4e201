"""What the app tells about itself, as a receiver sees it."""

from collections.abc import Callable

import pytest
from buggy_app_stack import Stack, wait_for
from otlp_sink import OtlpSink

UNITS = {
    "http.server.request.duration": "s",
    "http.server.active_requests": "{request}",
    "http.client.request.duration": "s",
    "db.client.operation.duration": "s",
    "db.client.connection.count": "{connection}",
    "db.client.connection.max": "{connection}",
    "db.client.connection.pending_requests": "{request}",
    "db.client.connection.timeouts": "{timeout}",
    "db.client.connection.wait_time": "s",
    "db.client.connection.create_time": "s",
    "db.client.connection.use_time": "s",
    "process.cpu.utilization": "1",
    "process.cpu.time": "s",
    "process.memory.usage": "By",
    "process.memory.limit": "By",
    "process.open_file_descriptor.count": "{file_descriptor}",
    "process.thread.count": "{thread}",
    "process.uptime": "s",
    "system.filesystem.usage": "By",
    "system.filesystem.limit": "By",
    "system.filesystem.utilization": "1",
}
SERVER, CLIENT = 2, 3


@pytest.mark.e2e
def test_telemetry_follows_the_semantic_conventions(make_stack: Callable[..., Stack], sink: OtlpSink) -> None:
    stack = make_stack(
        sink.endpoint,
        OTEL_RESOURCE_ATTRIBUTES="service.namespace=shop,service.instance.id=replica-7",
    )
    stack.start_dependency()
    replica = stack.start_replica()
    stack.start("buggy_app.traffic")

    wait_for(lambda: {point.name for point in sink.points} >= set(UNITS), "all metrics")
    wait_for(lambda: {span.kind for span in sink.spans} >= {SERVER, CLIENT}, "spans")

    units = {point.name: point.unit for point in sink.points}
    assert {name: units[name] for name in UNITS} == UNITS
    assert not [name for name in units if name.startswith(("system.cpu", "system.memory"))]
    assert "db.client.connections.usage" not in units
    _resource_says_who(sink, replica.pid)
    _attributes_are_the_conventions(sink, stack)
    _spans_name_the_peers(sink, stack)

    assert stack.stop(replica) == 0


def _resource_says_who(sink: OtlpSink, pid: int) -> None:
    resource = sink.points[0].resource
    assert resource["service.name"] == "buggy-app"
    assert resource["service.version"] == "1.0.0"
    assert resource["service.namespace"] == "shop"
    assert resource["service.instance.id"] == "replica-7"
    assert resource["process.pid"] == pid


def _attributes_are_the_conventions(sink: OtlpSink, stack: Stack) -> None:
    states = {
        (point.name, point.attributes.get("db.client.connection.state"))
        for point in sink.points
        if point.name == "db.client.connection.count"
    }
    assert {state for _, state in states} == {"used", "idle"}
    assert sink.latest("db.client.connection.max", db_client_connection_pool_name="orders") == 5
    mountpoint = str(stack.state_dir / "work")
    used = sink.latest(
        "system.filesystem.usage",
        system_filesystem_mountpoint=mountpoint,
        system_filesystem_state="used",
    )
    limit = sink.latest("system.filesystem.limit", system_filesystem_mountpoint=mountpoint)
    assert used is not None
    assert limit is not None
    assert used < limit
    calls = [point.attributes for point in sink.points if point.name == "http.client.request.duration"]
    assert {(call["server.address"], call["server.port"]) for call in calls} == {
        ("127.0.0.1", stack.primary_port)
    }
    routes = {
        point.attributes["http.route"]
        for point in sink.points
        if point.name == "http.server.request.duration"
    }
    assert routes <= {"/orders", "/catalog", "/quote", "/uploads"}


def _spans_name_the_peers(sink: OtlpSink, stack: Stack) -> None:
    clients = [span.attributes for span in sink.spans if span.kind == CLIENT]
    assert any(attributes.get("server.port") == stack.primary_port for attributes in clients)
    assert any(attributes.get("db.system.name") == "sqlite" for attributes in clients)


@pytest.mark.e2e
def test_error_logs_carry_exception_and_trace(make_stack: Callable[..., Stack], sink: OtlpSink) -> None:
    stack = make_stack(sink.endpoint)  # without the dependency: its endpoint refuses connections
    stack.start_replica()

    assert stack.get("/catalog").status == 502

    log = wait_for(lambda: next((log for log in sink.logs if log.severity == 17), None), "an error log")
    assert log.body == "cannot read catalog from the primary endpoint: ConnectError"
    assert log.attributes["exception.type"] == "ConnectError"
    assert "Traceback" in log.attributes["exception.stacktrace"]
    span = wait_for(lambda: next((s for s in sink.spans if s.kind == SERVER), None), "the server's span")
    assert span.trace_id == log.trace_id
    assert span.status == 2


@pytest.mark.e2e
def test_without_a_receiver_it_runs_quietly(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack()
    replica = stack.start_replica()

    assert stack.get("/orders").status == 200
    assert stack.stop(replica) == 0
    assert stack.log("buggy_app") == ""


@pytest.mark.e2e
def test_a_receiver_that_is_down_does_not_hold_up_the_end(make_stack: Callable[..., Stack]) -> None:
    stack = make_stack("http://127.0.0.1:1")
    replica = stack.start_replica()

    assert stack.get("/orders").status == 200
    assert stack.stop(replica) == 0
