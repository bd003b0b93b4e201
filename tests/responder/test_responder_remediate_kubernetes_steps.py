"""Steps and connections for Kubernetes as the catalogue takes them, and clusters that cannot be used."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from kubernetes_steps import executor_with, kubernetes_step
from pydantic import ValidationError
from recording_server import recording_server

from responder.incident_record import ActionOutcome
from responder.remediate.executor import StepOutcome
from responder.remediate.kubernetes.executor import KIND
from responder.remediate.kubernetes.step import KubernetesConnection
from responder.remediate.kubernetes.workload import (
    Before,
    away_at_once,
    digest,
    read_prior,
    read_workload,
    write_prior,
)
from responder.remediate.step_error import StepRefusedError

TEXT = st.text(min_size=1, max_size=9)
RESTART = {"operation": "rollout_restart", "namespace": "shop", "deployment": "web", "timeout_s": 2}


def kubeconfig(directory: Path, server: str) -> str:
    path = directory / "kubeconfig"
    document = {
        "clusters": [{"name": "c", "cluster": {"server": server}}],
        "users": [{"name": "u", "user": {"token": "secret-token"}}],
        "contexts": [{"name": "admin", "context": {"cluster": "c", "user": "u"}}],
    }
    path.write_text(yaml.safe_dump(document))
    return str(path)


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"deployment": None}, "name exactly one of 'deployment', 'statefulset', 'daemonset'"),
        ({"statefulset": "db"}, "name exactly one of"),
        ({"namespace": "no/slash"}, "should match pattern"),
        ({"deployment": "../secrets/x"}, "should match pattern"),
        ({"max_unavailable": 0}, "greater than or equal to 1"),
        ({"operation": "scale_up"}, "max_replicas"),
        ({"replicas": 3}, "unknown field 'replicas'"),
    ],
)
def test_a_step_that_makes_no_sense_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says.replace("(", "\\(")):
        kubernetes_step(**(RESTART | fields))


@pytest.mark.parametrize(
    "fields",
    [{}, {"kubeconfig": "k"}, {"context": "c"}, {"kubeconfig": "k", "context": "c", "in_cluster": True}],
)
def test_a_connection_names_file_and_context_or_its_own_cluster(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="name a 'kubeconfig' and its 'context', or else"):
        KubernetesConnection(**fields)


@pytest.mark.parametrize(
    ("fields", "touched"),
    [
        ({"max_unavailable": 3}, 3),
        ({"operation": "rollback"}, 1),
        ({"operation": "scale_up", "max_replicas": 4}, 0),
        ({"operation": "scale_down", "by": 2}, 2),
    ],
)
def test_a_step_tells_how_many_pods_it_takes_away_at_once(fields: dict[str, Any], touched: int) -> None:
    assert kubernetes_step(**(RESTART | fields)).touches() == touched


@pytest.mark.parametrize(
    ("kind", "strategy", "replicas", "away"),
    [
        ("deployment", {"type": "Recreate"}, 5, 5),
        ("deployment", {"rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}, 3, 0),
        ("deployment", {"rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}, 9, 2),
        ("deployment", {"rollingUpdate": {"maxUnavailable": "10%", "maxSurge": 0}}, 5, 1),
        ("deployment", {"rollingUpdate": {"maxUnavailable": 3, "maxSurge": 0}}, 9, 3),
        ("statefulset", {"type": "RollingUpdate"}, 5, 1),
        ("daemonset", {"rollingUpdate": {"maxUnavailable": "30%"}}, 4, 2),
    ],
)
def test_what_a_rollout_takes_away_is_reckoned_as_kubernetes_does(
    kind: str, strategy: dict[str, Any], replicas: int, away: int
) -> None:
    assert away_at_once(workload(kind, strategy, replicas)) == away


@pytest.mark.parametrize(
    ("strategy", "says"),
    [({"type": "OnDelete"}, "OnDelete"), ({"rollingUpdate": {"partition": 2}}, "only from pod 2 on")],
)
def test_a_rollout_that_would_not_reach_every_pod_is_refused(strategy: dict[str, Any], says: str) -> None:
    with pytest.raises(StepRefusedError, match=says):
        away_at_once(workload("statefulset", strategy, 3))


def workload(kind: str, strategy: dict[str, Any], replicas: int) -> Any:
    step = kubernetes_step(operation="rollout_restart", namespace="shop", **{kind: "web"})
    name = "strategy" if kind == "deployment" else "updateStrategy"
    return read_workload(
        step.target,
        {
            "metadata": {"uid": "u", "resourceVersion": "1"},
            "spec": {"replicas": replicas, "template": {}, name: strategy},
            "status": {"desiredNumberScheduled": replicas},
        },
    )


@given(st.builds(Before, TEXT, st.integers(0, 999_999_999), TEXT, st.text(max_size=9)))
def test_what_was_seen_before_a_step_is_read_as_it_was_written(before: Before) -> None:
    assert read_prior(write_prior(before)) == before


@given(st.dictionaries(st.sampled_from(["uid", "replicas", "template", "target", ""]), st.text(max_size=9)))
def test_a_prior_state_of_whatever_kind_is_read_or_not_known(prior: dict[str, str]) -> None:
    assert isinstance(read_prior(prior), Before | None)


def test_a_release_is_the_same_whatever_its_hash_and_its_restarts() -> None:
    spec = {"containers": [{"image": "app:1"}]}
    plain = {"metadata": {"labels": {"app": "web"}}, "spec": spec}
    restarted = {
        "metadata": {
            "labels": {"app": "web", "pod-template-hash": "5f"},
            "annotations": {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"},
        },
        "spec": spec,
    }
    assert digest(plain, restarts=False) == digest(restarted, restarts=False)
    assert digest(plain) != digest(restarted)


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    executor = executor_with(kubeconfig(tmp_path, "https://127.0.0.1:1"))
    step = kubernetes_step(**RESTART)
    result = executor.perform(step, "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "the Kubernetes API at https://127.0.0.1:1 cannot be reached" in result.detail
    assert executor.already_done(step, executor.observe(step)) is StepOutcome.UNKNOWN


@pytest.mark.parametrize("way", ["silent", "drip"])
def test_a_server_that_does_not_answer_costs_no_more_than_the_steps_time(tmp_path: Path, way: str) -> None:
    with recording_server(**{way: True}) as server:
        result = executor_with(kubeconfig(tmp_path, server.url)).perform(kubernetes_step(**RESTART), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert f"the Kubernetes API at {server.url} gave no answer in time" in result.detail


def test_a_server_of_another_kind_is_told(tmp_path: Path) -> None:
    with recording_server() as server:
        result = executor_with(kubeconfig(tmp_path, server.url)).perform(kubernetes_step(**RESTART), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "what answers there is no Kubernetes API (200)" in result.detail


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "correct process_manager.kubernetes"),
        ("contexts: []", "correct process_manager.kubernetes"),
        ("token: [secret-token", "it is no YAML"),
        ("- secret-token", "correct process_manager.kubernetes"),
        (
            "contexts: [{name: admin, context: {user: u}}]\nusers: [{token: secret-token}]",
            "Invalid kube-config",
        ),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_told_and_not_shown(
    tmp_path: Path, content: str | None, says: str
) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_text(content)
    result = executor_with(str(path)).perform(kubernetes_step(**RESTART), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert says in result.detail
    assert "secret-token" not in result.detail


def test_in_cluster_credentials_are_those_of_a_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    executor = KIND.build(KubernetesConnection(in_cluster=True), {})
    result = executor.perform(kubernetes_step(**RESTART), "key")
    assert result.outcome is ActionOutcome.FAILED
    assert "in_cluster is for a responder that runs in a pod with a service account" in result.detail
