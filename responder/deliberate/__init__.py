"""Deliberation: three members vote on each proposed action."""

from responder.deliberate.auditor import Auditor
from responder.deliberate.council import Council, tally
from responder.deliberate.limits import CouncilLimits
from responder.deliberate.member import CouncilMember
from responder.deliberate.security_officer import SecurityOfficer
from responder.deliberate.sre_lead import SreLead

__all__ = ["Auditor", "Council", "CouncilLimits", "CouncilMember", "SecurityOfficer", "SreLead", "tally"]
