"""Approval by humans: what waits for one, what was answered by whom, and signed links to answer by."""

from responder.approval.approvals import Answer, Approval, Approvals, Human, NotWaitingError
from responder.approval.links import ApprovalLinks, LinkError, LinkTarget

__all__ = [
    "Answer",
    "Approval",
    "ApprovalLinks",
    "Approvals",
    "Human",
    "LinkError",
    "LinkTarget",
    "NotWaitingError",
]
