"""The rooms of the responder as the settings want them; `main.py` puts them together."""

import logging
import os
import time

from detector.hosting import Providers
from responder.access import Access, Rates, Tokens, parse_rate
from responder.approval import ApprovalLinks
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
from responder.llm_settings import LlmSettings
from responder.models import Models, build_models
from responder.notify import Channel, load_channels
from responder.pipeline import StoredPast
from responder.policy import CatalogueReach, Policy, PolicyFile
from responder.remediate import Catalogue, Remedies, load_remedies
from responder.settings import ResponderSettings
from responder.store import Store
from responder.telemetry import Stages
from responder.telemetry_registry import SCOPE
from responder.verify import DetectorClient, Verifier, VerifyConfig

_LOG = logging.getLogger(__name__)


def remedies(settings: ResponderSettings) -> Remedies:
    """What the catalogue allows; nothing when there is none."""
    if settings.catalogue is None:
        return Remedies(Catalogue(version=1, services={}, connections={}), {})
    return load_remedies(settings.catalogue, os.environ)


def policy(file: PolicyFile | None, past: StoredPast, remedies: Remedies) -> Policy:
    """The policy of the file; without one everything is observed and nothing done."""
    if file is None:
        _LOG.warning("no policy is set (AEGISOPS_RESPONDER_POLICY): everything is observed, nothing is done")
    document = (lambda: None) if file is None else file.current
    return Policy(document, past, CatalogueReach(remedies, Effects.load()))


def channels(settings: ResponderSettings) -> tuple[Channel, ...]:
    """The channels of the file; without one nobody is told of anything."""
    return () if settings.notifications is None else load_channels(settings.notifications, os.environ)


def access(settings: ResponderSettings) -> Access:
    """Who may call what; without tokens everybody who reaches the API, which is on loopback only then."""
    return Access(
        tokens=None if settings.tokens is None else Tokens.load(settings.tokens),
        secrets=settings.webhook_secrets,
        rates=Rates(parse_rate(settings.webhook_rate)),
    )


def links(settings: ResponderSettings, port: int) -> ApprovalLinks | None:
    """Signed links of approvals; None where there is no secret to sign with."""
    secret = settings.approval_secret
    if secret is None:
        return None
    return ApprovalLinks(secret.get_secret_value().encode(), public_url(settings, port))


def public_url(settings: ResponderSettings, port: int) -> str:
    """Where people reach the responder."""
    return settings.public_url or f"http://{settings.host}:{port}"


def policy_warnings(policy_file: PolicyFile | None) -> list[str]:
    """What those who look should know of the policy."""
    warning = None if policy_file is None else policy_file.warning
    return [] if warning is None else [warning]


def models(settings: ResponderSettings, llm: LlmSettings, gate: Gate, providers: Providers) -> Models | None:
    """The language models, where any are named."""
    if not llm.models:
        return None
    look_ups = DetectorLookUps(DetectorClient(settings.detector_url, timeout_s=1.0, attempts=1))
    tracer, meter = providers.tracers.get_tracer(SCOPE), providers.meters.get_meter(SCOPE)
    return build_models(llm, look_ups, gate, tracer, meter)


def analyst(settings: ResponderSettings, models: Models | None) -> Analyst:
    """The offline analyst, after the models where there are any."""
    analyst: Analyst = OfflineAnalyst()
    if models is not None:
        analyst = models.before(analyst)
    action = settings.force_first_action
    return analyst if action is None else DrillAnalyst(analyst, action)


def council(settings: ResponderSettings, models: Models | None, stages: Stages) -> Council:
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


def runbook(settings: ResponderSettings, store: Store) -> Runbook:
    """What was learned, as old as the settings let it count."""
    patterns = LogPatterns.load()
    return Runbook(
        store.runbook,
        time.time,
        RunbookConfig(Decay(settings.runbook_half_life_days * DAY_S)),
        fits=expected_fits(load_causes()),
        circumstances=lambda incident: Reading(incident, patterns).facts,
    )


def verifier(settings: ResponderSettings) -> Verifier:
    """Asks the detector whether an action helped."""
    config = VerifyConfig(
        timeout_s=settings.verify_timeout_s,
        stable_s=settings.verify_stable_s,
        poll_s=settings.verify_poll_s,
        give_up_s=settings.verify_give_up_s,
    )
    detector = DetectorClient(settings.detector_url)
    return Verifier(detector, config, time.time, time.sleep, monotonic=time.monotonic)
