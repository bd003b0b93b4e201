"""The policy under the council: what no vote can overrule."""

from responder.policy.declared import Mode, PolicyDocument, ServicePolicy
from responder.policy.file import PolicyError, PolicyFile, parse_policy
from responder.policy.history import History, PastAction
from responder.policy.policy import Policy
from responder.policy.reach import CatalogueReach, Reach
from responder.policy.ruling import PolicyDecision, PolicyReason, PolicyRuling

__all__ = [
    "CatalogueReach",
    "History",
    "Mode",
    "PastAction",
    "Policy",
    "PolicyDecision",
    "PolicyDocument",
    "PolicyError",
    "PolicyFile",
    "PolicyReason",
    "PolicyRuling",
    "Reach",
    "ServicePolicy",
    "parse_policy",
]
