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
from responder.access import Access, Rates, Tokens, TokensError, parse_rate
from responder.api import ApiParts, build_app
from responder.approval import ApprovalLinks, Approvals
from responder.deliberate import (
    Auditor,
    Council,
    CouncilLimits,
    CouncilMember,
    SecurityOfficer,
    SreLead,
)
from responder.deliberate.effects import Effects
from responder.diagnose import Analyst, DrillAnalyst, OfflineAnalyst
from responder.diagnose.cause import load_causes
from responder.diagnose.llm.detector_look_ups import DetectorLookUps
from responder.diagnose.reading import LogPatterns, Reading
from responder.diagnose.record import expected_fits
from responder.learn import DAY_S, Decay, Runbook, RunbookConfig
from responder.legibility import Gate
from responder.llm_settings import LlmSettings, check_together, load_llm_settings
from responder.logs import set_up_logging
from responder.models import Models, build_models
from responder.notify import (
    Channel,
    ChannelsError,
    Desk,
    NotificationMetrics,
    Notifying,
    Wording,
    load_channels,
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
from responder.policy import CatalogueReach, Policy, PolicyError, PolicyFile
from responder.remediate import Catalogue, CatalogueError, Remedies, load_remedies
from responder.settings import ResponderSettings, load_settings
from responder.store import Database, Lease, Store, StoreUnavailableError, StoreUnusableError
from responder.telemetry import SCOPE, PipelineMetrics, Stages
from responder.verify import DetectorClient, Verifier, VerifyConfig

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
        remedies = _remedies(settings)
        policy_file = None if settings.policy is None else PolicyFile(settings.policy)
        channels = _channels(settings)
        access = _access(settings)
        providers = Providers.from_environment(os.environ, _SERVICE_NAME)
    except (SettingsError, CatalogueError, PolicyError, ChannelsError, TokensError) as error:
        return _refuse(EXIT_SETTINGS, error)
    except (RuntimeError, ValueError) as error:
        return _refuse(EXIT_SETTINGS, f"The OTEL_* variables cannot be used: {error}")
    set_up_logging(settings.log_level, providers)
    stop = _stop_on_signals()
    try:
        server = HttpServer(settings.host, settings.port, "api")
        database = Database(settings.store_url, settings.store_setting)
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
        self._stages = Stages(providers.tracers)
        self._runbook = _runbook(settings, store)
        metrics = PipelineMetrics(providers.meters)
        self._starting = Starting(self._workflows, metrics)
        legible = Gate()
        models = _models(settings, llm, legible, providers)
        self._steps = PipelineSteps(
            config=StepsConfig(settle_s=settings.settle_s, quiet_s=settings.settle_quiet_s),
            store=store,
            rooms=Rooms(
                analyst=_analyst(settings, models),
                council=_council(settings, models, self._stages),
                remedies=remedies,
                verifier=_verifier(settings),
                runbook=self._runbook,
                policy=_policy(policy_file, StoredPast(database), remedies),
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
        links = _links(settings, server.port)
        desk = Desk(
            store=store,
            approvals=self._approvals,
            wording=Wording(_public_url(settings, server.port), links, legible),
            stages=self._stages,
            metrics=NotificationMetrics(providers.meters),
            clock=time.time,
        )
        self._notifying = Notifying(channels, desk, metrics)
        if channels and links is None:
            _LOG.warning("notifications carry no link to approve by: set AEGISOPS_RESPONDER_APPROVAL_SECRET")
        self._app = build_app(
            ApiParts(
                store=store,
                workflows=self._starting,
                runbook=self._runbook,
                clock=time.time,
                ids=RandomIdGenerator(),
                closing=self._closing,
                links=links,
                warnings=lambda: _warnings(policy_file),
            ),
            access,
            settings.service_labels,
        )
        FastAPIInstrumentor.instrument_app(
            self._app,
            tracer_provider=providers.tracers,
            meter_provider=providers.meters,
            excluded_urls="/health$,/ready$,/events$",
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


def _remedies(settings: ResponderSettings) -> Remedies:
    """What the catalogue allows; nothing when there is none."""
    if settings.catalogue is None:
        return Remedies(Catalogue(version=1, services={}, connections={}), {})
    return load_remedies(settings.catalogue, os.environ)


def _policy(file: PolicyFile | None, past: StoredPast, remedies: Remedies) -> Policy:
    """The policy of the file; without one everything is observed and nothing done."""
    if file is None:
        _LOG.warning("no policy is set (AEGISOPS_RESPONDER_POLICY): everything is observed, nothing is done")
    document = (lambda: None) if file is None else file.current
    return Policy(document, past, CatalogueReach(remedies, Effects.load()))


def _channels(settings: ResponderSettings) -> tuple[Channel, ...]:
    """The channels of the file; without one nobody is told of anything."""
    return () if settings.notifications is None else load_channels(settings.notifications, os.environ)


def _access(settings: ResponderSettings) -> Access:
    """Who may call what; without tokens everybody who reaches the API, which is on loopback only then."""
    return Access(
        tokens=None if settings.tokens is None else Tokens.load(settings.tokens),
        secrets=settings.webhook_secrets,
        rates=Rates(parse_rate(settings.webhook_rate)),
    )


def _links(settings: ResponderSettings, port: int) -> ApprovalLinks | None:
    secret = settings.approval_secret
    if secret is None:
        return None
    return ApprovalLinks(secret.get_secret_value().encode(), _public_url(settings, port))


def _public_url(settings: ResponderSettings, port: int) -> str:
    return settings.public_url or f"http://{settings.host}:{port}"


def _warnings(policy_file: PolicyFile | None) -> list[str]:
    warning = None if policy_file is None else policy_file.warning
    return [] if warning is None else [warning]


def _models(settings: ResponderSettings, llm: LlmSettings, gate: Gate, providers: Providers) -> Models | None:
    """The language models, where any are named."""
    if not llm.models:
        return None
    look_ups = DetectorLookUps(DetectorClient(settings.detector_url, timeout_s=1.0, attempts=1))
    tracer, meter = providers.tracers.get_tracer(SCOPE), providers.meters.get_meter(SCOPE)
    return build_models(llm, look_ups, gate, tracer, meter)


def _analyst(settings: ResponderSettings, models: Models | None) -> Analyst:
    """The offline analyst, after the models where there are any."""
    analyst: Analyst = OfflineAnalyst()
    if models is not None:
        analyst = models.before(analyst)
    action = settings.force_first_action
    return analyst if action is None else DrillAnalyst(analyst, action)


def _council(settings: ResponderSettings, models: Models | None, stages: Stages) -> Council:
    """The three members, those that the settings name with a model over their rules."""
    limits, deadline_s = CouncilLimits(), settings.council_deadline_s
    rules = (SecurityOfficer(limits), Auditor(limits, time.time), SreLead(limits, time.time))
    members: list[CouncilMember] = [
        member
        if models is None or member.role not in settings.council_model_members
        else models.over(member, deadline_s)
        for member in rules
    ]
    return Council([stages.traced(member) for member in members], deadline_s)


def _runbook(settings: ResponderSettings, store: Store) -> Runbook:
    patterns = LogPatterns.load()
    return Runbook(
        store.runbook,
        time.time,
        RunbookConfig(Decay(settings.runbook_half_life_days * DAY_S)),
        fits=expected_fits(load_causes()),
        circumstances=lambda incident: Reading(incident, patterns).facts,
    )


def _verifier(settings: ResponderSettings) -> Verifier:
    config = VerifyConfig(
        timeout_s=settings.verify_timeout_s,
        stable_s=settings.verify_stable_s,
        poll_s=settings.verify_poll_s,
        give_up_s=settings.verify_give_up_s,
    )
    detector = DetectorClient(settings.detector_url)
    return Verifier(detector, config, time.time, time.sleep, monotonic=time.monotonic)


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _refuse(status: int, reason: object) -> int:
    print(f"responder: {reason}", file=sys.stderr)  # noqa: T201 - before logs exist, and plain for people
    return status
