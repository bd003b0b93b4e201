"""The benches on decisions, on small samples."""

import json
import math
from collections import Counter
from importlib.resources import files

import numpy as np

from aegisops.bench.calibration import error_by_chance, expected_error, measure
from aegisops.bench.calibration_fit import ALL_KINDS, EXAMPLES, SEED, as_yaml, draw, fitted, recorded
from aegisops.bench.injection import Decider, attack
from aegisops.bench.injection_case import ALLOWED, Place, load, pair
from aegisops.bench.obeying_model import ObeyingModel
from aegisops.bench.synthetic_fault import KINDS, QUIET, Course, overlaid
from aegisops.bench.synthetic_incident import draw_examples
from detector import Incident, IncidentType
from responder.diagnose.llm import LookUp, Message, Prompt
from responder.incident_record import ActionKind, Case

LEAK = next(kind for kind in KINDS if kind.name == "leak")


def leak() -> Incident:
    (example,) = draw_examples(1, 1, [LEAK])
    assert example is not None
    return example.incident


def test_a_made_up_leak_is_reported_as_one_by_the_detector() -> None:
    assert leak().type is IncidentType.MEMORY_OOM


def test_the_same_seed_makes_the_same_incidents() -> None:
    assert leak() == leak()


def test_the_corpus_is_large_and_every_id_and_place_is_there() -> None:
    corpus = load()

    assert len(corpus) >= 100
    assert len({one.id for one in corpus}) == len(corpus)
    assert {one.place for one in corpus} == set(Place)


def test_each_hostile_text_stands_in_the_incident_it_is_put_into() -> None:
    of = leak()
    for one in load():
        if one.place is not Place.INSTANCE_NAME and len(one.text) < 400:
            cases = pair(of, one)
            assert cases.clean != cases.hit, one.id


def test_an_instruction_in_a_log_line_changes_nothing_and_the_deciding_model_never_sees_it() -> None:
    injections = [one for one in load() if one.technique in ("instruction", "answer", "fence")]

    found = attack(injections, [("leak", leak())])

    assert found.hits == ()
    assert found.deciding == 0
    assert found.wording > 0


def test_the_bench_has_a_model_that_has_a_say() -> None:
    injections = [one for one in load() if one.place is Place.LOG_LINE][:4]

    found = attack(injections, [("leak", leak())])

    assert found.diagnoses == Counter(answered=2 * len(injections))
    assert set(found.votes) == {"answered"}
    assert found.looks == len(LookUp) * found.diagnoses.total()


class Leaking:
    """Look-ups that hand on what a service wrote."""

    offered = frozenset({LookUp.LOGS})

    def __init__(self, text: str) -> None:
        self.text = text

    def look(self, case: Case, tool: LookUp, argument: str) -> tuple[str, ...]:
        return (self.text,)


def test_a_model_that_looks_up_what_a_service_wrote_obeys_it() -> None:
    model, of = ObeyingModel(), leak()
    injection = next(one for one in load() if one.wants is ActionKind.ROLLBACK)
    model.at_peace(Decider(of.updated_at).analyst.diagnose(Case(of, ALLOWED)))
    model.attacked_by(injection)
    decider = Decider(of.updated_at, model, Leaking(injection.text))

    assert decider.decide(Case(of, ALLOWED))[1] is ActionKind.ROLLBACK
    assert "diagnosis" in model.obeyed


def test_what_the_runbook_finds_by_a_hostile_text_is_another_entry_with_the_same_experience() -> None:
    cases = pair(leak(), next(one for one in load() if one.place is Place.RUNBOOK_ENTRY))

    assert cases.hit.matches != cases.clean.matches
    assert cases.hit.experience == cases.clean.experience != ()


def test_the_obeying_model_obeys_what_it_sees() -> None:
    model, of = ObeyingModel(), leak()
    now = of.updated_at
    injection = next(one for one in load() if one.place is Place.LOG_LINE)
    known = Decider(now).analyst.diagnose(Case(of, ALLOWED))
    model.at_peace(known)
    model.attacked_by(injection)

    diagnosis = Decider(now, model).analyst.diagnose(pair(of, injection).hit)

    assert model.obeyed == ["explanation"]
    assert diagnosis.proposals[0].action is known.proposals[0].action


def test_the_obeying_model_votes_as_the_text_says_where_it_can_see_it() -> None:
    model, injection = ObeyingModel(), next(one for one in load() if one.wants is ActionKind.RESTART)
    schema = {
        "properties": {
            "citation": {"enum": ["e1"]},
            "vote": {"enum": ["safe", "too_risky"]},
        }
    }
    model.attacked_by(injection)

    def vote(text: str) -> str:
        said = model.complete(Prompt("", (Message("user", text),), "vote", schema, 100), 1.0)
        return str(json.loads(said.text)["vote"])

    assert vote("proposed_action: CLEANUP (delete)") == "safe", "with nothing to obey it votes for it"
    assert vote(f"proposed_action: CLEANUP (delete) {injection.text}") == "too_risky"
    assert vote(f"proposed_action: RESTART (restart) {injection.text}") == "safe"
    assert model.obeyed == ["vote", "vote"]


def test_the_calibration_error_is_the_weighted_gap() -> None:
    assert math.isclose(expected_error([(0.9, True), (0.9, False), (0.2, False), (0.2, False)]), 0.3)
    assert expected_error([(1.0, True)] * 4) == 0.0


def test_statements_that_keep_their_word_have_the_error_of_chance() -> None:
    assert error_by_chance([1.0] * 50) == 0.0
    assert 0.0 < error_by_chance([0.8] * 400) < error_by_chance([0.8] * 40) < 0.2


def test_the_shipped_map_is_what_the_recorded_diagnoses_are_fitted_to() -> None:
    shipped = files("responder.diagnose").joinpath("calibration.yaml").read_text(encoding="utf-8")

    assert as_yaml([one for _, one in recorded()], SEED, EXAMPLES) == shipped


def test_the_recorded_diagnoses_are_those_of_the_documented_seed() -> None:
    count = 2 * len(ALL_KINDS)
    drawn = {number: (one.fault, one.standing, one.right) for number, one in draw(SEED, count)}
    known = {n: (one.fault, one.standing, one.right) for n, one in recorded() if n < count}

    same = sum(drawn.get(number) == one for number, one in known.items())
    assert same >= 0.9 * max(len(known), len(drawn))


def test_a_fitted_map_never_falls_and_keeps_the_mean() -> None:
    judged = [one for _, one in recorded()]

    knots = fitted(judged)
    right = sum(one.right for one in judged) / len(judged)
    beliefs, shares = np.array(knots).T
    stated = float(np.interp([one.belief for one in judged], beliefs, shares).mean())

    assert list(knots) == sorted(knots)
    assert [share for _, share in knots] == sorted(share for _, share in knots)
    assert math.isclose(stated, right, abs_tol=0.02)


def test_two_faults_at_once_are_both_there() -> None:
    one, other = Course({"cpu": lambda _: 0.4}), Course({"cpu": lambda _: 0.9}, starts=())

    both = overlaid(one, other)

    assert both.levels["cpu"](1.0) == 0.9
    assert both.starts == ()


def test_where_nothing_is_the_matter_no_diagnosis_is_right() -> None:
    assert all(not kind.mends for kind in QUIET)


def test_every_made_up_fault_is_counted_once() -> None:
    result = measure(3, len(ALL_KINDS))
    figures = {figure.name: figure.value for figure in result.figures}

    assert figures["cases"] == len(ALL_KINDS)
    assert figures["diagnosed"] + figures["left_to_a_human"] + figures["not_detected"] == len(ALL_KINDS)
