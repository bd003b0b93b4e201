"""All that decides who may call what, as set at start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import SecretStr

from responder.access.rates import Rates, parse_rate
from responder.access.tokens import Tokens

DEFAULT_RATE = "20000/minute"


@dataclass(frozen=True, slots=True)
class Access:
    """`tokens`: None where everybody who reaches the API may use it. `secrets`: by source, what its webhooks
    are signed with."""

    tokens: Tokens | None = None
    secrets: Mapping[str, tuple[SecretStr, ...]] = field(default_factory=dict)
    rates: Rates = field(default_factory=lambda: Rates(parse_rate(DEFAULT_RATE)))

    @property
    def closed_webhooks(self) -> bool:
        """Webhooks must prove whom they come from: as soon as any token or secret is set."""
        return self.tokens is not None or bool(self.secrets)
