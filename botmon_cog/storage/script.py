"""Work in one transaction, written once for both engines.

A script is a generator: it yields what it wants from the database and is sent what came of it. It knows neither threads
nor an event loop; SQLite runs a script in its thread from beginning to end, PostgreSQL awaits each step.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from botmon_cog.storage.rows import Row
from botmon_cog.storage.tables import Table

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a query finds: a list of rows. `:name` in it stands for a bound value."""

    query: str
    bound: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Do:
    """Run a statement: how many rows it changed."""

    statement: str
    bound: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Put:
    """Insert rows, or merge them into what is there: how many were written."""

    table: Table
    rows: Sequence[Row]


Step = Ask | Do | Put
Script = Generator[Step, Any, T]


async def run_async(script: Script[T], perform: Callable[[Step], Awaitable[Any]]) -> T:
    """Run a script whose steps are awaited."""
    try:
        step = next(script)
        while True:
            step = script.send(await perform(step))
    except StopIteration as end:
        return end.value


def run(script: Script[T], perform: Callable[[Step], Any]) -> T:
    """Run a script whose steps are performed at once."""
    try:
        step = next(script)
        while True:
            step = script.send(perform(step))
    except StopIteration as end:
        return end.value
