"""The audit trail: what was decided and done, by whom and why, in a chain that shows tampering."""

from responder.audit.check import Checked, check
from responder.audit.record import GENESIS, AuditKind, AuditRecord
from responder.audit.trail import AuditTrail, append_record

__all__ = [
    "GENESIS",
    "AuditKind",
    "AuditRecord",
    "AuditTrail",
    "Checked",
    "append_record",
    "check",
]
