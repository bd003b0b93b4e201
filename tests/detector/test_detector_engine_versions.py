"""A fault that begins with another version says so."""

import pytest
from synthetic_service import Observation, SyntheticService, steady

from detector.incident import AnomalyReason, Incident


def deploy(watched: Observation, service: SyntheticService, version: str) -> None:
    service.down = True
    watched.pass_time(2)
    service.down = False
    service.version = version
    service.restart(watched.now)


def restarts_of(incident: Incident) -> str:
    found = (e.description for e in incident.evidence if e.reason is AnomalyReason.RESTARTED)
    return next(found, "")


def failing_since(version: str, quiet_s: float = 0.0) -> tuple[Observation, SyntheticService]:
    watched = Observation()
    service = watched.service()
    watched.pass_time(30)
    deploy(watched, service, version)
    watched.pass_time(quiet_s)
    service.override = {"errors": steady(0.7)}
    watched.pass_time(8)
    return watched, service


@pytest.mark.parametrize("quiet_s", [0.0, 20.0])
@pytest.mark.parametrize(
    ("version", "words"),
    [
        ("2.0", ", version 1.0 -> 2.0"),
        ("2.0 to\n\u202e`rm`", ", version 1.0 -> 2.0torm"),
        ("x" * 300, f", version 1.0 -> {'x' * 40}"),
    ],
)
def test_a_restart_into_another_version_names_both(version, words, quiet_s) -> None:
    watched, _ = failing_since(version, quiet_s)
    assert restarts_of(watched.latest[0]).endswith(words)


@pytest.mark.parametrize("version", ["1.0", ""])
def test_a_restart_into_the_same_or_an_unknown_version_names_none(version) -> None:
    watched, _ = failing_since(version)
    assert not any("version" in e.description for e in watched.latest[0].evidence)


def test_a_version_taken_back_is_no_change_any_more() -> None:
    watched, service = failing_since("2.0")
    deploy(watched, service, "1.0")
    watched.pass_time(4)
    assert "version" not in restarts_of(watched.latest[0])
