"""Logs: how many of each severity, and the errors and warnings themselves as notices."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs

from detector.normalise.arrival_window import ArrivalWindow
from detector.normalise.decode import SECONDS
from detector.normalise.instances import Instance
from detector.normalise.log_templates import LogTemplates, masked
from detector.normalise.redaction import redacted
from detector.normalise.sample_columns import SampleColumns
from detector.normalise.untrusted_text import one_line, text_of
from detector.series import LogNotice, Origin, SeriesKey, ServiceId, Stat

SERIES = "log.records"
UNIT = "{record}"
MAX_BODY = 500
_READ = 4 * MAX_BODY
MAX_WARNINGS = 50
WARN, ERROR, FATAL = 13, 17, 21
_LEVELS = ("trace", "debug", "info", "warn", "error", "fatal")
_BY_TEXT = {
    "trace": 1,
    "debug": 5,
    "info": 9,
    "information": 9,
    "notice": 10,
    "warn": 13,
    "warning": 13,
    "error": ERROR,
    "err": ERROR,
    "severe": ERROR,
    "fatal": FATAL,
    "critical": FATAL,
    "crit": FATAL,
    "panic": FATAL,
    "alert": FATAL,
    "emergency": FATAL,
}
_ALWAYS = frozenset({"error", "fatal"})


@dataclass(slots=True)
class _Window:
    arrival: ArrivalWindow
    counts: Counter[str] = field(default_factory=Counter)


class LogReader:
    """Reads log records into the rate of each severity, and notices of WARN and above.

    Series `log.records` with attribute `severity` (trace, debug, info, warn, error, fatal, unspecified),
    COUNT_RATE per instance and window (see `ArrivalWindow`); 0 for each severity known of the service
    that was not met, error and fatal among them from its first log record on. Of errors at most
    `max_notices` notices a request (`unnoticed` counts the rest, which are still counted in the rates), of
    warnings at most `MAX_WARNINGS`.
    """

    def __init__(self, templates: LogTemplates, *, window_s: float, idle_s: float, max_notices: int) -> None:
        self.unnoticed = 0
        self._templates = templates
        self._window_s = window_s
        self._idle_s = idle_s
        self._max_notices = max_notices
        self._windows: dict[int, tuple[Instance, _Window]] = {}
        self._severities: dict[ServiceId, set[str]] = {}

    def read(self, of_resource: ResourceLogs, instance: Instance, received_at: float) -> list[LogNotice]:
        """Count the records of one resource; the notices among them."""
        records = list(_records(of_resource))
        if not records:
            return []
        known = self._windows.get(instance.slot)
        if known is None or known[0] is not instance:
            known = (instance, _Window(ArrivalWindow(self._window_s, self._idle_s)))
            self._windows[instance.slot] = known
        window = known[1]
        window.arrival.arrived(received_at, min(_time(record, received_at) for record in records))
        notices: list[LogNotice] = []
        warnings: list[LogNotice] = []
        for record in records:
            number = severity_number(record)
            window.counts[severity_name(number)] += 1
            if number < ERROR:
                if number >= WARN and len(warnings) < MAX_WARNINGS:
                    warnings.append(self._notice(record, number, instance, received_at))
            elif len(notices) < self._max_notices:
                notices.append(self._notice(record, number, instance, received_at))
            else:
                self.unnoticed += 1
        return notices + warnings

    def flush(self, now: float, out: SampleColumns) -> None:
        """Add the rates of the windows that are over."""
        for instance, window in self._windows.values():
            seconds = window.arrival.closed(now, instance.alive(now))
            if seconds is None:
                continue
            service = instance.id.service
            known = self._severities.setdefault(service, set(_ALWAYS))
            known.update(window.counts)
            for severity in sorted(known):
                attributes = (("severity", severity),)
                key = SeriesKey(service, SERIES, Stat.COUNT_RATE, UNIT, Origin.LOG, attributes)
                out.add_to(key, instance.slot, now, window.counts[severity] / seconds)
            window.counts.clear()

    def forget(self, slot: int) -> None:
        """Drop the window of an instance."""
        self._windows.pop(slot, None)

    def _notice(self, record: LogRecord, number: int, instance: Instance, received_at: float) -> LogNotice:
        text = _body(record)
        if number >= ERROR:
            template, new = self._templates.of(instance.id.service, text)
        else:
            template, new = masked(text), False
        return LogNotice(
            service=instance.id.service,
            instance=instance.id,
            time=_time(record, received_at),
            severity=number,
            body=one_line(redacted(text), MAX_BODY),
            template=template,
            new=new,
            trace_id=record.trace_id.hex() if len(record.trace_id) == 16 and any(record.trace_id) else "",
        )


def severity_number(record: LogRecord) -> int:
    """The record's severity number, by its text where it has no number; 0 when it has neither."""
    number = int(record.severity_number)
    if 1 <= number <= 24:
        return number
    return _BY_TEXT.get(record.severity_text[:16].strip().lower(), 0)


def severity_name(number: int) -> str:
    """The name of a severity number's range."""
    return _LEVELS[(number - 1) // 4] if number else "unspecified"


def _records(of_resource: ResourceLogs) -> Iterator[LogRecord]:
    for of_scope in of_resource.scope_logs:
        yield from of_scope.log_records


def _time(record: LogRecord, received_at: float) -> float:
    """When it happened, within a minute before its receipt; else the time of receipt."""
    time = (record.time_unix_nano or record.observed_time_unix_nano) * SECONDS
    return time if math.isfinite(time) and 0.0 <= received_at - time <= 60.0 else received_at


def _body(record: LogRecord) -> str:
    """The body, with the exception's type and message where they are not part of it."""
    text = text_of(record.body, _READ)
    exception = {
        pair.key: text_of(pair.value, _READ // 2)
        for pair in record.attributes
        if pair.key in ("exception.type", "exception.message")
    }
    added = [part for part in exception.values() if part and part not in text]
    if not added:
        return text
    first, _, rest = text.partition("\n")
    told = ": ".join(exception[key] for key in ("exception.type", "exception.message") if exception.get(key))
    return f"{first} [{told}]\n{rest}" if first else told
