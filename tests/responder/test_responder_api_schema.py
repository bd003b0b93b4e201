"""The API keeps what its description promises, for calls of every shape (schemathesis)."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from access_samples import TOKENS, bearer, sample_access
from api_doubles import Started
from closed_api import description
from hypothesis import HealthCheck, given, settings
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from pipeline_doubles import make_incident
from schemathesis import Case, GenerationMode
from schemathesis.openapi.loaders import from_asgi
from schemathesis.schemas import BaseSchema
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from responder.api import ApiParts, build_app
from responder.learn import Runbook
from responder.store import Database, Store


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BaseSchema]:
    """The whole application, closed by tokens, over a database with one incident."""
    path = tmp_path_factory.mktemp("schema") / "responder.db"
    database = Database(f"sqlite:///{path}", "AEGISOPS_RESPONDER_DATA_DIR")
    database.open()
    store = Store.over(database)
    store.incidents.receive(make_incident(), 1000.0)
    ended = threading.Event()
    ended.set()  # event streams end after what there is
    clock = lambda: 2000.0  # noqa: E731 - shared by both
    parts = ApiParts(store, Started(), Runbook(store.runbook, clock), clock, RandomIdGenerator(), ended)
    yield from_asgi("/openapi.json", build_app(parts, sample_access()))
    database.close()


# Payloads of other systems: what is not known is tolerated, and of several alerts those that can be used are
# taken, so that a call with a fault in it may be accepted.
TOLERANT = "/webhook"
# Rules that a JSON schema does not express: names must be printable, each action stands once.
STRICTER = ("/detections", "/runbook/import")


def operations() -> list[Any]:
    """Each call with good data, and with bad data where it takes any."""
    paths = description()["paths"]
    return [
        pytest.param(method, path, mode, id=f"{method} {path} {mode.value}")
        for path, methods in paths.items()
        for method, call in methods.items()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        if mode is GenerationMode.POSITIVE or call.get("parameters") or "requestBody" in call
    ]


def role_for(path: str) -> str:
    if path.startswith(TOLERANT):
        return "alerts"
    return "detector" if path == "/detections" else "operator"


@pytest.mark.parametrize(("method", "path", "mode"), operations())
def test_every_call_is_answered_as_described(
    described: BaseSchema, method: str, path: str, mode: GenerationMode
) -> None:
    excluded = [negative_data_rejection] if path.startswith(TOLERANT) else []
    if path in STRICTER:
        excluded = [positive_data_acceptance]
    credentials = bearer(TOKENS[role_for(path)])
    cases = described[path][method].as_strategy(generation_mode=mode, headers=credentials)

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def calls(case: Case) -> None:
        case.call_and_validate(headers=credentials, excluded_checks=excluded)

    calls()
