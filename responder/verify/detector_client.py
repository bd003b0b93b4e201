"""The detector's query interface over HTTP."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import TypeAdapter, ValidationError

from detector import Deploy, Incident, LogLine, Neighbours, Recovery, ServiceHealth
from responder.verify.detector_query import DetectorUnavailable

T = TypeVar("T")

_RECOVERY = TypeAdapter(Recovery)
_INCIDENT = TypeAdapter(Incident)
_SERVICES = TypeAdapter(tuple[ServiceHealth, ...])
_LOGS = TypeAdapter(tuple[LogLine, ...])
_NEIGHBOURS = TypeAdapter(Neighbours)
_DEPLOYS = TypeAdapter(tuple[Deploy, ...])
_MAX_LOG_LINES = 200
_RETRY_STATUS = frozenset({429, 502, 503, 504})
_PAUSE_S = 0.1


class _TryAgain(Exception):  # noqa: N818 - never leaves this module
    """This attempt failed in a way that the next may not."""


class DetectorClient:
    """Implements `DetectorDetails`. Safe to use from several threads; close it when done.

    `timeout_s` bounds connecting, each read and the whole answer; `attempts` is how often a call is
    tried where the fault may pass (refused connection, time-out, 429, 502 to 504); answers above
    `max_bytes` are refused. Proxies and redirects are not followed. Raises ValueError for a base URL
    that is not http or https.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float = 2.0,
        attempts: int = 2,
        max_bytes: int = 8 * 1024 * 1024,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        url = httpx.URL(base_url)
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"the detector's address is {base_url!r}; it must be an http or https URL")
        self._url = str(url).rstrip("/")
        self._timeout_s = timeout_s
        self._attempts = max(1, attempts)
        self._max_bytes = max_bytes
        self._sleep = sleep
        self._http = httpx.Client(
            timeout=timeout_s,
            transport=transport,
            trust_env=False,
            follow_redirects=False,
            headers={"accept": "application/json", "accept-encoding": "identity"},
        )

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def recovery(self, incident_id: str) -> Recovery | None:
        """Is this incident over? None where the detector does not know it."""
        found = self._get(f"/incidents/{quote(incident_id, safe='')}/recovery", _RECOVERY)
        if found is not None and found.incident_id != incident_id:
            raise DetectorUnavailable(f"the detector at {self._url} answered about another incident")
        return found

    def incident(self, incident_id: str) -> Incident | None:
        """The incident as the detector sees it now; None where it does not know it."""
        return self._get(f"/incidents/{quote(incident_id, safe='')}", _INCIDENT)

    def services(self) -> tuple[ServiceHealth, ...]:
        """Every service the detector hears from."""
        found = self._get("/services", _SERVICES)
        if found is None:
            raise DetectorUnavailable(f"{self._url}/services is not there; is this the detector's address?")
        return found

    def logs(self, incident_id: str) -> tuple[LogLine, ...] | None:
        """The warnings and errors around an incident; None where the detector does not know it."""
        return self._get(f"/incidents/{quote(incident_id, safe='')}/logs?limit={_MAX_LOG_LINES}", _LOGS)

    def neighbours(self, service: str, namespace: str) -> Neighbours | None:
        """Callers and callees of a service; None where the detector does not hear it."""
        return self._get(_of_service(service, namespace, "neighbours"), _NEIGHBOURS)

    def deploys(self, service: str, namespace: str) -> tuple[Deploy, ...] | None:
        """Its latest releases, newest first; None where the detector does not hear it."""
        return self._get(_of_service(service, namespace, "deploys"), _DEPLOYS)

    def _get(self, path: str, shape: TypeAdapter[T]) -> T | None:
        for attempt in range(self._attempts):
            try:
                body = self._read(path)
            except _TryAgain as error:
                if attempt + 1 == self._attempts:
                    raise DetectorUnavailable(str(error)) from error
                self._sleep(_PAUSE_S * 2**attempt)
                continue
            return None if body is None else self._parsed(path, body, shape)
        raise AssertionError("unreachable: the loop returns or raises")

    def _read(self, path: str) -> bytes | None:
        """The body of a successful answer; None for 404."""
        url = self._url + path
        end = time.monotonic() + self._timeout_s
        try:
            with self._http.stream("GET", url) as response:
                if response.status_code == 404:
                    return None
                if response.status_code in _RETRY_STATUS:
                    raise _TryAgain(f"{url} answered {response.status_code}")
                if response.status_code != 200:
                    raise DetectorUnavailable(f"{url} answered {response.status_code}")
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise DetectorUnavailable(f"{url} answered in an encoding that was not asked for")
                return self._bounded(response, url, end)
        except httpx.HTTPError as error:
            raise _TryAgain(f"{url} did not answer: {type(error).__name__}: {error}") from error

    def _bounded(self, response: httpx.Response, url: str, end: float) -> bytes:
        body = bytearray()
        for chunk in response.iter_bytes():
            body += chunk
            if len(body) > self._max_bytes:
                raise DetectorUnavailable(f"{url} answered with more than {self._max_bytes} bytes")
            if time.monotonic() > end:
                raise _TryAgain(f"{url} did not finish its answer within {self._timeout_s:.3g} s")
        return bytes(body)

    def _parsed(self, path: str, body: bytes, shape: TypeAdapter[T]) -> T:
        try:
            return shape.validate_json(body)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "the answer"
            raise DetectorUnavailable(
                f"{self._url}{path} answered with something else than expected: {where}: {first['msg']}"
            ) from error


def _of_service(service: str, namespace: str, what: str) -> str:
    within = f"?namespace={quote(namespace, safe='')}" if namespace else ""
    return f"/services/{quote(service, safe='')}/{what}{within}"
