"""The Kubernetes client: credentials, TLS and HTTP, and nothing of what is asked.

Only `KIND` of `executor.py` imports this file, and only for a catalogue that uses it: who does not is spared
0.2 s and 15 MiB. Answers are kept as the API's own JSON: the client's models would drop the fields they do
not know, and a rollback puts a whole pod template back.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

import urllib3
import yaml
from kubernetes import client, config

from responder.remediate.kubernetes.api import NoAnswerError, Transport
from responder.remediate.kubernetes.step import KubernetesConnection

_PATCH_TYPES: dict[type, str] = {list: "application/json-patch+json", dict: "application/merge-patch+json"}
_UNSENT = (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError, client.ApiException)
_MAX_BYTES = 16 * 1024 * 1024
_UNTRUSTED = "CERTIFICATE_VERIFY_FAILED"


class KubernetesCluster:
    """One cluster. Credentials are read anew for each session: they are renewed under a running process."""

    def __init__(self, connection: KubernetesConnection) -> None:
        self._connection = connection

    @contextmanager
    def session(self) -> Iterator[Transport]:
        """Connections for one step. Raises `NoAnswerError` where there are no credentials to use."""
        api = client.ApiClient(self._configuration())
        try:
            yield _Transport(api)
        finally:
            api.close()

    def _configuration(self) -> Any:
        configuration = client.Configuration()
        configuration.retries = False  # what may be repeated is for the executor to know
        where = self._connection
        try:
            if where.in_cluster:
                config.load_incluster_config(configuration)
            else:
                config.load_kube_config(where.kubeconfig, where.context, configuration, persist_config=False)
        except (config.ConfigException, yaml.YAMLError, OSError, ValueError, TypeError, KeyError) as error:
            advice = (
                "in_cluster is for a responder that runs in a pod with a service account"
                if where.in_cluster
                else "correct process_manager.kubernetes: kubeconfig and context"
            )
            # Both quote what they stumbled over, and that may be a token: the one the line, the other what is
            # "in" the mapping.
            why = "it is no YAML" if isinstance(error, yaml.YAMLError) else str(error).partition(" in ")[0]
            raise NoAnswerError(f"no credentials for the Kubernetes cluster: {why}; {advice}") from error
        return configuration


class _Transport:
    """Implements `Transport`."""

    def __init__(self, api: Any) -> None:
        self._api = api

    def __call__(
        self, method: str, path: str, query: Mapping[str, str], patch: Any, timeout_s: float
    ) -> tuple[int, bytes]:
        headers = {"Accept": "application/json"}
        if patch is not None:
            headers["Content-Type"] = _PATCH_TYPES[type(patch)]
        host = self._api.configuration.host
        try:
            request = self._api.param_serialize(
                method, path, header_params=headers, body=patch, auth_settings=["BearerToken"]
            )
            method, url, headers, body, _ = request
            url = f"{url}?{urlencode(query)}" if query else url
            deadline = time.monotonic() + timeout_s
            answer = self._api.call_api(method, url, headers, body, _request_timeout=timeout_s)
            return answer.status, _body(answer.response, deadline)
        except (urllib3.exceptions.HTTPError, client.ApiException, OSError) as error:
            raise NoAnswerError(_why(host, error), sent=not isinstance(error, _UNSENT)) from error


def _body(response: Any, deadline: float) -> bytes:
    """The client's own time limit is for each piece that comes, not for the whole."""
    body = b""
    while piece := response.read1(_MAX_BYTES):
        body += piece
        if len(body) > _MAX_BYTES or time.monotonic() > deadline:
            response.close()
            raise urllib3.exceptions.TimeoutError("an answer without end")
    return body


def _why(host: str, error: Exception) -> str:
    if _UNTRUSTED in str(error):
        return (
            f"the certificate of {host} is not to be trusted: check the server and certificate-authority of "
            "the context in the kubeconfig"
        )
    refused = isinstance(error, urllib3.exceptions.NewConnectionError)
    if isinstance(error, urllib3.exceptions.TimeoutError) and not refused:
        return f"the Kubernetes API at {host} gave no answer in time"
    return f"the Kubernetes API at {host} cannot be reached: {error}; check its address, and that it is up"
