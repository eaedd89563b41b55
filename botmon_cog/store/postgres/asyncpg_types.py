"""What is used of asyncpg, an optional dependency: imported when the first connection is made."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

from botmon_cog.errors import StorageError

UNIQUE_VIOLATION = "23505"


class Connection(Protocol):
    """`asyncpg.Connection`. Its records are no tuples, but unpack and subscript like them."""

    async def fetch(self, query: str, *values: Any) -> list[Sequence[Any]]: ...

    async def execute(self, query: str, *values: Any, timeout: float | None = None) -> str: ...  # noqa: ASYNC109 (asyncpg's own)

    async def copy_records_to_table(
        self, table_name: str, *, schema_name: str, columns: Sequence[str], records: Sequence[Sequence[Any]]
    ) -> str: ...

    async def close(self, *, timeout: float) -> None: ...  # noqa: ASYNC109 (asyncpg's own)

    def terminate(self) -> None: ...

    def is_closed(self) -> bool: ...


async def connect(url: str, **options: Any) -> Connection:
    """`asyncpg.connect`."""
    asyncpg = _asyncpg()
    try:
        return cast("Connection", await asyncpg.connect(url, **options))
    except ValueError as error:
        if isinstance(error, asyncpg.InterfaceError):
            raise
        raise StorageError(  # what it says may hold a part of the password
            "[storage] url can't be read: characters such as / ? # @ in its password must be written as %2F %3F %23 %40"
        ) from None


def failures() -> tuple[type[Exception], ...]:
    """What asyncpg raises if the server is away or a statement fails.

    `InternalClientError` is one of them: a query over a connection that the server has just said goodbye on raises it.
    """
    asyncpg = _asyncpg()
    return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)


def is_conflict(error: Exception) -> bool:
    """Whether the server refused a row because its key is taken."""
    return getattr(error, "sqlstate", None) == UNIQUE_VIOLATION


def is_loss(error: BaseException) -> bool:
    """Whether a connection is gone.

    Where the server's farewell arrives just before a COPY, asyncpg raises `InternalClientError` to the caller, and this
    one into a future that it has forgotten.
    """
    return isinstance(error, _asyncpg().ConnectionDoesNotExistError)


def _asyncpg() -> Any:
    return importlib.import_module("asyncpg")
