"""Whatever comes: nothing raises, every sample is finite, and bounds hold."""

import string

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from otlp_requests import (
    T0,
    Attributes,
    any_value,
    counter,
    exponential_histogram,
    gauge,
    histogram,
    log_record,
    logs_request,
    metrics_request,
    resource,
    span,
    summary,
    traces_request,
)

from detector.normalise import Normaliser
from detector.series import Normalised, SeriesRegistry

names = st.sampled_from(["", "m", "app.memory.usage", "app.memory.limit", "x\x00\n", "a" * 1000])
times = st.one_of(
    st.sampled_from([0.0, 1.0, T0, T0 - 0.001, T0 + 4, 4.1e9, 1.8e10]), st.floats(T0 - 10, T0 + 10)
)
wild_floats = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(0, 2**64 - 1)
small_counts = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**58)), max_size=6)
texts = st.one_of(st.text(max_size=20), st.sampled_from(["used", "free", "x" * 5000]))
attributes = st.dictionaries(
    st.one_of(st.sampled_from(["state", "thread.id", "route", "", "exception.type"]), texts),
    st.one_of(
        texts, st.booleans(), st.integers(-(2**63), 2**63 - 1), wild_floats, st.lists(texts, max_size=3)
    ),
    max_size=4,
)


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    name, at, start, attrs = draw(names), draw(times), draw(times), draw(attributes)
    shape = draw(st.integers(0, 4))
    if shape == 0:
        return gauge(name, draw(wild_floats), at, attributes=attrs, flags=draw(st.integers(0, 3)))
    if shape == 1:
        value = draw(st.one_of(st.none(), wild_floats, st.integers(-(2**63), 2**63 - 1)))
        monotonic, delta = draw(st.booleans()), draw(st.booleans())
        return counter(name, value, at, start=start, attributes=attrs, monotonic=monotonic, delta=delta)
    if shape == 2:
        bounds, total = draw(st.lists(wild_floats, max_size=6)), draw(st.one_of(st.none(), wild_floats))
        low, high, delta = draw(wild_floats), draw(st.one_of(st.none(), wild_floats)), draw(st.booleans())
        return histogram(
            name,
            draw(small_counts),
            bounds,
            total,
            at,
            start=start,
            attributes=attrs,
            delta=delta,
            low=low,
            high=high,
        )
    if shape == 3:
        edge = st.integers(-(2**31), 2**31 - 1)
        return exponential_histogram(
            name,
            draw(small_counts),
            at,
            offset=draw(st.one_of(st.integers(-5, 5), edge)),
            scale=draw(st.one_of(st.integers(-12, 22), edge)),
            total=draw(wild_floats),
            zeros=draw(st.integers(0, 2**40)),
            negative=draw(small_counts),
            negative_offset=draw(edge),
            start=start,
            attributes=attrs,
            delta=draw(st.booleans()),
        )
    quantiles = draw(st.dictionaries(wild_floats, wild_floats, max_size=3))
    return summary(name, quantiles, draw(counts), draw(wild_floats), at, start=start, attributes=attrs)


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    service = draw(st.one_of(st.none(), texts))
    instance = draw(st.one_of(st.none(), st.sampled_from(["a", "b"])))
    extra: Attributes = {
        "process.pid": draw(st.one_of(st.integers(-5, 10), texts)),
        "process.creation.time": draw(st.one_of(texts, st.just("0001-01-01T00:00:00+23:59"))),
    }
    return resource(service, instance, draw(texts), extra)


def all_finite(normalised: Normalised, registry: SeriesRegistry) -> bool:
    samples = normalised.samples
    same_length = {len(samples.series), len(samples.instances), len(samples.times), len(samples.values)}
    return (
        len(same_length) == 1
        and bool(np.isfinite(samples.values).all())
        and bool((np.abs(samples.times - T0) <= 200).all())
        and bool((samples.series < len(registry.keys)).all())
        and bool((samples.instances < len(registry.instances)).all())
    )


exports = st.lists(st.tuples(resources(), st.lists(metrics(), max_size=5)), min_size=1, max_size=8)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(exports)
def test_wild_metrics_give_finite_samples_or_none(sent: list[tuple[Resource, list[Metric]]]) -> None:
    registry = SeriesRegistry()
    normaliser = Normaliser(registry)
    for i, (of, each) in enumerate(sent):
        request = ExportMetricsServiceRequest.FromString(metrics_request(*each, of=of).SerializeToString())
        assert all_finite(normaliser.metrics(request, T0 + i), registry)
    assert all_finite(normaliser.flush(T0 + 100), registry)
    for key in registry.keys:
        assert len(key.name) <= 200
        assert key.name.isprintable()
        assert all(len(name) <= 64 and len(value) <= 128 for name, value in key.attributes)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(resources(), st.lists(st.tuples(texts, times, st.integers(-3, 30), texts, attributes), max_size=5))
def test_wild_logs_give_finite_samples_and_bounded_notices(
    of: Resource, sent: list[tuple[str, float, int, str, Attributes]]
) -> None:
    registry = SeriesRegistry()
    normaliser = Normaliser(registry)
    records = [
        log_record(body, at, severity=number, text=text, attributes=attrs, trace_id=body.encode()[:16])
        for body, at, number, text, attrs in sent
    ]
    request = ExportLogsServiceRequest.FromString(logs_request(*records, of=of).SerializeToString())
    for second in range(3):
        for notice in normaliser.logs(request, T0 + second).logs:
            assert len(notice.body) <= 500
            assert "\n" not in notice.body
        assert all_finite(normaliser.flush(T0 + second + 1), registry)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    resources(),
    st.lists(
        st.tuples(times, st.floats(-1e6, 1e6), st.integers(-2, 8), st.binary(max_size=20), attributes),
        max_size=5,
    ),
)
def test_wild_spans_give_finite_samples(
    of: Resource, sent: list[tuple[float, float, int, bytes, Attributes]]
) -> None:
    registry = SeriesRegistry()
    normaliser = Normaliser(registry)
    spans = [
        span(
            at,
            duration,
            kind=kind,
            trace_id=trace,
            attributes={**attrs, "url.full": "http://[" + trace.hex()},
        )
        for at, duration, kind, trace, attrs in sent
    ]
    request = ExportTraceServiceRequest.FromString(traces_request(*spans, of=of).SerializeToString())
    for second in range(3):
        assert all_finite(normaliser.traces(request, T0 + second), registry)
        assert all_finite(normaliser.flush(T0 + second + 1), registry)


def test_a_request_of_random_but_valid_bytes_is_no_trouble() -> None:
    normaliser = Normaliser(SeriesRegistry())
    request = metrics_request(Metric(name="m"))
    request.resource_metrics[0].resource.attributes.add(key="service.name").value.CopyFrom(any_value(["a"]))
    request.resource_metrics.add()
    assert len(normaliser.metrics(request, T0).samples) == 0


def test_memory_is_bounded_under_a_flood_of_names() -> None:
    registry = SeriesRegistry(max_series=500, max_instances=50)
    normaliser = Normaliser(registry, max_streams=100, max_attribute_sets=5, max_metrics=20, max_templates=10)
    letters = string.ascii_letters
    for i in range(300):
        of = resource(service=f"s{i % 60}", instance=f"i{i}")
        flood = [gauge(f"m{letter}{i}", 1.0, T0 + i, attributes={"k": f"{i}"}) for letter in letters]
        normaliser.metrics(metrics_request(*flood, of=of), T0 + i)
        normaliser.logs(logs_request(log_record(f"a{i} " * (i % 50), T0 + i, severity=17), of=of), T0 + i)
        normaliser.traces(
            traces_request(span(T0 + i, kind=3, attributes={"server.address": f"h{i}"}), of=of), T0 + i
        )
        normaliser.flush(T0 + i)
    assert len(registry.keys) <= 500
    assert len(registry.instances) <= 50
    assert normaliser.counters["refused_resources"] > 0
    assert normaliser.counters["refused_metrics"] > 0
