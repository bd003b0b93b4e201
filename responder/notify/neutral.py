"""Text of others, made fit to stand in a message: no secrets, no markup, nobody called, nothing to click."""

import re

from responder.redaction import redact, sanitised

_HOST = re.compile(r"\b(?:[\w-]+\.)+[A-Za-z]{2,24}(?=[/?#]|:\d)|\bwww\.[\w.-]+", re.IGNORECASE)


def neutral(text: str, limit: int) -> str:
    """`text` on one line of at most about `limit` characters.

    Receivers turn some characters into more than text: `@` and `<!` call people, addresses become links. The
    spellings are those in which addresses of attackers are written down: `http(:)//evil(.)example/x`.
    """
    text = sanitised(redact(text, limit), limit)
    text = text.replace("://", "(:)//")
    text = _HOST.sub(lambda match: match[0].replace(".", "(.)"), text)
    return text.replace("@", "(at)")
