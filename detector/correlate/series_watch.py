"""From judged samples to anomalies of services: what is outside its range, sustained, and a symptom."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detector.classify.meaning import Meaning, Meanings, Signal
from detector.correlate.anomaly import Anomaly
from detector.correlate.engine_config import EngineConfig
from detector.correlate.gather import voice
from detector.correlate.series_anomaly import anomaly_of, credible, reason_of
from detector.correlate.service_state import ServiceState
from detector.correlate.suspicion import Suspicion
from detector.incident import AnomalyReason, Forecast
from detector.score.bank import BaselineBank, Floats
from detector.score.judge import Range, SeriesJudge
from detector.score.probability import not_normal
from detector.score.start_up import StartUps
from detector.score.streak import Sighting, Streaks, Sustained
from detector.score.trend import Trend, Trends
from detector.series import Samples, SeriesKey, SeriesRegistry, Stat

# What a process that starts may send without being held to it: imports, cold caches, first connections.
_EXCUSED_IN_START_UP = frozenset(
    {
        Signal.CPU, Signal.GC, Signal.CLIENT_LATENCY, Signal.SERVER_LATENCY, Signal.DB_LATENCY,
        Signal.ERROR_RATIO, Signal.NETWORK_ERRORS, Signal.QUEUE, Signal.DB_POOL, Signal.REQUEST_RATE,
        Signal.MEMORY, Signal.OTHER,
    }
)  # fmt: skip

_TELLING_WEIGHT, _TELLING_VOICE = 0.35, 0.6
"""What is telling but comfortable never opens an incident alone; for or against a type it speaks up."""
_ACCUSTOMED = 10
"""Telling samples in a row of one instance after which they are learned as usual."""

_LONG_KNOWN_S = 30.0
"""Age from which a baseline stands in for the history of an instance that is new."""


class SeriesWatch:
    """Owns the models of all series. Not thread-safe."""

    def __init__(self, registry: SeriesRegistry, meanings: Meanings, config: EngineConfig) -> None:
        self._registry = registry
        self._meanings = meanings
        self._config = config
        self.judge = SeriesJudge(BaselineBank(config.fading, config.warm_up), config.bar)
        self.streaks = Streaks(config.spike_memory_s, config.max_watched)
        self.trends = Trends(config.forecast_horizon_s, config.trend_samples, config.max_trends)
        self.meaning: list[Meaning] = []
        self._interned: dict[Meaning, Meaning] = {}
        self.start_ups = StartUps(config.lifecycle.start_up_s)
        self._admitted_at: list[float] = []

    def admit(self, slot: int, key: SeriesKey, state: ServiceState, now: float) -> None:
        """Take on a series seen for the first time. Slots come in order."""
        meaning = self._meanings.of(key)
        meaning = self._interned.setdefault(meaning, meaning)
        self.meaning.append(meaning)
        self._admitted_at.append(now)
        self.judge.grow(slot + 1)
        state.series_count += 1
        self._place(slot, meaning, state)
        if meaning.judged:
            state.remember_series(slot, meaning, key.stat)
        if meaning.starts_at_zero and state.warm:
            self.judge.bank.replace(slot, 0.0, 0.0, self._config.warm_up)
        if not meaning.host_wide and meaning.weight > 0:
            state.measures_itself.add(meaning.signal)
            if key.stat is Stat.SHARE or meaning.limit is not None:
                state.knows_limit.add(meaning.signal)
        if meaning.host_wide or meaning.absolute:
            state.secondary.append((slot, meaning))
        self._settle_secondary(state)

    def take(self, samples: Samples, now: float, states: list[ServiceState]) -> None:
        """Judge a batch and bring the anomalies of the services up to date with it."""
        self.start_ups.grow(len(self._registry.instances))
        starting = self.start_ups.within(samples, now)
        judged = self.judge.judge(samples, now, starting)
        for row in judged.rows.tolist():
            slot = int(samples.series[row])
            seen = Sighting(
                slot,
                int(samples.instances[row]),
                float(samples.times[row]),
                float(samples.values[row]),
                now,
            )
            state = states[self.judge.service[slot]]
            if judged.excused[row]:
                self.streaks.excused(slot, seen.value, now)
            elif judged.outside[row]:
                self._outside(seen, state)
                self._note_telling(seen, state, bool(judged.telling[row]))
            else:
                self._inside(seen, state, bool(judged.telling[row]))
                self._note_telling(seen, state, bool(judged.telling[row]))
        limits = self.judge.limit[samples.series]
        limited = np.flatnonzero((limits > 0) & ~starting)
        if len(limited):
            self._take_limited(samples, limited, limits, now, states)

    def is_rising(self, slot: int, now: float) -> bool:
        """Whether some live instance still runs towards the limit of a series."""
        watch = self.streaks.watch(slot)
        if watch is None:
            return False
        fresh = max(2.5 * watch.gap, 2.5)
        return any(
            self.trends.still_rising(slot, instance)
            for instance, run in watch.runs.items()
            if now - run.seen <= fresh
        )

    def pin(self, slot: int) -> None:
        """Follow a series sample by sample, be it normal or not."""
        if self.streaks.pin(slot) is not None:
            self.judge.watched[slot] = True

    def last_words(self, state: ServiceState, now: float) -> None:
        """Believe the last samples of a service that fell silent: none can come any more to deny them."""
        for slot in list(state.suspicions):
            watch, meaning = self.streaks.watch(slot), self.meaning[slot]
            ended = [(run.seen, i) for i, run in watch.runs.items() if run.count] if watch is not None else []
            if watch is None or not ended or meaning.weight == 0:
                continue
            _, instance = max(ended)
            run = watch.runs[instance]
            seen = Sighting(slot, instance, run.last, run.value, now)
            sustained = Sustained(run.count, meaning.sustain, run.first)
            self._raise(seen, state, self.judge.range_of(slot), sustained, None)
            state.anomalies[slot].symptom(meaning.weight)
            del state.suspicions[slot]

    def release(self, slots: frozenset[int]) -> None:
        """End the following of series whose incident is over."""
        for slot in slots:
            self.streaks.drop(slot)
            watch = self.streaks.watch(slot)
            self.judge.watched[slot] = watch is not None and watch.odd
        self.trends.forget_series(slots)

    def accept(self, slot: int) -> None:
        """Take the level a series has stayed at as its normal one."""
        watch = self.streaks.watch(slot)
        if watch is None or watch.level_count < 2:
            return
        variance = watch.level_square / watch.level_count
        self.judge.bank.replace(slot, watch.level_mean, variance, self._config.warm_up)
        watch.runs.clear()
        self.streaks.drop(slot)

    def forget_instance(self, instance: int) -> None:
        """A process is gone."""
        self.streaks.forget_instance(instance)
        self.trends.forget_instance(instance)

    def _place(self, slot: int, meaning: Meaning, state: ServiceState) -> None:
        excused = meaning.signal in _EXCUSED_IN_START_UP
        self.judge.admit(slot, state.number, meaning, start_up=not excused)

    def _settle_secondary(self, state: ServiceState) -> None:
        """Silence host-wide measures of a service that measures itself, and bytes where shares are known."""
        for slot, meaning in list(state.secondary):
            better = state.knows_limit if meaning.absolute else state.measures_itself
            if meaning.signal in better:
                quiet = Meaning(
                    signal=Signal.OTHER,
                    up_is_bad=True,
                    down_is_bad=True,
                    weight=0.0,
                    sustain=1,
                    min_change=0.0,
                    min_ratio=1.0,
                    comfortable=None,
                    limit=None,
                    host_wide=False,
                    absolute=False,
                    starts_at_zero=False,
                )
                self.meaning[slot] = self._interned.setdefault(quiet, quiet)
                self._place(slot, quiet, state)
                state.anomalies.pop(slot, None)
                state.suspicions.pop(slot, None)
                state.secondary.remove((slot, meaning))

    def _outside(self, seen: Sighting, state: ServiceState) -> None:
        meaning = self.meaning[seen.slot]
        normal = self.judge.range_of(seen.slot)
        self.judge.watched[seen.slot] = True
        sustained = self.streaks.outside(seen, meaning.sustain, normal)
        known = state.anomalies.get(seen.slot)
        if sustained is not None or known is not None:
            state.suspicions.pop(seen.slot, None)
            self._raise(seen, state, normal, sustained, known)
            if sustained is not None:
                state.anomalies[seen.slot].symptom(meaning.weight)
        elif state.live is None or seen.slot not in state.live.anomalies:
            told = voice(meaning.weight, not_normal(normal.distance(seen.value)))
            state.suspicions[seen.slot] = Suspicion(meaning.signal, told, seen.now)
        watch = self.streaks.watch(seen.slot)
        if watch is None or watch.level_since is None or state.live is not None:
            return
        context = meaning.weight == 0
        patience = self._config.relearn_context_s if context else self._config.relearn_s
        if seen.now - watch.level_since >= patience:
            self.accept(seen.slot)
            state.anomalies.pop(seen.slot, None)
            self.judge.watched[seen.slot] = False

    def _note_telling(self, seen: Sighting, state: ServiceState, telling: bool) -> None:
        """Evidence of what is no symptom by itself: all instances are far above what is usual for them."""
        slot, meaning = seen.slot, self.meaning[seen.slot]
        if meaning.telling_from is None:
            return
        run = self.streaks.telling(seen, telling)
        self.judge.accustomed[slot] = run > _ACCUSTOMED and state.live is None
        if not telling:
            return
        self.judge.watched[slot] = True
        known = state.anomalies.get(slot)
        if state.live is not None:
            known = state.live.anomalies.get(slot, known)
        if known is not None and known.voice_weight is None:
            return
        normal = self.judge.range_of(slot)
        live = [process.slot for process in state.life.live(seen.now)]
        sustained = self.streaks.telling_on(slot, live, meaning.sustain)
        if sustained is not None:
            state.suspicions.pop(slot, None)
            line = max(meaning.telling_from, meaning.telling_ratio * normal.mean)
            self._raise(seen, state, replace(normal, high=line), sustained, known)
            state.anomalies[slot].explain_only(_TELLING_WEIGHT, _TELLING_VOICE)
        elif known is None and slot not in state.suspicions:
            told = voice(_TELLING_VOICE, not_normal(normal.distance(seen.value)))
            state.suspicions[slot] = Suspicion(meaning.signal, told, seen.now)

    def _inside(self, seen: Sighting, state: ServiceState, telling: bool) -> None:
        if telling:
            self.streaks.pin(seen.slot)
        ended, last_outside = self.streaks.inside(seen)
        watch = self.streaks.watch(seen.slot)
        alive = watch is not None and watch.alive
        if not alive:
            state.suspicions.pop(seen.slot, None)
        anomaly = state.anomalies.get(seen.slot)
        if anomaly is not None and not alive and anomaly.reason is not AnomalyReason.LIMIT_FORECAST:
            anomaly.active = False
        if state.live is not None:
            return
        if ended and anomaly is None and not telling:
            size = abs(last_outside - float(self.judge.bank.mean[seen.slot]))
            self.streaks.spiked(seen.slot, seen.now, size)
            self.judge.learn_one(seen.slot, last_outside)
        if watch is None or not watch.odd:
            self.judge.watched[seen.slot] = False

    def _raise(
        self,
        seen: Sighting,
        state: ServiceState,
        normal: Range,
        sustained: Sustained | None,
        known: Anomaly | None,
    ) -> None:
        if state.live is not None:
            known = state.live.anomalies.get(seen.slot, known)
        if known is None:
            if sustained is None:
                return
            known = self._anomaly(seen, normal, self._reason(seen, normal))
            known.first_seen = credible(sustained.first, seen.now)
        up = known.reason is not AnomalyReason.BELOW_NORMAL
        if known.now is None or (seen.value > known.now if up else seen.value < known.now):
            known.now = seen.value
            known.score = max(known.score, not_normal(normal.distance(seen.value)))
            known.instance = self._registry.instances[seen.instance].name
        if sustained is not None:
            known.count, known.needed = max(known.count, sustained.count), sustained.needed
        if known.reason is AnomalyReason.LIMIT_FORECAST and sustained is not None:
            known.reason = self._reason(seen, normal)
        known.last_seen = credible(seen.time, seen.now)
        known.heard_at, known.active = seen.now, True
        state.anomalies[seen.slot] = known

    def _anomaly(self, seen: Sighting, normal: Range, reason: AnomalyReason) -> Anomaly:
        instance = self._registry.instances[seen.instance].name
        return anomaly_of(
            seen, self._registry.keys[seen.slot], self.meaning[seen.slot], normal, reason, instance
        )

    def _reason(self, seen: Sighting, normal: Range) -> AnomalyReason:
        return reason_of(self._registry.keys[seen.slot], self.meaning[seen.slot], seen.value, normal)

    def _take_limited(
        self,
        samples: Samples,
        limited: NDArray[np.int64],
        limits: Floats,
        now: float,
        states: list[ServiceState],
    ) -> None:
        slots, instances, times = samples.series[limited], samples.instances[limited], samples.times[limited]
        steep = self.trends.add(slots, instances, times, samples.values[limited] / limits[limited])
        for row in limited[steep].tolist():
            slot, instance = int(samples.series[row]), int(samples.instances[row])
            limit = float(limits[row])
            usual = self._usual_high(slot, instance)
            trend = self.trends.rising(slot, instance, None if usual is None else usual / limit)
            if trend is not None:
                seen = Sighting(slot, instance, float(samples.times[row]), float(samples.values[row]), now)
                self._forecast(seen, states[self.judge.service[slot]], trend, limit)

    def _usual_high(self, slot: int, instance: int) -> float | None:
        """What a new process's siblings and forerunners usually reached; None for one that is not new."""
        began = self.start_ups.until(instance)
        bank = self.judge.bank
        if began < self._admitted_at[slot] + _LONG_KNOWN_S or bank.count[slot] < bank.warm_up:
            return None
        return float(bank.mean[slot] + 2.0 * np.sqrt(bank.variance[slot]))

    def _forecast(self, seen: Sighting, state: ServiceState, trend: Trend, limit: float) -> None:
        key = self._registry.keys[seen.slot]
        known = state.anomalies.get(seen.slot)
        if state.live is not None:
            known = state.live.anomalies.get(seen.slot, known)
        if known is None:
            normal = self.judge.range_of(seen.slot)
            known = self._anomaly(seen, normal, AnomalyReason.LIMIT_FORECAST)
            known.first_seen = credible(trend.began_at, seen.now)
            known.before = normal.mean if normal.ready else trend.start * limit
            known.score = not_normal(3.0 + trend.steps)
        known.now = max(known.now or 0.0, seen.value)
        seconds = trend.seconds_to_limit
        known.forecast = Forecast(
            str(key), key.unit, seen.value, limit, seconds, credible(seen.time, seen.now) + seconds
        )
        known.last_seen = credible(seen.time, seen.now)
        known.heard_at, known.active = seen.now, True
        state.anomalies[seen.slot] = known
        self.pin(seen.slot)
