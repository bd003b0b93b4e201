"""The home dashboard: how it goes, at a glance."""

from grafana_foundation_sdk.builders import dashboard

from grafana import health_radar, incident_log
from grafana.links import link_spans
from grafana.page import Section, filled, page
from grafana.panels import (
    Frame,
    bars,
    by_state,
    gauges,
    kpi,
    lines,
    listing,
    log_lines,
    shares,
    steps,
)
from grafana.promql import grown, growth, mean, selected, summed
from grafana.queries import logs, now, series, spans

UID = "aegisops-command-centre"

_RESOLVED = 'aegisops_state="RESOLVED"'
_UNHEALED = 'aegisops_state=~"ESCALATED|FAILED"'
_RUNNING = 'aegisops_state!~"RESOLVED|REJECTED|ESCALATED|FAILED"'


def stored(where: str = "") -> str:
    """How many incidents the store holds. Responders that share a store all tell the same, so the greatest
    counts."""
    counts = selected("aegisops_responder_incidents_stored", where)
    return f"sum(max by (aegisops_state, aegisops_incident_type) ({counts}))"


def _kpis() -> Section:
    healed = f"{stored(_RESOLVED)} / ({stored(_RESOLVED)} + {stored(_UNHEALED)})"
    return Section.of(
        "",
        kpi(Frame("Incidents", "All incidents the responder's store holds.", 5, 4), now(stored())),
        kpi(
            Frame("Resolved", "Healed, and the recovery seen in telemetry.", 5, 4), now(stored(_RESOLVED))
        ).thresholds(steps((None, "green"))),
        kpi(
            Frame("Failed", "Not healed: given to a human (ESCALATED), or the pipeline FAILED.", 5, 4),
            now(stored(_UNHEALED)),
        ).thresholds(steps((None, "text"), (1, "orange"))),
        kpi(Frame("In progress", "Received and not yet ended.", 4, 4), now(stored(_RUNNING))).thresholds(
            steps((None, "text"), (1, "blue"))
        ),
        kpi(
            Frame("Resolution rate", "Resolved, of those resolved or failed.", 5, 4, "none ended"),
            now(healed),
            "percentunit",
        ).thresholds(steps((None, "red"), (0.8, "yellow"), (0.95, "green"))),
        kpi(
            Frame("Average confidence", "Of the diagnoses in this time range.", 6, 4, "no diagnosis"),
            now(mean("aegisops_diagnosis_confidence")),
            "percentunit",
        ),
        kpi(
            Frame("Learned patterns", "Entries of the runbook.", 6, 4),
            now("sum(max by (aegisops_incident_type) (aegisops_runbook_entries))"),
        ),
        kpi(
            Frame("Mean time to detect", "From the first anomaly to the incident.", 6, 4, "none detected"),
            now(mean("aegisops_detector_time_to_detect_seconds")),
            "s",
            1,
        ).thresholds(steps((None, "green"), (5, "orange"))),
        kpi(
            Frame(
                "Mean time to resolve",
                "From the first anomaly to the verified recovery.",
                6,
                4,
                "none resolved",
            ),
            now(mean("aegisops_responder_time_to_resolve_seconds")),
            "s",
            1,
        ).thresholds(steps((None, "green"), (30, "orange"))),
    )


def _what_happened() -> Section:
    ended = growth("aegisops_responder_incidents_total", "aegisops_state", window="$__interval")
    resolved_by_hour = bars(
        Frame("Resolution timeline", "Incidents that ended, an hour a bar, by final state.", 12, 8),
        series(f"round({ended})", "{{aegisops_state}}"),
    )
    return Section.of(
        "",
        by_state(resolved_by_hour).interval("1h").max_data_points(12).decimals(0),
        shares(
            Frame("Incident types", "What was detected, in this time range.", 6, 8, "none detected"),
            now(
                grown("aegisops_detector_incidents_opened_total", "aegisops_incident_type"),
                "{{aegisops_incident_type}}",
            ),
        ),
        gauges(
            Frame("Actions", "What was done, by outcome, in this time range.", 6, 8, "nothing done"),
            now(
                grown("aegisops_responder_actions_total", "aegisops_action, aegisops_action_outcome"),
                "{{aegisops_action}} {{aegisops_action_outcome}}",
            ),
        ).decimals(0),
    )


def _health() -> Section:
    return Section.of(
        "",
        health_radar.radar(9, 11),
        health_radar.native(7, 11),
        lines(
            Frame("Open incidents", "Incidents the detector has open, by type.", 8, 11),
            series(
                summed("aegisops_detector_incidents_open", "aegisops_incident_type"),
                "{{aegisops_incident_type}}",
            ),
        ).decimals(0),
    )


def _incidents() -> Section:
    latest = listing(
        Frame(
            "Latest incidents",
            "From the traces; an incident's id leads to its dashboard, its trace and the cockpit.",
            12,
            10,
            "none in this time range",
        ),
        spans(
            '{ resource.service.name = "aegisops-detector" && name = "detect" } | select('
            "span.aegisops.incident.id, span.aegisops.incident.type, span.aegisops.incident.service, "
            "span.aegisops.incident.severity, span.aegisops.incident.confidence)"
        ),
    )
    log = log_lines(
        Frame(
            "Incident log",
            "Each change of state, with the root cause once it is known. The details of a line lead to the "
            "incident, its trace and the cockpit.",
            12,
            10,
            "none in this time range",
        ),
        logs(incident_log.LIVE),
    )
    return Section.of("", link_spans(latest), log)


def command_centre() -> dashboard.Dashboard:
    """The Command centre."""
    made = page(UID, "Command centre", "Incidents, healing and health at a glance.", "now-12h")
    return filled(made, _kpis(), _what_happened(), _health(), _incidents())
