"""The contract of a council member."""

from typing import Protocol

from responder.incident_record import Case, Diagnosis, MemberRole, ProposedAction, Vote


class CouncilMember(Protocol):
    """Answers one question about a proposal. Called from a worker thread; a member that raises or is
    late counts as a no (`VoteReason.NO_ANSWER`)."""

    role: MemberRole

    def vote(self, case: Case, diagnosis: Diagnosis, proposal: ProposedAction) -> Vote:
        """This member's vote on `proposal`."""
        ...
