"""Fixtures of the app's tests: a stack of real processes, and a receiver of its telemetry."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buggy_app_stack import Stack
from otlp_sink import OtlpSink

from buggy_app.state_directory import StateDirectory


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    """A state directory that is ready for use."""
    directory = StateDirectory(tmp_path / "state")
    directory.prepare()
    return directory


@pytest.fixture
def sink() -> Iterator[OtlpSink]:
    """A receiver of telemetry."""
    receiver = OtlpSink()
    yield receiver
    receiver.stop()


@pytest.fixture
def make_stack(tmp_path: Path) -> Iterator[Callable[..., Stack]]:
    """Makes stacks of processes, and stops them at the end."""
    stacks = []

    def make(endpoint: str | None = None, **environment: str) -> Stack:
        stacks.append(Stack(tmp_path / "state", endpoint, **environment))
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.close()
