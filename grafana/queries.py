"""Queries to the three data sources, by the ids under which they are provisioned."""

from grafana_foundation_sdk.builders import loki, prometheus, tempo
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.tempo import SearchTableType

PROMETHEUS = DataSourceRef(type_val="prometheus", uid="prometheus")
LOKI = DataSourceRef(type_val="loki", uid="loki")
TEMPO = DataSourceRef(type_val="tempo", uid="tempo")

Query = prometheus.Dataquery | loki.Dataquery | tempo.Dataquery


def series(expression: str, legend: str = "__auto", *, exemplars: bool = False) -> prometheus.Dataquery:
    """PromQL over the dashboard's time range. `exemplars`: dots on the chart that lead to traces."""
    query = prometheus.Dataquery().datasource(PROMETHEUS).expr(expression).legend_format(legend)
    return query.range().exemplar(exemplars)


def now(expression: str, legend: str = "__auto") -> prometheus.Dataquery:
    """PromQL at the end of the dashboard's time range: one value a series."""
    return prometheus.Dataquery().datasource(PROMETHEUS).expr(expression).legend_format(legend).instant()


def rows(expression: str) -> prometheus.Dataquery:
    """PromQL at the end of the dashboard's time range, as a table: one row a series, one column a label."""
    return now(expression).format(PromQueryFormat.TABLE)


def buckets(expression: str) -> prometheus.Dataquery:
    """PromQL of a histogram's buckets, by `le`, for a heat map."""
    return series(expression, "{{le}}").format(PromQueryFormat.HEATMAP)


def logs(expression: str, lines: int = 500) -> loki.Dataquery:
    """LogQL: the newest `lines` log lines."""
    return loki.Dataquery().datasource(LOKI).expr(expression).query_type("range").max_lines(lines)


def spans(query: str, limit: int = 100) -> tempo.Dataquery:
    """TraceQL: a table of the spans it selects, at most `limit` traces."""
    found = tempo.Dataquery().datasource(TEMPO).query_type("traceql").query(query)
    return found.table_type(SearchTableType.SPANS).limit(limit).spss(100)


def trace(trace_id: str) -> tempo.Dataquery:
    """One trace by its id (or a variable that holds it), to be shown as a tree."""
    return tempo.Dataquery().datasource(TEMPO).query_type("traceql").query(trace_id)


def service_map() -> tempo.Dataquery:
    """The graph of who calls whom, drawn from `traces_service_graph_*`."""
    return tempo.Dataquery().datasource(TEMPO).query_type("serviceMap")
