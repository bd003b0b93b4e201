"""A process's metrics in the formats that Prometheus fetches."""

from collections.abc import Callable

from fastapi import APIRouter, Request, Response
from fastapi.responses import PlainTextResponse
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder


class Exposition:
    """Reads the metrics of a meter provider; without one it is empty."""

    def __init__(self, meters: MeterProvider | None = None) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        if meters is not None:
            meters.add_metric_reader(
                PrometheusMetricReader(scope_info_enabled=False, registry=self._registry)
            )

    def render(self, accept: str) -> tuple[bytes, str]:
        """The metrics now, in the format that a call with this `Accept` header wants, and its name."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


def metrics_router(render: Callable[[str], tuple[bytes, str]]) -> APIRouter:
    """`GET /metrics` by `Exposition.render`."""
    router = APIRouter(tags=["metrics"])

    @router.get(
        "/metrics",
        response_class=PlainTextResponse,
        summary="Its own metrics, as Prometheus fetches them",
    )
    def metrics(request: Request) -> Response:
        """The metrics now, as text; no exemplars, which go by OTLP."""
        body, content_type = render(request.headers.get("accept", ""))
        return Response(body, media_type=content_type)

    return router
