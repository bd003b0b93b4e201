"""Instruments are made as the registry says, and Prometheus can fetch them."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.metrics import Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from detector.hosting import Exposition, metrics_router
from detector.hosting.own_telemetry import identity
from detector.hosting.registry import Attribute, Instrument, Metric, Registry, counter, histogram, observe

COLOUR = Attribute("colour", "its colour", ("red", "green"))
SIZE = Attribute("size", "its size", ("s", "l"))
SOLD = Metric("shop.sold", Instrument.COUNTER, "{shirt}", "shirts sold", (COLOUR, SIZE), from_zero=True)
WAIT = Metric("shop.wait", Instrument.HISTOGRAM, "s", "how long people waited", (), (1.0, 5.0))
STOCK = Metric("shop.stock", Instrument.GAUGE, "{shirt}", "shirts left", (COLOUR,))
SERVED = Metric("shop.served", Instrument.COUNTER, "{person}", "people served")


@pytest.fixture
def meters() -> Iterator[MeterProvider]:
    meters = MeterProvider([InMemoryMetricReader()], shutdown_on_exit=False)
    yield meters
    meters.shutdown()


def fetched(exposition: Exposition, **headers: str) -> str:
    app = FastAPI()
    app.include_router(metrics_router(exposition.render))
    with TestClient(app) as client:
        response = client.get("/metrics", headers=headers)
    assert response.status_code == 200
    return response.text


def test_a_counter_tells_zero_for_what_has_not_happened(meters: MeterProvider) -> None:
    exposition = Exposition(meters)
    sold = counter(meters.get_meter("shop"), SOLD)
    sold.add(2, {"colour": "red", "size": "l"})
    told = fetched(exposition)
    assert 'shop_sold_total{colour="red",size="l"} 2.0' in told
    assert told.count("shop_sold_total{") == 4


def test_a_histogram_has_the_buckets_of_the_registry(meters: MeterProvider) -> None:
    exposition = Exposition(meters)
    histogram(meters.get_meter("shop"), WAIT).record(2.0)
    told = fetched(exposition)
    assert [line.split('"')[1] for line in told.splitlines() if "shop_wait_seconds_bucket" in line] == [
        *("1.0", "5.0", "+Inf")
    ]


def test_what_is_observed_is_read_when_it_is_fetched(meters: MeterProvider) -> None:
    exposition, left = Exposition(meters), [3]
    observe(meters.get_meter("shop"), STOCK, lambda: [Observation(left[0], {"colour": "red"})])
    observe(meters.get_meter("shop"), SERVED, lambda: [Observation(7)])
    assert 'shop_stock{colour="red"} 3.0' in fetched(exposition)
    left[0] = 1
    told = fetched(exposition)
    assert 'shop_stock{colour="red"} 1.0' in told
    assert "shop_served_total 7.0" in told


def test_two_in_one_process_do_not_share_metrics(meters: MeterProvider) -> None:
    counter(meters.get_meter("shop"), SOLD).add(1, {"colour": "red", "size": "s"})
    assert fetched(Exposition()) == ""


def test_prometheus_gets_the_format_it_prefers(meters: MeterProvider) -> None:
    exposition = Exposition(meters)
    counter(meters.get_meter("shop"), SOLD)
    assert "# EOF" in fetched(exposition, accept="application/openmetrics-text; version=1.0.0")
    assert "# EOF" not in fetched(exposition, accept="text/plain")


def test_a_registry_is_what_a_module_names() -> None:
    names = {"A": SOLD, "B": WAIT, "OTHER": 3, "MORE": (STOCK,)}
    assert Registry.of("shop", names).metrics == (SOLD, WAIT)


def test_the_environment_has_the_last_word_on_who_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.namespace=theirs,service.instance.id=one")
    assert identity().keys() == {"service.version"}
    monkeypatch.delenv("OTEL_RESOURCE_ATTRIBUTES")
    assert identity()["service.namespace"] == "aegisops"
    assert identity()["service.instance.id"] != identity()["service.instance.id"]
