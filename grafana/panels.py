"""The kinds of panels the dashboards are made of, each with one look.

Every panel has a title, a description of what it shows, a width (of 24 columns) and a height (in grid rows).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import TypeVar

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    heatmap,
    logs,
    nodegraph,
    piechart,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.models import piechart as pie_models
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BarGaugeValueMode,
    BigValueColorMode,
    BigValueGraphMode,
    GraphDrawStyle,
    LegendDisplayMode,
    LegendPlacement,
    LineInterpolation,
    LogsSortOrder,
    SortOrder,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import (
    DynamicConfigValue,
    FieldColorModeId,
    Threshold,
    ThresholdsMode,
)

from grafana.queries import Query

NO_DATA = "no data"
STATE_COLORS = {
    "RESOLVED": "green",
    "ESCALATED": "orange",
    "FAILED": "red",
    "REJECTED": "blue",
}
"""One colour a final state, the same on every dashboard."""

P = TypeVar(
    "P",
    bargauge.Panel,
    dashboard.Panel,
    heatmap.Panel,
    logs.Panel,
    nodegraph.Panel,
    piechart.Panel,
    stat.Panel,
    table.Panel,
    timeseries.Panel,
)


@dataclass(frozen=True, slots=True)
class Frame:
    """What every panel has. `empty` is said where a query finds nothing."""

    title: str
    description: str
    width: int
    height: int
    empty: str = NO_DATA


def _framed(panel: P, frame: Frame, queries: Sequence[Query]) -> P:
    panel.title(frame.title).description(frame.description).no_value(frame.empty)
    panel.span(frame.width).height(frame.height)
    for letter, query in zip(ascii_uppercase, queries, strict=False):
        panel.with_target(query.ref_id(letter))
    return panel


def steps(*above: tuple[float | None, str]) -> dashboard.ThresholdsConfig:
    """Colours from a value upwards; the first value is None, the colour from below."""
    config = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE)
    return config.steps([Threshold(value, color) for value, color in above])


def kpi(frame: Frame, query: Query, unit: str = "short", decimals: int = 0) -> stat.Panel:
    """One big number, as it is at the end of the time range."""
    panel = _framed(stat.Panel(), frame, [query]).unit(unit).decimals(decimals)
    panel.graph_mode(BigValueGraphMode.NONE).color_mode(BigValueColorMode.VALUE)
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).thresholds(
        steps((None, "text"))
    )


def lines(frame: Frame, *queries: Query, unit: str = "short") -> timeseries.Panel:
    """Lines over time, the legend below."""
    panel = _framed(timeseries.Panel(), frame, queries).unit(unit).axis_soft_min(0)
    panel.line_width(2).fill_opacity(8).line_interpolation(LineInterpolation.LINEAR)
    panel.show_points(VisibilityMode.AUTO).span_nulls(60_000)
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    panel.legend(legend.show_legend(True))
    return panel.tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI).sort(SortOrder.DESCENDING))


def bars(frame: Frame, *queries: Query, unit: str = "short") -> timeseries.Panel:
    """Stacked bars over time."""
    panel = lines(frame, *queries, unit=unit).draw_style(GraphDrawStyle.BARS).fill_opacity(80).line_width(1)
    return panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL))


def shares(frame: Frame, query: Query) -> piechart.Panel:
    """A ring of what makes up a whole, with counts beside it."""
    panel = _framed(piechart.Panel(), frame, [query]).pie_type(pie_models.PieChartType.DONUT)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"])).unit("short").decimals(0)
    legend = piechart.PieChartLegendOptions().display_mode(LegendDisplayMode.TABLE)
    legend.placement(LegendPlacement.RIGHT).show_legend(True)
    return panel.legend(legend.values([pie_models.PieChartLegendValues.VALUE]))


def gauges(frame: Frame, *queries: Query, unit: str = "short") -> bargauge.Panel:
    """Horizontal bars, one a series, as they are at the end of the time range."""
    panel = _framed(bargauge.Panel(), frame, queries).unit(unit).orientation(VizOrientation.HORIZONTAL)
    panel.display_mode(BarGaugeDisplayMode.GRADIENT).value_mode(BarGaugeValueMode.COLOR).min(0)
    panel.thresholds(steps((None, "blue")))
    return panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def listing(frame: Frame, *queries: Query) -> table.Panel:
    """A table."""
    return _framed(table.Panel(), frame, queries).filterable(True)


def log_lines(frame: Frame, *queries: Query) -> logs.Panel:
    """Log lines, the newest first."""
    panel = _framed(logs.Panel(), frame, queries).show_time(True).wrap_log_message(True)
    return panel.enable_log_details(True).sort_order(LogsSortOrder.DESCENDING)


def heat(frame: Frame, query: Query, unit: str) -> heatmap.Panel:
    """How the values of a histogram are spread, over time."""
    return _framed(heatmap.Panel(), frame, [query]).y_axis(heatmap.YAxisConfig().unit(unit)).calculate(False)


def span_tree(frame: Frame, query: Query) -> dashboard.Panel:
    """One trace as a tree of spans."""
    return _framed(dashboard.Panel(), frame, [query]).type("traces")


def call_graph(frame: Frame, query: Query) -> nodegraph.Panel:
    """Services and who calls whom."""
    return _framed(nodegraph.Panel(), frame, [query])


def plugin(frame: Frame, kind: str, options: object, *queries: Query) -> dashboard.Panel:
    """A panel of a plugin that does not come with Grafana."""
    return _framed(dashboard.Panel(), frame, queries).type(kind).options(options)


def colored(color: str) -> list[DynamicConfigValue]:
    """The properties that give a series this colour."""
    return [DynamicConfigValue("color", {"mode": FieldColorModeId.FIXED, "fixedColor": color})]


def by_state(panel: timeseries.Panel) -> timeseries.Panel:
    """`panel`, with each final state in its colour."""
    for state, color in STATE_COLORS.items():
        panel.override_by_name(state, colored(color))
    return panel
