"""The Kubernetes API, as far as remedies need it: these calls and no others.

    get, patch   apps/v1      deployments, statefulsets, daemonsets
    patch        apps/v1      deployments/scale, statefulsets/scale      scale_up, scale_down
    list         apps/v1      replicasets                                rollback
    list         autoscaling/v2  horizontalpodautoscalers                scale_up, scale_down

Reference: https://kubernetes.io/docs/reference/kubernetes-api/
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from responder.remediate.kubernetes.step import Target
from responder.remediate.step_error import StepError
from responder.remediate.time_limit import TimeLimit

Json = Mapping[str, Any]

_NONE: Mapping[str, str] = {}
_APPS = "apps/v1"
_AUTOSCALING = "autoscaling/v2"
_MANAGER = "aegisops"
_CALL_TIMEOUT_S = 10.0
_SHORTEST_S = 1.0
_SAID_LIMIT = 300
# Answers after which the server may have made a change nevertheless.
_DOUBTFUL = frozenset({500, 502, 504})
_PASSING = _DOUBTFUL | {429, 503}


class NoAnswerError(StepError):
    """The API server gave no answer; the message says why. `sent`: the request went out."""

    def __init__(self, message: str, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class ApiError(StepError):
    """The API server did not do it; the message says what to do. In doubt where it was asked to change
    something and may have.

    `status`: of its answer, None without one.
    """

    def __init__(self, message: str, status: int | None = None, in_doubt: bool = False) -> None:
        super().__init__(message, in_doubt)
        self.status = status

    @property
    def conflict(self) -> bool:
        """The workload was changed since it was looked at; nothing was done."""
        return self.status == HTTPStatus.CONFLICT

    @property
    def passing(self) -> bool:
        """Asking again may help."""
        return self.status is None or self.status in _PASSING


class Transport(Protocol):
    """Sends one request to the API server."""

    def __call__(
        self, method: str, path: str, query: Mapping[str, str], patch: Any, timeout_s: float
    ) -> tuple[int, bytes]:
        """Status and body of the answer. `patch`: a list is a JSON patch (RFC 6902), a dict a merge patch
        (RFC 7396), None is no body. Raises `NoAnswerError`."""
        ...


@dataclass(frozen=True, slots=True)
class _Resource:
    """Where it is. `plural`: of its kind; `name` "": all of them; `subresource`: with the slash before it."""

    group: str
    namespace: str
    plural: str
    name: str = ""
    subresource: str = ""

    @property
    def path(self) -> str:
        named = f"/{self.name}{self.subresource}" if self.name else ""
        return f"/apis/{self.group}/namespaces/{self.namespace}/{self.plural}{named}"


class KubernetesApi:
    """The calls of one step, none of them longer than its `limit`. Every one raises `ApiError`."""

    def __init__(self, transport: Transport, limit: TimeLimit) -> None:
        self._transport = transport
        self._limit = limit

    def workload(self, target: Target) -> Json:
        """What the cluster says of it."""
        return self._call("get", _workload(target))

    def patch(self, target: Target, patch: Any, subresource: str = "", dry_run: bool = False) -> None:
        """Change it, or its `subresource` such as "/scale"; `dry_run`: all the server does with a change,
        other than to keep it."""
        query = {"fieldManager": _MANAGER} | ({"dryRun": "All"} if dry_run else {})
        self._call("patch", _workload(target, subresource), query, patch)

    def replica_sets(self, namespace: str, selector: str) -> Sequence[Json]:
        """Those whose labels `selector` takes."""
        return self._list(_Resource(_APPS, namespace, "replicasets"), {"labelSelector": selector})

    def autoscalers(self, namespace: str) -> Sequence[Json]:
        """The HorizontalPodAutoscalers of a namespace."""
        return self._list(_Resource(_AUTOSCALING, namespace, "horizontalpodautoscalers"), {})

    def _list(self, resource: _Resource, query: Mapping[str, str]) -> Sequence[Json]:
        return list(self._call("list", resource, query).get("items") or ())

    def _call(
        self, verb: str, resource: _Resource, query: Mapping[str, str] = _NONE, patch: Any = None
    ) -> Json:
        what = f"{verb} {resource.plural}{resource.subresource} in namespace {resource.namespace}"
        timeout_s = min(_CALL_TIMEOUT_S, max(_SHORTEST_S, self._limit.left_s))
        try:
            method = "GET" if patch is None else "PATCH"
            status, body = self._transport(method, resource.path, query, patch, timeout_s)
        except NoAnswerError as error:
            raise ApiError(f"{what}: {error}", in_doubt=error.sent and patch is not None) from error
        answer = _read(body)
        if status == HTTPStatus.OK and answer is not None:
            return answer
        if answer is None and status < HTTPStatus.BAD_REQUEST:
            raise ApiError(f"{what}: what answers there is no Kubernetes API ({status})", status)
        said = str((answer or {}).get("message") or _phrase(status))[:_SAID_LIMIT]
        in_doubt = patch is not None and status in _DOUBTFUL
        raise ApiError(_refusal(status, what, resource, said), status, in_doubt)


def _workload(target: Target, subresource: str = "") -> _Resource:
    return _Resource(_APPS, target.namespace, f"{target.kind}s", target.name, subresource)


def _read(body: bytes) -> Json | None:
    try:
        answer = json.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "no status of HTTP"


def _refusal(status: int, what: str, resource: _Resource, said: str) -> str:
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return f"{what}: the API server does not know the responder's credentials (401); renew them"
        case HTTPStatus.FORBIDDEN:
            return (
                f"{what}: the responder may not (403: {said}); grant it that verb on that resource, as "
                "docs/kubernetes-role.yaml does"
            )
        case HTTPStatus.NOT_FOUND:
            namespace, plural = resource.namespace, resource.plural
            return (
                f"there is no {plural.removesuffix('s')} {resource.name} in namespace {namespace}; look "
                f"with: kubectl -n {namespace} get {plural}"
            )
        case HTTPStatus.CONFLICT:
            return f"{what}: others changed it at the same time, {said}"
        case _:
            return f"{what}: the API server answered {status}: {said}"
