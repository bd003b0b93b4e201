"""The contract suites use the doubles of the rooms they are about."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "responder"))
