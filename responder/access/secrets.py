"""The secrets that webhooks are signed with, by source; several at once while one is changed for another."""

import json
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, SecretStr, TypeAdapter, ValidationError

SOURCES = ("simple", "alertmanager", "grafana", "pagerduty", "cloudevents")
MAX_SECRETS = 5

_Secret = Annotated[SecretStr, Field(min_length=16, max_length=1_000)]
_SECRETS = TypeAdapter(dict[str, Annotated[tuple[_Secret, ...], Field(min_length=1, max_length=MAX_SECRETS)]])

WebhookSecrets = Mapping[str, tuple[SecretStr, ...]]


def parse_secrets(text: str) -> WebhookSecrets:
    """Secrets from JSON, `{"source": ["secret", "older secret"]}`. Raises ValueError that repeats none."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise ValueError("it is not JSON") from error
    if not isinstance(document, dict):
        raise ValueError('it is not of the form {"source": ["secret"]}')
    unknown = sorted(set(document) - set(SOURCES))
    if unknown:
        raise ValueError(f"{unknown[0][:40]!r} is no source; there are {', '.join(SOURCES)}")
    try:
        return _SECRETS.validate_python(document)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{first['loc'][0]}: {first['msg']}") from error
