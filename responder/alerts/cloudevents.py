"""CloudEvents 1.0 over HTTP: structured, binary and batch.

The standard says how an event travels, not what an alert looks like; its data is read as `CloudEventAlert`,
whose fields may all be missing.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_binary
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationError

from responder.alerts.moments import moment
from responder.alerts.naming import service_of
from responder.alerts.reported import MAX_BATCH, MAX_LINES, Refused, ReportedAlert, clean_name

SOURCE = "cloudevents"
STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
_REQUIRED = ("specversion", "id", "source", "type")
_ENDS = ("resolved", "closed", "cleared", "recovered", "ok")
_MAX_HEADER = 2_000

_Text = Annotated[str, StringConstraints(max_length=10_000)]


def _lines(value: object) -> object:
    return value.splitlines()[:MAX_LINES] if isinstance(value, str) else value


class CloudEventError(Exception):
    """The call is no CloudEvent, or one that cannot be used; the message says what to change."""


class CloudEventAlert(BaseModel):
    """The data of an event, as far as it is understood. Other fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    status: Literal["firing", "resolved"] | None = None
    service: Annotated[str, StringConstraints(max_length=1_000)] | None = None
    title: _Text = ""
    severity: Annotated[str, StringConstraints(max_length=40)] | None = None
    summary: _Text = ""
    message: _Text = ""
    logs: Annotated[list[_Text], Field(max_length=1_000), BeforeValidator(_lines)] = []
    labels: dict[str, str] = {}
    fingerprint: Annotated[str, StringConstraints(max_length=1_000)] = ""
    starts_at: datetime | None = None


def event_schema() -> dict[str, Any]:
    """JSON schema of an event in the structured mode, as it is read here."""
    text = {"type": "string", "minLength": 1, "maxLength": 1_000}
    return {
        "type": "object",
        "required": list(_REQUIRED),
        "properties": {
            "specversion": {"const": "1.0"},
            **dict.fromkeys(_REQUIRED[1:], text),
            "subject": text,
            "time": {"type": "string", "format": "date-time"},
            "data": CloudEventAlert.model_json_schema(),
            "data_base64": {"type": "string", "format": "byte"},
        },
        "not": {"required": ["data", "data_base64"]},
        "propertyNames": {"pattern": "^([a-z0-9]+|data_base64)$"},
        "additionalProperties": {"type": ["string", "boolean", "integer"]},
    }


def is_batch(content_type: str) -> bool:
    """The call brings several events."""
    return _media_type(content_type) == BATCH


def is_binary(headers: Mapping[str, str]) -> bool:
    """The attributes of the event are in headers, which no signature of the body covers."""
    media_type = _media_type(headers.get("content-type", ""))
    return media_type not in (STRUCTURED, BATCH) and "ce-specversion" in headers


def read_cloud_events(
    headers: Mapping[str, str], body: bytes, service_labels: Sequence[str]
) -> list[ReportedAlert | Refused]:
    """The alerts of a call, in order; one of a batch that cannot be used does not spoil the others. `headers`
    have lower-case names. Raises CloudEventError."""
    content_type = headers.get("content-type", "")
    if is_batch(content_type):
        return list(_batch(body, service_labels))
    if _media_type(content_type) == STRUCTURED:
        event = _structured(_json(body))
    elif is_binary(headers):
        event = _binary(headers, body)
    else:
        raise CloudEventError(
            f"send {STRUCTURED} or {BATCH} as the content type, or the attributes as headers (ce-…)"
        )
    return [_reported(event, service_labels)]


def _batch(body: bytes, service_labels: Sequence[str]) -> Iterator[ReportedAlert | Refused]:
    documents = _json(body)
    if not isinstance(documents, list) or not 1 <= len(documents) <= MAX_BATCH:
        raise CloudEventError(f"a batch must be a list of 1 to {MAX_BATCH} events")
    for number, document in enumerate(documents):
        try:
            yield _reported(_structured(document), service_labels)
        except CloudEventError as error:
            yield Refused(f"{number}", str(error))


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise CloudEventError("the body must be JSON") from error


def _structured(document: object) -> BaseCloudEvent:
    if not isinstance(document, dict):
        raise CloudEventError("an event must be a JSON object")
    _check_required(document)
    try:
        return JSONFormat().read(CloudEvent, json.dumps(document))
    except (BaseCloudEventException, ValueError, TypeError, OverflowError) as error:
        raise CloudEventError(_said(error)) from error


def _binary(headers: Mapping[str, str], body: bytes) -> BaseCloudEvent:
    attributes = {name[3:]: value for name, value in headers.items() if name.startswith("ce-")}
    if any(len(value) > _MAX_HEADER for value in attributes.values()):
        raise CloudEventError(f"each header of the event must have at most {_MAX_HEADER} characters")
    _check_required(attributes)
    try:
        return from_binary(HTTPMessage(dict(headers), body), JSONFormat(), CloudEvent)
    except (BaseCloudEventException, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise CloudEventError(_said(error)) from error


def _check_required(attributes: Mapping[str, object]) -> None:
    """The library would fill in what is missing, and each repetition would be an alert of its own."""
    missing = [name for name in _REQUIRED if name not in attributes]
    if missing:
        raise CloudEventError(f"the attribute {missing[0]} is missing")


def _reported(event: BaseCloudEvent, service_labels: Sequence[str]) -> ReportedAlert:
    alert = _data(event)
    kind, _, last = event.get_type().rpartition(".")
    ends = last.lower() in _ENDS
    firing = alert.status == "firing" if alert.status else not ends
    subject = event.get_subject() or ""
    about = kind if ends or last.lower() in ("firing", "triggered", "opened") else event.get_type()
    key = alert.fingerprint or "\0".join((event.get_source(), subject or about))
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()
    title = alert.title or alert.labels.get("alertname") or event.get_type()
    extensions = {name: value for name, value in event.get_attributes().items() if isinstance(value, str)}
    lines = [line for text in (alert.summary, alert.message) for line in text.splitlines()]
    return ReportedAlert(
        source=SOURCE,
        key=key,
        id=f"EVENT-{digest[:16]}",
        title=title,
        service=clean_name(alert.service or "")
        or service_of(alert.labels, service_labels)
        or service_of({"service": extensions.get("service", "")}, ["service"]),
        kinds=tuple(name for name in (title, event.get_type(), *lines[:1]) if name),
        severity=alert.severity or alert.labels.get("severity") or extensions.get("severity"),
        firing=firing,
        began=moment(alert.starts_at),  # not the event's own time: each repetition has another
        lines=tuple([*lines, *alert.logs][:MAX_LINES]),
        labels=alert.labels,
    )


def _data(event: BaseCloudEvent) -> CloudEventAlert:
    data = event.get_data()
    if isinstance(data, bytes):
        data = data.decode("utf-8", "replace")
    if isinstance(data, str):
        data = {"message": data[:10_000]}
    if not isinstance(data, dict | None):
        raise CloudEventError("data must be a JSON object or text")
    try:
        return CloudEventAlert.model_validate(data or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in ("data", *first["loc"]))
        raise CloudEventError(f"{where}: {first['msg']}") from error


def _said(error: Exception) -> str:
    """What the library says, without a line break."""
    if isinstance(error, BaseCloudEventException):
        return " ".join(str(error).split())[:500]
    return "an attribute cannot be used: time must be RFC 3339, all others text"


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()
