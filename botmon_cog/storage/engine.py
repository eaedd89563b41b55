"""The one thing in which engines differ for everything that is asked of them: how a query is run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, TypeVar

from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Script
from botmon_cog.storage.upkeep.rebuilding import Dialect

T = TypeVar("T")

Bound = Mapping[str, Any]
Query = Callable[[str, Bound], Awaitable[Sequence[Row]]]


class SqlEngine(ABC):
    """What the verbs of `Storage` are built on."""

    engine: str
    """`sqlite` or `postgres`, as the folders of the migrations are called."""
    description: str
    instance: str

    @property
    @abstractmethod
    def dialect(self) -> Dialect:
        """How this engine's SQL differs."""

    @abstractmethod
    async def rows(self, query: str, bound: Bound) -> Sequence[Row]:
        """What a query finds; `:name` in it stands for a bound value."""

    @abstractmethod
    async def execute(self, statement: str, bound: Bound) -> int:
        """Run a statement in a transaction of its own; returns how many rows it changed."""

    @abstractmethod
    async def transact(self, script: Script[T]) -> T:
        """Run a script in one transaction that may write."""

    @abstractmethod
    async def look(self, script: Script[T]) -> T:
        """Run a script that only reads, on the database as it is at one moment."""

    @abstractmethod
    def snapshot(self) -> AbstractAsyncContextManager[Query]:
        """The database as it is at one moment, for as long as the context lasts."""

    @abstractmethod
    def when(self, found: Any) -> datetime:
        """A moment as it was found; aware UTC. Raises ValueError for what is none."""
