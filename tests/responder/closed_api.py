"""The API over a database of its own, with a clock that is set by hand."""

import functools
import json
from pathlib import Path
from typing import Any, cast

from access_samples import TOKENS, bearer, sample_access
from api_doubles import EmptyRunbook, Started
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from detector import Incident
from responder.access import Access
from responder.api import ApiParts, build_app
from responder.incident_record import PipelineState
from responder.store import Database, Store

NOW = 1_800_000_000.0


@functools.cache
def description() -> dict[str, Any]:
    """What the API, closed by tokens, says of itself (OpenAPI); made once, as that takes a second."""
    return build_app(cast(Any, None), sample_access()).openapi()


class ApiUnderTest:
    def __init__(self, directory: Path, access: Access | None = None) -> None:
        database = Database(f"sqlite:///{directory / 'responder.db'}", "AEGISOPS_RESPONDER_DATA_DIR")
        database.open()
        self.now = NOW
        self.store = Store.over(database)
        self.workflows = Started()
        parts = ApiParts(self.store, self.workflows, EmptyRunbook(), lambda: self.now, RandomIdGenerator())
        self.client = TestClient(build_app(parts, access), raise_server_exceptions=False)

    def close(self) -> None:
        self.client.close()
        self.store.database.close()

    def send(self, path: str, payload: object, **headers: str) -> Any:
        headers = {"content-type": "application/json"} | headers
        return self.client.post(path, content=json.dumps(payload), headers=headers)

    def accepted(self, path: str, payload: object, **headers: str) -> list[dict[str, Any]]:
        response = self.send(path, payload, **headers)
        assert response.status_code == 202, response.text
        outcomes: list[dict[str, Any]] = response.json()["alerts"]
        return outcomes

    def detect(self, incident: Incident) -> str:
        return self.store.incidents.receive(incident, self.now).incident_id

    def end(self, incident_id: str, state: PipelineState = PipelineState.RESOLVED) -> None:
        self.store.timeline.move(incident_id, state, "ended", key="end", at=self.now)

    def row(self, incident_id: str) -> Any:
        row = self.store.incidents.get(incident_id)
        assert row is not None
        return row

    def messages(self, incident_id: str) -> list[str]:
        record = self.store.records.get(incident_id)
        assert record is not None
        return [event.message for event in record.timeline]

    @property
    def total(self) -> int:
        return self.store.incidents.page(1, 0).total


def as_role(role: str) -> dict[str, str]:
    return bearer(TOKENS[role])
