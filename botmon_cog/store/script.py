"""Work in one transaction, written once for both engines.

A script is a generator: it yields a step and is sent what came of it. It knows neither threads nor an event loop:
SQLite runs a script in its connection's thread from beginning to end, PostgreSQL awaits each step. It runs once.

In SQL, `@name` is the table of that name wherever the engine keeps it, and `:name` a bound value.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from botmon_cog.store.columns import Table

T = TypeVar("T")
K = TypeVar("K")
V = TypeVar("V")

Row = tuple[Any, ...]
OnConflict = Literal["fail", "ignore", "replace", "add", "unite"]
"""What becomes of a row whose key is there already: `add` sums up all columns but the key, `unite` their bits."""


@dataclass(frozen=True, slots=True)
class Query:
    """Find rows: a list of tuples."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Execute:
    """Run a statement: how many rows it changed."""

    sql: str
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Insert:
    """Insert rows with a value for each column of the table: how many were inserted or changed.

    `is_new` says that none of the keys is expected to be there, so that an engine may take its quickest way; where one
    is there all the same, the script fails and nothing is stored.
    """

    table: Table
    rows: Sequence[Row]
    on_conflict: OnConflict = "fail"
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Lookup:
    """Find the rows that have one of the keys: tuples of `columns`, in any order.

    Each key is a tuple of the table's key columns, in their order.
    """

    table: Table
    keys: Sequence[Row]
    columns: Sequence[str]


@dataclass(frozen=True, slots=True)
class Pause:
    """Let other threads run for a moment. The transaction stays open."""


@dataclass(frozen=True, slots=True)
class Exclude:
    """Wait until no other process is in a script that yielded the same, and keep them waiting until this one ends."""

    work: Literal["rows", "alerts"] = "rows"


@dataclass(frozen=True, slots=True)
class Recall:
    """The `Session` of the connection that runs the script."""


class Session:
    """What is known of the open database; forgotten when it is closed.

    Only what is committed is noted here.

    Attributes:
        labels: ids by text.
        guild_names: by guild id, as stored.
        run_ids: by token.
    """

    _MOST = 20_000

    def __init__(self) -> None:
        self.labels: dict[str, int] = {}
        self.guild_names: dict[int, str] = {}
        self.run_ids: dict[int, int] = {}

    def note(self, found: Session) -> None:
        """Take up what a script has found out or stored."""
        self._update(self.labels, found.labels)
        self._update(self.guild_names, found.guild_names)
        self._update(self.run_ids, found.run_ids)

    def _update(self, known: dict[K, V], found: Mapping[K, V]) -> None:
        if len(known) + len(found) > self._MOST:
            known.clear()
        known.update(found)


Step = Query | Execute | Insert | Lookup | Pause | Exclude | Recall
Script = Generator[Step, Any, T]


def run(script: Script[T], perform: Callable[[Step], Any]) -> T:
    """Run a script whose steps are performed at once."""
    try:
        step = next(script)
        while True:
            step = script.send(perform(step))
    except StopIteration as end:
        return end.value


async def run_async(script: Script[T], perform: Callable[[Step], Awaitable[Any]]) -> T:
    """Run a script whose steps are awaited."""
    try:
        step = next(script)
        while True:
            step = script.send(await perform(step))
    except StopIteration as end:
        return end.value
