"""Steps of the catalogue for a Compose project of a test, and the executor for its engine."""

from typing import Any

from docker_containers import Project
from pydantic import TypeAdapter

from responder.remediate.docker.engine import DockerEngine
from responder.remediate.docker.executor import DockerExecutor
from responder.remediate.docker.step import DockerStep, Operation

_STEPS: TypeAdapter[Operation] = TypeAdapter(DockerStep)


def docker_step(**fields: Any) -> Operation:
    return _STEPS.validate_python(fields)


def of_project(project: Project, service: str = "web", **fields: Any) -> Operation:
    """A step on one service of the project; half a second is long enough to be up in a test."""
    return docker_step(**{"project": project.name, "service": service, "up_for_s": 0.5, **fields})


def executor_for(project: Project) -> DockerExecutor:
    return DockerExecutor(DockerEngine(project.url))
