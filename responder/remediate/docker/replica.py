"""The configuration of one more replica, made from a container that is there."""

import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from responder.remediate.docker.engine import Container
from responder.remediate.docker.seen import NUMBER, PROJECT, REPLICA, SERVICE
from responder.remediate.step_error import StepRefusedError

_SHORT_ID = 12


@dataclass(frozen=True, slots=True)
class Replica:
    """`config`: the body of `POST /containers/create`; `networks`: those to join besides, with aliases."""

    name: str
    config: Mapping[str, Any]
    networks: Mapping[str, list[str]]


def replica_of(template: Container, number: int, key: str) -> Replica:
    """The same image, environment, command, limits, volumes and networks, under a name and number of its own.

    Raises `StepRefusedError` where only one container can have what the template has.
    """
    _require_no_fixed_port(template)
    details = template.details
    config = deepcopy(dict(details["Config"]))
    config.pop("MacAddress", None)
    if config.get("Hostname") == template.id[:_SHORT_ID]:
        del config["Hostname"]
    config["Image"] = details["Image"]  # by its id: the name may mean a newer one by now
    config["Labels"] = {**template.labels, NUMBER: str(number), REPLICA: key}
    host = deepcopy(dict(details["HostConfig"]))
    host.pop("ContainerIDFile", None)
    for paths in ("MaskedPaths", "ReadonlyPaths"):
        if host.get(paths):  # the engine's own, which it sets anew; an empty list switched them off
            del host[paths]
    config["HostConfig"] = host
    networks = _networks(template)
    first = next(iter(networks), None)
    if first is not None:
        config["NetworkingConfig"] = {"EndpointsConfig": {first: {"Aliases": networks.pop(first)}}}
    return Replica(_name(template, number), config, networks)


def _require_no_fixed_port(template: Container) -> None:
    bindings = template.details["HostConfig"].get("PortBindings") or {}
    fixed = sorted(
        f"{one['HostPort']}:{port}"
        for port, published in bindings.items()
        for one in published or ()
        if (one.get("HostPort") or "0") != "0" and "-" not in one["HostPort"]
    )
    if fixed:
        raise StepRefusedError(
            f"{template.name} publishes {', '.join(fixed)}, and only one container can have that port of the "
            "host; publish no host port or a range, and put a load balancer before the replicas"
        )


def _networks(template: Container) -> dict[str, list[str]]:
    """Aliases by network, that of the network mode first. Addresses are the engine's to give anew."""
    mode = str(template.details["HostConfig"].get("NetworkMode", ""))
    if mode in ("default", "bridge", "host", "none") or mode.startswith("container:"):
        return {}
    joined = template.details["NetworkSettings"].get("Networks") or {}
    own = {template.id[:_SHORT_ID], template.name}
    aliases = {
        name: sorted(set(endpoint.get("Aliases") or ()) - own | {template.labels.get(SERVICE, template.name)})
        for name, endpoint in joined.items()
    }
    return dict(sorted(aliases.items(), key=lambda item: item[0] != mode))


def _name(template: Container, number: int) -> str:
    """As Compose numbers them; where the name bears no number, from project and service."""
    numbered = re.fullmatch(r"(.*[-_])\d+", template.name)
    labels = template.labels
    return f"{numbered[1] if numbered else f'{labels[PROJECT]}-{labels[SERVICE]}-'}{number}"
