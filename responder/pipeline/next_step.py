"""What a step of the pipeline answers."""

from enum import StrEnum


class Next(StrEnum):
    """How it goes on after a step: to the next step, to the next proposal, or to an end."""

    PROCEED = "proceed"
    DECLINED = "declined"
    AWAIT = "await"
    REFUSED = "refused"
    RECOVERED = "recovered"
    OVER = "over"
    NOTHING_WRONG = "nothing_wrong"
    NOT_ENOUGH_EVIDENCE = "not_enough_evidence"
    NOTHING_ALLOWED = "nothing_allowed"
    NOT_APPROVED = "not_approved"
    NOT_HELPED = "not_helped"
