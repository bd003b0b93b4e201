"""Whom a span calls, by the attributes of the semantic conventions, current and former."""

from collections.abc import Mapping
from urllib.parse import urlsplit

_ADDRESSES = (("server.address", "server.port"), ("net.peer.name", "net.peer.port"))


def peer_of(attributes: Mapping[str, str], client: bool) -> str:
    """The other side of a span; "" when it does not say.

    Of calls to a database its system and namespace ("postgresql/orders"), of other client spans (`client`)
    the server's address and port, of producers and consumers the destination (temporary ones have none).
    """
    system = attributes.get("db.system.name") or attributes.get("db.system")
    if client and system:
        namespace = attributes.get("db.namespace") or attributes.get("db.name")
        return f"{system}/{namespace}" if namespace else system
    if not client:
        if attributes.get("messaging.destination.temporary") == "true":
            return ""
        return attributes.get("messaging.destination.name", "")
    for address, port in _ADDRESSES:
        if attributes.get(address):
            return ":".join(part for part in (attributes[address], attributes.get(port)) if part)
    service = attributes.get("service.peer.name") or attributes.get("peer.service")
    return service or _host(attributes.get("url.full") or attributes.get("http.url") or "")


def _host(url: str) -> str:
    """Host and port of a URL, without the user."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""
