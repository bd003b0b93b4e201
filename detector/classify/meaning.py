"""What a series means: which golden signal it belongs to, which way is bad, how much is worth a call."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from detector.series import SeriesKey, Stat


class Signal(StrEnum):
    """Golden signals; the `signal` of published evidence is one of these."""

    MEMORY = "memory"
    CPU = "cpu"
    DISK = "disk"
    DB_POOL = "db_pool"
    DB_LATENCY = "db_latency"
    CLIENT_LATENCY = "client_latency"
    SERVER_LATENCY = "server_latency"
    ERROR_RATIO = "error_ratio"
    ERROR_LOGS = "error_logs"
    REQUEST_RATE = "request_rate"
    RESTARTS = "restarts"
    SILENCE = "silence"
    GC = "gc"
    QUEUE = "queue"
    NETWORK_ERRORS = "network_errors"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Meaning:
    """How to judge a series. The fields are explained at the head of `meanings.yaml`.

    `min_change`, `comfortable`, `excusable`, `limit` and `telling_from` are in the unit of the series itself.
    """

    signal: Signal
    up_is_bad: bool
    down_is_bad: bool
    weight: float
    sustain: int
    min_change: float
    min_ratio: float
    comfortable: float | None
    limit: float | None
    host_wide: bool
    absolute: bool
    starts_at_zero: bool
    telling_from: float | None = None
    telling_ratio: float = 1.0
    excusable: float | None = None

    @property
    def judged(self) -> bool:
        """False for what is neither a symptom nor context of one: it is learned and never questioned."""
        return self.weight > 0 or self.signal is Signal.REQUEST_RATE


# How many of the unit make one second, byte or whole (UCUM); what a rule's thresholds are multiplied by.
_PER_UNIT = {
    "s": {"s": 1.0, "ms": 1e3, "us": 1e6, "µs": 1e6, "ns": 1e9, "min": 1 / 60, "h": 1 / 3600},
    "By": {
        "By": 1.0, "kBy": 1e-3, "MBy": 1e-6, "GBy": 1e-9,
        "KiBy": 2.0**-10, "MiBy": 2.0**-20, "GiBy": 2.0**-30,
    },
    "1": {"1": 1.0, "%": 100.0},
}  # fmt: skip
_MEASURED = {Stat.VALUE, Stat.MEAN, Stat.P95, Stat.RATE}
_COUNTED = {Stat.RATE, Stat.COUNT_RATE, Stat.ERROR_RATIO}


class _Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    names: str
    signal: Signal
    direction: Literal["up", "down", "both"]
    weight: float = Field(ge=0, le=1)
    stats: tuple[Stat, ...] = ()
    attributes: dict[str, str] = {}
    sustain: int = Field(default=2, ge=1)
    unit: Literal["s", "By", "1"] | None = None
    min_change: float = Field(default=0.0, ge=0)
    min_ratio: float = Field(default=1.0, ge=1)
    comfortable: float | None = None
    limit: float | None = Field(default=None, gt=0)
    host_wide: bool = False
    absolute: bool = False
    telling_from: float | None = None
    telling_ratio: float = Field(default=1.0, ge=1)
    excusable: float | None = None

    def matches(self, key: SeriesKey) -> bool:
        if self.stats and key.stat not in self.stats:
            return False
        if not re.search(self.names, key.name):
            return False
        return all(
            any(re.fullmatch(names, name) and re.search(value, text) for name, text in key.attributes)
            for names, value in self.attributes.items()
        )

    def meaning(self, key: SeriesKey) -> Meaning:
        scale = 1.0
        if self.unit is not None and key.stat in _MEASURED:
            scale = _PER_UNIT[self.unit].get(key.unit, 1.0)
        up_is_bad = self.direction != "down"
        return Meaning(
            signal=self.signal,
            up_is_bad=up_is_bad,
            down_is_bad=self.direction != "up",
            weight=self.weight,
            sustain=self.sustain,
            min_change=self.min_change * scale,
            min_ratio=self.min_ratio,
            comfortable=None if self.comfortable is None else self.comfortable * scale,
            limit=None if self.limit is None else self.limit * scale,
            host_wide=self.host_wide,
            absolute=self.absolute,
            starts_at_zero=up_is_bad and self.weight > 0 and key.stat in _COUNTED,
            telling_from=None if self.telling_from is None else self.telling_from * scale,
            telling_ratio=self.telling_ratio,
            excusable=None if self.excusable is None else self.excusable * scale,
        )


class Meanings:
    """The rules of `meanings.yaml`, asked once for each new series."""

    def __init__(self, rules: Sequence[_Rule]) -> None:
        self._rules = tuple(rules)

    @classmethod
    def load(cls) -> "Meanings":
        """The rules shipped with the detector."""
        text = files("detector.classify").joinpath("meanings.yaml").read_text(encoding="utf-8")
        return cls(TypeAdapter(list[_Rule]).validate_python(yaml.safe_load(text)))

    def of(self, key: SeriesKey) -> Meaning:
        """The meaning of `key`: the first rule that matches (the last rule matches everything)."""
        return next(rule.meaning(key) for rule in self._rules if rule.matches(key))
