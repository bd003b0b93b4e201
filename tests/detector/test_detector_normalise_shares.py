"""Usage over its limit, by the naming conventions of OpenTelemetry."""

import pytest
from normalised import Bench
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from otlp_requests import T0, counter, gauge, resource

from detector.normalise.attributes import SeriesAttributes
from detector.normalise.shares import without_state


@pytest.fixture
def bench() -> Bench:
    return Bench()


def shares(sent: dict[str, list[float]]) -> dict[str, list[float]]:
    return {name: values for name, values in sent.items() if name.endswith(":share")}


def level(name: str, value: float, attributes: dict[str, str] | None = None, at: float = T0) -> Metric:
    return counter(name, value, at, monotonic=False, attributes=attributes or {})


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        pytest.param(
            [level("container.memory.usage", 30), level("container.memory.limit", 40)],
            {"container.memory.usage:share": [0.75]},
            id="container",
        ),
        pytest.param(
            [level("container.memory.usage", 30), level("k8s.container.memory_limit", 40)],
            {"container.memory.usage:share": [0.75]},
            id="kubernetes",
        ),
        pytest.param(
            [level("process.memory.limit", 100), level("process.memory.usage", 20)],
            {"process.memory.usage:share": [0.2]},
            id="limit first",
        ),
        pytest.param(
            [
                level("jvm.memory.used", 10, {"jvm.memory.pool.name": "eden"}),
                level("jvm.memory.limit", 40, {"jvm.memory.pool.name": "eden"}),
                level("jvm.memory.used", 10, {"jvm.memory.pool.name": "code"}),
                level("jvm.memory.limit", -1, {"jvm.memory.pool.name": "code"}),
            ],
            {"jvm.memory.used{jvm.memory.pool.name=eden}:share": [0.25]},
            id="jvm, one pool without a limit",
        ),
        pytest.param(
            [
                level("db.client.connection.count", 8, {"pool": "a", "db.client.connection.state": "used"}),
                level("db.client.connection.count", 2, {"pool": "a", "db.client.connection.state": "idle"}),
                level("db.client.connection.max", 10, {"pool": "a"}),
            ],
            {"db.client.connection.count{pool=a}:share": [0.8]},
            id="connection pool",
        ),
        pytest.param(
            [
                level("db.client.connections.usage", 3, {"state": "used"}),
                level("db.client.connections.max", 4),
            ],
            {"db.client.connections.usage:share": [0.75]},
            id="connection pool, former convention",
        ),
        pytest.param(
            [
                level("system.filesystem.usage", 90, {"mountpoint": "/", "state": "used"}),
                level("system.filesystem.usage", 10, {"mountpoint": "/", "state": "free"}),
                level("system.filesystem.usage", 50, {"mountpoint": "/", "state": "reserved"}),
            ],
            {"system.filesystem.usage{mountpoint=/}:share": [0.9]},
            id="filesystem, by its states",
        ),
        pytest.param(
            [
                level("system.filesystem.usage", 90, {"system.filesystem.state": "used"}),
                level("system.filesystem.limit", 200),
            ],
            {"system.filesystem.usage:share": [0.45]},
            id="filesystem, by its limit",
        ),
        pytest.param(
            [
                gauge("system.memory.usage", 60, T0, attributes={"state": "used"}),
                gauge("system.memory.usage", 30, T0, attributes={"state": "free"}),
                gauge("system.memory.usage", 10, T0, attributes={"state": "cached"}),
            ],
            {"system.memory.usage:share": [0.6]},
            id="memory, by its states",
        ),
        pytest.param(
            [gauge("exporter_queue_size", 250, T0), gauge("exporter_queue_capacity", 1000, T0)],
            {"exporter_queue_size:share": [0.25]},
            id="a queue",
        ),
        pytest.param(
            [gauge("orders.count", 5, T0), gauge("orders.limit", 0, T0)], {}, id="a limit of zero is none"
        ),
        pytest.param(
            [gauge("app.memory.usage", 5, T0), gauge("app.memory.limit", 2.0**63, T0)],
            {},
            id="a huge limit is none",
        ),
        pytest.param([gauge("app.memory.usage", 5, T0)], {}, id="no limit known"),
        pytest.param(
            [gauge("app.memory.usage", 9, T0), gauge("app.memory.limit", 6, T0)],
            {"app.memory.usage:share": [1.0]},
            id="never more than 1",
        ),
    ],
)
def test_usage_over_limit(bench: Bench, metrics: list[Metric], expected: dict[str, list[float]]) -> None:
    assert shares(bench.send(*metrics, at=T0)) == expected


def test_a_limit_sent_seldom_is_remembered(bench: Bench) -> None:
    bench.send(gauge("app.memory.usage", 5, T0), gauge("app.memory.limit", 10, T0), at=T0)
    assert shares(bench.send(gauge("app.memory.usage", 6, T0 + 1), at=T0 + 1)) == {
        "app.memory.usage:share": [0.6]
    }


def test_a_limit_not_heard_of_for_long_no_longer_counts(bench: Bench) -> None:
    bench.send(gauge("app.memory.usage", 5, T0), gauge("app.memory.limit", 10, T0), at=T0)
    assert shares(bench.send(gauge("app.memory.usage", 6, T0 + 400), at=T0 + 400)) == {}


def test_each_instance_has_its_own_limit(bench: Bench) -> None:
    usage = gauge("app.memory.usage", 5, T0)
    bench.send(usage, gauge("app.memory.limit", 10, T0), at=T0, of=resource(instance="a"))
    assert shares(bench.send(usage, at=T0, of=resource(instance="b"))) == {}


def test_the_state_is_told_apart_from_other_attributes() -> None:
    attributes: SeriesAttributes = (("pool", "a"), ("state", "used"))
    assert without_state(attributes) == ((("pool", "a"),), "used")
    assert without_state((("pool", "a"),)) == ((("pool", "a"),), "")
