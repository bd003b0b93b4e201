"""Deliberation: three members vote on each proposed action."""

from responder.deliberate.member import CouncilMember

__all__ = ["CouncilMember"]
