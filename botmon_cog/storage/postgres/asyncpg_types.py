"""What is used of asyncpg, which says little about its types and is imported only where it is configured."""

from __future__ import annotations

import importlib
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol, cast

Record = tuple[Any, ...]
"""A record is no tuple, but it unpacks and subscripts like one."""


class Connection(Protocol):
    """`asyncpg.Connection`."""

    async def fetch(self, query: str, *values: Any) -> list[Record]: ...

    async def fetchval(self, query: str, *values: Any) -> Any: ...

    async def execute(self, query: str, *values: Any, timeout: float | None = None) -> str: ...  # noqa: ASYNC109 (asyncpg's own)

    def transaction(
        self, *, isolation: str | None = None, readonly: bool = False
    ) -> AbstractAsyncContextManager[object]: ...


class Pool(Protocol):
    """`asyncpg.Pool`."""

    def acquire(self, *, timeout: float) -> AbstractAsyncContextManager[Connection]: ...

    async def close(self) -> None: ...

    def terminate(self) -> None: ...


async def create_pool(url: str, **options: Any) -> Pool:
    """`asyncpg.create_pool`."""
    return cast("Pool", await _asyncpg().create_pool(url, **options))


def outages() -> tuple[type[Exception], ...]:
    """What asyncpg raises where the server is away or a statement fails.

    `InternalClientError` is one of them: a query over a connection that the server has just said goodbye on raises it.
    """
    asyncpg = _asyncpg()
    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError)


def sqlstate_of(error: Exception) -> str:
    """The five characters with which the server says what is wrong; '' where it was not the server."""
    return str(getattr(error, "sqlstate", None) or "")


def _asyncpg() -> Any:
    return importlib.import_module("asyncpg")
