"""The responder's telemetry about itself: set-up by the standard `OTEL_*` variables, spans and metrics.

Nothing is exported unless an OTLP endpoint or an exporter is named in the environment.
"""

import logging
import sys
import threading
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass

from opentelemetry import metrics, trace
from opentelemetry._logs import LoggerProvider, get_logger_provider
from opentelemetry.context import Context
from opentelemetry.distro import OpenTelemetryConfigurator
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from detector import Incident
from responder.deliberate import CouncilMember
from responder.incident_record import (
    ActionRecord,
    Case,
    CouncilDecision,
    Diagnosis,
    MemberRole,
    PipelineState,
    ProposedAction,
    Vote,
)
from responder.policy import PolicyRuling

SCOPE = "aegisops.responder"
DEFAULT_SERVICE_NAME = "aegisops-responder"
_SIGNALS = ("TRACES", "METRICS", "LOGS")
_MAX_SERIES = 20
_CHATTY = (
    "httpx",
    "httpcore",
    "httpx2",
    "httpcore2",
    "openai",  # and anthropic: what is sent to a model does not belong into a log
    "anthropic",
    "uvicorn.error",
    "uvicorn.access",
    "sse_starlette.sse",
)
_TRACE_CONTEXT = TraceContextTextMapPropagator()


def choose_exporters(environ: MutableMapping[str, str]) -> bool:
    """Fill in the `OTEL_*` variables that are not set; answers whether the SDK is wanted at all.

    A signal is exported by OTLP where an endpoint is set for it (or for all of them) and no exporter is
    named; `OTEL_SDK_DISABLED=true` turns everything off.
    """
    if environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if "service.name=" not in environ.get("OTEL_RESOURCE_ATTRIBUTES", "").replace(" ", ""):
        environ.setdefault("OTEL_SERVICE_NAME", DEFAULT_SERVICE_NAME)
    for signal in _SIGNALS:
        if environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT"):
            environ.setdefault(f"OTEL_{signal}_EXPORTER", "otlp")
    return True


@dataclass(frozen=True, slots=True)
class Providers:
    """The three providers that own telemetry goes through; no-ops where the SDK is turned off."""

    tracers: trace.TracerProvider
    meters: metrics.MeterProvider
    loggers: LoggerProvider

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> "Providers":
        """Configured by the SDK itself from the environment (once in a process). May raise RuntimeError
        or ValueError on a variable the SDK does not understand."""
        if choose_exporters(environ):
            OpenTelemetryConfigurator().configure()  # type: ignore[no-untyped-call]  # untyped in the SDK
        return cls(trace.get_tracer_provider(), metrics.get_meter_provider(), get_logger_provider())

    def shutdown(self, grace_s: float) -> None:
        """Send what is still held back, all signals at once, for at most `grace_s` seconds, and stop."""
        stops = [
            getattr(provider, "shutdown", None) for provider in (self.tracers, self.meters, self.loggers)
        ]
        threads = [
            threading.Thread(target=stop, name="telemetry-shutdown", daemon=True)
            for stop in stops
            if stop is not None  # the no-op providers of the API have nothing to shut down
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + grace_s
        for thread in threads:
            thread.join(max(0.0, until - time.monotonic()))


class TraceFormatter(logging.Formatter):
    """One readable line a record, with the trace it belongs to, and nothing in it that is not printable.

    Parts of messages come from telemetry, and could forge lines otherwise.
    """

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - named by logging
        """The record's line."""
        line = super().formatMessage(record)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line += f" trace_id={trace.format_trace_id(context.trace_id)}"
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def set_up_logging(level: str, providers: Providers) -> None:
    """Send the logs of this process to stderr, and to where telemetry is exported, from `level` up."""
    readable = logging.StreamHandler(sys.stderr)
    readable.setFormatter(TraceFormatter("%(asctime)s %(levelname)-7s %(name)s: %(message)s"))
    exported = LoggingHandler(level=logging.INFO, logger_provider=providers.loggers)
    # Records of the SDK itself would feed themselves.
    exported.addFilter(lambda record: not record.name.startswith("opentelemetry"))
    logging.basicConfig(level=level, handlers=[readable, exported], force=True)
    logging.captureWarnings(True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(logging.WARNING)
    # DBOS adds a handler of its own to a logger that has none.
    for handler in (readable, exported):
        logging.getLogger("dbos").addHandler(handler)
    logging.getLogger("dbos").propagate = False


class Stages:
    """Spans of the pipeline's stages, each a child of the incident's own trace context."""

    def __init__(self, provider: trace.TracerProvider) -> None:
        self._tracer = provider.get_tracer(SCOPE)

    @contextmanager
    def stage(self, name: str, incident: Incident) -> Iterator[trace.Span]:
        """The current span while a stage lasts; an exception is recorded on it and goes on."""
        parent = _TRACE_CONTEXT.extract({"traceparent": incident.traceparent}, Context())
        attributes = {
            "aegisops.incident.id": incident.id,
            "aegisops.incident.type": incident.type.value,
            "aegisops.incident.service": incident.service,
            "aegisops.incident.revision": incident.revision,
            "aegisops.incident.series": [one.series for one in incident.evidence[:_MAX_SERIES]],
        }
        with self._tracer.start_as_current_span(name, context=parent, attributes=attributes) as span:
            yield span

    @contextmanager
    def within(self, incident: Incident) -> Iterator[None]:
        """Inside, logs carry the incident's trace; no span of its own."""
        parent = _TRACE_CONTEXT.extract({"traceparent": incident.traceparent}, Context())
        with trace.use_span(trace.get_current_span(parent)):
            yield

    def traced(self, member: CouncilMember) -> CouncilMember:
        """`member`, with a span around each of its votes."""
        return _TracedMember(member, self._tracer)


class _TracedMember:
    def __init__(self, member: CouncilMember, tracer: trace.Tracer) -> None:
        self._member = member
        self._tracer = tracer
        self.role: MemberRole = member.role

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        with self._tracer.start_as_current_span(f"vote {self.role.value}") as span:
            vote = self._member.vote(case, diagnosis, proposal)
            span.set_attributes(
                {
                    "aegisops.vote.member": vote.member.value,
                    "aegisops.vote.approve": vote.approve,
                    "aegisops.vote.confidence": vote.confidence,
                    "aegisops.vote.reason": vote.reason.value,
                    "aegisops.action": proposal.action.value,
                }
            )
            return vote


class PipelineMetrics:
    """The pipeline's counters and histograms, `aegisops.responder.*`."""

    def __init__(self, provider: metrics.MeterProvider) -> None:
        meter = provider.get_meter(SCOPE)
        self._incidents = meter.create_counter(
            "aegisops.responder.incidents", unit="{incident}", description="Incidents by final state."
        )
        self._state_duration = meter.create_histogram(
            "aegisops.responder.state.duration", unit="s", description="Time incidents spend in a state."
        )
        self._incident_duration = meter.create_histogram(
            "aegisops.responder.incident.duration", unit="s", description="Time from receipt to final state."
        )
        self._actions = meter.create_counter(
            "aegisops.responder.actions", unit="{action}", description="Actions by kind and outcome."
        )
        self._verifications = meter.create_counter(
            "aegisops.responder.verifications", unit="{verification}", description="Verifications by outcome."
        )
        self._votes = meter.create_counter(
            "aegisops.responder.votes", unit="{vote}", description="Votes by member, answer and reason."
        )
        self._rulings = meter.create_counter(
            "aegisops.responder.policy.rulings",
            unit="{ruling}",
            description="Rulings of the policy by decision and reason.",
        )
        self._errors = meter.create_counter(
            "aegisops.responder.errors", unit="{error}", description="Errors the pipeline outlived."
        )

    def moved(self, before: PipelineState, seconds: float) -> None:
        """An incident left a state after so many seconds."""
        self._state_duration.record(seconds, {"aegisops.state": before.value})

    def ended(self, state: PipelineState, incident: Incident, seconds: float) -> None:
        """An incident reached a final state, so many seconds after it was received."""
        attributes = {"aegisops.state": state.value, "aegisops.incident.type": incident.type.value}
        self._incidents.add(1, attributes)
        self._incident_duration.record(seconds, attributes)

    def acted(self, action: ActionRecord) -> None:
        """An action ended."""
        self._actions.add(
            1, {"aegisops.action": action.action.value, "aegisops.action.outcome": action.outcome.value}
        )

    def verified(self, action: ActionRecord) -> None:
        """An action was verified."""
        if action.verification is not None:
            self._verifications.add(
                1,
                {
                    "aegisops.action": action.action.value,
                    "aegisops.verification.outcome": action.verification.value,
                },
            )

    def voted(self, decision: CouncilDecision) -> None:
        """The council decided."""
        for vote in decision.votes:
            self._votes.add(
                1,
                {
                    "aegisops.vote.member": vote.member.value,
                    "aegisops.vote.approve": vote.approve,
                    "aegisops.vote.reason": vote.reason.value,
                },
            )

    def ruled(self, ruling: PolicyRuling) -> None:
        """The policy ruled."""
        self._rulings.add(
            1,
            {
                "aegisops.policy.decision": ruling.decision.value,
                "aegisops.policy.reason": ruling.reason.value,
            },
        )

    def outlived(self, where: str, error: BaseException) -> None:
        """An error was caught that is nobody else's business."""
        self._errors.add(1, {"aegisops.place": where, "error.type": type(error).__name__})


def new_traceparent(ids: IdGenerator, received: str | None) -> str:
    """The W3C trace context `received` from a caller where it is valid, else a new one from `ids`."""
    if received:
        parent = _TRACE_CONTEXT.extract({"traceparent": received}, Context())
        context = trace.get_current_span(parent).get_span_context()
        if context.is_valid:
            return received
    return f"00-{ids.generate_trace_id():032x}-{ids.generate_span_id():016x}-01"
