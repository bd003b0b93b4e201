"""Whatever evidence comes in, analyst and council answer within their promises and never raise."""

import re

from decision_samples import NOW
from hypothesis import given, settings
from hypothesis import strategies as st

from detector import Evidence, Incident, IncidentType, TypeCandidate
from responder.deliberate import Auditor, CouncilLimits, SecurityOfficer, SreLead
from responder.diagnose import OfflineAnalyst
from responder.incident_record import (
    ActionKind,
    ActionRecord,
    Case,
    DiagnosisOutcome,
    Experience,
    ProposedAction,
    WeighedOutcomes,
)

SIGNALS = [
    *("memory", "cpu", "disk", "db_pool", "db_latency", "client_latency", "server_latency", "error_ratio"),
    *("error_logs", "request_rate", "restarts", "silence", "gc", "queue", "network_errors", "other", "alert"),
]
numbers = st.floats(allow_nan=True, allow_infinity=True)
optional = st.none() | numbers
evidence = st.builds(
    Evidence,
    id=st.text(max_size=12),
    signal=st.sampled_from(SIGNALS) | st.text(max_size=8),
    before=optional,
    now=optional,
    low=optional,
    high=optional,
    score=numbers,
    weight=numbers,
    first_seen=numbers,
    last_seen=numbers,
    series=st.sampled_from(["a{server.address=x}:rate", "b:count_rate", "c:share"]) | st.text(max_size=30),
    unit=st.sampled_from(["1", "s", "By", "%", "{request}/s"]) | st.text(max_size=5),
    log_lines=st.lists(
        st.sampled_from(["invalid configuration", "no space left", "out of memory"]) | st.text(max_size=40),
        max_size=3,
    ).map(tuple),
)
incidents = st.builds(
    Incident,
    confidence=numbers,
    evidence=st.lists(evidence, max_size=6).map(tuple),
    candidates=st.lists(st.builds(TypeCandidate, confidence=numbers), max_size=4).map(tuple),
    instances=st.lists(st.text(max_size=4), max_size=4).map(tuple),
)
records = st.lists(st.builds(ActionRecord, started_at=numbers, ended_at=optional), max_size=4).map(tuple)
counts = st.floats(0, 1e6)
outcomes = st.builds(WeighedOutcomes, successes=counts, failures=counts)
experience = st.builds(Experience, here=outcomes, elsewhere=outcomes, imported=outcomes)
cases = st.builds(
    Case,
    incident=incidents,
    allowed=st.frozensets(st.sampled_from(ActionKind)),
    tried=records,
    recent=records,
    experience=st.lists(experience, max_size=4).map(tuple),
)
proposals = st.builds(ProposedAction, confidence=numbers)

LIMITS = CouncilLimits()
ANALYST = OfflineAnalyst()
MEMBERS = [SecurityOfficer(LIMITS), Auditor(LIMITS, lambda: NOW), SreLead(LIMITS, lambda: NOW)]


@given(case=cases)
@settings(max_examples=200, deadline=None)
def test_the_analyst_keeps_its_promises(case: Case) -> None:
    diagnosis = ANALYST.diagnose(case)

    proposed = [p.action for p in diagnosis.proposals]
    if diagnosis.outcome is DiagnosisOutcome.NOTHING_WRONG:
        assert proposed == [ActionKind.NOOP]
    else:
        assert set(proposed) <= case.allowed - {record.action for record in case.tried}
    assert len(set(proposed)) == len(proposed)
    assert all(p.target == case.incident.service and 0 <= p.confidence <= 1 for p in diagnosis.proposals)
    assert 0 <= diagnosis.confidence <= 1
    assert set(diagnosis.citations) <= {e.id for e in case.incident.evidence}
    assert isinstance(diagnosis.incident_type, IncidentType)
    assert re.search(r"\S", diagnosis.root_cause)


@given(case=cases, proposal=proposals)
@settings(max_examples=200, deadline=None)
def test_every_member_answers_with_a_proper_vote(case: Case, proposal: ProposedAction) -> None:
    diagnosis = ANALYST.diagnose(case)

    for member in MEMBERS:
        vote = member.vote(case, diagnosis, proposal)
        assert vote.member is member.role
        assert 0 <= vote.confidence <= 1
        assert vote.explanation.endswith(".")
