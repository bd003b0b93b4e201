"""Databases of both kinds: SQLite in a file, and a real PostgreSQL server."""

from pathlib import Path

import pytest
from hypothesis import settings
from postgres_server import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]  # fixtures, for all tests here

# A busy machine is no failure, and what is imported on first use takes seconds.
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'responder.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
