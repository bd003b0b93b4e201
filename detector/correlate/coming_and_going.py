"""Turns what a service's life shows (silence, restarts, fatal logs) into anomalies of it."""

from detector.classify.meaning import Signal
from detector.correlate.anomaly import Anomaly, AnomalyKey
from detector.correlate.describe import duration_text
from detector.correlate.lifecycle import Restart
from detector.correlate.releases import version_text
from detector.correlate.service_state import ServiceState
from detector.incident import AnomalyReason, EvidenceKind, IncidentType

SILENCE, RESTARTS, FATAL_LOG, REPLICA = "silence", "restarts", "fatal_log", "silent_replica"
NEWS_S = 10.0
"""How long a restart or a fatal log line stays news."""
RESTING_S = 3.0
"""A service that has not restarted or crashed for so long is up again, as far as this goes."""


def observe_life(state: ServiceState, now: float) -> None:
    """Set, refresh or end the anomalies of a service that come from its coming and going."""
    _observe_silence(state, now)
    _observe_restarts(state, now)
    _observe_fatal_logs(state, now)
    quiet = state.life.quiet_instances(now)
    if quiet and state.life.reporting(now):
        oldest = min(quiet, key=lambda process: process.heard)
        words = f"instance {oldest.name} silent for {duration_text(now - oldest.heard)} while others report"
        anomaly = _set(state, REPLICA, Signal.SILENCE, AnomalyReason.SILENT, 0.1, words, now)
        anomaly.instance, anomaly.first_seen = oldest.name, oldest.heard
    else:
        _end(state, REPLICA)


def _observe_silence(state: ServiceState, now: float) -> None:
    life = state.life
    crashing = state.live is None or state.live.type is IncidentType.POD_CRASH_LOOP
    gone = life.gone_quiet(now)
    if not gone and not (crashing and life.silent(now)):
        _end(state, SILENCE)
        return
    quiet_for = now - life.last_heard
    words = f"no telemetry for {duration_text(quiet_for)}, usually every {duration_text(life.interval)}"
    anomaly = _set(state, SILENCE, Signal.SILENCE, AnomalyReason.SILENT, 0.9 if gone else 0.5, words, now)
    anomaly.unit, anomaly.before, anomaly.now = "s", life.interval, quiet_for
    anomaly.high = life.silence_s
    anomaly.first_seen = life.last_heard


def _observe_restarts(state: ServiceState, now: float) -> None:
    life = state.life
    restarts = life.recent_restarts(now)
    changed = _version_change(restarts)
    if not restarts or (now - restarts[-1].at > NEWS_S and not changed):
        _end(state, RESTARTS)
        return
    # A remedy restarts a service, too: in an incident of another kind only very short lives count.
    other_kind = state.live is not None and state.live.type is not IncidentType.POD_CRASH_LOOP
    short = life.config.short_life_s / 4 if other_kind else life.config.short_life_s
    looping = len(restarts) >= 2 and any(r.lived_s < short for r in restarts)
    last = restarts[-1]
    within = duration_text(max(1.0, float(round(now - restarts[0].at))))
    words = f"{len(restarts)} restart{'s' if len(restarts) > 1 else ''} within {within}"
    if last.lived_s < short:
        words += f", the last process lived {duration_text(last.lived_s)}"
    words += changed
    weight = 0.9 if looping else 0.1
    anomaly = _set(state, RESTARTS, Signal.RESTARTS, AnomalyReason.RESTARTED, weight, words, now)
    anomaly.before, anomaly.now = 0.0, float(len(restarts))
    anomaly.first_seen, anomaly.last_seen, anomaly.instance = restarts[0].at, last.at, last.instance
    anomaly.heard_at, anomaly.active = last.at, now - last.at < RESTING_S
    # Another version may take its time to show what is wrong with it.
    anomaly.kept_s = life.config.restart_window_s if changed and not looping else 0.0


def _version_change(restarts: list[Restart]) -> str:
    """From which version to which the restarts led, in words; empty where that is the same or unknown."""
    known = [restart.versions for restart in restarts if restart.versions is not None]
    if not known:
        return ""
    before, after = version_text(known[0][0]), version_text(known[-1][1])
    return f", version {before} -> {after}" if before and after and before != after else ""


def _observe_fatal_logs(state: ServiceState, now: float) -> None:
    recent = [(at, log, starting) for at, log, starting in state.life.fatal_logs if now - at < NEWS_S]
    if not recent:
        _end(state, FATAL_LOG)
        return
    in_start = any(starting for _, _, starting in recent)
    died = state.life.died_of_fatal(now)
    signal, weight = Signal.ERROR_LOGS, 0.45
    if in_start or died:
        signal, weight = Signal.RESTARTS, (0.62 if in_start else 0.5)
    words = f"{len(recent)} fatal log line{'s' if len(recent) > 1 else ''}"
    words += " from a process that had just started" if in_start else ""
    words += ", which then fell silent" if died else ""
    anomaly = _set(state, FATAL_LOG, signal, AnomalyReason.FATAL_LOG, weight, words, now)
    anomaly.kind, anomaly.signal = EvidenceKind.LOG, signal
    anomaly.first_seen, anomaly.last_seen = min(log.time for _, log, _ in recent), recent[-1][1].time
    anomaly.instance = recent[-1][1].instance.name
    anomaly.heard_at, anomaly.active = recent[-1][0], now - recent[-1][0] < RESTING_S
    for _, log, _ in recent:
        anomaly.cite_log(log.body, log.trace_id)


def _end(state: ServiceState, key: AnomalyKey) -> None:
    anomaly = state.anomalies.get(key)
    if anomaly is not None:
        anomaly.active = False


def _set(  # noqa: PLR0917  # the fields of one observation, in the order they are read
    state: ServiceState,
    key: str,
    signal: Signal,
    reason: AnomalyReason,
    weight: float,
    words: str,
    now: float,
) -> Anomaly:
    anomaly = state.anomalies.get(key)
    if anomaly is None:
        anomaly = state.anomalies[key] = Anomaly(
            key=key,
            kind=EvidenceKind.LIFECYCLE,
            signal=signal,
            reason=reason,
            series=f"lifecycle.{key}",
            name=key,
            stat=None,
            unit="",
            weight=weight,
            score=1.0,
            first_seen=now,
            last_seen=now,
            heard_at=now,
            noticed_at=now,
        )
    # An incident cites what was worst: what has weighed more is not taken back while it lasts.
    anomaly.weight = max(weight, anomaly.weight) if anomaly.active else weight
    anomaly.detail, anomaly.active = words, True
    anomaly.last_seen = anomaly.heard_at = now
    return anomaly
