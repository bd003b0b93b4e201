"""The offline analyst: from typed evidence and a table of causes to a diagnosis, with no network."""

from collections.abc import Sequence
from dataclasses import dataclass

from detector import Evidence, IncidentState, IncidentType
from responder.diagnose import wording
from responder.diagnose.calibration import Calibration, standing
from responder.diagnose.cause import Cause, Remedy, load_causes
from responder.diagnose.reading import ALERT_SIGNAL, LogPatterns, Reading, share
from responder.diagnose.record import TrackRecord, track_record
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    ActionRecord,
    Case,
    Diagnosis,
    DiagnosisOutcome,
    ProposedAction,
    VerificationOutcome,
)
from responder.redaction import name
from responder.series_name import series_name

MIN_BELIEF = 0.45
"""Below this belief in its likeliest cause an incident is not diagnosed but left to a human. Like every bar
it is held to belief, so that a new calibration changes what is said and never what is done."""

_ALTERNATIVE_BELIEF = 0.3
_ALTERNATIVE_DISCOUNT = 0.7
_VAIN_DISCOUNT = 0.25
_LEARNED_FIT = 0.35
_LEARNED_SUCCESSES = 1.5
_MAX_CONFIDENCE = 0.97
_MAX_CLAUSES = 3
_MAX_CITATIONS = 20


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """A cause and the belief in it (0 to 1) after what was tried."""

    cause: Cause
    belief: float


class OfflineAnalyst:
    """Diagnoses by evidence alone: deterministic, without network, never raises on odd evidence.

    A cause is believed as far as both the detector's type and the measured signals speak for it
    (`Cause.belief`); a remedy's confidence is that belief times its expected fit, which moves with the
    outcomes in the runbook. Log text supports a cause, and never makes or chooses one alone. The confidence
    of the diagnosis is the share of such diagnoses that was right (`Calibration`), where such were tried.
    """

    name = "offline"

    def __init__(
        self,
        causes: Sequence[Cause] | None = None,
        patterns: LogPatterns | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        self._causes = tuple(causes) if causes is not None else load_causes()
        self._patterns = patterns or LogPatterns.load()
        self._calibration = calibration or Calibration.load()

    def diagnose(self, case: Case) -> Diagnosis:
        """The diagnosis of `case`. Proposals are empty unless the outcome is `FAULT`; `NOTHING_WRONG`
        carries a single `NOOP`, which needs no leave."""
        reading = Reading(case.incident, self._patterns)
        if case.incident.state is IncidentState.CLOSED or reading.back_in_range:
            return self._nothing_wrong(reading)
        if not reading.evidence or not reading.measured:
            return self._not_enough(reading, case, ())
        hypotheses = self._hypotheses(reading, case)
        if not hypotheses or hypotheses[0].belief < MIN_BELIEF:
            return self._not_enough(reading, case, hypotheses)
        return self._fault(reading, case, hypotheses)

    def _hypotheses(self, reading: Reading, case: Case) -> list[_Hypothesis]:
        vain = _in_vain(case)
        believed = [(cause, cause.belief(reading)) for cause in self._causes]
        found = [
            _Hypothesis(cause, belief * _doubt(cause, vain))
            for cause, belief in believed
            if belief >= _ALTERNATIVE_BELIEF
        ]
        # Sorting is stable: of equals the one that stands first in the file wins.
        return sorted(found, key=lambda h: -h.belief)

    def _fault(self, reading: Reading, case: Case, hypotheses: Sequence[_Hypothesis]) -> Diagnosis:
        likeliest = hypotheses[0]
        cause = likeliest.cause
        proposals = self._proposals(case, hypotheses)
        used = [e for signal in cause.signals for e in reading.of(signal)] or list(reading.of(ALERT_SIGNAL))
        findings = reading.logs(cause.logs) if cause.logs else ()
        clauses = [wording.clause(e) for e in _one_per_name(used)[:_MAX_CLAUSES]]
        says = _filled(cause.says[0].upper() + cause.says[1:], reading)
        ground = wording.joined([*clauses, wording.traffic(reading), wording.log_clause(findings)])
        text = [
            f"{says}: {ground}.",
            wording.forecast(case.incident.forecast, cause.signals[0]) or cause.unknown,
            _tried_and_next(case, proposals),
        ]
        cited = dict.fromkeys(
            [e.id for e in used]
            + [f.evidence.id for f in findings]
            + [e.id for e in reading.evidence if e.signal == "request_rate"]
        )
        # The map was fitted on first diagnoses of what the detector measured; elsewhere nothing is known.
        calibrated = not case.tried and not reading.of(ALERT_SIGNAL)
        believed = likeliest.belief
        if calibrated:
            believed = self._calibration.share_right(believed, standing(reading, cause.type, self._causes))
        return Diagnosis(
            outcome=DiagnosisOutcome.FAULT,
            incident_type=cause.type,
            root_cause=" ".join(part for part in text if part),
            confidence=_confidence(believed),
            citations=tuple(cited)[:_MAX_CITATIONS],
            proposals=proposals,
            analyst=self.name,
            calibrated=calibrated,
        )

    def _proposals(self, case: Case, hypotheses: Sequence[_Hypothesis]) -> tuple[ProposedAction, ...]:
        done = {record.action for record in case.tried}
        best: dict[ActionKind, ProposedAction] = {}
        for rank, hypothesis in enumerate(hypotheses):
            belief = hypothesis.belief * (1.0 if rank == 0 else _ALTERNATIVE_DISCOUNT)
            for remedy, record in _remedies(case, hypothesis.cause):
                if remedy.action not in case.allowed or remedy.action in done:
                    continue
                confidence = _confidence(belief * record.updated(remedy.fit))
                known = best.get(remedy.action)
                if known is None or known.confidence < confidence:
                    best[remedy.action] = ProposedAction(
                        remedy.action, case.incident.service, _reason(remedy, record), confidence
                    )
        return tuple(sorted(best.values(), key=lambda p: -p.confidence))

    def _not_enough(self, reading: Reading, case: Case, hypotheses: Sequence[_Hypothesis]) -> Diagnosis:
        service = name(case.incident.service)
        strongest = _one_per_signal(reading.evidence)[:_MAX_CLAUSES]
        if not strongest:
            text = f"No evidence came with the incident on {service}, so its cause cannot be told."
        else:
            seen = wording.joined([wording.clause(e) for e in strongest])
            text = f"Something is wrong with {service}: {seen}."
            if not reading.measured:
                text += " Log lines alone are no ground to act on; no measured signal supports them."
            elif hypotheses:
                says = _filled(hypotheses[0].cause.says, reading)
                text += f" It may be that {says}, but the evidence is too weak to act on."
            else:
                text += " None of the known causes explains this, so a person should look at it."
        tried = _tried_and_next(case, ()) if case.tried else ""
        return Diagnosis(
            outcome=DiagnosisOutcome.NOT_ENOUGH_EVIDENCE,
            incident_type=case.incident.type,
            root_cause=f"{text} {tried}".rstrip(),
            confidence=_confidence(hypotheses[0].belief) if hypotheses else 0.0,
            citations=tuple(e.id for e in strongest),
            proposals=(),
            analyst=self.name,
        )

    def _nothing_wrong(self, reading: Reading) -> Diagnosis:
        incident = reading.incident
        service = name(incident.service)
        cited = _one_per_signal(reading.evidence)[:_MAX_CLAUSES]
        if incident.state is IncidentState.CLOSED:
            text = f"{service} is back to normal: the detector has closed the incident."
        else:
            text = f"{service} is within its normal ranges again."
        if cited:
            text += f" What had raised it: {wording.joined([wording.clause(e) for e in cited])}."
        return Diagnosis(
            outcome=DiagnosisOutcome.NOTHING_WRONG,
            incident_type=incident.type,
            root_cause=text,
            confidence=0.9,
            citations=tuple(e.id for e in cited),
            proposals=(ProposedAction(ActionKind.NOOP, incident.service, "nothing is wrong any more", 0.9),),
            analyst=self.name,
        )


def _remedies(case: Case, cause: Cause) -> list[tuple[Remedy, TrackRecord]]:
    """The remedies of a cause with their records, and those the runbook alone has seen to help."""
    known = [(remedy, track_record(case, cause.type, remedy.action)) for remedy in cause.remedies]
    named = {remedy.action for remedy in cause.remedies}
    if cause.type is IncidentType.UNKNOWN:
        return known
    for action in ActionKind:
        record = track_record(case, cause.type, action)
        if action not in named and record.successes >= max(_LEARNED_SUCCESSES, 2 * record.failures):
            remedy = Remedy(action=action, fit=_LEARNED_FIT, because="it ended similar incidents before")
            known.append((remedy, record))
    return known


def _reason(remedy: Remedy, record: TrackRecord) -> str:
    text = f"{remedy.because[0].upper()}{remedy.because[1:]}"
    if record.count >= 0.5:
        text += f"; {record}"
    return text + "."


def _in_vain(case: Case) -> frozenset[ActionKind]:
    """What was carried out in this incident and did not help."""
    return frozenset(
        record.action
        for record in case.tried
        if record.verification in (VerificationOutcome.NOT_RECOVERED, VerificationOutcome.MADE_WORSE)
    )


def _doubt(cause: Cause, vain: frozenset[ActionKind]) -> float:
    """What remains of the belief in a cause after its remedies were tried in vain."""
    remaining = 1.0
    for remedy in cause.remedies:
        if remedy.action in vain:
            remaining *= 1.0 - _VAIN_DISCOUNT * remedy.fit
    return remaining


def _tried_and_next(case: Case, proposals: Sequence[ProposedAction]) -> str:
    if not case.tried:
        if proposals:
            return ""
        allowed = ", ".join(sorted(case.allowed - {ActionKind.NOOP}))
        return f"Nothing that may be done to it ({allowed or 'no action is allowed'}) is known to help."
    told = wording.joined([_told(record) for record in case.tried[-3:]])
    if not proposals:
        return f"{told[0].upper()}{told[1:]}; nothing else that is allowed is likely to help."
    following = proposals[0]
    return f"{told[0].upper()}{told[1:]}, so {following.action} is proposed now: {_lower(following.reason)}"


def _told(record: ActionRecord) -> str:
    attempt = f"{record.action} (attempt {record.attempt})"
    if record.verification is VerificationOutcome.MADE_WORSE:
        return f"{attempt} made it worse"
    if record.verification is VerificationOutcome.NOT_RECOVERED:
        return f"{attempt} did not help"
    if record.outcome is ActionOutcome.INTERRUPTED and record.verification is None:
        return f"{attempt} may or may not have taken effect"
    if record.outcome in (ActionOutcome.FAILED, ActionOutcome.REFUSED):
        return f"{attempt} could not be carried out"
    return f"{attempt} was done before"


def _one_per_signal(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The first piece of evidence of each signal, in the order given; traffic is told apart."""
    first: dict[str, Evidence] = {}
    for piece in evidence:
        if piece.signal != "request_rate":
            first.setdefault(piece.signal, piece)
    return list(first.values())


def _one_per_name(evidence: Sequence[Evidence]) -> list[Evidence]:
    """The first piece of evidence of each name that people know its series by."""
    first: dict[str, Evidence] = {}
    for piece in evidence:
        first.setdefault(series_name(piece.series, piece.signal), piece)
    return list(first.values())


def _lower(text: str) -> str:
    return text[0].lower() + text[1:]


def _confidence(value: float) -> float:
    return round(min(_MAX_CONFIDENCE, share(value)), 3)


def _filled(says: str, reading: Reading) -> str:
    # One pass over the template: text from outside that looks like a field is not replaced again.
    words = {"{service}": name(reading.incident.service), "{peer}": wording.peer(reading)}
    parts = says.replace("{service}", "\0{service}\0").replace("{peer}", "\0{peer}\0").split("\0")
    return "".join(words.get(part, part) for part in parts)
