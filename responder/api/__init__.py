"""API: REST, webhook and live events."""

from responder.api.app import build_app
from responder.api.parts import ApiParts
from responder.api.server import AddressError, ApiServer

__all__ = ["AddressError", "ApiParts", "ApiServer", "build_app"]
