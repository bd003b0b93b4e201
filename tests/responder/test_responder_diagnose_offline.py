"""The offline analyst: what it finds, what it proposes, and what it says."""

import dataclasses
import re

import decision_samples as samples
import pytest
from decision_samples import case, evidence, incident, log_evidence, record, restarts, seen, silence

from detector import AnomalyReason, Incident, IncidentState, IncidentType, TypeCandidate
from responder.diagnose import OfflineAnalyst
from responder.incident_record import (
    ActionKind,
    ActionOutcome,
    Case,
    Diagnosis,
    DiagnosisOutcome,
    VerificationOutcome,
)

ANALYST = OfflineAnalyst()


def actions(diagnosis: Diagnosis) -> list[ActionKind]:
    return [proposal.action for proposal in diagnosis.proposals]


def diagnose(of: Incident, **known: object) -> Diagnosis:
    return ANALYST.diagnose(case(of, **known))


@pytest.mark.parametrize(
    ("of", "type_", "first", "named"),
    [
        (samples.LEAK, IncidentType.MEMORY_OOM, ActionKind.RESTART, "31 % to 78 % [E1]"),
        (samples.SURGE, IncidentType.CPU_SPIKE, ActionKind.SCALE_UP, "6.0 times the usual [E2]"),
        (samples.BURN, IncidentType.CPU_SPIKE, ActionKind.RESTART, "8 % to 97 % [E1]"),
        (samples.SLOW_PEER, IncidentType.NETWORK_LATENCY, ActionKind.FAILOVER, "10.0.0.7:8011"),
        (samples.POOL, IncidentType.DB_CONNECTION_POOL, ActionKind.RECYCLE_POOL, "QueuePool limit"),
        (samples.DISK, IncidentType.DISK_SPACE, ActionKind.CLEANUP, "No space left on device"),
        (
            samples.BAD_CONFIGURATION,
            IncidentType.POD_CRASH_LOOP,
            ActionKind.ROLLBACK,
            "invalid configuration",
        ),
        (samples.CRASH_LOOP, IncidentType.POD_CRASH_LOOP, ActionKind.RESTART, "restarted 4 times [E1]"),
    ],
    ids=["leak", "surge", "burn", "slow peer", "pool", "disk", "bad configuration", "crash loop"],
)
def test_each_fault_gets_its_remedy_and_a_cause_in_words(
    of: Incident, type_: IncidentType, first: ActionKind, named: str
) -> None:
    diagnosis = diagnose(of)

    assert diagnosis.outcome is DiagnosisOutcome.FAULT
    assert diagnosis.incident_type is type_
    assert actions(diagnosis)[0] is first
    assert named in diagnosis.root_cause
    assert "shop" in diagnosis.root_cause
    assert "E1" in diagnosis.citations


@pytest.mark.parametrize("of", samples.FAULTS)
def test_what_is_cited_in_the_text_is_evidence_and_among_the_citations(of: Incident) -> None:
    diagnosis = diagnose(of)

    cited = set(re.findall(r"\[([^\]]*)\]", diagnosis.root_cause))
    assert cited
    assert cited <= set(diagnosis.citations) <= {e.id for e in of.evidence}


@pytest.mark.parametrize("of", samples.FAULTS)
def test_the_same_case_gets_the_same_diagnosis(of: Incident) -> None:
    shuffled = dataclasses.replace(of, evidence=tuple(reversed(of.evidence)))

    assert diagnose(of) == OfflineAnalyst().diagnose(case(of))
    assert diagnose(shuffled).proposals == diagnose(of).proposals


@pytest.mark.parametrize("of", samples.FAULTS)
def test_a_service_never_seen_before_is_diagnosed_alike(of: Incident) -> None:
    elsewhere = dataclasses.replace(
        of,
        service="billing-frontend-eu",
        evidence=tuple(dataclasses.replace(e, service="billing-frontend-eu") for e in of.evidence),
    )

    diagnosis = diagnose(elsewhere)

    assert actions(diagnosis) == actions(diagnose(of))
    assert all(proposal.target == "billing-frontend-eu" for proposal in diagnosis.proposals)


@pytest.mark.parametrize("of", samples.FAULTS)
def test_only_what_is_allowed_is_proposed_and_each_once(of: Incident) -> None:
    allowed = frozenset({ActionKind.SCALE_UP, ActionKind.ROLLBACK})

    proposed = actions(diagnose(of, allowed=allowed))

    assert set(proposed) <= allowed
    assert len(proposed) == len(set(proposed))


def test_a_service_outside_the_catalogue_gets_a_cause_and_no_proposal() -> None:
    diagnosis = diagnose(samples.LEAK, allowed=frozenset())

    assert diagnosis.outcome is DiagnosisOutcome.FAULT
    assert diagnosis.proposals == ()
    assert "no action is allowed" in diagnosis.root_cause


def test_proposals_are_best_first_with_reasons() -> None:
    proposals = diagnose(samples.POOL).proposals

    assert [p.confidence for p in proposals] == sorted((p.confidence for p in proposals), reverse=True)
    assert all(0 < p.confidence < 1 and p.reason.endswith(".") for p in proposals)


def test_the_forecast_is_told() -> None:
    assert "the limit is reached in about 40 s" in diagnose(samples.LEAK).root_cause


@pytest.mark.parametrize(
    ("cpu_before", "rate_now", "first"),
    [
        (0.3, 30.0, ActionKind.SCALE_UP),
        (0.05, 90.0, ActionKind.SCALE_UP),
        (0.05, 12.0, ActionKind.RESTART),
        (0.02, 16.0, ActionKind.RESTART),
        (0.1, 4.0, ActionKind.RESTART),
    ],
    ids=["both three times", "nine times from idle", "hardly more", "far less than the load", "fewer"],
)
def test_a_surge_is_told_from_runaway_work_by_the_request_rate(
    cpu_before: float, rate_now: float, first: ActionKind
) -> None:
    of = incident(
        IncidentType.CPU_SPIKE,
        evidence("cpu", 1, before=cpu_before, now=0.95),
        evidence("request_rate", 2, before=10.0, now=rate_now),
    )

    assert actions(diagnose(of))[0] is first


def test_without_a_request_rate_a_busy_processor_is_runaway_work() -> None:
    assert actions(diagnose(incident(IncidentType.CPU_SPIKE, evidence("cpu", 1))))[0] is ActionKind.RESTART


def test_slow_calls_to_several_peers_speak_less_for_one_of_them() -> None:
    peers = [f"http.client.request.duration{{server.address=10.0.0.{i}}}:p95" for i in (7, 8)]
    of = incident(
        IncidentType.NETWORK_LATENCY,
        *(evidence("client_latency", i, series=series) for i, series in enumerate(peers, 1)),
    )

    diagnosis = diagnose(of)

    assert "several others" in diagnosis.root_cause
    assert diagnosis.proposals[0].confidence < diagnose(samples.SLOW_PEER).proposals[0].confidence


def test_a_crash_loop_after_a_new_version_is_rolled_back() -> None:
    of = incident(
        IncidentType.POD_CRASH_LOOP, restarts(description="restarted with version 1.4.0 -> 1.5.0"), silence()
    )

    diagnosis = diagnose(of)

    assert actions(diagnosis)[0] is ActionKind.ROLLBACK
    assert "version changed" in diagnosis.root_cause


def test_a_full_disk_that_is_not_measured_shows_by_its_errors() -> None:
    of = incident(
        IncidentType.DISK_SPACE,
        evidence("error_ratio", 1),
        log_evidence("write failed: No space left on device"),
        confidence=0.8,
    )

    diagnosis = diagnose(of)

    assert actions(diagnosis) == [ActionKind.CLEANUP]
    assert "not measured" in diagnosis.root_cause


def test_log_lines_alone_are_no_ground_to_act() -> None:
    of = incident(IncidentType.DISK_SPACE, log_evidence("No space left on device"), confidence=0.8)

    diagnosis = diagnose(of)

    assert diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
    assert diagnosis.proposals == ()
    assert "Log lines alone" in diagnosis.root_cause


def test_an_alert_is_evidence_for_its_type() -> None:
    alert = dataclasses.replace(log_evidence("killed: Out of memory", number=1), signal="alert")

    diagnosis = diagnose(incident(IncidentType.MEMORY_OOM, alert, confidence=0.7))

    assert diagnosis.outcome is DiagnosisOutcome.FAULT
    assert actions(diagnosis)[0] is ActionKind.RESTART
    assert "an alert came in [E1]" in diagnosis.root_cause


@pytest.mark.parametrize(
    ("type_", "first"),
    [
        (IncidentType.CPU_SPIKE, ActionKind.RESTART),
        (IncidentType.NETWORK_LATENCY, ActionKind.FAILOVER),
        (IncidentType.DB_CONNECTION_POOL, ActionKind.RECYCLE_POOL),
        (IncidentType.DISK_SPACE, ActionKind.CLEANUP),
        (IncidentType.POD_CRASH_LOOP, ActionKind.RESTART),
    ],
)
def test_an_alert_without_measurements_gets_the_usual_remedy_of_its_type(
    type_: IncidentType, first: ActionKind
) -> None:
    alert = dataclasses.replace(log_evidence(number=1), signal="alert")

    diagnosis = diagnose(incident(type_, alert, confidence=0.5))

    assert actions(diagnosis)[0] is first
    assert "no longer sends telemetry" not in diagnosis.root_cause


def test_an_alert_does_not_lend_its_weight_to_another_cause() -> None:
    alert = dataclasses.replace(log_evidence(number=9), signal="alert")
    of = dataclasses.replace(
        samples.LEAK,
        evidence=(*samples.LEAK.evidence, alert),
        candidates=(*samples.LEAK.candidates, TypeCandidate(IncidentType.DISK_SPACE, 0.3)),
    )

    assert diagnose(of).proposals == diagnose(samples.LEAK).proposals


def test_an_unknown_fault_is_left_to_a_human() -> None:
    diagnosis = diagnose(samples.UNKNOWN)

    assert diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
    assert diagnosis.proposals == ()
    assert "[E1]" in diagnosis.root_cause


def test_a_silent_service_gets_a_cautious_proposal() -> None:
    diagnosis = diagnose(incident(IncidentType.UNKNOWN, silence(1), confidence=0.8))

    assert actions(diagnosis) == [ActionKind.RESTART]
    assert 0.3 < diagnosis.proposals[0].confidence < 0.5


def test_a_stopped_service_is_restarted() -> None:
    diagnosis = diagnose(incident(IncidentType.POD_CRASH_LOOP, silence(1), confidence=0.5))

    assert actions(diagnosis)[0] is ActionKind.RESTART
    assert diagnosis.proposals[0].confidence >= 0.4
    assert "nothing was heard from it for 6 s [E1]" in diagnosis.root_cause


def test_a_crash_told_only_by_the_last_words_of_a_process_is_a_crash() -> None:
    last_words = dataclasses.replace(
        log_evidence("start-up configuration is not valid: pool_size must be positive", number=1, fatal=True),
        signal="restarts",
        weight=0.62,
    )

    diagnosis = diagnose(incident(IncidentType.POD_CRASH_LOOP, last_words, confidence=0.8))

    assert actions(diagnosis)[0] is ActionKind.ROLLBACK


def test_evidence_with_a_small_share_in_the_alarm_speaks_little() -> None:
    one_restart = dataclasses.replace(restarts(1), weight=0.1)

    diagnosis = diagnose(incident(IncidentType.POD_CRASH_LOOP, one_restart, confidence=0.5))

    assert diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE


def test_requests_in_flight_are_no_traffic() -> None:
    waiting = evidence("request_rate", 2, series="http.server.active_requests:value", before=1.0, now=40.0)

    diagnosis = diagnose(incident(IncidentType.CPU_SPIKE, evidence("cpu", 1), waiting))

    assert actions(diagnosis)[0] is ActionKind.RESTART


def test_a_new_status_code_is_no_growth_of_traffic() -> None:
    all_of_it = evidence("request_rate", 2, before=50.0, now=52.0)
    refused = evidence("request_rate", 3, series="http{status=429}:count_rate", before=0.0, now=30.0)

    diagnosis = diagnose(incident(IncidentType.CPU_SPIKE, evidence("cpu", 1), all_of_it, refused))

    assert actions(diagnosis)[0] is ActionKind.RESTART


def test_no_evidence_is_not_enough() -> None:
    diagnosis = diagnose(incident(IncidentType.MEMORY_OOM))

    assert diagnosis.outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE
    assert diagnosis.citations == ()


@pytest.mark.parametrize(
    "of",
    [
        incident(IncidentType.MEMORY_OOM, evidence("memory", 1, score=0.2), confidence=0.5),
        incident(IncidentType.MEMORY_OOM, evidence("memory", 1), confidence=0.1),
        incident(IncidentType.MEMORY_OOM, evidence("disk", 1)),
        incident(IncidentType.CPU_SPIKE, evidence("cpu", 1, reason=AnomalyReason.BELOW_NORMAL)),
    ],
    ids=["weak signal", "weak type", "type and signal contradict", "the other way"],
)
def test_weak_or_contradicting_evidence_is_not_enough(of: Incident) -> None:
    assert diagnose(of).outcome is DiagnosisOutcome.NOT_ENOUGH_EVIDENCE


@pytest.mark.parametrize(
    "of",
    [
        dataclasses.replace(samples.LEAK, state=IncidentState.CLOSED),
        incident(IncidentType.CPU_SPIKE, evidence("cpu", 1, now=0.2, low=0.0, high=0.5)),
    ],
    ids=["closed by itself", "back in range"],
)
def test_nothing_wrong_any_more_proposes_to_do_nothing(of: Incident) -> None:
    diagnosis = diagnose(of)

    assert diagnosis.outcome is DiagnosisOutcome.NOTHING_WRONG
    assert actions(diagnosis) == [ActionKind.NOOP]
    assert "normal" in diagnosis.root_cause


def test_a_forecast_inside_the_normal_range_is_still_a_fault() -> None:
    of = incident(
        IncidentType.MEMORY_OOM,
        evidence("memory", 1, now=0.4, low=0.0, high=0.5, reason=AnomalyReason.LIMIT_FORECAST),
    )

    assert diagnose(of).outcome is DiagnosisOutcome.FAULT


def test_after_a_remedy_in_vain_the_text_says_so_and_the_next_is_proposed() -> None:
    diagnosis = diagnose(samples.POOL, tried=(record(ActionKind.RECYCLE_POOL),))

    assert actions(diagnosis)[0] is ActionKind.RESTART
    assert ActionKind.RECYCLE_POOL not in actions(diagnosis)
    assert "RECYCLE_POOL (attempt 1) did not help, so RESTART is proposed now" in diagnosis.root_cause
    assert diagnosis.confidence < diagnose(samples.POOL).confidence
    assert diagnosis.proposals[0].confidence >= 0.4


def test_a_wrong_remedy_in_vain_does_not_shake_the_right_one() -> None:
    tried = (record(ActionKind.RESTART, verification=VerificationOutcome.NOT_RECOVERED),)

    assert diagnose(samples.DISK, tried=tried).proposals == diagnose(samples.DISK).proposals


@pytest.mark.parametrize(
    ("known", "told"),
    [
        ({"verification": VerificationOutcome.MADE_WORSE}, "made it worse"),
        ({"outcome": ActionOutcome.FAILED, "verification": None}, "could not be carried out"),
    ],
)
def test_how_an_earlier_attempt_ended_is_told(known: dict[str, object], told: str) -> None:
    diagnosis = diagnose(samples.BURN, tried=(record(ActionKind.RESTART, **known),))

    assert f"RESTART (attempt 1) {told}" in diagnosis.root_cause
    assert actions(diagnosis)[0] is ActionKind.SCALE_UP


def test_when_nothing_is_left_to_try_the_text_says_so() -> None:
    diagnosis = diagnose(samples.DISK, tried=(record(ActionKind.CLEANUP),))

    assert diagnosis.proposals == ()
    assert "nothing else that is allowed is likely to help" in diagnosis.root_cause


def test_a_remedy_that_failed_in_similar_incidents_moves_down() -> None:
    bad = seen(IncidentType.DB_CONNECTION_POOL, (ActionKind.RECYCLE_POOL, 0, 3))

    proposals = diagnose(samples.POOL, experience=bad).proposals

    assert proposals[0].action is ActionKind.RESTART
    told = next(p.reason for p in proposals if p.action is ActionKind.RECYCLE_POOL)
    assert "it helped in none of 3 similar incidents on this service" in told


def test_a_remedy_that_helped_in_similar_incidents_moves_up() -> None:
    good = seen(IncidentType.MEMORY_OOM, (ActionKind.SCALE_UP, 8, 0), (ActionKind.RESTART, 0, 8))

    assert actions(diagnose(samples.LEAK, experience=good))[0] is ActionKind.SCALE_UP


def test_a_remedy_only_the_runbook_knows_is_proposed() -> None:
    learned = seen(IncidentType.DISK_SPACE, (ActionKind.CLEANUP, 0, 6), (ActionKind.FAILOVER, 6, 0))

    assert actions(diagnose(samples.DISK, experience=learned))[0] is ActionKind.FAILOVER


def test_of_two_possible_causes_the_likelier_leads_and_the_other_follows() -> None:
    of = incident(
        IncidentType.DB_CONNECTION_POOL,
        evidence("db_pool", 1),
        evidence("client_latency", 2),
        confidence=0.6,
        others=(TypeCandidate(IncidentType.NETWORK_LATENCY, 0.5),),
    )

    diagnosis = diagnose(of)

    assert diagnosis.incident_type is IncidentType.DB_CONNECTION_POOL
    assert actions(diagnosis)[0] is ActionKind.RECYCLE_POOL
    assert ActionKind.FAILOVER in actions(diagnosis)


def test_odd_numbers_do_not_break_it() -> None:
    odd = [
        evidence("memory", 1, score=float("nan"), before=float("inf"), now=float("-inf")),
        evidence("cpu", 2, score=7.0, before=0.0, now=float("nan")),
        evidence("request_rate", 3, before=float("nan"), now=-4.0),
    ]

    diagnosis = ANALYST.diagnose(Case(incident(IncidentType.CPU_SPIKE, *odd), samples.ALL_ACTIONS))

    assert 0 <= diagnosis.confidence <= 1
    assert "nan" not in diagnosis.root_cause
    assert "inf" not in diagnosis.root_cause


def test_what_is_short_in_a_pool_is_named() -> None:
    pool = "{db.client.connection.pool.name=orders}"
    of = incident(
        IncidentType.DB_CONNECTION_POOL,
        evidence(
            "db_pool", 1, series=f"db.client.connection.timeouts{pool}:rate", before=0.0, now=7.94, score=0.99
        ),
        evidence("db_pool", 2, series=f"db.client.connection.count{pool}:share"),
        evidence("request_rate", 3, before=10.0, now=0.1),
    )

    root_cause = OfflineAnalyst().diagnose(case(of)).root_cause

    assert "checkout time-outs of pool orders rose from 0 per second to 7.94 per second [E1]" in root_cause
    assert "connections in use of pool orders rose from 20 % to 100 % [E2]" in root_cause
    assert "hardly any requests come in [E3]" in root_cause


def test_a_series_that_is_there_twice_is_told_once() -> None:
    peer = "10.0.0.7:8011"
    of = incident(
        IncidentType.NETWORK_LATENCY,
        evidence("client_latency", 1),
        evidence("client_latency", 2, series=f"span.client{{peer={peer}}}:mean"),
    )

    assert OfflineAnalyst().diagnose(case(of)).root_cause.count("client latency to") == 1


def test_a_quotation_ends_with_a_whole_word() -> None:
    long = (
        "cannot read orders: QueuePool limit of size 5 overflow 0 reached, connection timed out, timeout 0.30"
    )
    of = incident(
        IncidentType.DB_CONNECTION_POOL, evidence("db_pool"), samples.log_evidence(long + " x" * 99)
    )

    assert 'connection timed out, timeout…"' in OfflineAnalyst().diagnose(case(of)).root_cause
