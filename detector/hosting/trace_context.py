"""W3C trace context, in the text form that incidents carry it in."""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROPAGATOR = TraceContextTextMapPropagator()


def context_of(traceparent: str) -> Context:
    """Spans, logs and measurements in it belong to that trace; none where the text is no trace context."""
    return _PROPAGATOR.extract({"traceparent": traceparent}, Context())


def span_context_of(traceparent: str) -> trace.SpanContext:
    """The span that is named there; not valid where the text is no trace context."""
    return trace.get_current_span(context_of(traceparent)).get_span_context()


def traceparent_of(span: trace.SpanContext) -> str:
    """The text that names a span."""
    carrier: dict[str, str] = {}
    _PROPAGATOR.inject(carrier, trace.set_span_in_context(trace.NonRecordingSpan(span), Context()))
    return carrier["traceparent"]


def new_span_context(ids: IdGenerator) -> trace.SpanContext:
    """Of a trace that nobody recorded a span in, and others may continue."""
    return trace.SpanContext(
        trace_id=ids.generate_trace_id(),
        span_id=ids.generate_span_id(),
        is_remote=False,
        trace_flags=trace.TraceFlags(trace.TraceFlags.SAMPLED),
    )


@contextmanager
def in_trace(traceparent: str) -> Iterator[None]:
    """Logs inside belong to that trace; it makes no span of its own."""
    with trace.use_span(trace.get_current_span(context_of(traceparent))):
        yield
