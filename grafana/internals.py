"""Detector, responder and Collector as services of their own."""

from grafana_foundation_sdk.builders import dashboard

from grafana.page import Section, filled, page
from grafana.panels import Frame, bars, heat, lines, log_lines
from grafana.promql import growth, quantile, quantile_of_few, rate
from grafana.queries import buckets, logs, series

UID = "aegisops-internals"

_OWN = 'job=~"aegisops/aegisops-.+"'


_STEP = "$__rate_interval"


def _detector() -> Section:
    return Section.of(
        "Detector",
        lines(
            Frame("Points", "Read and judged per second, and what was not.", 8, 8),
            series(rate("aegisops_detector_points_total"), "judged"),
            series(rate("aegisops_detector_points_dropped_total"), "dropped at a bound"),
            series(rate("aegisops_detector_points_unusable_total"), "unusable"),
            series(rate("aegisops_detector_series_refused_total"), "of too many series"),
            unit="cps",
        ),
        lines(
            Frame("Requests", "OTLP requests per second, and how many wait to be judged.", 8, 8),
            series(rate("aegisops_detector_requests_total"), "accepted"),
            series(rate("aegisops_detector_requests_refused_total"), "refused (the sender tries again)"),
            series(rate("aegisops_detector_requests_unparsable_total"), "unparsable"),
            series("sum(aegisops_detector_queue_depth)", "waiting now"),
        ),
        lines(
            Frame(
                "Lag",
                "95th percentile: from the receipt of a request until it is judged, and the judgement alone.",
                8,
                8,
            ),
            series(quantile(0.95, "aegisops_detector_lag_seconds"), "lag"),
            series(quantile(0.95, "aegisops_detector_judge_duration_seconds"), "judgement"),
            unit="s",
        ),
        lines(
            Frame("Series", "Known to the detector, by service.", 8, 8),
            series("sum by (aegisops_service) (aegisops_detector_service_series)", "{{aegisops_service}}"),
            series("sum(aegisops_detector_series)", "all"),
        ).decimals(0),
        lines(
            Frame("Reports", "Incidents the responder has not acknowledged, and attempts that failed.", 8, 8),
            series("sum(aegisops_detector_reports_pending)", "pending"),
            series(rate("aegisops_detector_reports_failed_total"), "failed per second"),
            series(rate("aegisops_detector_reports_dropped_total"), "given up per second"),
        ),
        lines(
            Frame(
                "Time to report",
                "95th percentile, from the report until it is acknowledged.",
                4,
                8,
                "no incident",
            ),
            series(quantile_of_few(0.95, "aegisops_detector_report_latency_seconds"), "p95"),
            unit="s",
        ),
        bars(
            Frame("Failures", "Judgements that raised an error and were skipped.", 4, 8),
            series(rate("aegisops_detector_failures_total"), "failures per second"),
        ),
    )


def _responder() -> Section:
    channel = "aegisops_notification_channel"
    alerts = "aegisops_alert_source, aegisops_alert_disposition"
    return Section.of(
        "Responder",
        lines(
            Frame(
                "Time in each state",
                "95th percentile of how long incidents stay in a state.",
                8,
                8,
                "no incident",
            ),
            series(
                quantile_of_few(0.95, "aegisops_responder_state_duration_seconds", "aegisops_state"),
                "{{aegisops_state}}",
            ),
            unit="s",
        ),
        heat(
            Frame(
                "Time to the end", "From the receipt of an incident to its final state.", 8, 8, "no incident"
            ),
            buckets(growth("aegisops_responder_incident_duration_seconds_bucket", "le", window=_STEP)),
            "s",
        ),
        lines(
            Frame(
                "Waiting", "Incidents not yet begun, or for a human; notifications not yet delivered.", 8, 8
            ),
            series("sum(aegisops_responder_queue_depth)", "not yet begun"),
            series(
                "sum(max by (aegisops_incident_type) "
                '(aegisops_responder_incidents_stored{aegisops_state="AWAITING_APPROVAL"}))',
                "for a human",
            ),
            series("sum(aegisops_notifications_pending)", "notifications"),
        ).decimals(0),
        lines(
            Frame("API", "Requests per second, by route and status.", 8, 8),
            series(
                rate(
                    "http_server_request_duration_seconds_count",
                    "job, http_route, http_response_status_code",
                    _OWN,
                ),
                "{{job}} {{http_route}} {{http_response_status_code}}",
            ),
            unit="reqps",
        ),
        lines(
            Frame("API duration", "95th percentile by route; dots lead to traces.", 8, 8),
            series(
                quantile(0.95, "http_server_request_duration_seconds", "job, http_route", _OWN),
                "{{job}} {{http_route}}",
                exemplars=True,
            ),
            unit="s",
        ),
        bars(
            Frame("Errors outlived", "Errors the pipeline went on after, by place and kind.", 8, 8, "none"),
            series(
                growth("aegisops_responder_errors_total", "aegisops_place, error_type", window=_STEP),
                "{{aegisops_place}} {{error_type}}",
            ),
        ),
        bars(
            Frame("Alerts of other systems", "By format, and what became of them.", 8, 8, "none"),
            series(
                growth("aegisops_alerts_total", alerts, window=_STEP),
                "{{aegisops_alert_source}} {{aegisops_alert_disposition}}",
            ),
        ),
        lines(
            Frame("Wait to write", "95th percentile: how long a write waited for the store.", 8, 8),
            series(quantile(0.95, "aegisops_store_write_wait_seconds"), "p95"),
            unit="s",
        ),
        bars(
            Frame("Notifications", "Done with, by channel and outcome; attempts that failed.", 8, 8, "none"),
            series(
                growth(
                    "aegisops_notifications_total", f"{channel}, aegisops_notification_outcome", window=_STEP
                ),
                "{{aegisops_notification_channel}} {{aegisops_notification_outcome}}",
            ),
            series(
                growth("aegisops_notifications_failures_total", f"{channel}, error_type", window=_STEP),
                "{{aegisops_notification_channel}} {{error_type}}",
            ),
        ),
    )


def _processes() -> Section:
    return Section.of(
        "Processes and Collector",
        lines(
            Frame("CPU", "Share of one core.", 8, 8),
            series(f"sum by (job, instance) (process_cpu_utilization_ratio{{{_OWN}}})", "{{job}}"),
            unit="percentunit",
        ),
        lines(
            Frame("Memory", "Resident.", 8, 8),
            series(f"max by (job, instance) (process_memory_usage_bytes{{{_OWN}}})", "{{job}}"),
            series("max by (job) (otelcol_process_memory_rss_bytes)", "collector"),
            unit="bytes",
        ),
        lines(
            Frame("Through the Collector", "Metric points per second: received, refused, sent on.", 8, 8),
            series(rate("otelcol_receiver_accepted_metric_points_total"), "received"),
            series(rate("otelcol_exporter_sent_metric_points_total", "exporter"), "sent by {{exporter}}"),
            series(rate("otelcol_receiver_refused_metric_points_total"), "refused (the sender tries again)"),
            unit="cps",
        ),
        lines(
            Frame("The Collector's queues", "Share of each that is full.", 8, 8),
            series(
                "max by (exporter, data_type) (otelcol_exporter_queue_size) "
                "/ max by (exporter, data_type) (otelcol_exporter_queue_capacity)",
                "{{exporter}} {{data_type}}",
            ),
            unit="percentunit",
        ),
        log_lines(
            Frame("Warnings and errors", "Of detector and responder.", 16, 8, "none"),
            logs(
                '{service_name=~"aegisops-detector|aegisops-responder"} '
                "| detected_level =~ `warn|error|critical|fatal`"
            ),
        ),
    )


def internals() -> dashboard.Dashboard:
    """Detector and responder internals."""
    made = page(UID, "Detector and responder", "The product watched like any other service.", "now-1h")
    return filled(made, _detector(), _responder(), _processes())
