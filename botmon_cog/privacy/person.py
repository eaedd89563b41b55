"""What is stored about one person: in short, and all of it as a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from botmon_cog.domain.models import Invocation
from botmon_cog.domain.rollup import HOURS_PER_DAY, iso_date
from botmon_cog.privacy import finding
from botmon_cog.store import schema
from botmon_cog.store.columns import Column, Form, LogTable
from botmon_cog.store.conditions import IS_COMMAND
from botmon_cog.store.engine import Engine
from botmon_cog.store.labels import texts_of
from botmon_cog.store.records import fields, label_ids, moment
from botmon_cog.store.script import Lookup, Query, Script

MOST_BYTES = 8_000_000
"""Of a file: what Discord takes from a bot everywhere."""
_BETWEEN = b",\n"
_ROOM_BYTES = 200

_THEIRS = "run_id = :run_id AND seq > :after AND seq <= :upto AND user_id = :user_id"
_COUNTS = f"""
SELECT guild_id, SUM(CASE WHEN {IS_COMMAND} THEN 1 ELSE 0 END), COUNT(*), MIN(started_ms) FROM @invocations
WHERE {_THEIRS} GROUP BY guild_id
"""  # noqa: S608 (codes)
_OTHERS = [f"SELECT COUNT(*) FROM @{table.name} WHERE {_THEIRS}" for table in finding.LOOKED_THROUGH[1:]]  # noqa: S608
_SINCE = "SELECT since_ms FROM @unrecorded WHERE user_id = :user_id"
_N_DAYS = "SELECT COUNT(DISTINCT day) FROM @people WHERE user_id = :user_id"
_DAYS = "SELECT day, guild_id, hours FROM @people WHERE user_id = :user_id ORDER BY day, guild_id"
_ERASED = "SELECT before_ms FROM @erasures WHERE user_id = :user_id"
_ONE = f"SELECT {{columns}} FROM @{{table}} WHERE {_THEIRS}"  # noqa: S608 (text of ours)


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What is stored about one person.

    Attributes:
        commands: single commands.
        components: buttons, menus and forms.
        others: songs, operations and the like that name them.
        first_at: when the first of the commands and components was; None if there is none.
        servers: in how many there are any of these.
        days: of which it is stored that they used a command.
        unrecorded_since: None: they are recorded.
    """

    commands: int = 0
    components: int = 0
    others: int = 0
    first_at: datetime | None = None
    servers: int = 0
    days: int = 0
    unrecorded_since: datetime | None = None

    @property
    def has_any(self) -> bool:
        return bool(self.commands or self.components or self.others or self.days)


class Copy(msgspec.Struct, frozen=True):
    """All of it, as JSON, and how many of the oldest entries there was no room for."""

    data: bytes
    left_out: int


class Person:
    """Reads one store. Every method raises StorageError if it is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def about(self, user_id: int) -> About:
        """Counted in all of the log: others who read have their turns in between."""
        found = _Counts()
        for lot in await self._engine.read(finding.stretches()):
            await self._engine.read(_count(user_id, lot, found))
        return await self._engine.read(_about(user_id, found))

    async def copy(self, user_id: int, now: datetime, most_bytes: int = MOST_BYTES) -> Copy:
        """Everything that names them, the newest entries first if there is no room for all."""
        head = {"user_id": str(user_id), "made_at": now, **await self._engine.read(_rest(user_id))}
        begin = msgspec.json.format(msgspec.json.encode(head), indent=1).removesuffix(b"\n}")
        entries: list[tuple[datetime, bytes]] = []
        size, left_out = len(begin) + _ROOM_BYTES, 0
        for lot in await self._engine.read(finding.stretches()):
            for table in finding.LOOKED_THROUGH:
                found = await self._engine.read(_entries(table, user_id, lot))
                entries += found
                size += sum(len(entry) + len(_BETWEEN) for _, entry in found)
            n = 0
            entries.sort()
            while size > most_bytes and n < len(entries):
                size -= len(entries[n][1]) + len(_BETWEEN)
                n += 1
            del entries[:n]
            left_out += n
        end = b',\n "entries_left_out": %d,\n "entries": [\n' % left_out
        return Copy(begin + end + _BETWEEN.join(entry for _, entry in entries) + b"\n ]\n}\n", left_out)


class _Counts:
    """What was counted so far."""

    def __init__(self) -> None:
        self.commands = 0
        self.invocations = 0
        self.others = 0
        self.first_ms: int | None = None
        self.guild_ids: set[int] = set()


def _count(user_id: int, lot: Sequence[finding.Stretch], found: _Counts) -> Script[None]:
    for stretch in lot:
        values = {"user_id": user_id, **stretch._asdict()}
        for guild_id, commands, n, first_ms in (yield Query(_COUNTS, values)):
            found.commands += int(commands)
            found.invocations += int(n)
            found.first_ms = first_ms if found.first_ms is None else min(found.first_ms, first_ms)
            found.guild_ids |= set() if guild_id is None else {guild_id}
        for query in _OTHERS:
            found.others += int((yield Query(query, values))[0][0])


def _about(user_id: int, found: _Counts) -> Script[About]:
    of = {"user_id": user_id}
    days = yield Query(_N_DAYS, of)
    since = yield Query(_SINCE, of)
    return About(
        commands=found.commands,
        components=found.invocations - found.commands,
        others=found.others,
        first_at=None if found.first_ms is None else moment(found.first_ms),
        servers=len(found.guild_ids),
        days=int(days[0][0]),
        unrecorded_since=moment(since[0][0]) if since else None,
    )


def _entries(table: LogTable, user_id: int, lot: Sequence[finding.Stretch]) -> Script[list[tuple[datetime, bytes]]]:
    columns: tuple[Column, ...] = tuple(column for column in table.of if column.form is not Form.GUILD_NAME)
    query = _ONE.replace("{columns}", ", ".join(column.name for column in columns)).replace("{table}", table.name)
    rows: list[tuple[Any, ...]] = []
    for stretch in lot:
        rows += yield Query(query, {"user_id": user_id, **stretch._asdict()})
    texts = yield from texts_of(label_ids(columns, rows))
    guild = [column.name for column in columns].index("guild_id")
    guilds = sorted({row[guild] for row in rows} - {None})
    names = dict((yield Lookup(schema.GUILDS, [(id_,) for id_ in guilds], ("guild_id", "name"))))
    found: list[tuple[datetime, bytes]] = []
    for row in rows:
        values = fields(columns, row, texts)
        at = values["started_at"] if table is schema.INVOCATIONS else values["occurred_at"]
        kept = {name: value for name, value in values.items() if value is not None}
        if (name := names.get(row[guild])) is not None:
            kept["guild_name"] = name
        found.append((at, msgspec.json.encode({"what": table.name, **kept})))
    return found


def _rest(user_id: int) -> Script[dict[str, Any]]:
    """What there is besides single entries."""
    by = str(user_id)
    of = {"user_id": user_id}
    days = yield Query(_DAYS, of)
    unrecorded = yield Query(_SINCE, of)
    erased = yield Query(_ERASED, of)
    aside: list[Mapping[str, Any]] = []
    for table in ("answered_elsewhere", "host_waiting"):
        for (text,) in (yield Query(f"SELECT invocation FROM @{table}")):  # noqa: S608 (names)
            invocation = msgspec.json.decode(text, type=Invocation)
            if str(invocation.user_id) == by:
                aside.append(msgspec.structs.asdict(invocation))
    signed: list[str] = []
    for table, key in (("alert_mutes", "key"), ("error_marks", "fingerprint"), ("settings", "scope")):
        rows = yield Query(f"SELECT {key} FROM @{table} WHERE by = :by", {"by": by})  # noqa: S608 (names)
        signed += [f"{table}: {which}" for (which,) in rows]
    return {
        "not_recorded_since": moment(unrecorded[0][0]) if unrecorded else None,
        "erased_up_to": moment(erased[0][0]) if erased else None,
        "days": [
            {
                "day": iso_date(day),
                "guild_id": str(guild_id) if guild_id else None,
                "hours_utc": [hour for hour in range(HOURS_PER_DAY) if hours >> hour & 1],
            }
            for day, guild_id, hours in days
        ],
        "kept_aside": aside,
        "set_or_muted_by_you": signed,
    }
