"""Tokens of each role, and webhook secrets, for an API that is closed."""

import base64
import hashlib
import hmac

from pydantic import SecretStr

from responder.access import Access, Caller, Rates, Role, Tokens, parse_rate

TOKENS = {role.value: f"aegis_token-of-{role.value}" for role in Role}
SECRET = "a-secret-of-the-sender"
OLD_SECRET = "the-secret-before-this"


def sample_access(rate: str = "1000000/minute", *, tokens: bool = True, secrets: bool = True) -> Access:
    callers = [
        (hashlib.sha256(token.encode()).digest(), Caller(f"{role}-1", Role(role)))
        for role, token in TOKENS.items()
    ]
    keys = (SecretStr(SECRET), SecretStr(OLD_SECRET))
    return Access(
        tokens=Tokens(callers) if tokens else None,
        secrets={"simple": keys, "grafana": keys, "pagerduty": keys, "cloudevents": keys} if secrets else {},
        rates=Rates(parse_rate(rate)),
    )


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def signed(body: bytes, at: float, call: str = "msg_1", secret: str = SECRET) -> dict[str, str]:
    """Headers as Standard Webhooks has them."""
    content = f"{call}.{int(at)}.".encode() + body
    signature = base64.b64encode(hmac.new(secret.encode(), content, hashlib.sha256).digest()).decode()
    return {
        "content-type": "application/json",
        "webhook-id": call,
        "webhook-timestamp": str(int(at)),
        "webhook-signature": f"v1,{signature}",
    }


def hex_signature(content: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), content, hashlib.sha256).hexdigest()
