"""Instruments the web framework, the HTTP client and the database with OpenTelemetry's own packages."""

import httpx
from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.metrics import NoOpMeterProvider
from sqlalchemy import Engine


def instrument(app: FastAPI, client: httpx.AsyncClient, engine: Engine) -> None:
    """Let requests, calls and queries make spans, and requests and calls metrics.

    The SQLAlchemy instrumentation's pool metric bears a deprecated name: `telemetry.pool` has the
    current ones, so that one is left out.
    """
    FastAPIInstrumentor.instrument_app(app, excluded_urls="/health$", exclude_spans=["receive", "send"])
    HTTPXClientInstrumentor.instrument_client(client)
    SQLAlchemyInstrumentor().instrument(
        engine=engine, meter_provider=NoOpMeterProvider(), skip_dep_check=True
    )
