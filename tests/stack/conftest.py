"""One real stack, shared by the tests of this folder, and what it exports about itself."""

from collections.abc import Iterator

import pytest
from otlp_sink import OtlpSink
from running_stack import Running, warm_stack


@pytest.fixture(scope="session")
def own_telemetry() -> Iterator[OtlpSink]:
    """Receives what detector and responder tell about themselves."""
    sink = OtlpSink()
    yield sink
    sink.stop()


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory, own_telemetry: OtlpSink) -> Iterator[Running]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", own_telemetry.endpoint)
        environment.setenv("OTEL_BSP_SCHEDULE_DELAY", "500")
        with warm_stack(tmp_path_factory.mktemp("stack")) as started:
            yield started
