"""One real stack, shared by the tests of this folder."""

from collections.abc import Iterator

import pytest
from running_stack import Running, warm_stack


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with warm_stack(tmp_path_factory.mktemp("stack")) as started:
        yield started
