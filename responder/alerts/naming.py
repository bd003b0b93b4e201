"""What words of an alert mean: the service it is about, the kind of fault, how urgent it is."""

import re
from collections.abc import Iterable, Mapping

from detector import IncidentType, Severity
from responder.alerts.reported import clean_name

DEFAULT_SERVICE_LABELS = (
    "service.name",
    "service_name",
    "service",
    "app.kubernetes.io/name",
    "app",
    "job",
    "container",
    "container_name",
    "deployment",
)

# Names that stand alone for a type, in any spelling.
_NAMES: dict[IncidentType, tuple[str, ...]] = {
    IncidentType.MEMORY_OOM: ("oom", "oomkill", "oomkilled", "outofmemory", "outofmemoryerror", "memoryleak"),
    IncidentType.NETWORK_LATENCY: ("latency", "network", "networkdelay", "timeout", "slow", "slowresponse"),
    IncidentType.CPU_SPIKE: ("cpu", "cpusaturation"),
    IncidentType.DB_CONNECTION_POOL: (
        "dbpool",
        "database",
        "dbconnection",
        "dbconnections",
        "connectionleak",
    ),
    IncidentType.DISK_SPACE: ("disk", "diskfull", "nospace", "storage", "storagefull"),
    IncidentType.POD_CRASH_LOOP: ("crashloop", "crashloopbackoff", "podcrash", "crash", "backoff"),
}
# Words within a longer name, such as that of a rule.
_WORDS: dict[IncidentType, re.Pattern[str]] = {
    kind: re.compile(rf"\b(?:{words})\b")
    for kind, words in {
        IncidentType.MEMORY_OOM: r"oom|oom ?kill(?:ed|s)?|memory|mem|heap|rss",
        IncidentType.NETWORK_LATENCY: (
            r"latency|slow|response time|request duration|round ?trip|network|time ?outs?"
        ),
        IncidentType.CPU_SPIKE: r"cpu|cpu usage|throttling|load average",
        IncidentType.DB_CONNECTION_POOL: (
            r"(?:db|database|sql|postgres(?:ql)?|mysql|pool) connections?|(?:connection|db|database) pool|"
            r"pool exhausted|pool exhaustion|too many connections|connection leak"
        ),
        IncidentType.DISK_SPACE: (
            r"disk(?: ?space)?|file ?system|(?:out of|no) space|storage|volume (?:full|filling up)|inodes?"
        ),
        IncidentType.POD_CRASH_LOOP: (
            r"crash(?:es|ed|ing|loop|looping|loopbackoff)?|restarts?|restarting|back ?off"
        ),
    }.items()
}
_SEVERITIES: dict[Severity, tuple[str, ...]] = {
    Severity.LOW: ("low", "info", "informational", "notice", "minor", "none", "p4", "p5", "sev4", "sev5"),
    Severity.MEDIUM: ("medium", "warning", "warn", "moderate", "p3", "sev3"),
    Severity.HIGH: ("high", "error", "major", "p2", "sev2"),
    Severity.CRITICAL: (
        *("critical", "crit", "fatal", "emergency", "alert", "page", "disaster", "p1", "sev1"),
    ),
}


def service_of(labels: Mapping[str, object], order: Iterable[str]) -> str | None:
    """The service by the first label of `order` that is there and not empty.

    A `job` is `namespace/name` where it was made of OpenTelemetry's resource: its last part counts.
    """
    for label in order:
        name = clean_name(labels.get(label) or "")
        if label == "job":
            name = name.rpartition("/")[2]
        if name:
            return name
    return None


def incident_type(*names: str) -> IncidentType:
    """The type that the first telling one of `names` speaks of.

    A name tells when it is that of one type, in any spelling, or has words that speak of one type only.
    """
    for name in names:
        spelled = plain(name)
        for kind, known in _NAMES.items():
            if spelled == plain(kind) or spelled in known:
                return kind
        words = _in_words(name)
        speaking = [kind for kind, pattern in _WORDS.items() if pattern.search(words)]
        if len(speaking) == 1:
            return speaking[0]
    return IncidentType.UNKNOWN


def severity(name: str | None) -> Severity:
    """The severity by its name or a common other name; `MEDIUM` when it is not known."""
    spelled = plain(name or "")
    return next((one for one, names in _SEVERITIES.items() if spelled in names), Severity.MEDIUM)


def plain(name: str) -> str:
    """`name` as lower-case letters and digits only."""
    return re.sub(r"[^a-z0-9]", "", name[:200].lower())


def _in_words(name: str) -> str:
    """`KubePodCrashLooping`, `disk_full` and `disk-full` as lower-case words."""
    parted = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name[:200])
    parted = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", parted)
    return " ".join(re.sub(r"[^A-Za-z0-9]+", " ", parted).lower().split())
