"""Every metric, span and log event of the responder, as plain data."""

from detector import IncidentType
from detector.hosting.registry import Attribute, Instrument, LogEvent, Metric, Registry, SpanEvent, SpanType
from responder.incident_record import (
    FINAL_STATES,
    ActionKind,
    ActionOutcome,
    AttemptOutcome,
    DiagnosisOutcome,
    MemberRole,
    PipelineState,
    Verdict,
    VerificationOutcome,
    VoteReason,
)
from responder.policy.ruling import PolicyDecision, PolicyReason

SCOPE = "aegisops.responder"

SECONDS_TO_END = (1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
SECONDS_OF_WORK = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SECONDS_OF_A_MODEL = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64),
    *(1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
)  # as the GenAI conventions want it
TOKENS = tuple(float(4**power) for power in range(14))  # likewise
TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)

INCIDENT = Attribute("aegisops.incident.id", "the incident")
TYPE = Attribute("aegisops.incident.type", "its type", tuple(IncidentType))
INCIDENT_SERVICE = Attribute("aegisops.incident.service", "the service it is about, by `service.name`")
REVISION = Attribute("aegisops.incident.revision", "the detector's revision of it")
INCIDENT_SERIES = Attribute("aegisops.incident.series", "the series of its evidence, 20 at most")
STATE = Attribute("aegisops.state", "where the incident stands", tuple(PipelineState))
FINAL_STATE = Attribute(
    "aegisops.state", "where the incident stands", tuple(one for one in PipelineState if one in FINAL_STATES)
)
BEFORE = Attribute("aegisops.state.before", "where it stood before", tuple(PipelineState))
ROOT_CAUSE = Attribute(
    "aegisops.diagnosis.root_cause", "the cause in words, masked and cut, once there is a diagnosis"
)
ACTION = Attribute("aegisops.action", "what is done", tuple(ActionKind))
ACTION_TARGET = Attribute("aegisops.action.target", "the service it is done to")
ACTION_ATTEMPT = Attribute("aegisops.action.attempt", "the how many-th action of the incident")
ACTION_STEP = Attribute("aegisops.action.step", "the step of the action, from 0")
ACTION_RISKY = Attribute("aegisops.action.risky", "whether one member voted against it")
ACTION_OUTCOME = Attribute("aegisops.action.outcome", "what became of it", tuple(ActionOutcome))
VERIFICATION = Attribute(
    "aegisops.verification.outcome", "what the telemetry showed of it", tuple(VerificationOutcome)
)
VERIFICATION_SERIES = Attribute("aegisops.verification.series", "the series that were looked at")
MEMBER = Attribute("aegisops.vote.member", "who voted", tuple(MemberRole))
COUNCIL_MEMBER = Attribute("aegisops.council.member", "who did not answer", tuple(MemberRole))
APPROVE = Attribute("aegisops.vote.approve", "yes (`true`) or no (`false`)")
VOTE_CONFIDENCE = Attribute("aegisops.vote.confidence", "how sure the member is, 0 to 1")
VOTE_REASON = Attribute("aegisops.vote.reason", "why it voted so", tuple(VoteReason))
ANSWERED_BY = Attribute("aegisops.vote.answered_by", "`offline`, or `provider/model`")
VOTE_ATTEMPT = Attribute("aegisops.vote.attempt", "how asking went", tuple(AttemptOutcome))
VOTE_DETAIL = Attribute("aegisops.vote.detail", "why there was no answer")
VERDICT = Attribute("aegisops.council.verdict", "what the votes came to", tuple(Verdict))
VOTES = Attribute("aegisops.council.votes", "`member=yes` or `member=no` of each")
POLICY_DECISION = Attribute("aegisops.policy.decision", "what the policy said", tuple(PolicyDecision))
POLICY_REASON = Attribute("aegisops.policy.reason", "why", tuple(PolicyReason))
DIAGNOSIS_OUTCOME = Attribute(
    "aegisops.diagnosis.outcome", "what kind of answer it is", tuple(DiagnosisOutcome)
)
DIAGNOSIS_TYPE = Attribute("aegisops.diagnosis.type", "the type it came to", tuple(IncidentType))
DIAGNOSIS_CONFIDENCE = Attribute("aegisops.diagnosis.confidence", "how sure it is, 0 to 1")
ANALYST = Attribute("aegisops.diagnosis.analyst", "who made it")
PROPOSALS = Attribute("aegisops.diagnosis.proposals", "the proposed actions, best first")
DIAGNOSIS_ATTEMPT = Attribute("aegisops.diagnosis.attempt", "how asking went", tuple(AttemptOutcome))
DIAGNOSIS_DETAIL = Attribute("aegisops.diagnosis.detail", "why there was no answer")
CHANNEL = Attribute("aegisops.notification.channel", "the channel, by its name in the file of channels")
NOTIFICATION_OUTCOME = Attribute(
    "aegisops.notification.outcome",
    "what became of it",
    ("delivered", "undeliverable", "outdated", "below"),
)
NOTIFICATION_ATTEMPT = Attribute("aegisops.notification.attempt", "the how many-th try")
ALERT_SOURCE = Attribute(
    "aegisops.alert.source",
    "the format it came in",
    ("simple", "alertmanager", "grafana", "pagerduty", "cloudevents"),
)
ALERT_DISPOSITION = Attribute(
    "aegisops.alert.disposition",
    "a new incident, news of one, nothing new, an end of what was never reported, or unusable",
    ("created", "updated", "known", "ignored", "refused"),
)
PLACE = Attribute("aegisops.place", "where in the responder")
ERROR = Attribute("error.type", "what kind of error it was")
ARGUMENT = Attribute("aegisops.look_up.argument", "a signal, or empty")
LINES = Attribute("aegisops.look_up.lines", "how many lines were answered")
OPERATION = Attribute("gen_ai.operation.name", "what the model is asked for", ("chat", "execute_tool"))
PROVIDER = Attribute("gen_ai.provider.name", "who runs the model, by the names of the conventions")
MODEL = Attribute("gen_ai.request.model", "the model that is asked")
RESPONSE_MODEL = Attribute("gen_ai.response.model", "the model that says it answered")
MAX_TOKENS = Attribute("gen_ai.request.max_tokens", "how many tokens the answer may have")
OUTPUT_TYPE = Attribute("gen_ai.output.type", "what the answer shall be", ("json",))
TOKEN_TYPE = Attribute("gen_ai.token.type", "of the prompt, or of the answer", ("input", "output"))
INPUT_TOKENS = Attribute("gen_ai.usage.input_tokens", "tokens of the prompt, where the provider counts")
OUTPUT_TOKENS = Attribute("gen_ai.usage.output_tokens", "tokens of the answer, where the provider counts")
SERVER_ADDRESS = Attribute("server.address", "the host that is asked")
SERVER_PORT = Attribute("server.port", "its port")
TOOL = Attribute("gen_ai.tool.name", "the question", ("series", "logs", "neighbours", "deploys"))
TOOL_TYPE = Attribute("gen_ai.tool.type", "what kind of tool it is", ("datastore",))

INCIDENTS = Metric(
    "aegisops.responder.incidents",
    Instrument.COUNTER,
    "{incident}",
    "incidents that ended",
    (FINAL_STATE, TYPE),
    from_zero=True,
)
INCIDENTS_STORED = Metric(
    "aegisops.responder.incidents.stored",
    Instrument.GAUGE,
    "{incident}",
    "incidents in the store now, also those that ended; responders that share a store tell the same",
    (STATE, TYPE),
)
SERVICE_INCIDENTS = Metric(
    "aegisops.responder.service.incidents",
    Instrument.GAUGE,
    "{incident}",
    "the same by service: of the 50 services with the most, the others together as `other`",
    (INCIDENT_SERVICE, STATE),
)
INCIDENT_DURATION = Metric(
    "aegisops.responder.incident.duration",
    Instrument.HISTOGRAM,
    "s",
    "from the receipt of an incident to its final state; exemplars lead to its trace",
    (FINAL_STATE, TYPE),
    SECONDS_TO_END,
)
TIME_TO_RESOLVE = Metric(
    "aegisops.responder.time_to_resolve",
    Instrument.HISTOGRAM,
    "s",
    "from the first anomaly of an incident until it is resolved; exemplars as above",
    (TYPE,),
    SECONDS_TO_END,
)
STATE_DURATION = Metric(
    "aegisops.responder.state.duration",
    Instrument.HISTOGRAM,
    "s",
    "time spent in a state; exemplars as above",
    (STATE,),
    (0.05, 0.1, 0.25, 0.5, *SECONDS_TO_END),
)
QUEUE_DEPTH = Metric(
    "aegisops.responder.queue.depth",
    Instrument.GAUGE,
    "{incident}",
    "incidents taken in whose workflow was not started yet",
)
ACTIONS = Metric(
    "aegisops.responder.actions",
    Instrument.COUNTER,
    "{action}",
    "actions that ended",
    (ACTION, ACTION_OUTCOME, ACTION_RISKY),
)
UNDONE = Metric(
    "aegisops.responder.undone",
    Instrument.COUNTER,
    "{action}",
    "actions taken back",
    (ACTION, ACTION_OUTCOME),
)
VERIFICATIONS = Metric(
    "aegisops.responder.verifications",
    Instrument.COUNTER,
    "{verification}",
    "actions that were verified",
    (ACTION, VERIFICATION),
    from_zero=True,
)
PREDICTION_CONFIDENCE = Metric(
    "aegisops.prediction.confidence",
    Instrument.HISTOGRAM,
    "1",
    "how sure the diagnosis was whose action was verified, by what the telemetry showed",
    (ACTION, VERIFICATION),
    TENTHS,
)
VOTES_CAST = Metric(
    "aegisops.responder.votes",
    Instrument.COUNTER,
    "{vote}",
    "votes cast",
    (MEMBER, APPROVE, VOTE_REASON),
)
DECISIONS = Metric(
    "aegisops.council.decisions",
    Instrument.COUNTER,
    "{decision}",
    "decisions of the council",
    (VERDICT, ACTION),
    from_zero=True,
)
NO_ANSWERS = Metric(
    "aegisops.council.no_answers",
    Instrument.COUNTER,
    "{vote}",
    "votes lost to a late or failing member",
    (COUNCIL_MEMBER,),
    from_zero=True,
)
VOTE_DURATION = Metric(
    "aegisops.council.vote.duration",
    Instrument.HISTOGRAM,
    "s",
    "how long a member took to vote, also where the council did not wait for it",
    (MEMBER,),
    SECONDS_OF_WORK,
)
RULINGS = Metric(
    "aegisops.responder.policy.rulings",
    Instrument.COUNTER,
    "{ruling}",
    "rulings of the policy",
    (POLICY_DECISION, POLICY_REASON),
)
CONFIDENCE = Metric(
    "aegisops.diagnosis.confidence",
    Instrument.HISTOGRAM,
    "1",
    "how sure diagnoses are",
    (TYPE, DIAGNOSIS_OUTCOME),
    TENTHS,
)
DIAGNOSIS_ATTEMPTS = Metric(
    "aegisops.diagnosis.attempts",
    Instrument.COUNTER,
    "{attempt}",
    "providers that were to diagnose",
    (PROVIDER, DIAGNOSIS_ATTEMPT),
)
COUNCIL_ATTEMPTS = Metric(
    "aegisops.council.attempts",
    Instrument.COUNTER,
    "{attempt}",
    "providers that were to vote",
    (PROVIDER, VOTE_ATTEMPT),
)
RUNBOOK_ENTRIES = Metric(
    "aegisops.runbook.entries", Instrument.GAUGE, "{entry}", "patterns in the runbook", (TYPE,)
)
RUNBOOK_LESSONS = Metric(
    "aegisops.runbook.lessons",
    Instrument.GAUGE,
    "{lesson}",
    "incidents that the runbook has learned from",
    (TYPE,),
)
MODEL_DURATION = Metric(
    "gen_ai.client.operation.duration",
    Instrument.HISTOGRAM,
    "s",
    "how long a call of a language model took",
    (OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT, ERROR),
    SECONDS_OF_A_MODEL,
)
MODEL_TOKENS = Metric(
    "gen_ai.client.token.usage",
    Instrument.HISTOGRAM,
    "{token}",
    "tokens of a call, where the provider counts them",
    (OPERATION, PROVIDER, MODEL, RESPONSE_MODEL, SERVER_ADDRESS, SERVER_PORT, TOKEN_TYPE),
    TOKENS,
)
MODEL_COST = Metric(
    "aegisops.llm.cost",
    Instrument.COUNTER,
    "{USD}",
    "what calls cost, in US dollars by the prices of the settings; 0 without them",
    (PROVIDER, MODEL),
)
ALERTS = Metric(
    "aegisops.alerts",
    Instrument.COUNTER,
    "{alert}",
    "alerts of other systems",
    (ALERT_SOURCE, ALERT_DISPOSITION),
    from_zero=True,
)
NOTIFICATIONS = Metric(
    "aegisops.notifications",
    Instrument.COUNTER,
    "{notification}",
    "notifications that are done with",
    (CHANNEL, NOTIFICATION_OUTCOME, STATE),
)
NOTIFICATIONS_FAILED = Metric(
    "aegisops.notifications.failures",
    Instrument.COUNTER,
    "{attempt}",
    "attempts to deliver a notification that failed (`timeout`, `unreachable`, `refused`, `failed`)",
    (CHANNEL, ERROR),
)
NOTIFICATIONS_PENDING = Metric(
    "aegisops.notifications.pending",
    Instrument.GAUGE,
    "{notification}",
    "notifications that wait to be delivered",
    (CHANNEL,),
)
STORE_SIZE = Metric(
    "aegisops.store.size",
    Instrument.GAUGE,
    "By",
    "what the database takes on its disk, with the state of workflows",
)
WRITE_WAIT = Metric(
    "aegisops.store.write.wait",
    Instrument.HISTOGRAM,
    "s",
    "how long a writing transaction waited for its turn and its lock",
    buckets=SECONDS_OF_WORK,
)
ERRORS = Metric(
    "aegisops.responder.errors",
    Instrument.COUNTER,
    "{error}",
    "errors that were caught, and outlived",
    (PLACE, ERROR),
)

_OF_INCIDENT = (INCIDENT, TYPE, INCIDENT_SERVICE, REVISION, INCIDENT_SERIES)
_OF_ACTION = (ACTION, ACTION_TARGET, ACTION_ATTEMPT)

DIAGNOSIS_EVENT = SpanEvent(
    "attempt",
    "one for each provider that was to diagnose, also those not asked",
    (PROVIDER, MODEL, DIAGNOSIS_ATTEMPT, DIAGNOSIS_DETAIL),
)
VOTE_EVENT = SpanEvent(
    "attempt",
    "one for each provider that was to vote, also those not asked",
    (PROVIDER, MODEL, VOTE_ATTEMPT, VOTE_DETAIL),
)
ANALYSE = SpanType(
    "analyse",
    "once a diagnosis",
    (*_OF_INCIDENT, DIAGNOSIS_OUTCOME, DIAGNOSIS_TYPE, DIAGNOSIS_CONFIDENCE, ANALYST, PROPOSALS),
    (DIAGNOSIS_EVENT,),
)
CHAT = SpanType(
    "chat",
    "once a call of a model; never what was sent or said",
    (
        OPERATION,
        PROVIDER,
        MODEL,
        MAX_TOKENS,
        OUTPUT_TYPE,
        SERVER_ADDRESS,
        SERVER_PORT,
        RESPONSE_MODEL,
        INPUT_TOKENS,
        OUTPUT_TOKENS,
        ERROR,
    ),
    variable="the model",
)
EXECUTE_TOOL = SpanType(
    "execute_tool",
    "once a question that a model asks before it decides",
    (OPERATION, TOOL, TOOL_TYPE, ARGUMENT, LINES),
    variable="the question",
)
COUNCIL = SpanType("council", "once a proposal", (*_OF_INCIDENT, *_OF_ACTION, VERDICT, VOTES))
VOTE = SpanType(
    "vote",
    "once a member and proposal",
    (MEMBER, APPROVE, VOTE_CONFIDENCE, VOTE_REASON, ANSWERED_BY, ACTION),
    (VOTE_EVENT,),
    variable="the member",
)
POLICY = SpanType(
    "policy",
    "after each approval of the council, and before each action",
    (*_OF_INCIDENT, *_OF_ACTION, POLICY_DECISION, POLICY_REASON),
)
EXECUTE = SpanType(
    "execute",
    "once a step of an action",
    (*_OF_INCIDENT, *_OF_ACTION, ACTION_STEP, ACTION_RISKY, ACTION_OUTCOME),
)
VERIFY = SpanType("verify", "once an action", (*_OF_INCIDENT, ACTION, VERIFICATION, VERIFICATION_SERIES))
UNDO = SpanType(
    "undo", "where an action did not help and can be taken back", (*_OF_INCIDENT, *_OF_ACTION, ACTION_OUTCOME)
)
NOTIFY = SpanType(
    "notify",
    "once an attempt to deliver a notification; never a URL, nor what was said",
    (*_OF_INCIDENT, STATE, CHANNEL, NOTIFICATION_ATTEMPT, ERROR),
)
LEARN = SpanType("learn", "once an incident, at its end", (*_OF_INCIDENT, STATE))

MOVED = LogEvent(
    "aegisops.incident.state",
    "an incident changed its state, in the incident's trace",
    (INCIDENT, TYPE, INCIDENT_SERVICE, STATE, BEFORE, ROOT_CAUSE),
)

REGISTRY = Registry.of(SCOPE, globals())
