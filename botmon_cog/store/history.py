"""The invocations of the log, one by one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.models import HistoryEntry
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import HOURS_PER_DAY, MS_PER_DAY, MS_PER_HOUR
from botmon_cog.store.columns import Form
from botmon_cog.store.conditions import IS_COMMAND, IS_COMPONENT
from botmon_cog.store.counting import GROUPS, invoked_hours
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import NOBODY, known_label_id, stored_id, texts_of
from botmon_cog.store.records import Texts, field_values, label_ids, milliseconds
from botmon_cog.store.schema import GUILDS, INVOCATIONS, RUNS
from botmon_cog.store.script import Lookup, Query, Row, Script

_COLUMNS = tuple(column for column in INVOCATIONS.of if column.form is not Form.GUILD_NAME)
COLUMNS = ("run_id", "seq", *(column.name for column in _COLUMNS))
"""Of a row that `entries_of` takes."""
_OF_FIELD = {column.field: column for column in _COLUMNS}
_SELECT = f"SELECT {', '.join(COLUMNS)} FROM @invocations"  # noqa: S608 (names)
BOUNDS = "SELECT (SELECT MIN(started_ms) FROM @invocations), (SELECT MAX(started_ms) FROM @invocations)"
"""When the oldest and the newest invocation began, in ms since 1970; NULL where there is none."""
_ORDER = "ORDER BY started_ms DESC, run_id DESC, seq DESC LIMIT :limit OFFSET :offset"
SEQ_BITS = 32
"""An entry's id is its run's, shifted by so many bits, and its number in that run."""
_OUTCOMES = tuple(Outcome)
_END_OF_TIME = 1 << 62


class HistoryFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which invocations are asked for; None leaves a field open."""

    guild_id: str | None = None
    user_id: str | None = None
    command: str | None = None
    outcomes: frozenset[Outcome] | None = None
    components: bool | None = None
    """True for buttons, select menus and modals, False for commands."""
    since: datetime | None = None
    until: datetime | None = None
    limit: int = 100
    offset: int = 0


class History:
    """Reads invocations, all but those of our own commands. `RollUps.catch_up` comes first."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def find(self, wanted: HistoryFilter) -> list[HistoryEntry]:
        """Newest first.

        Raises:
            StorageError: the database can't be read.
        """
        return await self._engine.read(_find(wanted))


def _find(wanted: HistoryFilter) -> Script[list[HistoryEntry]]:
    conditions, values = yield from conditions_of(wanted)
    query = f"{_SELECT} WHERE {' AND '.join(conditions)} {_ORDER}"
    if wanted.guild_id is None:
        rows: Sequence[Row] = yield Query(query, values | {"limit": wanted.limit, "offset": wanted.offset})
    else:
        rows = yield from _of_guild(wanted, query, values)
    return (yield from entries_of(rows))


def entries_of(rows: Sequence[Row]) -> Script[list[HistoryEntry]]:
    """Rows of `COLUMNS`, in the same order."""
    page = yield from page_of(rows)
    names = HistoryEntry.__struct_fields__
    return [
        HistoryEntry(**dict(zip(names, values, strict=True))) for values in zip(*map(page.field, names), strict=True)
    ]


def page_of(rows: Sequence[Row]) -> Script[Page]:
    """Rows of `COLUMNS`, with all that they refer to."""
    texts = yield from texts_of(label_ids(_COLUMNS, (row[2:] for row in rows)))
    page = Page(rows, texts)
    guilds = sorted(set(page.stored("guild_id")) - {None})
    page.guild_names.update((yield Lookup(GUILDS, [(id_,) for id_ in guilds], ("guild_id", "name"))))
    runs = sorted(set(page.stored("run_id")))
    page.instances.update((yield Lookup(RUNS, [(id_,) for id_ in runs], ("id", "instance"))))
    return page


class Page:
    """Some rows of the log, by columns. The fields of `HistoryEntry` are made when they are asked for."""

    def __init__(self, rows: Sequence[Row], texts: Texts) -> None:
        self.guild_names: dict[int, str] = {}
        self.instances: dict[int, str] = {}
        self._texts = texts
        self._n = len(rows)
        self._stored = dict(zip(COLUMNS, zip(*rows, strict=True), strict=True)) if rows else {}

    def __len__(self) -> int:
        return self._n

    def stored(self, column: str) -> Sequence[Any]:
        """As the table has it."""
        return self._stored.get(column, ())

    def field(self, name: str) -> Sequence[Any]:
        """That field of all entries."""
        match name:
            case "id":
                ids = zip(self.stored("run_id"), self.stored("seq"), strict=True)
                return [run_id << SEQ_BITS | seq for run_id, seq in ids]
            case "instance":
                return [*map(self.instances.__getitem__, self.stored("run_id"))]
            case "guild_name":
                return [*map(self.guild_names.get, self.stored("guild_id"))]
            case _:
                column = _OF_FIELD[name]
                return field_values(column, self.stored(column.name), self._texts)


def _of_guild(wanted: HistoryFilter, query: str, values: dict[str, Any]) -> Script[Sequence[Row]]:
    """The rows of one guild, hour by hour: the roll-ups know in which hours there are any.

    An index over guild and time would answer at once, and double what it costs to append a row.
    """
    most = wanted.offset + wanted.limit
    found: list[Row] = []
    for hour in (yield from _hours_with_commands(values["guild_id"], values.get("command_id"))):
        start = hour * MS_PER_HOUR
        hour_only = {
            "since": max(values["since"], start),
            "until": min(values["until"], start + MS_PER_HOUR),
            "limit": most - len(found),
            "offset": 0,
        }
        if hour_only["since"] < hour_only["until"]:
            found += yield Query(query, values | hour_only)
        if len(found) >= most:
            break
    return found[wanted.offset :]


def _hours_with_commands(guild_id: int, command_id: int | None) -> Script[list[int]]:
    """Newest first; none before the oldest row of the log."""
    ((oldest, newest),) = yield Query(BOUNDS)
    if oldest is None:
        return []
    days = {"first_day": oldest // MS_PER_DAY, "last_day": newest // MS_PER_DAY, "scope": guild_id}
    found: set[int] = set()
    for day, name_id, data in (yield Query(GROUPS, days)):
        if command_id is None or name_id == command_id:
            found.update(day * HOURS_PER_DAY + hour for hour in invoked_hours(bytes(data)))
    return sorted(found, reverse=True)


def conditions_of(wanted: HistoryFilter) -> Script[tuple[list[str], dict[str, Any]]]:
    """What SQL asks of rows of `invocations`, without order, limit and offset, and its values."""
    conditions = ["is_own = 0", "started_ms >= :since", "started_ms < :until"]
    values: dict[str, Any] = {
        "since": 0 if wanted.since is None else milliseconds(wanted.since),
        "until": _END_OF_TIME if wanted.until is None else milliseconds(wanted.until),
    }
    if wanted.guild_id is not None:
        conditions.append("guild_id = :guild_id")
        values["guild_id"] = yield from stored_id(wanted.guild_id)
    if wanted.user_id is not None:
        conditions.append("user_id = :user_id")
        values["user_id"] = yield from stored_id(wanted.user_id)
    if wanted.command is not None:
        conditions.append("command_id = :command_id")
        values["command_id"] = (yield from known_label_id(wanted.command)) or NOBODY
    if wanted.outcomes is not None:
        codes = {f"outcome_{n}": code for n, code in enumerate(map(_OUTCOMES.index, wanted.outcomes))}
        conditions.append(f"outcome IN ({', '.join(f':{name}' for name in codes)})")
        values |= codes
    if wanted.components is not None:
        conditions.append(IS_COMPONENT if wanted.components else IS_COMMAND)
    return conditions, values
