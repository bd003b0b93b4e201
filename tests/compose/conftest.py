"""These tests use the Docker engine, and the containers on it, of the responder's tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "responder"))
