"""Series in words: short names that people know them by, the same in every text."""

import re
from collections.abc import Mapping

from responder.redaction import name, sanitised

_NOUNS = {
    "memory": "memory use",
    "cpu": "processor use",
    "disk": "disk use",
    "db_pool": "use of the connection pool",
    "db_latency": "database latency",
    "client_latency": "client latency",
    "server_latency": "server latency",
    "error_ratio": "failing requests",
    "error_logs": "error logs",
    "request_rate": "request rate",
    "restarts": "restarts",
    "silence": "silence",
    "gc": "garbage collection",
    "network_errors": "failing client calls",
}

# What a database pool's metric measures, by its name (semantic conventions and what came before them).
_POOL_NOUNS = (
    (re.compile(r"time-?_?outs?\b"), "checkout time-outs"),
    (re.compile(r"pending|waiting"), "requests waiting for a connection"),
    (re.compile(r"wait_time"), "wait for a connection"),
    (re.compile(r"create_time"), "time to open a connection"),
    (re.compile(r"use_time"), "time connections are held"),
    (re.compile(r"count|usage|used|active|in_use|checked_?out"), "connections in use"),
)

PEER_KEYS = ("peer.service", "server.address", "net.peer.name", "peer")

# The attributes that tell one series of a signal from another, the most telling first, and how they are put.
_TELLING: dict[str, tuple[str, tuple[str, ...]]] = {
    "client_latency": (" to ", PEER_KEYS),
    "network_errors": (" to ", PEER_KEYS),
    "db_latency": (
        " of ",
        ("db.namespace", "db.name", "db.collection.name", "db.operation.name", *PEER_KEYS),
    ),
    "server_latency": (" of ", ("http.route", "rpc.method", "url.path")),
    "error_ratio": (" of ", ("http.route", "rpc.method", "url.path")),
    "request_rate": (" of ", ("http.route", "rpc.method", "url.path")),
    "db_pool": (
        " of pool ",
        ("db.client.connection.pool.name", "db.client.connections.pool.name", "pool.name"),
    ),
    "disk": (" of ", ("system.filesystem.mountpoint", "mountpoint", "system.device", "device")),
    "queue": (" of ", ("messaging.destination.name", "queue", "destination")),
}
_LIFECYCLE = {
    "restarts": "restarts",
    "silence": "silence",
    "fatal_log": "fatal log lines",
    "silent_replica": "silence of a replica",
}
_MAX_CHARS = 80


def series_name(series: str, signal: str) -> str:
    """The name of `metric{key=value,...}:stat`, as in `client latency to 10.0.0.7:8011`."""
    metric = series[:1000].partition("{")[0].partition(":")[0]
    if metric.startswith("lifecycle."):
        return _LIFECYCLE.get(metric.partition(".")[2], _NOUNS.get(signal, "life of its processes"))
    noun = _noun(metric, signal)
    joint, keys = _TELLING.get(signal, ("", ()))
    attributes = series_attributes(series)
    key = next((key for key in keys if attributes.get(key)), None)
    if key is None:
        return noun
    return sanitised(f"{noun}{joint}{name(attribute(attributes, key))}", _MAX_CHARS)


def signal_name(signal: str) -> str:
    """The name of what a signal measures, whatever the series."""
    return _NOUNS.get(signal, "the resource")


def series_attributes(series: str) -> dict[str, str]:
    """Attributes of a series' name `metric{key=value,key=value}:stat`, as far as it has any."""
    _, _, rest = series[:1000].partition("{")
    inner, _, _ = rest.rpartition("}")
    pairs = (part.partition("=") for part in inner.split(","))
    return {key.strip(): value.strip() for key, sep, value in pairs if sep}


def attribute(attributes: Mapping[str, str], key: str) -> str:
    """The value of one attribute, an address with its port; empty where it is not there."""
    value = attributes.get(key, "")
    port = attributes.get("server.port", "") if key == "server.address" and value else ""
    return f"{value}:{port}" if port else value


def _noun(metric: str, signal: str) -> str:
    if signal == "db_pool":
        return next((noun for pattern, noun in _POOL_NOUNS if pattern.search(metric)), _NOUNS[signal])
    if signal in _NOUNS:
        return _NOUNS[signal]
    # Of a signal without a common name people know the metric itself.
    return sanitised(metric, 60) or "a series"
