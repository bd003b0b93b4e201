"""Stated confidence: what it rests on, and what never rests on it."""

import dataclasses

import decision_samples as samples
import pytest
from decision_samples import case, evidence, incident, log_evidence, record
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from detector import Incident, IncidentType, TypeCandidate
from responder.diagnose import DrillAnalyst, OfflineAnalyst
from responder.diagnose.calibration import Calibration, Knots, Standing, standing
from responder.diagnose.cause import load_causes
from responder.diagnose.reading import LogPatterns, Reading
from responder.incident_record import ActionKind

SHIPPED = Calibration.load()
ANALYST = OfflineAnalyst()
BELIEVING = OfflineAnalyst(calibration=Calibration.none())


def calibration(knots: Knots) -> Calibration:
    return Calibration(seed=0, examples=0, right_by_belief=dict.fromkeys(Standing, knots))


def stands(of: Incident) -> Standing:
    return standing(Reading(of, LogPatterns.load()), of.type, load_causes())


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from(list(Standing)))
def test_a_stronger_belief_never_states_less(one: float, other: float, stands: Standing) -> None:
    low, high = sorted((one, other))

    assert 0 <= SHIPPED.share_right(low, stands) <= SHIPPED.share_right(high, stands) <= 1


def test_between_two_knots_the_share_is_between_theirs() -> None:
    of = calibration(((0.4, 0.5), (0.8, 0.9)))

    assert of.share_right(0.6, Standing.FELT) == pytest.approx(0.7)
    assert of.share_right(0.1, Standing.FELT) == 0.5
    assert of.share_right(1.0, Standing.FELT) == 0.9


@pytest.mark.parametrize(
    "knots",
    [(), ((0.5, 1.2),), ((0.5, 0.5), (0.5, 0.6)), ((0.5, 0.6), (0.7, 0.5))],
    ids=["none", "no share", "a belief twice", "falls"],
)
def test_a_map_that_makes_no_sense_is_refused(knots: Knots) -> None:
    with pytest.raises(ValidationError):
        calibration(knots)


def test_a_map_without_a_standing_is_refused() -> None:
    with pytest.raises(ValidationError, match="unfelt"):
        Calibration(
            seed=0, examples=0, right_by_belief=dict.fromkeys([Standing.FELT, Standing.CONTESTED], ((0, 0),))
        )


@pytest.mark.parametrize("of", samples.FAULTS)
def test_no_map_changes_what_is_proposed_or_whether_a_human_is_asked(of: Incident) -> None:
    timid = OfflineAnalyst(calibration=calibration(((0.0, 0.01),)))

    assert timid.diagnose(case(of)).proposals == ANALYST.diagnose(case(of)).proposals
    assert timid.diagnose(case(of)).outcome is ANALYST.diagnose(case(of)).outcome


def test_what_is_stated_is_the_share_that_was_right() -> None:
    stated, believed = ANALYST.diagnose(case(samples.LEAK)), BELIEVING.diagnose(case(samples.LEAK))

    assert stated.calibrated
    assert stated.confidence == pytest.approx(
        min(0.97, SHIPPED.share_right(believed.confidence, stands(samples.LEAK))), abs=0.001
    )


def test_a_later_attempt_an_alert_and_a_drill_are_not_called_calibrated() -> None:
    alert = dataclasses.replace(log_evidence(number=1), signal="alert")
    drill = DrillAnalyst(ANALYST, ActionKind.SCALE_UP)

    assert not ANALYST.diagnose(case(samples.LEAK, tried=(record(ActionKind.RESTART),))).calibrated
    assert not ANALYST.diagnose(case(incident(IncidentType.MEMORY_OOM, alert, confidence=0.7))).calibrated
    assert not drill.diagnose(case(samples.LEAK)).calibrated


def test_a_diagnosis_is_contested_by_clear_evidence_near_another_cause() -> None:
    leak = incident(IncidentType.MEMORY_OOM, evidence("memory", 1))
    torn = incident(IncidentType.MEMORY_OOM, evidence("memory", 1), evidence("client_latency", 2))
    felt = incident(IncidentType.MEMORY_OOM, evidence("memory", 1), evidence("server_latency", 2))

    assert stands(leak) is Standing.UNFELT
    assert stands(felt) is Standing.FELT
    assert stands(torn) is Standing.CONTESTED
    assert ANALYST.diagnose(case(torn)).confidence < ANALYST.diagnose(case(leak)).confidence


def pool_and_processor(cpu: float, pool: float) -> Incident:
    of = incident(
        IncidentType.CPU_SPIKE,
        evidence("cpu", 1, before=0.2, now=cpu),
        evidence("db_pool", 2, before=0.1, now=pool),
        evidence("request_rate", 3, before=10.0, now=40.0),
    )
    return dataclasses.replace(
        of, candidates=(*of.candidates, TypeCandidate(IncidentType.DB_CONNECTION_POOL, 0.25))
    )


@pytest.mark.parametrize(
    ("cpu", "pool", "type_"),
    [
        (0.6, 1.0, IncidentType.DB_CONNECTION_POOL),
        (0.95, 1.0, IncidentType.CPU_SPIKE),
        (0.6, 0.7, IncidentType.CPU_SPIKE),
    ],
    ids=["the pool is at its limit", "the processor is too", "neither is"],
)
def test_of_two_resources_the_one_at_its_limit_is_what_requests_wait_for(
    cpu: float, pool: float, type_: IncidentType
) -> None:
    assert ANALYST.diagnose(case(pool_and_processor(cpu, pool))).incident_type is type_
