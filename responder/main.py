"""Composition root of the responder: incidents in; diagnosis, council, remedy, verification, runbook.

Exit status: 0 stopped by SIGTERM or SIGINT; 2 settings, catalogue, policy, channels or `OTEL_*` variables
that cannot be used; 3 the store cannot be used; 4 the address cannot be bound; 5 another
responder has taken over this one's work; 1 anything else.
"""

import logging
import os
import signal
import sys
import threading
import time

from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from sqlalchemy.exc import SQLAlchemyError

from detector.hosting import HttpAddressError, HttpServer, Providers, SettingsError
from responder import from_settings
from responder.access import Access, TokensError
from responder.api import AlertMetrics, ApiParts, build_app
from responder.approval import Approvals
from responder.held_metrics import StoreMetrics, observe_what_is_held
from responder.legibility import Gate
from responder.llm_settings import LlmSettings, check_together, load_llm_settings
from responder.logs import set_up_logging
from responder.notify import (
    Channel,
    ChannelsError,
    Desk,
    NotificationMetrics,
    Notifying,
    Wording,
    routes,
)
from responder.pipeline import (
    SINGLE,
    DbosWorkflows,
    Pipeline,
    PipelineSteps,
    Rooms,
    Starting,
    StepsConfig,
    StopGate,
    StoredPast,
    TakingOver,
    TakingUp,
    Waiting,
    new_instance,
)
from responder.policy import PolicyError, PolicyFile
from responder.remediate import CatalogueError, Remedies
from responder.settings import ResponderSettings, load_settings
from responder.store import Database, Lease, Store, StoreUnavailableError, StoreUnusableError, Tallies
from responder.telemetry import PipelineMetrics, Stages

_LOG = logging.getLogger("responder")
_SERVICE_NAME = "aegisops-responder"
_API_GRACE_S = 3.0
_NOTIFY_GRACE_S = 1.0
_TELEMETRY_GRACE_S = 3.0

EXIT_STOPPED = 0
EXIT_SETTINGS = 2
EXIT_STORE = 3
EXIT_ADDRESS = 4
EXIT_TAKEN_OVER = 5


def main() -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    try:
        settings = load_settings()
        llm = load_llm_settings()
        check_together(settings, llm)
        remedies = from_settings.remedies(settings)
        policy_file = None if settings.policy is None else PolicyFile(settings.policy)
        channels = from_settings.channels(settings)
        access = from_settings.access(settings)
        providers = Providers.from_environment(os.environ, _SERVICE_NAME)
    except (SettingsError, CatalogueError, PolicyError, ChannelsError, TokensError) as error:
        return _refuse(EXIT_SETTINGS, error)
    except (RuntimeError, ValueError) as error:
        return _refuse(EXIT_SETTINGS, f"The OTEL_* variables cannot be used: {error}")
    set_up_logging(settings.log_level, providers)
    stop = _stop_on_signals()
    try:
        server = HttpServer(settings.host, settings.port, "api")
        measured = StoreMetrics(providers.meters)
        database = Database(settings.store_url, settings.store_setting, measured.waited)
        database.open()
    except HttpAddressError as error:
        return _refuse(
            EXIT_ADDRESS,
            f"{error}: end what listens there, or set AEGISOPS_RESPONDER_PORT to another port.",
        )
    except StoreUnusableError as error:
        return _refuse(EXIT_STORE, error)
    responder = Responder(
        settings,
        remedies,
        providers,
        database,
        server,
        llm=llm,
        policy_file=policy_file,
        channels=channels,
        access=access,
        stop=stop,
    )
    try:
        responder.start()
    except (StoreUnavailableError, SQLAlchemyError) as error:
        return _refuse(EXIT_STORE, f"The database failed at the start: {error}")
    stop.wait()
    responder.stop()
    logging.shutdown()
    # Workflow threads wait at the gate for good, and a plain exit would wait for them. What they were
    # doing is in the database, and goes on from there as after a crash.
    os._exit(EXIT_TAKEN_OVER if responder.was_taken_over else EXIT_STOPPED)


class Responder:
    """The rooms of the responder, put together."""

    def __init__(
        self,
        settings: ResponderSettings,
        remedies: Remedies,
        providers: Providers,
        database: Database,
        server: HttpServer,
        *,
        llm: LlmSettings,
        policy_file: PolicyFile | None,
        channels: tuple[Channel, ...],
        access: Access,
        stop: threading.Event,
    ) -> None:
        self._settings = settings
        self._providers = providers
        self._server = server
        self._gate = StopGate()
        self._stop = stop
        self.was_taken_over = False
        instance = new_instance() if database.shared else SINGLE
        self._closing = threading.Event()
        self._store = store = Store.over(database, routes(channels))
        self._workflows = DbosWorkflows(
            database.url, self._gate, settings.max_running, instance, database.workflow_engine()
        )
        self._stages = Stages(providers.tracers, providers.meters)
        self._runbook = from_settings.runbook(settings, store)
        metrics = PipelineMetrics(providers.meters)
        self._starting = Starting(self._workflows, metrics)
        legible = Gate()
        models = from_settings.models(settings, llm, legible, providers)
        self._steps = PipelineSteps(
            config=StepsConfig(settle_s=settings.settle_s, quiet_s=settings.settle_quiet_s),
            store=store,
            rooms=Rooms(
                analyst=from_settings.analyst(settings, models),
                council=from_settings.council(settings, models, self._stages),
                remedies=remedies,
                verifier=from_settings.verifier(settings),
                runbook=self._runbook,
                policy=from_settings.policy(policy_file, StoredPast(database), remedies),
            ),
            stages=self._stages,
            metrics=metrics,
            gate=self._gate,
            instance=instance,
            clock=time.time,
            sleep=time.sleep,
        )
        self._pipeline = Pipeline(self._steps, self._workflows, metrics, settings.max_attempts)
        self._approvals = Approvals(database)
        self._waiting = Waiting(
            self._approvals, self._workflows.resume, metrics, clock=time.time, monotonic=time.monotonic
        )
        self._taking_up = TakingUp(store.incidents, self._approvals, self._workflows, self._steps.ending.fail)
        self._taking_over = self._peers(Lease(database, instance), metrics) if database.shared else None
        links = from_settings.links(settings, server.port)
        desk = Desk(
            store=store,
            approvals=self._approvals,
            wording=Wording(from_settings.public_url(settings, server.port), links, legible),
            stages=self._stages,
            metrics=NotificationMetrics(providers.meters),
            clock=time.time,
        )
        self._notifying = Notifying(channels, desk, metrics)
        if channels and links is None:
            _LOG.warning("notifications carry no link to approve by: set AEGISOPS_RESPONDER_APPROVAL_SECRET")
        observe_what_is_held(
            providers.meters,
            Tallies(database),
            self._runbook,
            [channel.name for channel in channels],
            lambda: self._starting.waiting,
        )
        self._app = build_app(
            ApiParts(
                store=store,
                workflows=self._starting,
                runbook=self._runbook,
                clock=time.time,
                ids=RandomIdGenerator(),
                closing=self._closing,
                links=links,
                warnings=lambda: from_settings.policy_warnings(policy_file),
                alerts=AlertMetrics(providers.meters),
                exposition=providers.exposition,
            ),
            access,
            settings.service_labels,
        )
        FastAPIInstrumentor.instrument_app(
            self._app,
            tracer_provider=providers.tracers,
            meter_provider=providers.meters,
            excluded_urls="/health$,/ready$,/events$,/metrics$",
            exclude_spans=["receive", "send"],
        )

    def start(self) -> None:
        """Take up what was left, then take incidents in."""
        self._runbook.warm_up()
        if self._taking_over is not None:
            self._taking_over.enter()
        self._workflows.launch(self._pipeline.run, self._pipeline.go_on)
        self._taking_up.look()
        if self._taking_over is not None:
            self._taking_over.start()
        self._starting.run()
        self._waiting.start()
        self._notifying.start()
        self._server.start(self._app)
        _LOG.info("listening on http://%s:%d", self._settings.host, self._server.port)

    def stop(self) -> None:
        """Let calls and actions under way end; what else runs is taken up at the next start."""
        _LOG.info("stopping; unfinished incidents go on at the next start")
        self._closing.set()
        self._server.stop(_API_GRACE_S)
        self._starting.stop()
        self._waiting.stop()
        self._notifying.stop(_NOTIFY_GRACE_S)
        if not self._gate.close(self._settings.stop_grace_s):
            _LOG.warning("an action still runs; whether it took effect is looked up at the next start")
        if self._taking_over is not None:
            self._taking_over.stop()
        self._providers.shutdown(_TELEMETRY_GRACE_S)

    def _peers(self, lease: Lease, metrics: PipelineMetrics) -> TakingOver:
        return TakingOver(
            lease,
            self._workflows,
            self._gate,
            self._store.timeline,
            metrics,
            take_up=self._taking_up.look,
            taken_over=self._end_as_taken_over,
        )

    def _end_as_taken_over(self) -> None:
        _LOG.error("its session was lost, and others have taken over its work; start it again")
        self.was_taken_over = True
        self._stop.set()


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _refuse(status: int, reason: object) -> int:
    print(f"responder: {reason}", file=sys.stderr)  # noqa: T201 - before logs exist, and plain for people
    return status
