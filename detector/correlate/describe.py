"""Words for people: numbers with their units, what was observed, what happened in one sentence."""

from collections.abc import Iterable

from detector.classify.meaning import Signal
from detector.correlate.anomaly import Anomaly
from detector.incident import AnomalyReason, IncidentType
from detector.series import SeriesKey, Stat

WORDS = {
    Signal.MEMORY: "memory",
    Signal.CPU: "CPU",
    Signal.DISK: "disk",
    Signal.DB_POOL: "connection pool",
    Signal.DB_LATENCY: "database calls",
    Signal.CLIENT_LATENCY: "calls to other services",
    Signal.SERVER_LATENCY: "requests",
    Signal.ERROR_RATIO: "failed requests",
    Signal.ERROR_LOGS: "error logs",
    Signal.REQUEST_RATE: "request rate",
    Signal.RESTARTS: "restarts",
    Signal.SILENCE: "silence",
    Signal.GC: "garbage collection",
    Signal.QUEUE: "queue",
    Signal.NETWORK_ERRORS: "failed calls to other services",
    Signal.OTHER: "signal",
}
_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}
_BYTES = {"By": 1.0, "kBy": 1e3, "MBy": 1e6, "GBy": 1e9, "KiBy": 2.0**10, "MiBy": 2.0**20, "GiBy": 2.0**30}
_ELLIPSIS = "…"
_MOST_OF_AN_ATTRIBUTE = 40
# What tells the series of one metric apart for people, by the semantic conventions; the first group counts
# of which a series has any.
_TELLING = (
    (
        "peer", "http.request.method", "http.method", "http.route", "rpc.service", "rpc.method",
        "http.response.status_code", "http.status_code", "rpc.response.status_code", "rpc.grpc.status_code",
        "error.type",
    ),
    ("server.address", "net.peer.name"),
    ("db.client.connection.pool.name", "pool.name", "db.client.connection.state", "state"),
    ("system.filesystem.mountpoint", "mountpoint"),
    ("jvm.memory.pool.name", "system.device", "device", "severity", "cpu.mode", "process.cpu.state"),
    ("messaging.destination.name", "queue", "topic"),
)  # fmt: skip
_STAT_WORDS = {
    Stat.RATE: "rate", Stat.COUNT_RATE: "rate", Stat.MEAN: "mean", Stat.P95: "p95",
    Stat.ERROR_RATIO: "error ratio",
}  # fmt: skip
_WHOLE = {Signal.MEMORY, Signal.CPU, Signal.DISK}


def quantity(value: float, unit: str, stat: Stat | None, signal: Signal) -> str:
    """`value` as a person would write it.

    >>> quantity(0.0049, "s", Stat.MEAN, Signal.SERVER_LATENCY), quantity(0.934, "1", Stat.SHARE, Signal.DISK)
    ('4.9 ms', '93 %')
    """
    if stat in {Stat.SHARE, Stat.ERROR_RATIO} or (
        unit in {"1", ""} and stat is Stat.VALUE and signal in _WHOLE
    ):
        return f"{_short(100 * value)} %"
    if stat in {Stat.RATE, Stat.COUNT_RATE}:
        return _rate_text(value, unit, signal)
    if unit in _SECONDS:
        return duration_text(value * _SECONDS[unit])
    if unit in _BYTES:
        return bytes_text(value * _BYTES[unit])
    plain = unit.strip("{}")
    return f"{_short(value)} {plain}" if plain not in {"", "1"} else _short(value)


def _rate_text(value: float, unit: str, signal: Signal) -> str:
    if signal is Signal.CPU:
        return f"{_short(value * _SECONDS.get(unit, 1.0))} cores"
    if unit in _SECONDS:
        return f"{_short(100 * value * _SECONDS[unit])} %"
    return f"{bytes_text(value * _BYTES[unit]) if unit in _BYTES else _short(value)}/s"


def duration_text(seconds: float) -> str:
    """Seconds as µs, ms, s, min or h, whichever reads best."""
    size = abs(seconds)
    for least, factor, name in (
        (5400.0, 1 / 3600, "h"), (90.0, 1 / 60, "min"), (1.0, 1.0, "s"), (1e-3, 1e3, "ms"),
    ):  # fmt: skip
        if size >= least:
            return f"{_short(seconds * factor)} {name}"
    return f"{_short(seconds * 1e6)} µs" if size else "0 s"


def bytes_text(count: float) -> str:
    """Bytes as kB, MB, GB or TB."""
    for least, name in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(count) >= least:
            return f"{_short(count / least)} {name}"
    return f"{_short(count)} B"


def clipped(text: str, most: int) -> str:
    """`text`, at most `most` characters long; what is cut is cut at a word, and the cut is shown.

    >>> clipped("Input should be a number", 15)
    'Input should…'
    """
    if len(text) <= most:
        return text
    cut = text[: most - len(_ELLIPSIS)]
    at_word = cut if text[len(cut)].isspace() else cut.rpartition(" ")[0]
    return (at_word if len(at_word) >= len(cut) / 2 else cut).rstrip() + _ELLIPSIS


def series_label(key: SeriesKey) -> str:
    """A series as people call it: its metric, statistic and what tells it apart; not an identity."""
    known = dict(key.attributes)
    words = [key.name]
    if key.stat in _STAT_WORDS:
        words.append(_STAT_WORDS[key.stat])
    groups = ([known[name] for name in names if known.get(name)] for names in _TELLING)
    telling = next((values for values in groups if values), None)
    if telling is None:
        telling = list(known.values()) if len(known) == 1 else []
    label = " ".join(words)
    return f"{label}, {clipped(' '.join(telling), _MOST_OF_AN_ATTRIBUTE)}" if telling else label


def observation(anomaly: Anomaly) -> str:
    """What was observed, in a phrase: what, how much, and how much is usual."""
    if anomaly.detail:
        return anomaly.detail
    what = f"{WORDS[anomaly.signal]} ({anomaly.label or anomaly.series})"
    if anomaly.now is None:
        return what
    text = f"{what} at {_quantity(anomaly, anomaly.now)}"
    if anomaly.before is not None:
        text += f", usually {_quantity(anomaly, anomaly.before)}"
    if anomaly.high is not None and anomaly.reason is not AnomalyReason.BELOW_NORMAL:
        text += f" (normal up to {_quantity(anomaly, anomaly.high)})"
    if anomaly.low is not None and anomaly.reason is AnomalyReason.BELOW_NORMAL:
        text += f" (normal from {_quantity(anomaly, anomaly.low)})"
    if anomaly.forecast is not None:
        text += f"; at this pace the limit is reached in {_whole(anomaly.forecast.seconds_to_limit)}"
    return text


def summary(service: str, kind: IncidentType, anomalies: Iterable[Anomaly]) -> str:
    """What happened, in one sentence a person would write."""
    known = sorted(anomalies, key=lambda a: -a.strength)
    if kind is IncidentType.UNKNOWN:
        first = next((a for a in known if a.weight > 0), None)
        return (
            f"Something is wrong with {service}: {observation(first)}." if first else f"{service} is unwell."
        )
    if kind is IncidentType.POD_CRASH_LOOP:
        return _crash(service, known)
    lead, signal = {
        IncidentType.MEMORY_OOM: (f"{service} is running out of memory", Signal.MEMORY),
        IncidentType.CPU_SPIKE: (f"{service} is short of CPU", Signal.CPU),
        IncidentType.NETWORK_LATENCY: (
            f"Calls from {service} to what it depends on are slow",
            Signal.CLIENT_LATENCY,
        ),
        IncidentType.DB_CONNECTION_POOL: (f"{service} is out of database connections", Signal.DB_POOL),
        IncidentType.DISK_SPACE: (f"{service} is running out of disk space", Signal.DISK),
    }[kind]
    measured = [a for a in known if a.signal is signal and a.now is not None]
    parts = [_measure(a) for a in sorted(measured, key=lambda a: a.stat is not Stat.SHARE)[:1]]
    forecast = next((a.forecast for a in known if a.forecast is not None and a.signal is signal), None)
    if forecast is not None and forecast.seconds_to_limit > 0:
        parts.append(f"at this pace the limit is reached in {_whole(forecast.seconds_to_limit)}")
    parts += _consequences(known, signal)
    return f"{lead}: {'; '.join(parts)}." if parts else f"{lead}."


def _consequences(known: list[Anomaly], cause: Signal) -> list[str]:
    parts = []
    for signal in (Signal.SERVER_LATENCY, Signal.ERROR_RATIO, Signal.REQUEST_RATE):
        found = next((a for a in known if a.signal is signal and a.now is not None), None)
        if found is not None and signal is not cause:
            parts.append(f"{WORDS[signal]} at {_measure(found)}")
    return parts[:2]


def _crash(service: str, known: list[Anomaly]) -> str:
    told = [a.detail for a in known if a.signal in {Signal.RESTARTS, Signal.SILENCE} and a.detail]
    words = next((line for a in known for line in a.log_lines), "")
    lead = "keeps crashing" if any(a.signal is Signal.RESTARTS for a in known) else "fell silent"
    text = f"{service} {lead}: {'; '.join(told[:2])}"
    return f'{text}; its last words: "{clipped(words, 120)}".' if words else f"{text}."


def _measure(anomaly: Anomaly) -> str:
    text = _quantity(anomaly, anomaly.now or 0.0)
    if anomaly.stat is Stat.SHARE:
        text += " of the limit"
    elif anomaly.signal is Signal.MEMORY and anomaly.stat is Stat.RATE:
        text += " of the time collecting garbage"
    elif anomaly.signal is Signal.CPU and text.endswith("%"):
        text += " used"
    if anomaly.before is not None:
        text += f", usually {_quantity(anomaly, anomaly.before)}"
    return text


def _quantity(anomaly: Anomaly, value: float) -> str:
    return quantity(value, anomaly.unit, anomaly.stat, anomaly.signal)


def _whole(seconds: float) -> str:
    return duration_text(max(1.0, float(round(seconds))))


def _short(number: float) -> str:
    if abs(number) >= 100 or number == int(number):
        return f"{number:,.0f}" if abs(number) < 1e15 else f"{number:.3g}"
    return f"{number:.2g}"
