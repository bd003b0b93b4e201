"""What the demo reads of the running stack, over the same public interfaces anyone can use."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import TypeAdapter

from aegisops.errors import DemoError
from aegisops.settings import StackSettings
from detector import Incident, ServiceHealth
from responder.incident_record import IncidentRecord

_RECORD = TypeAdapter(IncidentRecord)
_SERVICES = TypeAdapter(list[ServiceHealth])
_INCIDENTS = TypeAdapter(list[Incident])


@dataclass(slots=True)
class StackView:
    """Reads detector and responder. Raises `DemoError` when one of them stops answering."""

    settings: StackSettings
    http: httpx.Client

    def health_of(self, service: str) -> ServiceHealth | None:
        """How the detector sees `service`, None while it has not heard of it."""
        answer = self._get(f"{self.settings.detector_url}/services")
        known = _SERVICES.validate_json(answer.content)
        return next((health for health in known if health.service == service), None)

    def open_incidents(self) -> list[Incident]:
        """Incidents the detector holds open."""
        answer = self._get(f"{self.settings.detector_url}/incidents", state="open")
        return _INCIDENTS.validate_json(answer.content)

    def incidents_since(self, injected_at: float) -> list[IncidentRecord]:
        """Incidents opened since a time, the oldest first."""
        answer = self._get(f"{self.settings.responder_url}/incidents", limit="50")
        items: list[Any] = answer.json()["items"]
        records = [_RECORD.validate_python(item) for item in items]
        return sorted(
            (r for r in records if r.incident.opened_at >= injected_at), key=lambda r: r.incident.opened_at
        )

    def record(self, incident_id: str) -> IncidentRecord:
        """An incident with all that was done about it."""
        answer = self._get(f"{self.settings.responder_url}/incidents/{incident_id}")
        return _RECORD.validate_json(answer.content)

    def _get(self, url: str, **params: str) -> httpx.Response:
        try:
            ours = url.startswith(self.settings.responder_url)
            headers = self.settings.authorization if ours else {}
            return self.http.get(url, params=params, headers=headers).raise_for_status()
        except httpx.HTTPError as error:
            raise DemoError(f"{url} did not answer: {error}") from None


def wait_until(
    condition: Callable[[], bool], timeout_s: float, failure: Callable[[], str], poll_s: float = 0.25
) -> None:
    """Returns once `condition` holds; raises `DemoError(failure())` when it does not in time."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise DemoError(failure())
        time.sleep(poll_s)
