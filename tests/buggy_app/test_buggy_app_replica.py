"""The parts of a replica, each on its own: configuration, watching, pool, leaks, CPU share."""

import json
import os
import random
import socket
from collections.abc import Iterator

import pytest
from buggy_app_stack import wait_for
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from buggy_app.chaos import Fault, Order
from buggy_app.chaos.order import OrderBook
from buggy_app.database import Database, PoolRecycler
from buggy_app.faults.connection_leak import ConnectionLeak
from buggy_app.faults.memory_leak import MemoryLeak
from buggy_app.listener import ListenError, listen
from buggy_app.replica_registry import ReplicaRegistry
from buggy_app.startup_configuration import ConfigurationStore, StartupConfigurationError
from buggy_app.state_directory import StateDirectory
from buggy_app.telemetry.process import CpuUtilization
from buggy_app.traffic import SURGE_RATE, surge_rate
from buggy_app.watch import ReloadWatch

RNG = random.Random(1)  # noqa: S311 - only picks moments


class RecordedPool:
    """Pool telemetry that is counted."""

    def __init__(self) -> None:
        self.timeouts = self.opened = self.returned = 0

    def waited(self, seconds: float) -> None:
        assert seconds >= 0

    def timed_out(self) -> None:
        self.timeouts += 1

    def created(self, seconds: float) -> None:
        self.opened += 1

    def used(self, seconds: float) -> None:
        self.returned += 1

    def operated(self, seconds: float) -> None:
        assert seconds >= 0


@pytest.fixture
def telemetry() -> RecordedPool:
    return RecordedPool()


@pytest.fixture
def database(state: StateDirectory, telemetry: RecordedPool) -> Iterator[Database]:
    made = Database(state, "orders", 2, 0.2, telemetry, lost_after_s=0.1)
    made.prepare()
    yield made
    made.close()


def leak_order(at: float = 0.0) -> Order:
    return Order(id="1", fault=Fault.DB_CONNECTION_POOL, at=at, strength=1.0, variant="leak")


def test_a_first_start_writes_the_default_configuration(state: StateDirectory) -> None:
    store = ConfigurationStore(state)

    assert store.load().configuration.pool_size == 5
    assert store.active.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"pool_size": -5}', "pool_size: Input should be greater than or equal to 1"),
        ('{"poolsize": 5}', "poolsize: Extra inputs are not permitted"),
        ("not json", "document: Invalid JSON"),
        ("[]", "document: Input should be an object"),
    ],
)
def test_a_bad_configuration_is_named_with_file_field_and_reason(
    state: StateDirectory, content: str, reason: str
) -> None:
    store = ConfigurationStore(state)
    store.active.write_text(content)

    with pytest.raises(StartupConfigurationError) as caught:
        store.load()

    assert str(caught.value).startswith(f"{store.active}: {reason}")


def test_a_replica_leaves_once_when_the_configuration_changes(state: StateDirectory) -> None:
    store = ConfigurationStore(state)
    left: list[int] = []
    watch = ReloadWatch(store, store.load().content, RNG, lambda: left.append(1))

    watch.poll()
    assert left == []
    store.active.write_text('{"release": "2.0.0"}')
    watch.poll()
    watch.poll()

    assert (left, watch.due) == ([1], True)


def test_a_slow_roll_out_is_called_off_when_the_configuration_comes_back(state: StateDirectory) -> None:
    store = ConfigurationStore(state)
    now, left = [0.0], []
    content = store.load().content
    watch = ReloadWatch(store, content, RNG, lambda: left.append(1), lambda: now[0])

    store.deploy(b'{"pool_size": -5, "rollout_s": 100.0}')
    watch.poll()
    store.roll_back()
    watch.poll()
    now[0] = 200.0
    watch.poll()

    assert not left


def test_an_empty_pool_times_out_and_is_counted(database: Database, telemetry: RecordedPool) -> None:
    held = [database.check_out(), database.check_out()]

    with pytest.raises(PoolTimeoutError):
        database.orders_of(1)

    assert (database.state().used, telemetry.timeouts) == (2, 1)
    for connection in held:
        connection.close()
    assert (database.state().used, database.state().idle, telemetry.returned) == (0, 2, 2)


def test_recycling_gives_a_whole_pool_and_leaves_running_queries_alone(
    state: StateDirectory, database: Database
) -> None:
    recycler = PoolRecycler(state, database)
    with database.connection() as running:
        recycled = recycler.recycle()
        assert running.exec_driver_sql("SELECT 1").scalar() == 1

    assert (recycled.epoch, recycled.closed) == (1, 0)
    assert len(database.orders_of(1)) == 10
    assert database.state().used == 0


def test_other_replicas_follow_the_epoch(
    state: StateDirectory, database: Database, telemetry: RecordedPool
) -> None:
    other = Database(state, "orders", 2, 0.2, telemetry)
    recycler, following = PoolRecycler(state, database), PoolRecycler(state, other)

    assert following.poll() is None
    recycler.recycle()
    followed = following.poll()

    assert followed is not None
    assert (followed.epoch, other.generation, following.poll()) == (1, 1, None)


def test_a_connection_leak_empties_the_pool_until_it_is_recycled(
    state: StateDirectory, database: Database
) -> None:
    recycler = PoolRecycler(state, database)
    leak = ConnectionLeak(leak_order(), database)
    leak.start()
    wait_for(lambda: database.state().used == 2, "the pool to be empty")
    with pytest.raises(PoolTimeoutError):
        database.orders_of(1)

    assert recycler.recycle().closed == 2
    assert len(database.orders_of(1)) == 10
    leak.stop()
    assert database.state().used == 0


def test_a_stopped_connection_leak_returns_what_it_held(database: Database) -> None:
    leak = ConnectionLeak(leak_order(), database)
    leak.start()
    wait_for(lambda: database.state().used == 2, "the pool to be empty")

    leak.stop()

    assert database.state().used == 0


def test_a_memory_leak_grows_until_stopped_and_gives_back() -> None:
    leak = MemoryLeak(Order(id="1", fault=Fault.MEMORY_OOM, at=0.0, strength=0.5, variant="leak"))
    leak.start()
    wait_for(lambda: leak.held() > 2_000_000, "the leak to grow")

    leak.stop()

    assert leak.held() == 0


def test_cpu_utilization_is_the_share_of_one_core_since_the_measurement_before() -> None:
    readings = iter([(10.0, 3.0), (10.1, 3.1), (12.0, 6.0), (12.05, 6.05), (14.0, 6.5)])
    current = [next(readings)]
    share = CpuUtilization(lambda: current[0][1], lambda: current[0][0])

    measured = []
    for reading in readings:
        current[0] = reading
        measured.append(share.measure())

    assert measured == [None, 1.5, 1.5, 0.25]


def test_only_replicas_that_still_run_are_listed(state: StateDirectory) -> None:
    registry = ReplicaRegistry(state)
    registry.register(started_at=1.0)
    mine = json.loads((state.replicas / f"{os.getpid()}.json").read_text())
    other_process = mine | {"created": mine["created"] - 1000}
    (state.replicas / "1.json").write_text(json.dumps(other_process))
    (state.replicas / "2.json").write_text("{}")
    ended = mine | {"pid": 2**22 + 1}
    (state.replicas / "3.json").write_text(json.dumps(ended))

    assert [replica.pid for replica in registry.alive()] == [os.getpid()]
    assert len(list(state.replicas.iterdir())) == 1


def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(ListenError, match=rf"127.0.0.1:{port} \(Address already in use\); free it or"):
            listen("127.0.0.1", port, "BUGGY_APP_PORT", shared=True)


def test_the_surge_comes_with_its_order_only(state: StateDirectory) -> None:
    orders = OrderBook(state)
    assert surge_rate(orders) == 0

    orders.put(Order(id="1", fault=Fault.CPU_SPIKE, at=0.0, strength=1.0, variant="burn"))
    assert surge_rate(orders) == 0

    orders.put(Order(id="2", fault=Fault.CPU_SPIKE, at=0.0, strength=1.0, variant="surge"))
    assert surge_rate(orders) == SURGE_RATE
