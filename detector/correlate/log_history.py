"""The latest log records of each service, to be searched. Nothing is judged by them."""

import math
import sys
from collections import OrderedDict, deque
from dataclasses import dataclass, field

from detector.incident import Incident, LogLine, LogSeverity
from detector.series import LogNotice, ServiceId

AROUND_S = 60.0
GATHERED_S = 10.0
"""Records of one template and severity that come within this time are kept as one line and a count."""
_ERROR, _FATAL = 17, 21
_FIELDS_BYTES = 300  # what an entry takes beside its texts, about


@dataclass(slots=True)
class _Entry:
    severity: LogSeverity
    template: str
    line: str
    count: int
    first: float
    last: float
    trace_id: str

    @property
    def size(self) -> int:
        """Bytes it takes, about."""
        return sys.getsizeof(self.template) + sys.getsizeof(self.line) + _FIELDS_BYTES


@dataclass(slots=True)
class _Kept:
    entries: deque[_Entry] = field(default_factory=deque)
    latest: dict[tuple[LogSeverity, str], _Entry] = field(default_factory=dict)
    size: int = 0


class LogHistory:
    """Keeps some `max_bytes` of log lines for each of at most `max_services` services. The oldest lines,
    and the service that has not logged for longest, make room."""

    def __init__(self, max_bytes: int, max_services: int) -> None:
        self._max_bytes = max_bytes
        self._max_services = max_services
        self._services: OrderedDict[ServiceId, _Kept] = OrderedDict()

    def add(self, log: LogNotice) -> None:
        """Keep a record of severity WARN or above."""
        kept = self._services.get(log.service)
        if kept is None:
            if len(self._services) >= self._max_services:
                self._services.popitem(last=False)
            kept = self._services[log.service] = _Kept()
        self._services.move_to_end(log.service)
        key = (severity_of(log.severity), log.template)
        entry = kept.latest.get(key)
        if entry is not None and log.time - entry.first < GATHERED_S:
            kept.size += sys.getsizeof(log.body) - sys.getsizeof(entry.line)
            entry.count += 1
            entry.line = log.body
            entry.first = min(entry.first, log.time)
            entry.last = max(entry.last, log.time)
            entry.trace_id = log.trace_id or entry.trace_id
        else:
            entry = _Entry(*key, log.body, 1, log.time, log.time, log.trace_id)
            kept.entries.append(entry)
            kept.latest[key] = entry
            kept.size += entry.size
        while kept.size > self._max_bytes:
            self._drop_oldest(kept)

    def around(self, incident: Incident, pattern: str, least: LogSeverity, limit: int) -> list[LogLine]:
        """Lines of the incident's service from `AROUND_S` before it began until as long after it closed, by
        template and severity, the newest first.

        `pattern`: what a line or its template must hold, as it is, in whatever case; never an expression.
        Only the newest line of some is kept, so what differs from line to line may not be found.
        """
        since = incident.started_at - AROUND_S
        until = (incident.closed_at or math.inf) + AROUND_S
        kept = self._services.get(ServiceId(incident.namespace, incident.service))
        wanted, severities = pattern.casefold(), _SEVERITIES[_SEVERITIES.index(least) :]
        found: dict[tuple[LogSeverity, str], LogLine] = {}
        for entry in reversed(kept.entries if kept else ()):
            if entry.severity not in severities or entry.last < since or entry.first > until:
                continue
            if wanted in entry.line.casefold() or wanted in entry.template.casefold():
                _gather(found, entry)
        return sorted(found.values(), key=lambda line: -line.last_seen)[:limit]

    @staticmethod
    def _drop_oldest(kept: _Kept) -> None:
        oldest = kept.entries.popleft()
        kept.size -= oldest.size
        key = (oldest.severity, oldest.template)
        if kept.latest.get(key) is oldest:
            del kept.latest[key]


_SEVERITIES = tuple(LogSeverity)


def severity_of(number: int) -> LogSeverity:
    """The range of an OTLP severity number of 13 (WARN) or above."""
    if number >= _FATAL:
        return LogSeverity.FATAL
    return LogSeverity.ERROR if number >= _ERROR else LogSeverity.WARN


def _gather(found: dict[tuple[LogSeverity, str], LogLine], entry: _Entry) -> None:
    """Add an entry, which came before those added already."""
    key = (entry.severity, entry.template)
    newer = found.get(key)
    found[key] = LogLine(
        severity=entry.severity,
        template=entry.template,
        line=newer.line if newer else entry.line,
        count=entry.count + (newer.count if newer else 0),
        first_seen=min(entry.first, newer.first_seen) if newer else entry.first,
        last_seen=max(entry.last, newer.last_seen) if newer else entry.last,
        trace_id=(newer.trace_id if newer else "") or entry.trace_id,
    )
