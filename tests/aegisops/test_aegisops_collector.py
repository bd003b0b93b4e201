"""The stack uses a Collector where there is one; a named one that cannot run is refused with what to do."""

from pathlib import Path

import pytest

from aegisops.collector import Collector, find_collector
from aegisops.errors import StackError
from aegisops.settings import StackSettings
from aegisops.stack.layout import Program, StackLayout, programs


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a configuration, and nothing on PATH."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    configuration = tmp_path / "checkout" / "otel-config" / "agent.yaml"
    configuration.parent.mkdir(parents=True)
    configuration.write_text("service: {}\n")
    return tmp_path / "checkout"


def by_name(settings: StackSettings, root: Path) -> dict[str, Program]:
    return {one.name: one for one in programs(settings, StackLayout(root))}


def test_without_a_program_there_is_no_collector(checkout: Path) -> None:
    assert find_collector(None, checkout) is None


def test_the_named_program_comes_before_the_built_one_and_that_before_the_one_on_path(
    checkout: Path, tmp_path: Path
) -> None:
    configuration = checkout / "otel-config" / "agent.yaml"
    on_path = program(tmp_path / "bin" / "aegisops-collector")
    assert find_collector(None, checkout) == Collector(on_path, configuration)
    built = program(checkout / "collector" / "build" / "aegisops-collector")
    assert find_collector(None, checkout) == Collector(built, configuration)
    named = program(tmp_path / "mine")
    assert find_collector(named, checkout) == Collector(named, configuration)


def test_a_program_on_path_without_a_configuration_is_not_used(tmp_path: Path, checkout: Path) -> None:
    program(tmp_path / "bin" / "aegisops-collector")
    assert find_collector(None, tmp_path / "site-packages") is None


def test_a_named_program_that_cannot_be_run_is_an_error_that_names_the_variable(checkout: Path) -> None:
    with pytest.raises(StackError, match=r"AEGISOPS_COLLECTOR_BINARY=.*missing is no program"):
        find_collector(checkout / "missing", checkout)


def test_a_named_program_without_a_configuration_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"there is no .*agent\.yaml for it"):
        find_collector(program(tmp_path / "mine"), tmp_path)


def test_behind_a_collector_the_app_exports_to_it_and_it_to_the_detector(tmp_path: Path) -> None:
    settings = StackSettings(collector_binary=program(tmp_path / "mine"), own_telemetry_endpoint=None)
    run = by_name(settings, tmp_path)
    assert run["buggy-app-0"].environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"
    assert run["responder"].environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"
    assert run["collector"].environment["AEGISOPS_COLLECTOR_DETECTOR"] == "127.0.0.1:4327"
    assert run["detector"].environment["AEGISOPS_DETECTOR_OTLP_PORT"] == "4327"
    assert run["detector"].environment["AEGISOPS_DETECTOR_OTLP_HTTP_PORT"] == "4328"
    assert run["collector"].environment["AEGISOPS_COLLECTOR_DATA"] == str(tmp_path / "collector")


def test_own_telemetry_goes_where_it_is_told_to(tmp_path: Path) -> None:
    settings = StackSettings(
        collector_binary=program(tmp_path / "mine"), own_telemetry_endpoint="http://127.0.0.1:9"
    )
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in by_name(settings, tmp_path)["detector"].environment


def test_switched_off_the_app_exports_straight_to_the_detector(tmp_path: Path) -> None:
    run = by_name(StackSettings(collector_binary="off"), tmp_path)
    assert "collector" not in run
    assert run["buggy-app-0"].environment["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://127.0.0.1:4317"
    assert run["detector"].environment["AEGISOPS_DETECTOR_OTLP_PORT"] == "4317"
    assert run["detector"].environment["AEGISOPS_DETECTOR_OTLP_HTTP_PORT"] == "4318"


def test_its_ports_count_only_where_there_is_a_collector(tmp_path: Path) -> None:
    def variables(settings: StackSettings) -> set[str]:
        return {named.variable for named in settings.ports()}

    without = variables(StackSettings(collector_binary="off"))
    assert variables(StackSettings(collector_binary=program(tmp_path / "mine"))) - without == {
        "AEGISOPS_COLLECTOR_OTLP_PORT",
        "AEGISOPS_COLLECTOR_OTLP_HTTP_PORT",
        "AEGISOPS_COLLECTOR_HEALTH_PORT",
        "AEGISOPS_COLLECTOR_PROMETHEUS_PORT",
        "AEGISOPS_COLLECTOR_METRICS_PORT",
    }
