"""The detector's composition root, and its life from start to graceful end.

Exit codes: 0 ended as asked (SIGTERM, SIGINT); 2 a setting cannot be used; 3 an address cannot be listened
on (a taken port); 4 ended as asked, but in the midst of a judgement that outlasted the grace.
"""

import logging
import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

from detector.engine import Engine
from detector.hosting import HttpAddressError, HttpServer, Providers, SettingsError, set_up_logging
from detector.incident import Incident
from detector.normalise import Normaliser
from detector.receive import (
    BearerTokens,
    Intake,
    ListenError,
    OtlpGrpcServer,
    OtlpHttpServer,
    OtlpRequest,
    ReceiveLimits,
    Reception,
)
from detector.report.health_metrics import HealthMetrics, Stats
from detector.report.incident_id import IncidentIds
from detector.report.queries import query_interface
from detector.report.reporter import Reporter, ReporterConfig
from detector.report.service_metrics import ServiceMetrics
from detector.report.telemetry import SpanDetectionTracer
from detector.series import Normalised, SeriesRegistry
from detector.settings import DetectorSettings, load_settings, variable
from detector.worker import Stages, Worker, WorkerConfig

log = logging.getLogger("detector")

DEFAULT_SERVICE_NAME = "aegisops-detector"
_CHATTY = ("httpx", "httpcore")  # a line for each report sent says nothing new

STOPPED, BAD_SETTING, BAD_ADDRESS, LEFT_UNJUDGED = 0, 2, 3, 4

DetectorStages = Stages[OtlpRequest]


def _as_they_are(stages: DetectorStages) -> DetectorStages:
    return stages


def main(fit: Callable[[DetectorStages], DetectorStages] = _as_they_are) -> int:
    """Run until SIGTERM or SIGINT; the exit code (see the head of this module).

    `fit`: the stages as they are to be used, for who measures them.
    """
    try:
        settings = load_settings()
        own_telemetry = Providers.from_environment(os.environ, DEFAULT_SERVICE_NAME)
    except SettingsError as error:
        return _complain(error, BAD_SETTING)
    except (RuntimeError, ValueError) as error:  # by the SDK, about a variable it cannot use
        return _complain(f"the OTEL_* variables cannot be used: {error}", BAD_SETTING)
    set_up_logging(settings.log_level, own_telemetry.log_handler(), _CHATTY)
    try:
        with ExitStack() as at_the_end:
            at_the_end.callback(own_telemetry.shutdown, settings.stop_grace_s)
            return Detector(settings, own_telemetry, fit).run(_stop_signal())
    except HttpAddressError as error:
        where = f"{variable('http_port')} or {variable('host')}"
        return _complain(f"the query interface cannot listen: {error}; set {where}", BAD_ADDRESS)
    except ListenError as error:
        return _complain(error, BAD_ADDRESS)


class Detector:
    """All parts of the detector, put together."""

    def __init__(
        self,
        settings: DetectorSettings,
        own_telemetry: Providers,
        fit: Callable[[DetectorStages], DetectorStages],
    ) -> None:
        """Build the parts, in the order of the data's way, and bind the HTTP port.

        Raises HttpAddressError.
        """
        self._settings = settings
        self._http = HttpServer(settings.host, settings.http_port, "queries")
        self._health = HealthMetrics(own_telemetry.meters)

        self._intake = Intake(settings.intake_max_requests, settings.intake_max_bytes)
        self._reception = Reception(
            self._intake, ReceiveLimits(max_message_bytes=settings.max_message_bytes), time.time
        )
        token_file = settings.otlp_token_file
        tokens = None if token_file is None else BearerTokens.load(token_file)
        tls = settings.tls_files()
        self._grpc = OtlpGrpcServer(
            settings.host, settings.otlp_port, self._reception, tokens=tokens, tls=tls, serving=self._ready
        )
        self._otlp_http = OtlpHttpServer(
            settings.host, settings.otlp_http_port, self._reception, tokens=tokens, tls=tls
        )
        self._registry = SeriesRegistry(settings.max_series, settings.max_instances)
        self._normaliser = Normaliser(
            self._registry, ignored_services=settings.ignored_services, window_s=settings.window_s
        )
        engine = Engine(
            self._registry,
            settings.engine_config(),
            SpanDetectionTracer(own_telemetry.tracers, RandomIdGenerator()),
            IncidentIds(time.time, secrets.randbits),
        )
        self._reporter = self._new_reporter(settings) if settings.report_url else None
        stages = Stages(
            take=self._intake.take,
            normalise=lambda request: _normalise(self._normaliser, request),
            settled=OtlpRequest.settle,
            flush=self._normaliser.flush,
            judge=engine,
            judged=lambda request, took_s: self._health.judged(time.time() - request.received_at, took_s),
            opened=self._health.incident_opened,
            report=self._report,
        )
        self._worker = Worker(fit(stages), WorkerConfig(), time.time, time.monotonic)
        self._receiving = False
        self._health.observe(self.stats, lambda: self._worker.open_by_type)
        ServiceMetrics(own_telemetry.meters, self._worker, time.monotonic)
        self._queries = query_interface(
            self._worker,
            self.stats,
            lambda: self._receiving,
            settings.question_timeout_s,
            own_telemetry.exposition,
        )

    def run(self, stop: threading.Event) -> int:
        """Start the parts from the end of the data's way to its beginning; end them the other way round.

        Returns the exit code. Raises ListenError.
        """
        grace = self._settings.stop_grace_s
        self._http.start(self._queries)
        if self._reporter is not None:
            self._reporter.start()
        self._worker.start()
        try:
            host = self._settings.host
            grpc_port, otlp_http_port = self._grpc.start(), self._otlp_http.start()
            self._receiving = True
            log.info(
                "ready: OTLP (gRPC) on %s:%d, queries on http://%s:%d, OTLP (HTTP) on %s:%d",
                *(host, grpc_port, host, self._http.port, host, otlp_http_port),
            )
            stop.wait()
            log.info("stopping")
        finally:
            self._receiving = False
            self._stop_receiving(grace)
            drained = self._worker.stop(grace)
            if self._reporter is not None:
                self._reporter.close(grace)
            self._http.stop(grace)
        if not drained:
            log.error("stopped in the midst of a judgement")
            return LEFT_UNJUDGED
        log.info("stopped")
        return STOPPED

    def _stop_receiving(self, grace_s: float) -> None:
        """Both at once, as they have the same time."""
        with ThreadPoolExecutor(2) as pool:
            for stopped in [pool.submit(each.stop, grace_s) for each in (self._grpc, self._otlp_http)]:
                stopped.result()

    def stats(self) -> Stats:
        """The counts of all parts; may be called from any thread."""
        reports = self._reporter.counts if self._reporter is not None else None
        left_out = self._normaliser.counters
        return Stats(
            requests=sum(self._intake.accepted.values()),
            refused=sum(self._intake.refused.values()),
            unparsable=self._reception.malformed,
            queued=self._intake.queued_requests,
            points=self._worker.points,
            points_unusable=left_out["unusable_points"],
            points_dropped=left_out["dropped_points"],
            series=len(self._registry.keys),
            series_refused=self._registry.refused,
            failures=self._worker.failures,
            incidents_open=sum(self._worker.open_by_type.values()),
            reports_pending=self._reporter.pending if self._reporter is not None else 0,
            reports_acknowledged=reports.acknowledged if reports else 0,
            reports_failed=reports.failed_attempts if reports else 0,
            reports_dropped=reports.refused + reports.overflowed if reports else 0,
        )

    def _ready(self) -> bool:
        return self._receiving and self._worker.alive

    def _new_reporter(self, settings: DetectorSettings) -> Reporter:
        token = settings.report_token
        config = ReporterConfig(
            settings.report_url or "", None if token is None else token.get_secret_value()
        )
        return Reporter(config, time.monotonic, random.random, self._health.report_acknowledged)

    def _report(self, incident: Incident) -> None:
        if self._reporter is not None:
            self._reporter.offer(incident)


def _normalise(normaliser: Normaliser, request: OtlpRequest) -> Normalised:
    if isinstance(request.message, ExportMetricsServiceRequest):
        return normaliser.metrics(request.message, request.received_at)
    if isinstance(request.message, ExportLogsServiceRequest):
        return normaliser.logs(request.message, request.received_at)
    return normaliser.traces(request.message, request.received_at)


def _stop_signal() -> threading.Event:
    """Set by the first SIGTERM or SIGINT; the second ends the process at once."""
    stop = threading.Event()

    def ask_to_stop(number: int, _: object) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    return stop


def _complain(error: object, code: int) -> int:
    sys.stderr.write("".join(f"aegisops detector: {line}\n" for line in str(error).splitlines()))
    return code
