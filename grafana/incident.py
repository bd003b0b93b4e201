"""One incident: its spans, evidence, votes, actions and logs."""

from grafana_foundation_sdk.builders import dashboard, table, timeseries

from grafana import incident_log
from grafana.links import COCKPIT_INCIDENT, INCIDENT_UID, explore_trace, link_spans
from grafana.page import Section, annotated, choice, entry, filled, page
from grafana.panels import Frame, colored, lines, listing, log_lines, span_tree
from grafana.queries import logs, series, spans, trace

UID = INCIDENT_UID

_OF_INCIDENT = 'span.aegisops.incident.id = "$incident"'
_OF_INCIDENT_IN_METRICS = 'aegisops_incident_id="$incident"'


def _evidence() -> timeseries.Panel:
    one = f'{_OF_INCIDENT_IN_METRICS}, aegisops_evidence_series=~"$series"'
    by = "max by (aegisops_signal_unit)"
    panel = lines(
        Frame(
            "$series",
            "A series that raised the incident, with the ends of its normal range, while it was open.",
            24,
            8,
            "the incident was not open in this time range",
        ),
        series(f"{by} (aegisops_evidence_value{{{one}}})", "value ({{aegisops_signal_unit}})"),
        series(f"{by} (aegisops_evidence_high{{{one}}})", "highest normal"),
        series(f"{by} (aegisops_evidence_low{{{one}}})", "lowest normal"),
    )
    panel.override_by_regexp("/(highest|lowest) normal/", colored("orange"))
    return panel.repeat("series").max_per_row(3)


def _score() -> timeseries.Panel:
    panel = lines(
        Frame(
            "Score of the evidence",
            "The probability that the most telling value of each series is not normal.",
            24,
            7,
            "the incident was not open in this time range",
        ),
        series(
            f"max by (aegisops_evidence_series) (aegisops_evidence_score_ratio{{{_OF_INCIDENT_IN_METRICS}}})",
            "{{aegisops_evidence_series}}",
        ),
        unit="percentunit",
    )
    return panel.max(1)


def _table(title: str, description: str, condition: str, attributes: str, width: int) -> table.Panel:
    selected = ", ".join(f"span.aegisops.{name}" for name in attributes.split())
    return listing(
        Frame(title, description, width, 8, "none"), spans(f"{{ {condition} }} | select({selected})")
    )


def _what_was_done() -> Section:
    every_span = _table(
        "Spans",
        "Every span of the incident; its id leads back here with the trace chosen.",
        _OF_INCIDENT,
        "incident.id incident.service incident.type action action.outcome verification.outcome",
        12,
    )
    return Section.of(
        "",
        link_spans(every_span),
        _table(
            "Votes",
            "How each member of the council voted on each proposal, why, and who answered for it.",
            f'{_OF_INCIDENT} && name = "council" }} >> {{ name =~ "vote .+"',
            "vote.member vote.approve vote.confidence vote.reason vote.answered_by action",
            12,
        ),
        _table(
            "Diagnosis",
            "What the analyst concluded, once an attempt.",
            f'{_OF_INCIDENT} && name = "analyse"',
            "diagnosis.type diagnosis.confidence diagnosis.outcome diagnosis.analyst diagnosis.proposals",
            8,
        ),
        _table(
            "Actions",
            "What was done, step by step, and taken back.",
            f'{_OF_INCIDENT} && name =~ "execute|undo"',
            "action action.target action.attempt action.step action.risky action.outcome",
            8,
        ),
        _table(
            "Verifications",
            "Whether telemetry showed that it helped.",
            f'{_OF_INCIDENT} && name = "verify"',
            "action verification.outcome verification.series",
            8,
        ),
    )


def _what_was_logged() -> Section:
    return Section.of(
        "",
        log_lines(
            Frame("What AegisOps logged", "Detector and responder, about this incident.", 12, 10, "nothing"),
            logs(incident_log.all_of("$incident", "$trace")),
        ),
        log_lines(
            Frame("What the service logged", "Warnings and errors of the service.", 12, 10, "nothing"),
            logs('{service_name="$service"} | detected_level =~ `warn|error|critical|fatal`'),
        ),
    )


def incident() -> dashboard.Dashboard:
    """The dashboard of the incident that its variables name."""
    made = page(UID, "Incident", "One incident from the first anomaly to the lesson.", "now-1h")
    made.with_variable(entry("incident", "Incident", "Its id, as INC-..."))
    made.with_variable(entry("trace", "Trace", "The id of its trace; a link in the table of spans sets it"))
    made.with_variable(entry("service", "Service", "The service it is about"))
    evidence = f"aegisops_evidence_value{{{_OF_INCIDENT_IN_METRICS}}}"
    made.with_variable(choice("series", "Series", f"label_values({evidence}, aegisops_evidence_series)"))
    for title, url in (
        ("Trace in Explore", explore_trace("${trace}")),
        ("This incident in the cockpit", COCKPIT_INCIDENT + "${incident}"),
    ):
        made.link(dashboard.DashboardLink(title).url(url).icon("external link").target_blank(True))
    annotated(made, "State changes", incident_log.states_of("$incident"), "{{aegisops_state}}")
    tree = span_tree(
        Frame(
            "Trace",
            "Detection, analysis, council, actions, verification and learning as one tree of spans. "
            "Empty until the trace's id is known: follow the link of a span below.",
            24,
            14,
            "no trace chosen",
        ),
        trace("$trace"),
    )
    shown = Section.of("", tree, _score(), _evidence())
    return filled(made, shown, _what_was_done(), _what_was_logged())
