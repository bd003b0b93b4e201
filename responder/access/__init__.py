"""Access: who may call what, and how a call proves whom it comes from."""

from responder.access.access import Access
from responder.access.rates import Rates, parse_rate
from responder.access.secrets import SOURCES, WebhookSecrets, parse_secrets
from responder.access.signatures import SIGNATURE_WINDOW_S, SignatureError, signed_call
from responder.access.tokens import Caller, Role, Tokens, TokensError, new_token, token_line

__all__ = [
    "SIGNATURE_WINDOW_S",
    "SOURCES",
    "Access",
    "Caller",
    "Rates",
    "Role",
    "SignatureError",
    "Tokens",
    "TokensError",
    "WebhookSecrets",
    "new_token",
    "parse_rate",
    "parse_secrets",
    "signed_call",
    "token_line",
]
