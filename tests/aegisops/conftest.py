"""A real PostgreSQL server."""

from postgres_server import postgres, postgres_url

__all__ = ["postgres", "postgres_url"]  # fixtures, for all tests here
