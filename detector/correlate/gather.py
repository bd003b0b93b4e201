"""Puts the anomalies of one service together: is it an alarm, of which type, how severe?"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from detector.classify.meaning import Signal
from detector.correlate.anomaly import Anomaly
from detector.correlate.suspicion import PART, Suspicion
from detector.incident import AnomalyReason, Severity

FULL_VOICE = 0.7
"""Weight from which an anomaly speaks for a type with all its score; weaker ones in proportion."""

USERS_FAIL = 0.05
"""Share of failed requests from which users are said to fail."""


def alarm(anomalies: Iterable[Anomaly]) -> float:
    """Probability, 0 to 1, that something is wrong: a noisy-or over distinct signals.

    Within a signal the strongest speaks, and other metrics (not other attributes of the same) half as loud.
    """
    by_signal: dict[Signal, dict[str, float]] = defaultdict(dict)
    for anomaly in anomalies:
        names = by_signal[anomaly.signal]
        names[anomaly.name] = max(names.get(anomaly.name, 0.0), anomaly.strength)
    doubt = 1.0
    for signal, names in by_signal.items():
        first, *others = sorted(names.values(), reverse=True)
        doubt *= 1.0 - first
        if signal is not Signal.OTHER:
            for strength in others:
                doubt *= 1.0 - 0.5 * strength
    return 1.0 - doubt


def voice(weight: float, score: float) -> float:
    """How loud an observation of this weight and score speaks for a type, 0 to 1."""
    return score * min(1.0, weight / FULL_VOICE)


def voices(anomalies: Iterable[Anomaly], suspicions: Iterable[Suspicion] = ()) -> Mapping[Signal, float]:
    """How loud each signal speaks for a type, 0 to 1; what is only suspected with part of its voice."""
    loudest: dict[Signal, float] = {}
    for anomaly in anomalies:
        weight = anomaly.weight if anomaly.voice_weight is None else anomaly.voice_weight
        spoken = voice(weight, anomaly.score)
        if anomaly.signal is Signal.REQUEST_RATE and anomaly.reason is AnomalyReason.ABOVE_NORMAL:
            spoken = anomaly.score
        loudest[anomaly.signal] = max(loudest.get(anomaly.signal, 0.0), spoken)
    for suspicion in suspicions:
        loudest[suspicion.signal] = max(loudest.get(suspicion.signal, 0.0), PART * suspicion.voice)
    return loudest


def severity(anomalies: Iterable[Anomaly]) -> Severity:
    """How urgent it is by what users feel: failing now, suffering or failing soon, or not yet."""
    rank = 0
    for anomaly in anomalies:
        rank = max(rank, _urgency(anomaly))
    return (Severity.LOW, Severity.MEDIUM, Severity.HIGH, Severity.CRITICAL)[rank]


def _urgency(anomaly: Anomaly) -> int:
    if anomaly.signal in {Signal.SILENCE, Signal.RESTARTS} and anomaly.weight >= 0.45:
        return 3
    if anomaly.signal is Signal.ERROR_RATIO and anomaly.weight >= 0.45:
        return 3 if (anomaly.now or 0.0) >= USERS_FAIL else 2
    if anomaly.signal in {Signal.MEMORY, Signal.CPU, Signal.DISK, Signal.DB_POOL, Signal.SERVER_LATENCY}:
        if anomaly.weight >= 0.45:
            return 2
    elif anomaly.signal in {Signal.CLIENT_LATENCY, Signal.DB_LATENCY, Signal.QUEUE, Signal.NETWORK_ERRORS}:
        return 1
    return 1 if anomaly.weight >= 0.45 else 0
