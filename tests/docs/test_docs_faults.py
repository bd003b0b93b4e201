"""docs/faults.md has every fault and variant, and the figures of the code."""

from pathlib import Path

from buggy_app.chaos import FAULTS, VARIANTS
from buggy_app.chaos.control import NEXT_RELEASE, SECONDS_TO_FULL_DISK
from buggy_app.chaos.order import FULL_EFFECT_AT_HALF_STRENGTH_S
from buggy_app.dependency import SLOW_BY_S
from buggy_app.faults.memory_leak import BYTES_PER_SECOND
from buggy_app.quote import CPU_SECONDS, Precision
from buggy_app.settings import Settings
from buggy_app.startup_configuration import StartupConfiguration
from buggy_app.traffic import SURGE_RATE
from responder.incident_record import ActionKind

PAGE = (Path(__file__).parents[2] / "docs" / "faults.md").read_text(encoding="utf-8")


def row(beginning: str) -> str:
    return next(line for line in PAGE.splitlines() if line.startswith(f"| {beginning} | "))


def test_every_fault_has_its_row_with_a_cure() -> None:
    for fault in FAULTS:
        cure = row(f"`{fault}`").split(" | ")[3]
        assert any(action in cure for action in ActionKind)


def test_every_other_variant_has_its_row() -> None:
    for fault, variants in VARIANTS.items():
        for variant in variants[1:]:
            assert row(f"`{fault}`, variant `{variant}`")


def test_the_figures_are_those_of_the_code() -> None:
    assert f"{BYTES_PER_SECOND / 1e6:g} MB a second" in row("`memory_oom`")
    assert f"{SLOW_BY_S:g} s later" in row("`network_latency`")
    assert f"{SURGE_RATE:g} more requests" in row("`cpu_spike`, variant `surge`")
    assert f"{CPU_SECONDS[Precision.HIGH] * 1000:g} ms" in row("`cpu_spike`, variant `surge`")
    assert StartupConfiguration().pool_size == 5  # "all five connections"
    assert f"{Settings().disk_budget_bytes // 2**20} MiB" in row("`disk_space`")
    assert NEXT_RELEASE in row("`pod_crash_loop`")
    assert f"full after {SECONDS_TO_FULL_DISK:g} s at 1" in PAGE
    assert f"full after {FULL_EFFECT_AT_HALF_STRENGTH_S:g} s at 0.5" in PAGE
