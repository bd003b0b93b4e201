"""Node.js programs beside the grammars and libraries that Grafana's own editors and panels are made of.

`AEGISOPS_TEST_QUERY_GRAMMARS` says where they are installed (`.ci/grammars.sh` does that); else they are in
`node/` beside this file, where `npm ci` puts them. Without them tests are skipped, but under CI they fail.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "AEGISOPS_TEST_QUERY_GRAMMARS"


def directory() -> Path:
    """Where they are; skips the test where they are not, and fails it under CI."""
    found = Path(os.environ.get(VARIABLE, Path(__file__).with_name("node")))
    if (found / "node_modules").is_dir():
        return found
    missing = f"there are no node_modules in {found}; run `npm ci` there"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def run(program: str, given: object) -> Any:
    """What the program in that directory answers to `given`, both as JSON."""
    found = subprocess.run(
        ["node", program],
        cwd=directory(),
        input=json.dumps(given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)
