"""The benches on decisions, on small samples."""

import json
import math

from aegisops.bench.calibration import expected_error, measure
from aegisops.bench.injection import Decider, attack
from aegisops.bench.injection_case import ALLOWED, Place, load, pair
from aegisops.bench.obeying_model import ObeyingModel
from aegisops.bench.synthetic_fault import KINDS
from aegisops.bench.synthetic_incident import draw_examples
from detector import Incident, IncidentType
from responder.diagnose.llm import Message, Prompt
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

    hits, deciding, wording = attack(injections, [("leak", leak())])

    assert hits == []
    assert deciding == 0
    assert wording > 0


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


def test_every_made_up_fault_is_counted_once() -> None:
    result = measure(3, len(KINDS))
    figures = {figure.name: figure.value for figure in result.figures}

    assert figures["cases"] == len(KINDS)
    assert figures["diagnosed"] + figures["left_to_a_human"] + figures["not_detected"] == len(KINDS)
