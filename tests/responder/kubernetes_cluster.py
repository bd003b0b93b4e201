"""A real Kubernetes API server with its controllers for tests, and nodes that are only simulated.

`AEGISOPS_TEST_KUBECONFIG` says where it is (`.ci/kubernetes.sh` builds and starts one). Without it tests are
skipped, but under CI they fail. No container runs: what a kubelet would report of a pod, `Kubelet` does.
"""

import json
import os
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, config

KUBECONFIG_VARIABLE = "AEGISOPS_TEST_KUBECONFIG"
ROLE_FILE = Path(__file__).parents[2] / "docs" / "kubernetes-role.yaml"
BROKEN = "broken:1"
"""The image whose containers never become ready."""

_APPS = "/apis/apps/v1/namespaces"
_RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
_CORE = "/api/v1/namespaces"


class Api:
    """Requests to the API server as its administrator."""

    def __init__(self, kubeconfig: str) -> None:
        configuration = client.Configuration()
        config.load_kube_config(kubeconfig, "admin", configuration)
        self._client = client.ApiClient(configuration)

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Content-Type": "application/merge-patch+json"} if method == "PATCH" else {}
        request = self._client.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        method, url, headers, body, _ = request
        answer = self._client.call_api(method, url, headers, body, _request_timeout=30)
        text = answer.read()
        assert answer.status < 300, f"{method} {path}: {answer.status} {text!r}"
        return json.loads(text)

    def close(self) -> None:
        self._client.close()


class Kubelet:
    """Reports every pod of a namespace as running, and as ready unless its image is `BROKEN`.

    While `working` is not set it reports nothing.
    """

    def __init__(self, kubeconfig: str, namespace: str) -> None:
        self._api = Api(kubeconfig)
        self._path = f"{_CORE}/{namespace}/pods"
        self.working = threading.Event()
        self.working.set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            for pod in self._api("GET", self._path)["items"]:
                if pod["status"].get("phase") == "Pending" and self.working.is_set():
                    self._report(pod)

    def _report(self, pod: Any) -> None:
        (container,) = pod["spec"]["containers"]
        ready = str(container["image"] != BROKEN)
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        condition = {"type": "Ready", "status": ready, "lastTransitionTime": since}
        status = {"phase": "Running", "conditions": [condition]}
        try:
            self._api("PATCH", f"{self._path}/{pod['metadata']['name']}/status", {"status": status})
        except AssertionError as error:
            if " 404 " not in str(error):  # deleted since
                raise

    def stop(self) -> None:
        self._over.set()
        self._thread.join()
        self._api.close()


class Namespace:
    """One namespace of its own: other tests do not see it."""

    def __init__(self, kubeconfig: str, name: str) -> None:
        self.kubeconfig = kubeconfig
        self.name = name
        self.api = Api(kubeconfig)
        self.api("POST", _CORE, {"metadata": {"name": name}})
        self.kubelet = Kubelet(kubeconfig, name)

    def deploy(self, name: str = "web", kind: str = "Deployment", image: str = "app:1", **spec: Any) -> None:
        """A workload of two pods, whose rollouts take none of them away; returns once it is up."""
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": image}]},
        }
        replicas = {} if kind == "DaemonSet" else {"replicas": 2}
        body = {
            "metadata": {"name": name},
            "spec": {"selector": {"matchLabels": labels}, "template": template},
        }
        body["spec"] |= replicas | spec
        self.api("POST", f"{_APPS}/{self.name}/{kind.lower()}s", body)
        if image != BROKEN:
            self.wait_until(lambda: self.settled(name, kind))

    def node(self) -> None:
        """The cluster's only node, for workloads that have a pod on each."""
        with suppress(AssertionError):  # another test made it
            self.api("POST", "/api/v1/nodes", {"metadata": {"name": "node"}})
        self.api("PATCH", "/api/v1/nodes/node", {"spec": {"taints": None}})  # it never reports to be ready

    def settled(self, name: str = "web", kind: str = "Deployment") -> bool:
        """Whether as many pods as are wanted are there, all of them available and of the newest template."""
        workload = self.get(name, kind)
        status, wanted = workload["status"], workload["spec"].get("replicas")
        if status.get("observedGeneration") != workload["metadata"]["generation"]:
            return False
        counts = {status.get(n, 0) for n in ("replicas", "updatedReplicas", "availableReplicas")}
        return counts == {wanted} if wanted is not None else status.get("numberAvailable") == 1

    def release(self, image: str, name: str = "web", settle: bool = True, **metadata: Any) -> None:
        """What a deployment of another version does."""
        containers = [{"name": "app", "image": image}]
        template = {"metadata": metadata, "spec": {"containers": containers}}
        self.patch({"spec": {"template": template}}, name)
        if settle:
            self.wait_until(lambda: self.settled(name))

    def patch(self, patch: Mapping[str, Any], name: str = "web") -> None:
        self.api("PATCH", f"{_APPS}/{self.name}/deployments/{name}", patch)

    def get(self, name: str = "web", kind: str = "Deployment") -> Any:
        return self.api("GET", f"{_APPS}/{self.name}/{kind.lower()}s/{name}")

    def delete(self, name: str = "web") -> None:
        self.api("DELETE", f"{_APPS}/{self.name}/deployments/{name}?propagationPolicy=Background")

    def version(self, name: str = "web", kind: str = "Deployment") -> str:
        """Another one after any change whatever."""
        return str(self.get(name, kind)["metadata"]["resourceVersion"])

    def image(self, name: str = "web") -> str:
        (container,) = self.get(name)["spec"]["template"]["spec"]["containers"]
        return str(container["image"])

    def replicas(self, name: str = "web", kind: str = "Deployment") -> int:
        return int(self.get(name, kind)["spec"]["replicas"])

    def pods(self, name: str = "web") -> set[str]:
        """The uids of its pods."""
        listed = self.api("GET", f"{_CORE}/{self.name}/pods?labelSelector=app%3D{name}")["items"]
        return {pod["metadata"]["uid"] for pod in listed}

    def replica_sets(self, annotation: str = "", name: str = "web") -> dict[str, str]:
        """By name what an annotation says of each."""
        listed = self.api("GET", f"{_APPS}/{self.name}/replicasets?labelSelector=app%3D{name}")["items"]
        return {r["metadata"]["name"]: r["metadata"]["annotations"].get(annotation, "") for r in listed}

    def autoscale(self, name: str = "web") -> None:
        target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
        spec = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 9}
        path = f"/apis/autoscaling/v2/namespaces/{self.name}/horizontalpodautoscalers"
        self.api("POST", path, {"metadata": {"name": f"{name}-scaler"}, "spec": spec})

    def account(self, directory: Path, leave_out: Sequence[str] = ()) -> str:
        """A kubeconfig with the rights of docs/kubernetes-role.yaml but for `leave_out`, such as
        "patch deployments"."""
        for document in yaml.safe_load_all(ROLE_FILE.read_text(encoding="utf-8")):
            document["metadata"]["namespace"] = self.name
            for subject in document.get("subjects", ()):
                subject["namespace"] = self.name
            if "rules" in document:
                document["rules"] = [
                    {"apiGroups": rule["apiGroups"], "resources": [resource], "verbs": [verb]}
                    for rule in document["rules"]
                    for resource in rule["resources"]
                    for verb in rule["verbs"]
                    if f"{verb} {resource}" not in leave_out
                ]
            group = _CORE if document["kind"] == "ServiceAccount" else _RBAC
            self.api("POST", f"{group}/{self.name}/{document['kind'].lower()}s", document)
        path = f"{_CORE}/{self.name}/serviceaccounts/aegisops-responder/token"
        return self.kubeconfig_with(directory, self.api("POST", path, {"spec": {}})["status"]["token"])

    def kubeconfig_with(self, directory: Path, token: str, **cluster: Any) -> str:
        """The test's kubeconfig, with another token and other fields of the cluster."""
        source = Path(self.kubeconfig)
        document = yaml.safe_load(source.read_text(encoding="utf-8"))
        document["users"][0]["user"] = {"token": token}
        entry = document["clusters"][0]["cluster"]
        entry["certificate-authority"] = str(source.parent / entry["certificate-authority"])
        entry |= cluster
        path = directory / f"kubeconfig-{uuid.uuid4().hex[:8]}"
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return str(path)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; {self.situation()}"
            time.sleep(0.05)

    def situation(self) -> str:
        listed = self.api("GET", f"{_APPS}/{self.name}/deployments")["items"]
        return str([one["status"] for one in listed])

    def remove(self) -> None:
        self.kubelet.stop()
        self.api("DELETE", f"{_CORE}/{self.name}")
        self.api.close()


@contextmanager
def namespace() -> Iterator[Namespace]:
    """An empty namespace with a kubelet; it and all in it is removed in the end."""
    made = Namespace(kubeconfig_path(), f"t{uuid.uuid4().hex[:12]}")
    try:
        yield made
    finally:
        made.remove()


def kubeconfig_path() -> str:
    """Where the cluster is; skips the test where there is none, and fails it under CI."""
    path = os.environ.get(KUBECONFIG_VARIABLE)
    if path:
        return path
    why = (
        f"{KUBECONFIG_VARIABLE} names no cluster for tests; start one with: .ci/kubernetes.sh start DIRECTORY"
    )
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
