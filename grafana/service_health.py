"""Services as they are: RED from spans, USE from metrics, what the detector thinks of them."""

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.models.dashboard import VariableHide

from grafana.links import SERVICE_UID
from grafana.page import Section, choice, filled, page
from grafana.panels import Frame, call_graph, gauges, lines, listing, log_lines, steps
from grafana.promql import quantile, rate, selected, summed
from grafana.queries import logs, now, rows, series, service_map

UID = SERVICE_UID

_CALLS = "traces_span_metrics_calls_total"
_DURATION = "traces_span_metrics_duration_seconds"
_SERVED = 'job=~"$service", span_kind="SPAN_KIND_SERVER"'
_MADE = 'job=~"$service", span_kind="SPAN_KIND_CLIENT"'
_SERVICE = 'job=~"$service"'
_OF_SERVICE = f"{{{_SERVICE}}}"
_SEEN = '{aegisops_service=~"$service"}'


def _failed(calls: str, by: str) -> str:
    """The share of calls whose span has an error; 0 where none has."""
    all_calls = rate(_CALLS, by, calls)
    failed = rate(_CALLS, by, f'{calls}, status_code="STATUS_CODE_ERROR"')
    return f"({failed} or {all_calls} * 0) / {all_calls}"


def _red() -> Section:
    return Section.of(
        "Rate, errors, duration (from spans)",
        lines(
            Frame("Requests", "Requests answered per second.", 8, 8, "no spans"),
            series(rate(_CALLS, "job", _SERVED), "{{job}}"),
            unit="reqps",
        ),
        lines(
            Frame("Errors", "Share of requests whose span has an error.", 8, 8, "no spans"),
            series(_failed(_SERVED, "job"), "{{job}}"),
            unit="percentunit",
        ),
        lines(
            Frame("Duration", "Of requests answered; dots lead to example traces.", 8, 8, "no spans"),
            *(
                series(
                    quantile(share, _DURATION, "job", _SERVED),
                    f"{{{{job}}}} p{share * 100:.0f}",
                    exemplars=True,
                )
                for share in (0.5, 0.95, 0.99)
            ),
            unit="s",
        ),
        lines(
            Frame(
                "Calls out", "Calls to other services and databases per second, by span.", 8, 8, "no spans"
            ),
            series(rate(_CALLS, "job, span_name", _MADE), "{{job}} {{span_name}}"),
            unit="reqps",
        ),
        lines(
            Frame("Calls out that fail", "Share of calls out whose span has an error.", 8, 8, "no spans"),
            series(_failed(_MADE, "job, span_name"), "{{job}} {{span_name}}"),
            unit="percentunit",
        ),
        lines(
            Frame("Duration of calls out", "95th percentile.", 8, 8, "no spans"),
            series(
                quantile(0.95, _DURATION, "job, span_name", _MADE), "{{job}} {{span_name}}", exemplars=True
            ),
            unit="s",
        ),
        call_graph(
            Frame(
                "Who calls whom", "Drawn by Tempo's data source from the calls that spans tell of.", 12, 10
            ),
            service_map(),
        ),
        listing(
            Frame(
                "Calls between services",
                "Per second, in this time range.",
                12,
                10,
                "no calls with both sides",
            ),
            rows("sum by (client, server) (rate(traces_service_graph_request_total[$__range]))"),
        ),
    )


def _use() -> Section:
    of_instance = "max by (job, instance)"
    shown = "{{job}} {{instance}}"
    pool = "job, db_client_connection_pool_name"
    return Section.of(
        "Utilisation, saturation (from metrics)",
        lines(
            Frame("CPU", "Share of one core, a process.", 8, 8),
            series(f"sum by (job, instance) (process_cpu_utilization_ratio{_OF_SERVICE})", shown),
            unit="percentunit",
        ),
        lines(
            Frame("Memory", "In use by a process; its share of a limit is among the limits below.", 8, 8),
            series(f"{of_instance} (process_memory_usage_bytes{_OF_SERVICE})", shown),
            unit="bytes",
        ),
        lines(
            Frame("Disk", "Share of each file system in use.", 8, 8),
            series(
                "max by (job, system_filesystem_mountpoint) "
                '(system_filesystem_utilization_ratio{job=~"$service", system_filesystem_state="used"})',
                "{{job}} {{system_filesystem_mountpoint}}",
            ),
            unit="percentunit",
        ).max(1),
        lines(
            Frame(
                "Database connections", "In use, the most there can be, and requests that wait for one.", 8, 8
            ),
            series(
                summed(
                    selected("db_client_connection_count", f'{_SERVICE}, db_client_connection_state="used"'),
                    pool,
                ),
                "{{db_client_connection_pool_name}} used",
            ),
            series(
                f"sum by ({pool}) (db_client_connection_max{_OF_SERVICE})",
                "{{db_client_connection_pool_name}} limit",
            ),
            series(
                f"sum by ({pool}) (db_client_connection_pending_requests{_OF_SERVICE})",
                "{{db_client_connection_pool_name}} waiting",
            ),
        ),
        lines(
            Frame("Wait for a connection", "95th percentile, and how long operations take.", 8, 8),
            series(quantile(0.95, "db_client_connection_wait_time_seconds", "job", _SERVICE), "{{job}} wait"),
            series(
                quantile(0.95, "db_client_operation_duration_seconds", "job", _SERVICE), "{{job}} operation"
            ),
            unit="s",
        ),
        lines(
            Frame("Threads and open files", "A process; what grows without end is a leak.", 8, 8),
            series(f"{of_instance} (process_thread_count{_OF_SERVICE})", f"{shown} threads"),
            series(f"{of_instance} (process_open_file_descriptor_count{_OF_SERVICE})", f"{shown} open files"),
        ),
    )


def _judged() -> Section:
    name = "{{aegisops_service}} {{aegisops_signal}}"
    of_signal = 'aegisops_service=~"$service", aegisops_signal=~"$signal"'
    by = "max by (aegisops_service, aegisops_signal_unit)"
    return Section.of(
        "What the detector thinks",
        lines(
            Frame(
                "Anomaly scores",
                "The probability that a signal is not normal, by its worst series.",
                12,
                9,
                "it still learns",
            ),
            series(f"max by (aegisops_service, aegisops_signal) (aegisops_signal_score_ratio{_SEEN})", name),
            unit="percentunit",
        ).max(1),
        lines(
            Frame(
                "Use of limits",
                "Share of its limit a signal uses, where a limit is known.",
                12,
                9,
                "no limit known",
            ),
            series(f"max by (aegisops_service, aegisops_signal) (aegisops_signal_share_ratio{_SEEN})", name),
            unit="percentunit",
        ),
        lines(
            Frame("$signal", "Its worst series, and the ends of its normal range.", 24, 8),
            series(
                f"{by} (aegisops_signal_value{{{of_signal}}})",
                "{{aegisops_service}} ({{aegisops_signal_unit}})",
            ),
            series(f"{by} (aegisops_signal_high{{{of_signal}}})", "{{aegisops_service}} highest normal"),
            series(f"{by} (aegisops_signal_low{{{of_signal}}})", "{{aegisops_service}} lowest normal"),
        )
        .repeat("signal")
        .max_per_row(2),
        gauges(
            Frame(
                "Forecast",
                "When a limit is reached if a trend goes on.",
                24,
                6,
                "nothing runs towards its limit",
            ),
            now(
                f"min by (aegisops_service, aegisops_signal) (aegisops_signal_time_to_limit_seconds{_SEEN})",
                name,
            ),
            unit="s",
        ).thresholds(steps((None, "red"), (60, "orange"), (600, "green"))),
        log_lines(
            Frame("Warnings and errors", "What the services logged.", 24, 10, "nothing"),
            logs("{service_name=~`$service_name`} | detected_level =~ `warn|error|critical|fatal`"),
        ),
    )


def service_health() -> dashboard.Dashboard:
    """Health of the services that its variable names."""
    made = page(
        UID, "Service health", "Rate, errors, duration, utilisation and anomalies of services.", "now-1h"
    )
    made.with_variable(choice("service", "Service", "label_values(target_info, job)"))
    made.with_variable(
        choice(
            "signal",
            "Signal",
            'label_values(aegisops_signal_value{aegisops_service=~"$service"}, aegisops_signal)',
        )
    )
    names = choice("service_name", "Name", 'label_values(target_info{job=~"$service"}, job)')
    made.with_variable(names.regex("/(?:.*\\/)?(.+)/").all_value("").hide(VariableHide.HIDE_VARIABLE))
    return filled(made, _red(), _use(), _judged())
