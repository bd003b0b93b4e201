"""API: REST, webhook and live events."""

from responder.api.app import build_app
from responder.api.parts import ApiParts

__all__ = ["ApiParts", "build_app"]
