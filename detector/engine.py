"""The one object that owns all that the detector has learned: telemetry in, incidents out."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Protocol

import numpy as np

from detector.classify.meaning import Meanings
from detector.classify.signature import Signatures
from detector.correlate.anomaly import Anomaly, AnomalyKey
from detector.correlate.call_graph import CallGraph
from detector.correlate.coming_and_going import observe_life
from detector.correlate.context import ERROR, observe_combination, observe_new_log
from detector.correlate.engine_config import EngineConfig
from detector.correlate.gather import alarm, voices
from detector.correlate.lifecycle import ServiceLife
from detector.correlate.live_incident import RAISING_WEIGHT, LiveIncident
from detector.correlate.log_history import LogHistory
from detector.correlate.neighbourhood import neighbours_of
from detector.correlate.overview import health_of
from detector.correlate.recovery import fresh_for, is_back, is_over, recovery_of
from detector.correlate.series_watch import SeriesWatch
from detector.correlate.service_state import ServiceState
from detector.incident import (
    Deploy,
    Incident,
    IncidentState,
    IncidentType,
    LogLine,
    LogSeverity,
    Neighbours,
    Recovery,
    ServiceHealth,
)
from detector.score.forest import Forests
from detector.series import Heartbeat, LogNotice, Normalised, SeriesRegistry, ServiceId, SpanNotice

__all__ = ["DetectionTracer", "Engine", "EngineConfig"]

SWEEP_EVERY_S = 10.0
FOLLOWED_S = 120.0


class DetectionTracer(Protocol):
    """Emits the span that stands at the root of an incident's trace."""

    def record(self, incident: Incident) -> str:
        """Record a just opened incident (its `traceparent` is empty yet); answers its W3C traceparent."""


class Engine:
    """Judges all telemetry. Owns all state of the judgement and is called from one thread.

    `now` is the receiver's clock in seconds since the epoch, or the data's own in a replay; it must not
    go backwards. `new_id` makes incident ids.
    """

    def __init__(
        self,
        registry: SeriesRegistry,
        config: EngineConfig,
        tracer: DetectionTracer,
        new_id: Callable[[], str],
    ) -> None:
        self._registry = registry
        self._config = config
        self._tracer = tracer
        self._new_id = new_id
        self._watch = SeriesWatch(registry, Meanings.load(), config)
        self._signatures = Signatures.load()
        self._forests = Forests(config.max_forests)
        self._states: list[ServiceState] = []
        self._numbers: dict[ServiceId, int] = {}
        self._incidents: OrderedDict[str, tuple[LiveIncident, ServiceState]] = OrderedDict()
        self._calls = CallGraph(self._numbers.__contains__)
        self._logs = LogHistory(config.log_bytes, config.log_services)
        self._admitted = 0
        self._swept_at = 0.0

    def ingest(self, batch: Normalised, now: float) -> None:
        """Take in all that one request of telemetry came to. The batch is owned by the engine from now on."""
        for heartbeat in batch.heartbeats:
            self._hear(heartbeat, now)
        for log in batch.logs:
            self._hear_log(log, now)
        for span in batch.spans:
            self._hear_span(span, now)
        self._calls.add(batch.calls, now)
        self._admit(now)
        if len(batch.samples):
            self._watch.take(batch.samples, now, self._states)

    def tick(self, now: float) -> list[Incident]:
        """Gather, open, revise and close. Answers incidents that are new or changed since the last tick."""
        self._admit(now)
        changed: list[Incident] = []
        for state in self._states:
            observe_life(state, now)
            if state.suspicions and state.life.gone_quiet(now):
                self._watch.last_words(state, now)
            state.warm = state.warm or self._is_warm(state)
            if now - state.combined_at >= self._config.combination_every_s:
                self._observe_combination(state, now)
            self._follow_closed(state, now)
            if not state.anomalies and state.live is None:
                continue
            self._expire(state, now)
            state.cite_examples()
            if state.live is None:
                self._open_if_alarming(state, now)
            live = state.live
            if live is not None:
                incident = self._follow(live, state, now)
                if incident is not None:
                    changed.append(incident)
        if now - self._swept_at >= SWEEP_EVERY_S:
            self._sweep(now)
        return changed

    def incidents(self, state: IncidentState | None = None) -> list[Incident]:
        """Incidents in memory, or those in `state`, newest first."""
        found = (live.published for live, _ in reversed(self._incidents.values()))
        return [i for i in found if i is not None and (state is None or i.state is state)]

    def incident(self, incident_id: str) -> Incident | None:
        """One incident as last published; None where there is none of that id."""
        entry = self._incidents.get(incident_id)
        return entry[0].published if entry is not None else None

    def recovery(self, incident_id: str, now: float) -> Recovery | None:
        """Whether that incident is over, by the latest samples; None where there is none of that id."""
        entry = self._incidents.get(incident_id)
        if entry is None:
            return None
        live, state = entry
        return recovery_of(live, state, self._watch, now, self._config.worse_after_s)

    def services(self, now: float) -> list[ServiceHealth]:
        """Every service ever heard of, with its golden signals now."""
        return [
            health_of(state, self._registry, self._watch, now)
            for state in self._states
            if state.life.processes
        ]

    def neighbours(self, name: str, namespace: str | None, now: float) -> Neighbours | None:
        """Who calls a service, and whom it calls; None where none of that name was heard."""
        state = self._state_named(name, namespace)
        return neighbours_of(state.id, self._calls, self._known, now) if state is not None else None

    def deploys(self, name: str, namespace: str | None) -> list[Deploy] | None:
        """The latest releases of a service, newest first; None where none of that name was heard."""
        state = self._state_named(name, namespace)
        return list(reversed(state.releases.deploys)) if state is not None else None

    def logs(self, incident_id: str, pattern: str, least: LogSeverity, limit: int) -> list[LogLine] | None:
        """The service's log lines around an incident that hold `pattern`, of severity `least` or above, the
        newest first; None where there is no incident of that id."""
        incident = self.incident(incident_id)
        return self._logs.around(incident, pattern, least, limit) if incident is not None else None

    def _known(self, service: ServiceId) -> ServiceState | None:
        number = self._numbers.get(service)
        return self._states[number] if number is not None else None

    def _state_named(self, name: str, namespace: str | None) -> ServiceState | None:
        """The service; where no namespace is given and several have the name, the one heard last."""
        if namespace is not None:
            return self._known(ServiceId(namespace, name))
        named = (state for state in self._states if state.id.name == name)
        return max(named, key=lambda state: state.life.last_heard, default=None)

    def _state_of(self, service: ServiceId, now: float) -> ServiceState:
        number = self._numbers.get(service)
        if number is not None:
            return self._states[number]
        if len(self._states) >= self._config.max_services:
            return self._states[-1]  # past the bound, services are judged as one
        state = ServiceState(service, len(self._states), ServiceLife(self._config.lifecycle, now, now))
        self._numbers[service] = state.number
        self._states.append(state)
        self._watch.judge.grow_services(len(self._states))
        return state

    def _admit(self, now: float) -> None:
        for slot in range(self._admitted, len(self._registry.keys)):
            key = self._registry.keys[slot]
            self._watch.admit(slot, key, self._state_of(key.service, now), now)
        self._admitted = len(self._registry.keys)

    def _hear(self, heartbeat: Heartbeat, now: float) -> None:
        slot = self._registry.instance_slot(heartbeat.instance)
        if slot is None:
            return
        state = self._state_of(heartbeat.instance.service, now)
        before = state.life.processes.get(slot)
        state.life.hear(heartbeat, slot, now)
        process = state.life.processes[slot]
        state.releases.hear(heartbeat, state.life, now)
        self._forget_gone(state)
        if process is not before:
            self._watch.start_ups.begin(slot, now, process.started_at)

    def _hear_log(self, log: LogNotice, now: float) -> None:
        self._logs.add(log)
        if log.severity < ERROR:
            return
        slot = self._registry.instance_slot(log.instance)
        state = self._state_of(log.service, now)
        state.logs.append(log)
        if slot is not None:
            state.life.hear_log(log, slot, now)
        if state.warm:
            observe_new_log(state, log, now)

    def _hear_span(self, span: SpanNotice, now: float) -> None:
        state = self._state_of(span.service, now)
        (state.failed if span.error else state.slow).append(span)

    def _observe_combination(self, state: ServiceState, now: float) -> None:
        """One step of the service's forest. It learns only while nothing at all is odd."""
        if not state.warm or not state.life.reporting(now):
            return
        state.combined_at = now
        distances = self._watch.judge.worst_z[state.number].copy()
        self._watch.judge.worst_z[state.number] = 0.0
        calm = not state.anomalies and state.live is None
        score = self._forests.step(state.number, state.id.name, distances, learn=calm)
        if score is not None and score >= self._config.combination_bar and not calm:
            observe_combination(state, distances, score, now)

    def _is_warm(self, state: ServiceState) -> bool:
        """Whether most of its signals can be judged; the others may be rare, or come later."""
        bank = self._watch.judge.bank
        judged = [bool(bank.ready(np.array(slots)).any()) for slots in state.by_signal.values()]
        return 2 * sum(judged) > len(judged)

    def _expire(self, state: ServiceState, now: float) -> None:
        """What was not seen any more is no longer so; what ended a while ago no longer counts."""
        for key, anomaly in list(state.anomalies.items()):
            fresh = fresh_for(self._gap(key), state)
            if isinstance(key, int) and now - anomaly.heard_at > fresh:
                anomaly.active = False
            if not anomaly.active and now - anomaly.heard_at > max(self._config.together_s, anomaly.kept_s):
                del state.anomalies[key]
        heard = min(now, state.life.last_heard)  # while it is silent, nothing can clear a suspicion
        for slot, suspicion in list(state.suspicions.items()):
            if heard - suspicion.heard_at > fresh_for(self._gap(slot), state):
                del state.suspicions[slot]

    def _gap(self, key: AnomalyKey) -> float:
        watch = self._watch.streaks.watch(key) if isinstance(key, int) else None
        return watch.gap if watch is not None else 0.0

    def _open_if_alarming(self, state: ServiceState, now: float) -> None:
        symptoms = [a for a in state.anomalies.values() if a.weight > 0]
        if not any(a.active for a in symptoms) or alarm(symptoms) < self._config.opening:
            state.alarming_since = None
            return
        if state.alarming_since is None:
            state.alarming_since = now
        patience = self._config.suspicion_intervals * state.life.interval
        if now - state.alarming_since < patience and self._may_be_another(state, symptoms):
            return
        state.alarming_since = None
        live = LiveIncident(
            id=self._new_id(),
            service=state.id,
            opened_at=now,
            previous_of=lambda kind: self._previous(state, kind, now),
            signatures=self._signatures,
            abnormal_at=now,
            joined_at=now,
        )
        state.live = live
        self._watch.judge.paused[state.number] = True
        self._incidents[live.id] = (live, state)
        self._forget_old_incidents()

    def _may_be_another(self, state: ServiceState, symptoms: list[Anomaly]) -> bool:
        """Whether the next sample of a series under suspicion could show that it is another fault."""
        heard = voices(symptoms)
        suspected = {s.signal for s in state.suspicions.values() if heard.get(s.signal, 0.0) < s.voice}
        if not suspected:
            return False
        lines = [line for anomaly in symptoms for line in anomaly.log_lines]
        likeliest = self._signatures.candidates(heard, lines)[0].type
        return self._signatures.could_explain(likeliest, suspected)

    def _follow(self, live: LiveIncident, state: ServiceState, now: float) -> Incident | None:
        """Let evidence join, see whether it is over; answers the incident if it has to be reported."""
        over = is_over(live, state, self._watch, now)
        settled = now - live.abnormal_at >= self._settled_s(state)
        if settled and self._is_new_trouble(live, state, now):
            self._close(live, state, now)
            return live.publish(now)
        for key, anomaly in sorted(state.anomalies.items(), key=lambda item: -item[1].strength):
            live.join(anomaly, now)
            if isinstance(key, int) and key in live.anomalies and anomaly.raising:
                self._watch.pin(key)
        live.instances = tuple(sorted(process.name for process in state.life.live(now))) or live.instances
        live.revise(now, max(self._config.gathering_s, 3.0 * state.life.interval), state.suspicions.values())
        if not over:
            live.abnormal_at = now
        accepted = now - live.joined_at >= self._config.accept_after_s and state.life.reporting(now)
        if accepted or now - live.abnormal_at >= max(self._config.closing_s, 2.5 * state.life.interval):
            self._close(live, state, now, accepted)
        if live.revision == 0:
            live.traceparent = self._tracer.record(live.publish(now))
            live.revision = 0
            return live.publish(now)
        reported_at = live.published.updated_at if live.published is not None else 0.0
        at_once = live.state is IncidentState.CLOSED or live.decided()
        refresh = now - reported_at >= self._config.refresh_every_s and live.outdated()
        if refresh or (live.changed and (at_once or now - reported_at >= self._config.report_every_s)):
            return live.publish(now)
        return None

    def _follow_closed(self, state: ServiceState, now: float) -> None:
        """Go on answering truly about the last incident for a while, should it come back at once."""
        closed = state.closed
        if closed is None:
            return
        if closed.closed_at is None or now - closed.closed_at > FOLLOWED_S:
            state.closed = None
        elif not is_over(closed, state, self._watch, now):
            closed.abnormal_at = now

    def _settled_s(self, state: ServiceState) -> float:
        return max(self._config.settled_s, 2.0 * state.life.interval)

    def _is_new_trouble(self, live: LiveIncident, state: ServiceState, now: float) -> bool:
        """Whether the same or something else began after the incident's symptoms had ended."""
        return any(is_back(a, state, self._watch, now) for a in live.raising()) or any(
            a.active and a.weight >= RAISING_WEIGHT and a.noticed_at > live.abnormal_at
            for key, a in state.anomalies.items()
            if key not in live.anomalies
        )

    def _close(self, live: LiveIncident, state: ServiceState, now: float, accepted: bool = False) -> None:
        slots = frozenset(key for key in live.anomalies if isinstance(key, int))
        if accepted:
            for slot in slots:
                self._watch.accept(slot)
        live.close(now)
        state.live, state.closed = None, live
        for key, anomaly in list(state.anomalies.items()):
            if key in live.anomalies or anomaly.noticed_at <= live.abnormal_at:
                del state.anomalies[key]
        state.life.forgive(live.abnormal_at + self._settled_s(state))
        self._watch.release(slots)
        self._watch.judge.paused[state.number] = False
        self._watch.judge.worst_z[state.number] = 0.0

    def _previous(self, state: ServiceState, kind: IncidentType, now: float) -> str | None:
        """The last incident of this type on this service, if it closed lately."""
        for live, owner in reversed(self._incidents.values()):
            if owner is state and live.type is kind and live.closed_at is not None:
                return live.id if now - live.closed_at <= self._config.recurrence_s else None
        return None

    def _forget_old_incidents(self) -> None:
        while len(self._incidents) > self._config.history:
            oldest = next((i for i, (live, _) in self._incidents.items() if live.closed_at is not None), None)
            if oldest is None:
                return
            del self._incidents[oldest]

    def _forget_gone(self, state: ServiceState) -> None:
        while state.life.gone:
            self._watch.forget_instance(state.life.gone.pop())

    def _sweep(self, now: float) -> None:
        self._swept_at = now
        for state in self._states:
            state.life.sweep(now)
            self._forget_gone(state)
        pinned = {key for state in self._states if state.live is not None for key in state.live.anomalies}
        stale_s = 30.0 + 3.0 * max((state.life.interval for state in self._states), default=0.0)
        for slot in self._watch.streaks.sweep(now, stale_s):
            self._watch.judge.watched[slot] = False
        for key in pinned:
            if isinstance(key, int):
                self._watch.pin(key)
        self._watch.trends.forget_before(now - 3600.0)
        self._calls.sweep(now)
