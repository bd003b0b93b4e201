"""Orders for faults, and the command that gives them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buggy_app.active_endpoint import ActiveEndpoint, Endpoint
from buggy_app.chaos import FAULTS, Chaos, ChaosError, Fault, Order
from buggy_app.chaos.__main__ import main
from buggy_app.chaos.order import OrderBook
from buggy_app.faults.agent import FaultAgent
from buggy_app.replica_registry import ReplicaRegistry
from buggy_app.settings import Settings
from buggy_app.startup_configuration import ConfigurationStore
from buggy_app.state_directory import StateDirectory
from buggy_app.work_directory import WorkDirectory


@pytest.fixture
def settings(state: StateDirectory) -> Settings:
    return Settings(state_dir=state.root)


@pytest.fixture
def chaos(settings: Settings) -> Chaos:
    return Chaos(settings)


def active(chaos: Chaos) -> list[str]:
    return [status.fault for status in chaos.status() if status.active]


def make_order(fault: Fault = Fault.MEMORY_OOM, at: float = 100.0, order_id: str = "1") -> Order:
    return Order(id=order_id, fault=fault, at=at, strength=1.0, variant="leak")


def test_an_unknown_fault_is_an_error_that_lists_the_known(chaos: Chaos) -> None:
    with pytest.raises(ChaosError, match="unknown fault 'meteor'") as caught:
        chaos.inject("meteor")

    assert all(fault in str(caught.value) for fault in FAULTS)


@pytest.mark.parametrize("strength", [0.0, -1.0, 1.01, float("nan")])
def test_a_strength_out_of_range_is_refused(chaos: Chaos, strength: float) -> None:
    with pytest.raises(ChaosError, match="strength must be above 0"):
        chaos.inject("disk_space", strength)


def test_an_unknown_variant_is_an_error_that_lists_the_known(chaos: Chaos) -> None:
    with pytest.raises(ChaosError, match="it has: burn, surge"):
        chaos.inject("cpu_spike", variant="meltdown")


def test_status_says_since_when_and_how_strong(settings: Settings) -> None:
    chaos = Chaos(settings, clock=lambda: 1000.0, new_id=lambda: "order-1")

    order = chaos.inject("cpu_spike", 0.5, "surge")

    status = next(status for status in chaos.status() if status.fault == "cpu_spike")
    assert order.id == "order-1"
    assert (status.active, status.since, status.strength, status.variant) == (True, 1000.0, 0.5, "surge")


def test_faults_of_processes_are_over_when_no_process_from_before_runs(chaos: Chaos) -> None:
    for fault in ("memory_oom", "db_connection_pool"):
        chaos.inject(fault)
    chaos.inject("cpu_spike", variant="burn")

    assert active(chaos) == []


def test_faults_of_processes_last_as_long_as_a_process_from_before(
    chaos: Chaos, state: StateDirectory
) -> None:
    ReplicaRegistry(state).register(started_at=1.0)

    chaos.inject("memory_oom")

    assert active(chaos) == ["memory_oom"]


def test_clearing_undoes_what_lies_in_the_state_directory(
    chaos: Chaos, state: StateDirectory, settings: Settings
) -> None:
    work = WorkDirectory(state, settings.disk_budget_bytes)
    endpoint = ActiveEndpoint(state, settings)
    for fault in ("network_latency", "disk_space", "pod_crash_loop"):
        chaos.inject(fault)
    work.store_dump(10)
    endpoint.set(Endpoint.SECONDARY)
    assert active(chaos) == ["network_latency", "disk_space", "pod_crash_loop"]

    chaos.clear_all()
    chaos.clear_all()

    assert active(chaos) == []
    assert endpoint.get() is Endpoint.PRIMARY
    assert work.used() == 0


def test_poisoning_twice_keeps_the_last_known_good(chaos: Chaos, state: StateDirectory) -> None:
    store = ConfigurationStore(state)
    good = store.load().content

    chaos.inject("pod_crash_loop")
    chaos.inject("pod_crash_loop", 0.5)

    assert store.roll_back()
    assert store.load().content == good


@given(strength=st.floats(0.01, 1), later=st.floats(0, 10_000))
def test_the_level_rises_with_time_to_its_full_effect(strength: float, later: float) -> None:
    order = Order(id="1", fault=Fault.NETWORK_LATENCY, at=0.0, strength=strength, variant="slow_primary")

    assert 0 <= order.level(later) <= order.level(later + 1) <= 1
    assert order.level(14 * 100) == 1


def test_full_strength_has_its_full_effect_at_once() -> None:
    assert make_order(at=5.0).level(5.0) == 1


def test_an_order_that_cannot_be_read_is_none(state: StateDirectory) -> None:
    (state.chaos / "memory_oom.json").write_text('{"strength": 7}')

    assert OrderBook(state).get(Fault.MEMORY_OOM) is None


class RecordedMalfunction:
    def __init__(self, order: Order, events: list[str]) -> None:
        self.order, self.events = order, events

    def start(self) -> None:
        self.events.append(f"start {self.order.id}")

    def stop(self) -> None:
        self.events.append(f"stop {self.order.id}")


def test_the_agent_follows_new_orders_and_ends_those_taken_back(state: StateDirectory) -> None:
    events: list[str] = []
    orders = OrderBook(state)
    agent = FaultAgent(orders, 50.0, {Fault.MEMORY_OOM: lambda order: RecordedMalfunction(order, events)})

    orders.put(make_order(order_id="1"))
    agent.poll()
    agent.poll()
    orders.put(make_order(order_id="2"))
    agent.poll()
    orders.remove(Fault.MEMORY_OOM)
    agent.poll()

    assert events == ["start 1", "stop 1", "start 2", "stop 2"]


def test_the_agent_leaves_alone_what_was_ordered_before_its_start(state: StateDirectory) -> None:
    events: list[str] = []
    orders = OrderBook(state)
    agent = FaultAgent(orders, 200.0, {Fault.MEMORY_OOM: lambda order: RecordedMalfunction(order, events)})

    orders.put(make_order(at=100.0))
    agent.poll()

    assert events == []


def test_the_command_names_known_faults_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BUGGY_APP_STATE_DIR", str(tmp_path / "state"))

    assert main(["inject", "meteor"]) == 2
    assert main(["inject", "network_latency", "--strength", "0.5"]) == 0
    assert main(["status"]) == 0
    assert main(["clear", "all"]) == 0

    captured = capsys.readouterr()
    assert "known faults: memory_oom, network_latency" in captured.err
    assert "network_latency: active since" in captured.out
