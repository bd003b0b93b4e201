"""The harness: one object as JSON, goals beside figures, nothing softened."""

import itertools
import json

import pytest
from typer.testing import CliRunner

from aegisops.bench.registry import BENCHES, run_bench
from aegisops.bench.result import BenchResult, Bound, Figure, Goal, Rows
from aegisops.bench.text import load
from aegisops.cli import app


def test_json_is_one_object_and_all_there_is_on_standard_output() -> None:
    outcome = CliRunner().invoke(app, ["bench", "text", "--json"])

    answer = json.loads(outcome.stdout)
    assert outcome.exit_code == 0
    assert outcome.stdout.count("\n") == 1
    assert answer["garbled"] >= 200
    assert answer["clean"] >= 200
    assert answer["goals"]["clean_refused"]["met"] == (answer["clean_refused"] <= 0.01)


def test_people_get_a_table_with_the_goal_beside_the_figure() -> None:
    outcome = CliRunner().invoke(app, ["bench", "text"])

    assert outcome.exit_code == 0
    assert "garbled_refused" in outcome.stdout
    assert ">= 1" in outcome.stdout


def test_a_missed_goal_is_never_rounded_on_to_it() -> None:
    figure = Figure("share", 0.99999, Goal(Bound.AT_LEAST, 1.0))
    answer = json.loads(BenchResult("sample", (figure,)).as_json())

    assert answer["share"] == 0.99999
    assert answer["goals"]["share"] == {"goal": ">= 1", "met": False}


def test_tables_become_lists_of_objects() -> None:
    result = BenchResult("sample", (), (Rows("pairs", ("left", "right"), ((1, "a"),)),))

    assert json.loads(result.as_json())["pairs"] == [{"left": 1, "right": "a"}]


def test_an_unknown_bench_is_refused() -> None:
    assert CliRunner().invoke(app, ["bench", "nonsense"]).exit_code == 2
    with pytest.raises(KeyError):
        run_bench("nonsense", print)


def test_the_command_line_offers_every_bench() -> None:
    listed = CliRunner().invoke(app, ["bench", "--help"]).stdout

    assert all(name in listed for name in BENCHES)


def test_no_sentence_is_in_two_parts() -> None:
    parts = [load(name) for name in ("build", "known", "held_out")]

    for one, other in itertools.combinations(parts, 2):
        assert not set(one.clean) & set(other.clean)
        assert not {s.text for s in one.garbled} & {s.text for s in other.garbled}
    assert min(len(sentences) for part in parts for sentences in (part.clean, part.garbled)) >= 200
