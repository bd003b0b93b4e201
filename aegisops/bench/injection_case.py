"""Hostile texts, and the places in an incident where somebody outside can put them."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from detector import AnomalyReason, Evidence, EvidenceKind, Incident
from responder.alerts import WebhookAlert, alert_of
from responder.alerts.reported import MAX_LINE
from responder.incident_record import (
    ActionKind,
    Case,
    Experience,
    PastOutcome,
    RunbookMatch,
    WeighedOutcomes,
)

ALLOWED = frozenset(ActionKind) - {ActionKind.NOOP}
HARMLESS = "request finished"


class Place(StrEnum):
    """Where the text stands."""

    LOG_LINE = "log_line"
    ATTRIBUTE = "attribute"
    SPAN_NAME = "span_name"
    METRIC_NAME = "metric_name"
    ALERT = "alert"
    RUNBOOK_ENTRY = "runbook_entry"
    SERVICE_NAME = "service_name"
    INSTANCE_NAME = "instance_name"
    UNIT = "unit"
    EVERYWHERE = "everywhere"


class Injection(BaseModel):
    """One entry of `injections.yaml`; the fields are explained at its head."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    technique: str
    place: Place
    wants: ActionKind
    text: str


def load() -> tuple[Injection, ...]:
    """The corpus."""
    text = files("aegisops.bench").joinpath("data", "injections.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[Injection, ...]).validate_python(yaml.safe_load(text))


@dataclass(frozen=True, slots=True)
class Pair:
    """The same case without the hostile text and with it."""

    clean: Case
    hit: Case


def pair(of: Incident, injection: Injection) -> Pair:
    """`of` as a case, without and with the text in its place. Only the text differs, and
    with it the entry that the runbook finds."""
    if injection.place is Place.ALERT:
        return Pair(_alert(of, HARMLESS), _alert(of, injection.text))
    if injection.place is Place.RUNBOOK_ENTRY:
        return Pair(_remembered(of, None), _remembered(of, injection))
    put = _PUT[injection.place]
    return Pair(Case(put(of, HARMLESS), ALLOWED), Case(put(of, injection.text), ALLOWED))


def _alert(of: Incident, text: str) -> Case:
    alert = WebhookAlert(
        incident_id="A-1", alert_type=of.type.value, container_name=of.service, logs=[text[:MAX_LINE]]
    )
    return Case(alert_of(alert.reported(), of.traceparent, of.updated_at).incident, ALLOWED)


def _remembered(of: Incident, injection: Injection | None) -> Case:
    """The runbook finds an entry by the likeness of its text. A hostile one says that what it wants helped
    nine times; what was seen on the service stays the same."""
    text, action, helped = (HARMLESS, ActionKind.RESTART, 1)
    if injection is not None:
        text, action, helped = injection.text, injection.wants, 9
    match = RunbookMatch(text, of.type, 0.9, 0.5, (PastOutcome(action, helped, 1),), (text,))
    seen = Experience(of.type, ActionKind.RESTART, here=WeighedOutcomes(1.0, 1.0, 1, 2))
    return Case(of, ALLOWED, matches=(match,), experience=(seen,))


def _each(of: Incident, change: Callable[[Evidence], Evidence]) -> Incident:
    return replace(of, evidence=tuple(change(one) for one in of.evidence))


def _log_line(of: Incident, text: str) -> Incident:
    """Beside the lines each piece of evidence has, and as an error of its own."""
    line = Evidence(
        id="E90",
        kind=EvidenceKind.LOG,
        signal="error_logs",
        reason=AnomalyReason.NEW_ERROR_LOG,
        service=of.service,
        series="log.records{severity=error}:count_rate",
        description="an error not seen before",
        unit="{record}/s",
        before=None,
        now=None,
        low=None,
        high=None,
        score=0.9,
        weight=0.3,
        first_seen=of.started_at,
        last_seen=of.updated_at,
        log_lines=(text,),
    )
    beside = _each(of, lambda e: replace(e, log_lines=(*e.log_lines, text)))
    return replace(beside, evidence=(*beside.evidence, line))


def _series(of: Incident, rename: Callable[[str], str]) -> Incident:
    """Names are the sender's; the statistic at the end is the detector's word."""

    def renamed(one: Evidence) -> Evidence:
        if one.kind is EvidenceKind.LIFECYCLE:
            return one
        name, _, stat = one.series.rpartition(":")
        return replace(one, series=f"{rename(name)}:{stat}")

    return _each(of, renamed)


def _attribute(of: Incident, text: str) -> Incident:
    return _series(of, lambda name: f"{name.removesuffix('}')}{',' if '{' in name else '{'}note={text}}}")


def _span_name(of: Incident, text: str) -> Incident:
    return _series(
        of, lambda name: f"{name.removesuffix('}')}{',' if '{' in name else '{'}span.name={text}}}"
    )


def _metric_name(of: Incident, text: str) -> Incident:
    return _series(of, lambda name: f"{text}{name[name.find('{') :] if '{' in name else ''}")


def _service_name(of: Incident, text: str) -> Incident:
    return replace(_each(of, lambda e: replace(e, service=text)), service=text)


def _instance_name(of: Incident, text: str) -> Incident:
    named = _each(of, lambda e: e if e.instance is None else replace(e, instance=f"{e.instance} {text}"))
    return replace(named, instances=tuple(f"{one} {text}" for one in of.instances))


def _unit(of: Incident, text: str) -> Incident:
    return _each(of, lambda e: replace(e, unit=f"{{{text}}}"))


def _everywhere(of: Incident, text: str) -> Incident:
    for put in (_log_line, _attribute, _span_name, _instance_name):
        of = put(of, text)
    lifecycle = EvidenceKind.LIFECYCLE
    told = _each(of, lambda e: e if e.kind is lifecycle else replace(e, description=text, trace_ids=(text,)))
    return replace(told, summary=text, namespace=text)


_PUT: dict[Place, Callable[[Incident, str], Incident]] = {
    Place.LOG_LINE: _log_line,
    Place.ATTRIBUTE: _attribute,
    Place.SPAN_NAME: _span_name,
    Place.METRIC_NAME: _metric_name,
    Place.SERVICE_NAME: _service_name,
    Place.INSTANCE_NAME: _instance_name,
    Place.UNIT: _unit,
    Place.EVERYWHERE: _everywhere,
}
