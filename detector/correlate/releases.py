"""Which release of a service runs, and when another began to, by the attributes of its resources."""

import math
import re
from collections import deque
from dataclasses import dataclass, field

from detector.correlate.lifecycle import ServiceLife
from detector.incident import Deploy
from detector.normalise.redaction import redacted
from detector.series import Heartbeat

VERSION = "service.version"
DEPLOYS_KEPT = 20
VALUES_KEPT = 8
_GONE_SILENCES = 4.0
"""What no process was heard of for so many times what counts as silence does not run any more."""
_NOT_IN_VERSIONS = re.compile(r"[^\w.+:@/-]", re.ASCII)
_MOST_OF_A_VERSION = 40


def version_text(version: str) -> str:
    """A version fit to be quoted. It is the service's own text: only characters of usual versions are kept,
    and few of them."""
    return _NOT_IN_VERSIONS.sub("", version)[:_MOST_OF_A_VERSION]


@dataclass(slots=True)
class _Running:
    """The values of one attribute, with when each was last heard. `newest`: the one that came last."""

    newest: str
    heard: dict[str, float]


@dataclass(slots=True)
class Releases:
    """Notes a deploy when a value is heard that no running process of the service had, or when one is still
    heard while the one that came after it has ended (it was taken back)."""

    deploys: deque[Deploy] = field(default_factory=lambda: deque(maxlen=DEPLOYS_KEPT))
    _running: dict[str, _Running] = field(default_factory=dict)

    def hear(self, heartbeat: Heartbeat, life: ServiceLife, now: float) -> None:
        """A process was heard. What is new of a service not heard for long is no deploy: nobody knows what
        ran before."""
        known = now - life.first_heard >= life.config.known_for_s
        gone_s = _GONE_SILENCES * life.silence_s
        for attribute, value in ((VERSION, heartbeat.version), *heartbeat.release):
            if value:
                self._hear(attribute, value, gone_s, known, now)

    def _hear(self, attribute: str, value: str, gone_s: float, known: bool, now: float) -> None:
        running = self._running.get(attribute)
        if running is None:
            self._running[attribute] = _Running(value, {value: now})
            return
        heard, newest = running.heard, running.newest
        if value != newest:
            runs = now - heard.get(value, -math.inf) < gone_s
            if not runs and len(heard) >= VALUES_KEPT:
                oldest = min(heard, key=heard.__getitem__)
                if now - heard[oldest] < gone_s:
                    return  # so many run at once that this one says nothing
                del heard[oldest]
            if not runs or now - heard.get(newest, -math.inf) >= gone_s:
                running.newest = value
                if known:
                    before, after = version_text(redacted(newest)), version_text(redacted(value))
                    self.deploys.append(Deploy(attribute, before, after, now))
        heard[value] = now
