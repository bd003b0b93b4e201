"""The Compose stack on the engine of the tests, as far as images can be had without a registry."""

import io
import json
import os
import shutil
import socket
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import httpx
import pytest
from docker_containers import engine_url
from real_collector import collector_binary
from stand_in_images import MissingPackageError, base_image

ROOT = Path(__file__).parents[2]
# Those whose images are of a registry alone (Prometheus, Loki, Tempo, Grafana, Ollama) are left out.
SERVICES = ("nginx", "buggy-app", "operations", "traffic", "collector", "detector", "responder")
PORTS = ("HTTP_PORT", "APP_PORT", "RESPONDER_PORT", "OTLP_GRPC_PORT", "OTLP_HTTP_PORT")
BUILT = ("buggy-app", "detector", "responder")


_SCALE_UP = """
import sys
from pydantic import TypeAdapter
from responder.remediate.docker.engine import DockerEngine
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.docker.step import DockerStep
step = {"operation": "scale_up", "project": sys.argv[1], "service": "buggy-app", "max_replicas": 2}
executor = DockerExecutor(DockerEngine("tcp://docker-proxy:2375"))
print(executor.perform(TypeAdapter(DockerStep).validate_python(step), "key").detail)
"""


@dataclass(frozen=True)
class ComposeStack:
    """`api`: the engine."""

    api: Any
    project: str
    environment: dict[str, str]
    token: str

    def run(self, *command: str) -> str:
        """docker-compose with `command`; what it prints."""
        return _compose(self.environment, *command)

    def inject(self, fault: str, *more: str) -> None:
        self.run("exec", "-T", "operations", "python", "-m", "buggy_app.chaos", "inject", fault, *more)

    def scale_up_by_the_executor(self) -> str:
        """What the responder's executor says, after it made one more replica through the socket proxy."""
        return self.run("exec", "-T", "responder", "python", "-c", _SCALE_UP, self.project).strip()

    def all_healthy(self) -> bool:
        """All that have a health check are by it."""
        states = [
            container["State"] for service in SERVICES for container in self.containers(service).values()
        ]
        return all(state["Health"]["Status"] == "healthy" for state in states if "Health" in state)

    def containers(self, service: str) -> dict[str, dict[str, Any]]:
        """By name."""
        labels = [f"com.docker.compose.project={self.project}", f"com.docker.compose.service={service}"]
        found = self.api.containers(all=True, filters={"label": labels})
        return {one["Names"][0].removeprefix("/"): self.api.inspect_container(one["Id"]) for one in found}

    def url(self, service: str, port: int) -> str:
        """Where a published port is on this machine."""
        (container,) = self.containers(service).values()
        (binding,) = container["NetworkSettings"]["Ports"][f"{port}/tcp"][:1]
        return f"http://{binding['HostIp']}:{binding['HostPort']}"

    def incidents(self) -> list[dict[str, Any]]:
        """All of them with their details, newest first."""
        page = self._get("/incidents?limit=50")
        return [self._get(f"/incidents/{one['incident']['id']}") for one in page["items"]]

    def service_health(self, service: str) -> dict[str, Any] | None:
        """As the detector sees it, asked from inside, as nobody else can reach it."""
        ask = "import sys,urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1]).read().decode())"
        answer = self.run("exec", "-T", "detector", "python", "-c", ask, "http://127.0.0.1:8002/services")
        return next((one for one in json.loads(answer) if one["service"] == service), None)

    def logs(self, service: str) -> str:
        return self.run("logs", "--no-color", "--tail=2000", service)

    def _get(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = httpx.get(self.url("responder", 8001) + path, headers=headers, timeout=10.0)
        return answer.raise_for_status().json()


def wait_until(condition: Callable[[], bool], timeout_s: float, situation: Callable[[], str]) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain; {situation()}"
        time.sleep(0.5)


@contextmanager
def compose_stack(directory: Path) -> Iterator[ComposeStack]:
    """Builds, starts, and at the end removes all it made but the images."""
    url = engine_url()
    collector = collector_binary()
    if shutil.which("docker-compose") is None:
        _give_up("no docker-compose; on Debian: apt-get install docker-compose")
    project = f"t{uuid.uuid4().hex[:8]}"
    environment = {
        **os.environ,
        "DOCKER_HOST": url,
        "DOCKER_SOCKET": url.removeprefix("unix://"),
        "DOCKER_BUILDKIT": "0",
        "COMPOSE_FILE": "docker-compose.yml:tests/compose/without-backends.yaml",
        "COMPOSE_PROJECT_NAME": project,
        **{name: str(port) for name, port in zip(PORTS, _free_ports(len(PORTS)), strict=True)},
    }
    api = docker.APIClient(base_url=url, version="auto", timeout=600)
    try:
        base = base_image(api, ROOT, directory)
        environment.update(dict.fromkeys(("PYTHON_IMAGE", "NGINX_IMAGE", "HAPROXY_IMAGE"), base))
        _import_collector(api, collector, health_check(directory))
        _compose(environment, "build", *BUILT)
        try:
            _compose(environment, "up", "-d", "--no-build", *SERVICES)
            show = ("run", "--rm", "--no-deps", "-T", "tokens", "cat", "/access/operator/token")
            yield ComposeStack(api, project, environment, _compose(environment, *show).strip())
        finally:
            _compose(environment, "down", "--volumes", "--timeout", "2", "--remove-orphans")
    except MissingPackageError as error:
        _give_up(str(error))
    finally:
        api.close()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _compose(environment: dict[str, str], *command: str) -> str:
    ended = subprocess.run(
        ["docker-compose", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, f"docker-compose {' '.join(command)}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def _import_collector(api: Any, program: Path, health_check: Path) -> None:
    """The static binaries that were built here, in the places that collector/Dockerfile gives them."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(program, "aegisops-collector")
        tar.add(health_check, "answers")
        for name, mode in {"data": 0o755, "tmp": 0o1777}.items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.uid, entry.gid = tarfile.DIRTYPE, mode, 10001, 10001
            tar.addfile(entry)
    changes = ["USER 10001:10001", 'ENTRYPOINT ["/aegisops-collector"]']
    api.import_image_from_data(
        archive.getvalue(), repository="aegisops/collector", tag="0.1.0", changes=changes
    )


def health_check(directory: Path) -> Path:
    """compose/answers.go, built into `directory`."""
    if shutil.which("go") is None:
        _give_up("the Collector's health check needs Go: https://go.dev/dl")
    program = directory / "answers"
    build = ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", str(program), "compose/answers.go"]
    subprocess.run(build, cwd=ROOT, env={**os.environ, "CGO_ENABLED": "0"}, check=True)
    return program


def _give_up(why: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)
