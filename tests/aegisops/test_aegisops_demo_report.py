"""The demo's verdict: a fault counts only when it was seen, named rightly, healed and verified."""

import json
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from aegisops.demo.report import ActionSeen, FaultResult, conclude, judge
from aegisops.demo.screen import Screen
from responder.incident_record import ActionKind, ActionOutcome, PipelineState, VerificationOutcome


def healed() -> FaultResult:
    return FaultResult(
        fault="disk_space",
        injected_at=1000.0,
        detected_after_s=2.0,
        incident_id="INC-1",
        incident_type="disk_space",
        state=PipelineState.RESOLVED.value,
        actions=[
            ActionSeen(
                ActionKind.CLEANUP.value,
                "buggy-app",
                ActionOutcome.SUCCEEDED.value,
                VerificationOutcome.RECOVERED.value,
            )
        ],
        resolved_after_s=8.0,
        verified="normal for 4 s",
    )


def test_a_fault_seen_named_healed_and_verified_has_no_problem() -> None:
    result = healed()
    judge(result)
    assert result.problem is None


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("incident_id", None, "not detected"),
        ("incident_type", "cpu_spike", "named cpu_spike"),
        ("state", PipelineState.ESCALATED.value, "ended ESCALATED"),
        ("actions", [], "over without a remedy of ours"),
        ("verified", None, "recovery was not verified from telemetry"),
        ("other_incidents", ["INC-2 unknown"], "raised 1 more incidents than the fault"),
    ],
)
def test_what_is_missing_is_named(field: str, value: object, problem: str) -> None:
    result = healed()
    setattr(result, field, value)
    judge(result)
    assert result.problem == problem


def test_fewer_faults_than_expected_are_not_ok() -> None:
    assert conclude([healed()], expected=1).ok
    assert not conclude([healed()], expected=6).ok


def test_the_report_is_json_with_the_documented_keys(tmp_path: Path) -> None:
    conclude([healed()], expected=1).write(tmp_path / "report.json")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert report["ok"] is True
    assert report["faults"][0].keys() >= {
        "fault",
        "injected_at",
        "detected_after_s",
        "incident_id",
        "incident_type",
        "confidence",
        "calibrated",
        "verdict",
        "votes",
        "actions",
        "resolved_after_s",
        "trace_id",
    }
    assert report["faults"][0]["actions"][0].keys() >= {"action", "target", "outcome"}


@pytest.mark.parametrize(("calibrated", "shown", "explained"), [(True, " 92%", False), (False, "~60%", True)])
def test_the_table_tells_measured_confidence_from_belief(
    calibrated: bool, shown: str, explained: bool
) -> None:
    result = healed()
    result.confidence, result.calibrated = float(shown.strip(" ~%")) / 100, calibrated
    console = Console(width=80, record=True, file=StringIO())

    Screen(console).table([result])

    text = console.export_text()
    assert shown in text
    assert ("belief only" in text) is explained
