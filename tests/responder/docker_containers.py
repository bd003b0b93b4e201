"""A real Docker engine for tests, and containers on it that are a busybox and a small script each.

`AEGISOPS_TEST_DOCKER_HOST` says where the engine is (`.ci/engine.sh` starts one). Without it tests are
skipped, but under CI they fail.
"""

import io
import os
import shutil
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import docker
import pytest
from docker.errors import APIError, ImageNotFound, NotFound

HOST_VARIABLE = "AEGISOPS_TEST_DOCKER_HOST"
IMAGE = "aegisops-test-busybox:1"
MIB = 1024 * 1024

STEADY = "trap 'exit 0' TERM; while true; do sleep 0.1; done"
DEAF = "trap '' TERM; while true; do sleep 0.1; done"
CRASHING = "exit 3"
# Fills 40 MiB of memory, once the file /hungry is there; a shell's variable is memory like any other.
HUNGRY = (
    "trap 'exit 0' TERM; while [ ! -e /hungry ]; do sleep 0.1; done; "
    "held=$(head -c 41943040 /dev/zero | tr '\\0' x); echo full; while true; do sleep 0.1; done"
)


@dataclass(frozen=True)
class Project:
    """A Compose project of its own on the engine: other tests do not see it. `labels`: besides Compose's."""

    url: str
    api: Any
    name: str
    labels: Mapping[str, str] = field(default_factory=dict)

    def run(
        self, service: str = "web", number: int = 1, script: str = STEADY, start: bool = True, **host: Any
    ) -> str:
        """A container as Compose would make it; its name."""
        return self.make(service, number, {"Cmd": ["sh", "-c", script]}, start, **host)

    def make(
        self, service: str, number: int, config: Mapping[str, Any], start: bool = True, **host: Any
    ) -> str:
        name = f"{self.name}-{service}-{number}"
        labels = {
            "com.docker.compose.project": self.name,
            "com.docker.compose.service": service,
            "com.docker.compose.container-number": str(number),
            "com.docker.compose.oneoff": "False",
            **self.labels,
        }
        body = {
            "Image": IMAGE,
            "Labels": labels,
            "HostConfig": {"NetworkMode": "none", **host},
            **config,
        }
        self.api.create_container_from_config(body, name)
        if start:
            self.api.start(name)
        return name

    def of(self, service: str = "web") -> dict[str, dict[str, Any]]:
        """The service's containers by name."""
        labels = [f"com.docker.compose.project={self.name}", f"com.docker.compose.service={service}"]
        found = self.api.containers(all=True, filters={"label": labels})
        return {one["Names"][0].removeprefix("/"): self.inspect(one["Id"]) for one in found}

    def inspect(self, name: str) -> dict[str, Any]:
        details: dict[str, Any] = self.api.inspect_container(name)
        return details

    def state(self, name: str) -> dict[str, Any]:
        state: dict[str, Any] = self.inspect(name)["State"]
        return state

    def starts(self, service: str = "web") -> dict[str, str]:
        return {name: details["State"]["StartedAt"] for name, details in self.of(service).items()}

    def touch(self, name: str, path: str) -> None:
        """Makes an empty file in a container, whether it runs or not."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            tar.addfile(tarfile.TarInfo(path.removeprefix("/")))
        self.api.put_archive(name, "/", archive.getvalue())

    def logs(self, name: str) -> str:
        output: bytes = self.api.logs(name)
        return output.decode()

    def wait_for(self, name: str, **state: Any) -> None:
        """Until the container's state has all of `state`, such as `Status="exited"`."""
        self.wait_until(lambda: state.items() <= self.state(name).items(), lambda: str(self.state(name)))

    def wait_until(self, condition: Callable[[], bool], situation: Callable[[], str] = str) -> None:
        deadline = time.monotonic() + 30
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain; {situation()}"
            time.sleep(0.05)


@contextmanager
def compose_project(labels: Mapping[str, str] | None = None) -> Iterator[Project]:
    """An empty project; whatever is in it at the end is removed."""
    url = engine_url()
    api = docker.APIClient(base_url=url, version="auto", timeout=30)
    try:
        _import_image(api)
        project = Project(url, api, f"t{uuid.uuid4().hex[:12]}", labels or {})
        try:
            yield project
        finally:
            _remove_all(api, project.name)
    finally:
        api.close()


def engine_url() -> str:
    """Where the engine is; skips the test where there is none, and fails it under CI."""
    url = os.environ.get(HOST_VARIABLE)
    if url:
        return url
    why = f"{HOST_VARIABLE} names no Docker engine; start one with: sudo .ci/engine.sh start DIRECTORY"
    if os.environ.get("CI") == "true":
        pytest.fail(why)
    pytest.skip(why)


def _import_image(api: Any) -> None:
    try:
        api.inspect_image(IMAGE)
    except ImageNotFound:
        repository, _, tag = IMAGE.partition(":")
        api.import_image_from_data(_busybox_root(), repository=repository, tag=tag)


def _busybox_root() -> bytes:
    busybox = shutil.which("busybox")
    assert busybox is not None, "no busybox; install Debian's busybox-static"
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(busybox, "bin/busybox")
        for name in ("sh", "sleep", "head", "tr", "test", "cat", "httpd"):
            link = tarfile.TarInfo(f"bin/{name}")
            link.type = tarfile.SYMTYPE
            link.linkname = "busybox"
            tar.addfile(link)
    return archive.getvalue()


def _remove_all(api: Any, project: str) -> None:
    label = {"label": f"com.docker.compose.project={project}"}
    for one in api.containers(all=True, filters=label):
        try:
            api.remove_container(one["Id"], v=True, force=True)
        except NotFound:
            continue
    for volume in api.volumes(filters=label)["Volumes"]:
        api.remove_volume(volume["Name"])
    for network in api.networks(filters=label):
        try:
            api.remove_network(network["Id"])
        except APIError as error:
            raise AssertionError(f"the network {network['Name']} is still in use") from error
