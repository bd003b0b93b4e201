"""The policy file: errors for the one who wrote it, and changes that hold without a restart."""

import contextlib
import logging
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import aegisops.stack
from responder.deliberate.effects import Effects
from responder.incident_record import ActionKind
from responder.policy import CatalogueReach, Mode, PolicyError, PolicyFile, parse_policy
from responder.remediate import load_remedies

GOOD = "version: 1\nservices:\n  - name: shop\n    mode: auto\n"


@pytest.mark.parametrize(
    ("text", "line", "told"),
    [
        ("services: []\n", 1, "version"),
        ("version: 2\nservices: []\n", 1, "version"),
        ("version: 1\nservices:\n  - name: shop\n    mode: automatic\n", 4, "'observe', 'approve' or 'auto'"),
        ("version: 1\nservices:\n  - name: shop\n", 3, "'mode' is missing"),
        (GOOD + "    modes: x\n", 5, "did you mean 'mode'"),
        (GOOD + "    actions: [REBOOT]\n", 5, "services[0].actions[0]"),
        (GOOD + "    actions: [NOOP]\n", 5, "NOOP does nothing"),
        (GOOD + "    max_share: 1.5\n", 5, "max_share"),
        (GOOD + "    max_share: yes\n", 5, "a number is needed"),
        (GOOD + "    cool_down_s: .nan\n", 5, "cool_down_s"),
        (GOOD + "    limits: {per_action: {RESTART: -1}}\n", 5, "RESTART"),
        (GOOD + "    maintenance:\n      - {from: 22:00, to: '04:00'}\n", 6, "put the value in quotes"),
        (GOOD + "    maintenance:\n      - {from: '24:00', to: '04:00'}\n", 6, "from"),
        (GOOD + "    maintenance:\n      - {from: '22:00', to: '04:00', timezone: Mars}\n", 6, "time zone"),
        (GOOD + "    maintenance:\n      - {from: '22:00', to: '04:00', days: [monday]}\n", 6, "days[0]"),
        (GOOD + "  - name: shop\n    mode: observe\n", 1, "a second time"),
        ("version: 1\nservices: [\n", 3, "not valid YAML"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, told: str) -> None:
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.encode())
    assert f"line {line}: " in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"- a", b"\xff", b"#" * 300_000])
def test_what_is_no_policy_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(PolicyError, match="policy"):
        parse_policy(data)


@given(data=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_whatever_stands_in_the_file_it_is_a_policy_or_a_policy_error(data: bytes) -> None:
    with contextlib.suppress(PolicyError):
        parse_policy(data)


def write(path: Path, text: str) -> None:
    """Replace the file, with a time of change that differs even on a coarse clock."""
    before = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(text)
    os.utime(path, ns=(before + 1_000_000, before + 1_000_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    write(path, GOOD)
    return path


def mode(file: PolicyFile) -> Mode:
    entry = file.current().entry("shop", "")
    assert entry is not None
    return entry.mode


def test_a_change_holds_at_the_next_question(path: Path) -> None:
    file = PolicyFile(path)
    assert mode(file) is Mode.AUTO
    write(path, GOOD.replace("auto", "observe"))
    assert mode(file) is Mode.OBSERVE


def test_a_broken_change_keeps_the_policy_before_it_and_says_so(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = PolicyFile(path)
    with caplog.at_level(logging.ERROR):
        write(path, "version: 1\nservices: [{name: shop, mode: automatic}]\n")
        assert mode(file) is Mode.AUTO
        assert mode(file) is Mode.AUTO
    assert len(caplog.records) == 1
    warning = file.warning
    assert warning is not None
    assert "line 2" in warning


def test_a_file_that_went_away_keeps_the_policy(path: Path) -> None:
    file = PolicyFile(path)
    path.unlink()
    assert mode(file) is Mode.AUTO
    assert "cannot read" in (file.warning or "")


def test_a_mended_file_ends_the_warning(path: Path) -> None:
    file = PolicyFile(path)
    write(path, "nothing")
    assert file.warning is not None
    write(path, GOOD.replace("auto", "approve"))
    assert file.warning is None
    assert mode(file) is Mode.APPROVE


def test_a_policy_that_is_not_there_at_the_start_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="AEGISOPS_RESPONDER_POLICY"):
        PolicyFile(tmp_path / "none.yaml")


def test_the_example_of_the_documentation_is_a_policy() -> None:
    page = (Path(__file__).parents[2] / "docs" / "policy.md").read_text(encoding="utf-8")
    policy = parse_policy(page.split("```yaml\n")[1].split("```")[0].encode())
    entry = policy.entry("checkout-eu", "shop")
    assert entry is not None
    assert entry.limits.of(ActionKind.ROLLBACK) == 1


def test_the_local_stack_acts_by_itself_on_its_own_app_alone() -> None:
    policy = PolicyFile(Path(aegisops.stack.__file__).with_name("policy.yaml")).current()
    entry = policy.entry("buggy-app", "demo")
    assert entry is not None
    assert entry.mode is Mode.AUTO
    assert policy.entry("checkout", "demo") is None


@pytest.mark.parametrize(
    ("action", "steps", "touches"),
    [
        ("RESTART", "supervisor: {operation: restart, program: 'shop:*', at_once: 2}", 2),
        ("RESTART", "supervisor: {operation: restart, program: shop}", 1),
        ("RESTART", "supervisor: {operation: stop, program: 'shop:*'}", None),
        ("SCALE_DOWN", "supervisor: {operation: scale_down, group: shop, by: 3}", 3),
        ("ROLLBACK", "command: {argv: [back]}", None),
        ("CLEANUP", "command: {argv: [clean]}", 0),
        ("SCALE_UP", "supervisor: {operation: scale_up, group: shop, max_replicas: 4}", 0),
    ],
)
def test_how_far_an_action_reaches_is_read_from_the_catalogue(
    tmp_path: Path, action: str, steps: str, touches: int | None
) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(
        "version: 1\nprocess_manager: {supervisor: {url: 'unix:///tmp/none.sock'}}\n"
        f"services: {{shop: {{actions: {{{action}: [{{{steps}}}]}}}}}}\n"
    )
    reach = CatalogueReach(load_remedies(path, {}), Effects.load())
    assert reach.touches("shop", ActionKind(action)) == touches
