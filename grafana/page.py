"""What all dashboards have in common: tag, links between them, the way to the cockpit, annotations."""

from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as dashboard_models
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableOption,
    VariableRefresh,
    VariableSort,
)

from grafana.queries import LOKI, PROMETHEUS, logs

Panel = Builder[dashboard_models.Panel]

TAG = "aegisops"
COCKPIT_URL = "http://localhost:8001"


def page(uid: str, title: str, description: str, since: str, refresh: str = "10s") -> dashboard.Dashboard:
    """A dashboard without panels that shows the time from `since` until now."""
    made = dashboard.Dashboard(title).uid(uid).description(description).tags([TAG]).readonly()
    made.time(since, "now").refresh(refresh).timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    others = dashboard.DashboardLink("AegisOps").type(DashboardLinkType.DASHBOARDS).tags([TAG])
    made.link(others.as_dropdown(False).keep_time(True))
    cockpit = dashboard.DashboardLink("Cockpit").type(DashboardLinkType.LINK).icon("external link")
    made.link(cockpit.url("${cockpit}").tooltip("The responder's own page").target_blank(True))
    where = dashboard.ConstantVariable("cockpit").label("Cockpit").value(COCKPIT_URL)
    return made.with_variable(where)


@dataclass(frozen=True, slots=True)
class Section:
    """Panels under a heading (none: without one), from left to right in rows of 24 columns."""

    title: str
    panels: tuple[Panel, ...]

    @classmethod
    def of(cls, title: str, *panels: Panel) -> "Section":
        """These panels."""
        return cls(title, panels)


def filled(made: dashboard.Dashboard, *sections: Section) -> dashboard.Dashboard:
    """`made`, with these sections below each other."""
    for section in sections:
        if section.title:
            made.with_row(dashboard.Row(section.title))
        for panel in section.panels:
            made.with_panel(panel)
    return made


def choice(name: str, label: str, query: str, source: DataSourceRef = PROMETHEUS) -> dashboard.QueryVariable:
    """A variable whose values a data source knows; several or all of them can be chosen."""
    variable = dashboard.QueryVariable(name).label(label).datasource(source).query(query)
    variable.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    variable.current(VariableOption(selected=True, text=["All"], value=["$__all"]))
    return variable.multi(True).include_all(True).all_value(".+")


def entry(name: str, label: str, description: str) -> dashboard.TextBoxVariable:
    """A variable that links fill in, or a person by hand."""
    return dashboard.TextBoxVariable(name).label(label).default_value("").description(description)


def annotated(made: dashboard.Dashboard, name: str, expression: str, title: str) -> dashboard.Dashboard:
    """`made`, with a mark on its charts for each log line that LogQL finds."""
    marks = dashboard.AnnotationQuery().name(name).datasource(LOKI).enable(True).icon_color("purple")
    marks.expr(expression).target(logs(expression, 100).ref_id("Anno")).title_format(title)
    return made.annotation(marks)
