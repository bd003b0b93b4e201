"""What the socket proxy passes to a real engine, and what it does not."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from docker_containers import IMAGE, MIB, Project, compose_project
from docker_steps import of_project
from socket_proxy import CONFIGURATION, LABEL, SocketProxy, socket_proxy

from responder.incident_record import ActionOutcome
from responder.remediate.docker.engine import Container, DockerEngine
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.docker.replica import replica_of
from responder.remediate.executor import StepOutcome

ROOT = Path(__file__).parents[2]
CALL = re.compile(r"(GET|POST|DELETE) (/[a-z/{}]+)")
V = "/v1.41"

Body = dict[str, Any]


@pytest.fixture
def project() -> Iterator[Project]:
    with compose_project({LABEL: "true"}) as made:
        yield made


@pytest.fixture
def proxy(project: Project) -> Iterator[SocketProxy]:
    with socket_proxy(project.url, f"{project.name}_state") as running:
        yield running


def as_shipped(project: Project) -> dict[str, Any]:
    """What docker-compose.yml makes of a service with a limit, a volume and nothing it does not need."""
    project.api.create_volume(f"{project.name}_state", labels={"com.docker.compose.project": project.name})
    return {
        "Memory": 24 * MIB,
        "MemorySwap": 24 * MIB,
        "Binds": [f"{project.name}_state:/state:rw"],
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges:true"],
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": ""},
        "RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0},
    }


def stranger(project: Project) -> str:
    """A container of the same project without the label."""
    labels = {"com.docker.compose.project": project.name, "com.docker.compose.service": "web"}
    return project.make("database", 1, {"Cmd": ["sleep", "60"], "Labels": labels})


def replica_body(proxy: SocketProxy, name: str) -> Body:
    """What the executor would send to make one more of `name`."""
    with DockerEngine(proxy.url).session() as session:
        container = session.container(name)
    assert isinstance(container, Container)
    return json.loads(json.dumps(replica_of(container, 2, "key").config))  # type: ignore[no-any-return]  # of one


@pytest.mark.e2e
def test_every_operation_of_the_executor_passes(project: Project, proxy: SocketProxy) -> None:
    networks = [f"{project.name}_{n}" for n in "ab"]
    for network in networks:
        project.api.create_network(network, labels={"com.docker.compose.project": project.name})
    name = project.run(start=False, **as_shipped(project), NetworkMode=networks[0])
    project.api.connect_container_to_network(name, networks[1])
    project.api.start(name)
    executor = DockerExecutor(DockerEngine(proxy.url))
    for step, take_back in [
        (of_project(project, operation="restart"), False),
        (of_project(project, operation="scale_up", max_replicas=2), True),
        (of_project(project, operation="scale_up", max_replicas=2), False),
        (of_project(project, operation="scale_down"), True),
        (of_project(project, operation="raise_memory_limit", max_bytes="1GiB"), True),
    ]:
        prior = executor.observe(step)
        result = executor.perform(step, "key")
        assert result.outcome is ActionOutcome.SUCCEEDED, (result.detail, proxy.log.read_text())
        assert executor.already_done(step, prior) is StepOutcome.DONE
        if take_back:
            undone = executor.undo(step, prior, "undo")
            assert undone.outcome is ActionOutcome.SUCCEEDED, (undone.detail, proxy.log.read_text())
    first, replica = project.of().values()
    assert sorted(replica["NetworkSettings"]["Networks"]) == networks
    assert {k: v for k, v in replica["HostConfig"].items() if k not in ("Memory", "MemorySwap")} == {
        k: v for k, v in first["HostConfig"].items() if k not in ("Memory", "MemorySwap")
    }


@pytest.mark.e2e
def test_another_call_is_refused(project: Project, proxy: SocketProxy) -> None:
    name = project.run(start=False)
    calls = [call.replace("{id}", name).split(" ") for call in OTHER_CALLS]
    answers = {
        (method, version + path): proxy.ask(method, version + path)
        for method, path in calls
        for version in ("", V)
    }
    assert {call: status for call, status in answers.items() if status != 403} == {}


@pytest.mark.e2e
def test_a_container_without_the_label_is_not_touched(project: Project, proxy: SocketProxy) -> None:
    name = stranger(project)
    before = project.inspect(name)
    for handle in (name, before["Id"], before["Id"][:12]):
        about = f"{V}/containers/{handle}"
        joining = {"Container": handle, "EndpointConfig": {"Aliases": ["a"]}}
        assert {
            proxy.ask("GET", f"{about}/json"),
            proxy.ask("GET", f"{about}/stats?stream=False"),
            proxy.ask("POST", f"{about}/restart?t=0"),
            proxy.ask("POST", f"{about}/start"),
            proxy.ask("POST", f"{about}/stop?t=0"),
            proxy.ask("POST", f"{about}/update", {"Memory": 64 * MIB}),
            proxy.ask("POST", f"{V}/networks/none/connect", joining),
            proxy.ask("DELETE", f"{about}?v=True&link=False&force=True"),
        } == {403}
    assert project.inspect(name) == before


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["create", "create-1", "json", "json-1"])
def test_a_container_named_like_a_call_is_not_taken_for_one(
    project: Project, proxy: SocketProxy, name: str
) -> None:
    labels = {"com.docker.compose.project": project.name}
    body = {"Image": IMAGE, "Cmd": ["sleep", "60"], "Labels": labels, "HostConfig": {"NetworkMode": "none"}}
    project.api.create_container_from_config(body, name)
    about, asking = f"{V}/containers/{name}", {"Labels": {LABEL: "true"}}
    assert {
        proxy.ask("GET", f"{about}/json"),
        proxy.ask("POST", f"{about}/start"),
        proxy.ask("POST", f"{about}/start", asking),
        proxy.ask("POST", f"{about}/restart?t=0", asking),
        proxy.ask("DELETE", f"{about}?v=True&link=False&force=True", asking),
    } == {403}
    assert project.state(name)["Status"] == "created"


@pytest.mark.e2e
def test_containers_without_the_label_are_not_listed(project: Project, proxy: SocketProxy) -> None:
    name = project.run()
    stranger(project)
    with DockerEngine(proxy.url).session() as session:
        listed = session.containers({"com.docker.compose.project": project.name})
    assert [c.name for c in listed] == [name]


@pytest.mark.e2e
def test_what_is_gone_is_answered_as_the_engine_does(project: Project, proxy: SocketProxy) -> None:
    assert proxy.ask("POST", f"{V}/containers/{project.name}/start") == 404


@pytest.mark.e2e
def test_nothing_follows_a_call_on_the_same_connection_unseen(project: Project, proxy: SocketProxy) -> None:
    assert proxy.ask("GET", f"{V}/version", Upgrade="h2c", Connection="Upgrade") == 403


@pytest.mark.e2e
def test_a_body_the_executor_does_not_send_is_refused(project: Project, proxy: SocketProxy) -> None:
    name = project.run(start=False)
    joining = {"Container": name, "EndpointConfig": {"IPAMConfig": {}}}
    assert {
        proxy.ask("POST", f"{V}/containers/{name}/start", {"Privileged": True}),
        proxy.ask("POST", f"/v1.22/containers/{name}/start", {"Privileged": True}),
        proxy.ask("POST", f"{V}/containers/{name}/update", {"Memory": 64 * MIB, "Devices": []}),
        proxy.ask("POST", f"{V}/containers/{name}/update", {"RestartPolicy": {"Name": "always"}}),
        proxy.ask("POST", f"{V}/networks/none/connect", joining),
    } == {403}


def in_host(**fields: Any) -> Callable[[Body], Body]:
    return lambda body: {**body, "HostConfig": {**body["HostConfig"], **fields}}


def text_after(host: str) -> Callable[[Body], str]:
    """The honest body, and a second HostConfig, which counts for the engine, written as `host`."""
    return lambda body: f'{json.dumps(body)[:-1]}, "HostConfig": {host}}}'


OTHER_CALLS = [
    "GET /info",
    "GET /events",
    "GET /images/json",
    "GET /volumes",
    "GET /networks",
    "GET /system/df",
    "GET /containers/{id}/logs?stdout=1",
    "GET /containers/{id}/top",
    "GET /containers/{id}/archive?path=/etc",
    "GET /containers/{id}/json?size=1",
    "GET /containers/{id}/../../info",
    "GET /containers/{id}%2F..%2F..%2Finfo",
    "GET /containers/json?all=1",
    "PUT /containers/{id}/archive?path=/",
    "HEAD /containers/{id}/json",
    "POST /containers/{id}/exec",
    "POST /containers/{id}/attach?stream=1",
    "POST /containers/{id}/kill",
    "POST /containers/{id}/rename?name=x",
    "POST /containers/{id}/pause",
    "POST /containers/{id}/start?checkpoint=x",
    "POST /containers/prune",
    "POST /images/create?fromImage=alpine",
    "POST /build",
    "POST /session",
    "POST /commit?container={id}",
    "POST /volumes/create",
    "POST /networks/create",
    "POST /plugins/pull",
    "POST /swarm/init",
    "DELETE /images/{id}",
    "DELETE /volumes/{id}",
    "DELETE /networks/{id}",
]


BEYOND_DEFAULTS: dict[str, Callable[[Body], Body | str]] = {
    "no label": lambda body: {**body, "Labels": {}},
    "privileged": in_host(Privileged=True),
    "a directory of the host": in_host(Binds=["/:/host"]),
    "another volume": in_host(Binds=["database:/data"]),
    "a second volume": lambda body: in_host(Binds=[*body["HostConfig"]["Binds"], "/:/host"])(body),
    "options of a volume": lambda body: in_host(Binds=[body["HostConfig"]["Binds"][0] + ",shared"])(body),
    "a mount": in_host(Mounts=[{"Type": "bind", "Source": "/", "Target": "/host"}]),
    "volumes of another container": in_host(VolumesFrom=["other"]),
    "a capability": in_host(CapAdd=["SYS_ADMIN"]),
    "a device": in_host(Devices=[{"PathOnHost": "/dev/vda", "PathInContainer": "/dev/vda"}]),
    "a device by request": in_host(DeviceRequests=[{"Driver": "nvidia", "Count": -1}]),
    "a rule for devices": in_host(DeviceCgroupRules=["a *:* rwm"]),
    "a kernel setting": in_host(Sysctls={"kernel.msgmax": "1"}),
    "a port of the host": in_host(PortBindings={"80/tcp": [{"HostPort": "22"}]}),
    "all ports": in_host(PublishAllPorts=True),
    "the host's processes": in_host(PidMode="host"),
    "the host's network": in_host(NetworkMode="host"),
    "another container's network": in_host(NetworkMode="container:other"),
    "the host's memory": in_host(IpcMode="host"),
    "the host's users": in_host(UsernsMode="host"),
    "the host's name": in_host(UTSMode="host"),
    "a control group": in_host(CgroupParent="/"),
    "no system call filter": in_host(SecurityOpt=["seccomp=unconfined"]),
    "one option too many": in_host(SecurityOpt=["no-new-privileges:true", "apparmor=unconfined"]),
    "a driver for volumes": in_host(VolumeDriver="other"),
    "another runtime": in_host(Runtime="other"),
    "unmasked paths": in_host(MaskedPaths=[]),
    "writable paths": in_host(ReadonlyPaths=[]),
    "safe from the memory killer": in_host(OomScoreAdj=-1000),
    "a key twice": text_after('{"Privileged": true}'),
    "a key in small letters": text_after('{"privileged": true}'),
    "a key with room behind it": text_after('{"Privileged"\n\t : \r true}'),
    "an escaped key": text_after('{"Priv\\u0069leged": true}'),
    "a letter that counts as s": text_after('{"Bind\u017f": ["/:/host"]}'),
    "such a letter escaped": text_after('{"Bind\\u017F": ["/:/host"]}'),
    "too long to be seen whole": lambda body: {**body, "Env": ["A=" + "a" * 130_000]},
}


@pytest.mark.e2e
def test_a_container_with_more_than_defaults_is_not_made(project: Project, proxy: SocketProxy) -> None:
    body = replica_body(proxy, project.run(start=False, **as_shipped(project)))
    path = f"{V}/containers/create?name={project.name}-web-2"
    answers = {what: proxy.ask("POST", path, change(body)) for what, change in BEYOND_DEFAULTS.items()}
    assert {what: status for what, status in answers.items() if status not in (403, 413)} == {}
    assert len(project.of()) == 1
    assert proxy.ask("POST", path, body) == 201


@pytest.mark.e2e
def test_what_a_container_is_told_is_not_taken_for_a_demand(project: Project, proxy: SocketProxy) -> None:
    body = replica_body(proxy, project.run(start=False))
    body["Env"] = ['SPEC={"Privileged": true, "Binds": ["/:/host"]}', "NAME=Grüße"]
    assert proxy.ask("POST", f"{V}/containers/create?name={project.name}-web-2", body) == 201
    assert project.inspect(f"{project.name}-web-2")["Config"]["Env"] == body["Env"]


def allowed_calls() -> set[str]:
    lines = (CONFIGURATION / "allowed-calls").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert all(rule.startswith("^") and rule.endswith("$") for rule in rules)
    return {
        re.sub(r"\(?/v1\\\.4\[1-4\](\)\?)?", "", rule.removeprefix("^").partition(r"\?")[0]).replace(
            "[a-zA-Z0-9][a-zA-Z0-9_.-]*", "{id}"
        )
        for rule in rules
    }


def test_the_calls_that_pass_are_those_that_docs_say_the_executor_makes() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = architecture.partition("### Docker")[2].partition("### ")[0].partition("| for | calls |")[2]
    documented = {f"{method} {path}" for method, path in CALL.findall(table)}
    assert allowed_calls() == documented
