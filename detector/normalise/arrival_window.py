"""Windows over what arrives in bursts: logs and spans come when their exporter's timer fires, not evenly."""

from dataclasses import dataclass

_QUIET_S = 0.1
_MAX_FIRST_S = 60.0
_MAX_FIRST_GAP_S = 10.0


@dataclass(slots=True)
class ArrivalWindow:
    """When the window of one instance and signal is over, and how many seconds it stands for.

    An exporter that sends every five seconds must not look like four silent seconds and one busy one. So
    a window ends, once it is `window_s` old, with the last arrival in it, and stands for the time since
    the last arrival before it. A window in which nothing arrives stays open until nothing has come for
    three usual gaps between arrivals (or `idle_s`); from then on every `window_s` counts as silent.
    All times are times of receipt, in seconds.
    """

    window_s: float
    idle_s: float
    gap: float = 1.0
    _since: float = 0.0
    _first: float | None = None
    _last: float | None = None
    _idle: bool = False
    _latest: float | None = None

    def arrived(self, now: float, earliest: float) -> None:
        """Something arrived; `earliest` is the time the first of it happened (used for the first window)."""
        if self._latest is None:
            self._since = max(min(earliest, now), now - _MAX_FIRST_S)
            self.gap = min(max(self.gap, now - self._since), _MAX_FIRST_GAP_S)
        elif now - self._latest > self.window_s / 2:
            self.gap += 0.3 * (min(now - self._latest, _MAX_FIRST_S) - self.gap)
        self._first = now if self._first is None else self._first
        self._last = self._latest = now
        self._idle = False

    def closed(self, now: float, alive: bool) -> float | None:
        """The seconds that the window which ends now stands for; None while it goes on.

        `alive`: whether the instance is heard from at all; of one that is not, silence says nothing.
        """
        if self._latest is None or now - self._since < self.window_s:
            return None
        if self._first is None or self._last is None:
            return self._silent(now) if alive else None
        if now - self._last < _QUIET_S and now - self._first < self.window_s:
            return None  # in the middle of a burst
        seconds = max(self._last - self._since, self.window_s)
        self._since, self._first, self._last = max(self._last, self._since), None, None
        return seconds

    def _silent(self, now: float) -> float | None:
        self._idle = self._idle or now - self._since >= max(self.idle_s, 3 * self.gap)
        if not self._idle:
            return None
        seconds = now - self._since
        self._since = now
        return seconds
