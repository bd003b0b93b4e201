"""The two connectors of collector/ that are ours, by their own tests in Go."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

COLLECTOR = Path(__file__).parents[2] / "collector"


@pytest.mark.e2e
@pytest.mark.timeout(600)
def test_the_go_tests_pass() -> None:
    go = shutil.which("go")
    if not go:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no go on the PATH")
        pytest.skip("needs Go: there is none on the PATH")
    command = [go, "test", "-mod=readonly", "-p", "1", "./servicegraph", "./shard"]
    done = subprocess.run(command, cwd=COLLECTOR, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
