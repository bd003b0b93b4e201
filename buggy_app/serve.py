"""The composition root of a replica that starts well: telemetry, database, faults, web server."""

import gc
import random
import socket
import threading
from collections.abc import MutableMapping
from dataclasses import dataclass

import httpx
from opentelemetry import metrics

from buggy_app.active_endpoint import ActiveEndpoint
from buggy_app.chaos.order import Fault, OrderBook
from buggy_app.database import Database, PoolRecycler
from buggy_app.faults.agent import FaultAgent
from buggy_app.faults.connection_leak import ConnectionLeak
from buggy_app.faults.cpu_burn import CpuBurn
from buggy_app.faults.debug_dump import DebugDump
from buggy_app.faults.memory_leak import MemoryLeak
from buggy_app.replica_registry import ReplicaRegistry
from buggy_app.settings import Settings
from buggy_app.startup_configuration import ConfigurationStore, Loaded
from buggy_app.state_directory import StateDirectory
from buggy_app.telemetry.filesystem import observe_work_directory
from buggy_app.telemetry.instrument import instrument
from buggy_app.telemetry.pool import PoolMetrics, observe_pool
from buggy_app.telemetry.process import observe_process
from buggy_app.telemetry.sdk import Identity, Telemetry, log_to_stderr, prepare_environment
from buggy_app.watch import ReloadWatch, Watch
from buggy_app.web import Parts, create_app
from buggy_app.web_server import web_server
from buggy_app.work_directory import WorkDirectory

EXIT_RELOAD = 3
POOL_NAME = "orders"
FLUSH_S = 0.5


@dataclass(frozen=True, slots=True)
class Start:
    """A start whose settings and configuration are valid. `started_at`: seconds since the epoch."""

    settings: Settings
    state: StateDirectory
    store: ConfigurationStore
    loaded: Loaded
    started_at: float


def serve(environ: MutableMapping[str, str], start: Start, listener: socket.socket) -> int:
    """Serve until told to stop; answers the exit code: 0, or `EXIT_RELOAD` to be started anew."""
    settings, state, configuration = start.settings, start.state, start.loaded.configuration
    log_to_stderr()
    prepare_environment(environ)
    telemetry = Telemetry(Identity(configuration.release, start.started_at))
    meter = metrics.get_meter("buggy_app", configuration.release)
    rng = random.Random()  # noqa: S311 - picks sample data, nothing secret

    registry = ReplicaRegistry(state)
    work = WorkDirectory(state, settings.disk_budget_bytes)
    database = Database(
        state, POOL_NAME, configuration.pool_size, configuration.pool_timeout_s, PoolMetrics(meter, POOL_NAME)
    )
    database.prepare()
    recycler = PoolRecycler(state, database)
    client = httpx.AsyncClient(timeout=configuration.dependency_timeout_s, verify=False)  # noqa: S501 - no TLS
    dump = DebugDump(state, work)
    agent = FaultAgent(
        OrderBook(state),
        start.started_at,
        {
            Fault.MEMORY_OOM: MemoryLeak,
            Fault.CPU_SPIKE: CpuBurn,
            Fault.DB_CONNECTION_POOL: lambda order: ConnectionLeak(order, database),
        },
    )

    def on_ready() -> None:
        registry.register(start.started_at)
        start.store.remember_good(start.loaded.content)
        observe_process(meter, settings.memory_limit_bytes, start.started_at)
        observe_work_directory(meter, work)
        observe_pool(meter, database)
        gc.freeze()  # what start-up made stays, so later collections need not walk it
        watch.start()
        threading.Thread(target=telemetry.flush_metrics, args=(FLUSH_S,), daemon=True).start()

    def on_stop() -> None:
        registry.unregister()
        watch.stop()
        agent.stop()
        dump.stop()

    app = create_app(
        Parts(
            database=database,
            recycler=recycler,
            work=work,
            endpoint=ActiveEndpoint(state, settings),
            client=client,
            rng=rng,
            quote_workers=configuration.quote_workers,
            on_ready=on_ready,
            on_stop=on_stop,
        )
    )
    instrument(app, client, database.engine)
    server = web_server(app)

    def leave() -> None:
        server.should_exit = True

    reload = ReloadWatch(start.store, start.loaded.content, rng, leave)
    watch = Watch((agent.poll, recycler.poll, dump.poll, reload.poll))
    server.run(sockets=[listener])
    database.close()
    telemetry.shutdown(FLUSH_S)
    return EXIT_RELOAD if reload.due else 0
