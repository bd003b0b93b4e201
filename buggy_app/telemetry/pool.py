"""Metrics of the database's connection pool: `db.client.*`."""

from collections.abc import Callable, Iterable

from opentelemetry.metrics import CallbackOptions, Histogram, Meter, Observation

from buggy_app.database import Database, PoolState

POOL, STATE = "db.client.connection.pool.name", "db.client.connection.state"
BUCKETS_S = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)


class PoolMetrics:
    """Records what the pool tells as it happens."""

    def __init__(self, meter: Meter, pool_name: str) -> None:
        self._pool = {POOL: pool_name}
        self._operation = {
            "db.system.name": "sqlite",
            "db.operation.name": "SELECT",
            "db.namespace": pool_name,
        }
        self._timeouts = meter.create_counter(
            "db.client.connection.timeouts", "{timeout}", "Times nobody returned a connection in time"
        )
        self._timeouts.add(0, self._pool)
        self._wait = _histogram(meter, "db.client.connection.wait_time", "Wait for a connection")
        self._create = _histogram(meter, "db.client.connection.create_time", "Time to open a connection")
        self._use = _histogram(meter, "db.client.connection.use_time", "Time until a connection came back")
        self._duration = _histogram(meter, "db.client.operation.duration", "Duration of database operations")

    def waited(self, seconds: float) -> None:
        """Record a wait."""
        self._wait.record(seconds, self._pool)

    def timed_out(self) -> None:
        """Count a timeout."""
        self._timeouts.add(1, self._pool)

    def created(self, seconds: float) -> None:
        """Record the opening of a connection."""
        self._create.record(seconds, self._pool)

    def used(self, seconds: float) -> None:
        """Record the use of a connection."""
        self._use.record(seconds, self._pool)

    def operated(self, seconds: float) -> None:
        """Record an operation."""
        self._duration.record(seconds, self._operation)


def observe_pool(meter: Meter, database: Database) -> None:
    """Register the metrics of the pool that are read when they are exported."""
    pool = {POOL: database.pool_name}

    def count(_: CallbackOptions) -> Iterable[Observation]:
        state = database.state()
        return [
            Observation(state.used, pool | {STATE: "used"}),
            Observation(state.idle, pool | {STATE: "idle"}),
        ]

    def of(field: Callable[[PoolState], int]) -> Callable[[CallbackOptions], Iterable[Observation]]:
        return lambda _: [Observation(field(database.state()), pool)]

    meter.create_observable_up_down_counter(
        "db.client.connection.count", [count], "{connection}", "Connections in use and idle"
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.max", [of(lambda state: state.maximum)], "{connection}", "Most there can be"
    )
    meter.create_observable_up_down_counter(
        "db.client.connection.pending_requests",
        [of(lambda state: state.pending)],
        "{request}",
        "Requests that wait for a connection",
    )


def _histogram(meter: Meter, name: str, description: str) -> Histogram:
    return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=BUCKETS_S)
