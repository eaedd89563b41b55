"""What both engines do: run scripts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol, TypeVar

from botmon_cog.errors import StorageError
from botmon_cog.store.script import Script

T = TypeVar("T")


class Engine(Protocol):
    """One database, opened on first use. Every method raises `StorageError` where it fails.

    Attributes:
        name: `sqlite` or `postgres`, as the folders of the migrations are called.
        description: where the data is, for people; never a password.
        trouble: what befell the database since the start and is over, for people; None if nothing did.
    """

    name: str

    @property
    def description(self) -> str: ...

    @property
    def trouble(self) -> str | None: ...

    async def open(self) -> None:
        """Connect, make or upgrade the tables, and take possession; does nothing if that was done.

        Raises:
            NotOursError: it is, or belongs to, somebody else. Nothing was changed.
            SchemaTooNewError: a newer version of this package upgraded it.
        """
        ...

    async def close(self) -> None:
        """Let go of everything; does nothing if that was done. A script that comes later opens the database again."""
        ...

    async def write(self, script: Script[T]) -> T:
        """Run a script in one transaction. All that write run one after the other."""
        ...

    async def read(self, script: Script[T]) -> T:
        """Run a script that only reads, on the database as it is at one moment; it waits for no writer."""
        ...

    async def ping(self) -> int:
        """Make sure that the database takes writes, without writing; returns its size in bytes."""
        ...


async def answered(asked: Awaitable[T], timeout_s: float) -> T:
    """The result of `asked`; `StorageError` also if the database says nothing for so long."""
    try:
        async with asyncio.timeout(timeout_s):
            return await asked
    except TimeoutError as error:
        raise StorageError(f"no answer within {timeout_s:g} s") from error
