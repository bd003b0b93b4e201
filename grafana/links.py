"""Ways between an incident's places: its dashboard, its trace, its page in the cockpit."""

from urllib.parse import quote

from grafana_foundation_sdk.builders import table
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue

INCIDENT_UID = "aegisops-incident"
SERVICE_UID = "aegisops-service"
COCKPIT_INCIDENT = "${cockpit}/incidents/"
"""Where the responder shows an incident; its id follows. `cockpit` is a variable of every dashboard."""

_VALUE = "${__value.raw}"


def incident_page(incident: str, trace: str = "", service: str = "") -> str:
    """Address of the incident's dashboard; the arguments may hold Grafana's own variables."""
    named = {"incident": incident, "trace": trace, "service": service}
    query = "&".join(f"var-{name}={value}" for name, value in named.items() if value)
    return f"/d/{INCIDENT_UID}/?{query}&${{__url_time_range}}"


def link_spans(panel: table.Panel) -> table.Panel:
    """`panel`, a table of spans, with links from an incident's id and from a service to their places."""
    row_trace = "${__data.fields.traceIdHidden}"
    row_service = '${__data.fields["aegisops.incident.service"]}'
    panel.override_by_regexp(
        r"/aegisops\.incident\.id$/",
        _links(
            ("Incident", incident_page(_VALUE, row_trace, row_service)),
            ("Trace in Explore", explore_trace(row_trace)),
            ("Cockpit", COCKPIT_INCIDENT + _VALUE),
        ),
    )
    return panel.override_by_regexp(
        r"/aegisops\.incident\.service$/",
        _links(("Service health", f"/d/{SERVICE_UID}/?var-service={_VALUE}&${{__url_time_range}}")),
    )


def explore_trace(trace: str) -> str:
    """Address of a trace in Grafana's Explore; `trace` may be one of Grafana's own variables."""
    pane = '{"t":{"datasource":"tempo","queries":[{"refId":"A","queryType":"traceql","query":"%s"}]}}'
    before, after = (quote(part, safe="") for part in pane.split("%s"))
    return f"/explore?schemaVersion=1&panes={before}{trace}{after}"


def _links(*titled: tuple[str, str]) -> list[DynamicConfigValue]:
    links = [{"title": title, "url": url, "targetBlank": False} for title, url in titled]
    return [DynamicConfigValue("links", links)]
