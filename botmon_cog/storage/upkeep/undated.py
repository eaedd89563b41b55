"""The roll-ups that belong to no day, `command_seen` and `guild_names`, held against the others and the raw rows."""

from __future__ import annotations

from botmon_cog.storage import queries, tables
from botmon_cog.storage.rows import Row
from botmon_cog.storage.script import Ask, Do, Put, Script
from botmon_cog.storage.upkeep.rebuilding import RAW_SINCE, Dialect, Difference

_HOURS = "SELECT guild_id, command, MIN(hour), MAX(hour) FROM command_hourly GROUP BY guild_id, command"
_SEEN = "SELECT guild_id, command, first_hour, last_hour FROM command_seen"
_FORGET_SEEN = "DELETE FROM command_seen WHERE guild_id = :guild_id AND command = :command"
_IS_NAMED = "guild_name IS NOT NULL AND action IS NOT NULL AND {epoch} IS NOT NULL"
_NAMES = f"SELECT DISTINCT COALESCE(guild_id, ''), guild_name FROM audit_logs WHERE {_IS_NAMED}"  # noqa: S608
_STORED_NAMES = "SELECT guild_id, name FROM guild_names"
_NEWEST_NAME = f"""
SELECT guild_name FROM audit_logs WHERE {{guild}} AND {_IS_NAMED} ORDER BY timestamp DESC, id DESC LIMIT 1
"""  # noqa: S608


def undated_differences(dialect: Dialect) -> Script[list[Difference]]:
    """Where they can't be right. Reads only.

    `command_seen` spans the hours of `command_hourly`; where raw rows were removed, it may know more. A guild's name is
    one that its raw rows have, as long as none was removed: which of them came last, they do not say for sure.
    """
    is_whole = not (yield Ask(queries.GET_MARK, {"name": RAW_SINCE}))
    found = yield from _seen_differences(is_whole=is_whole)
    return found + (yield from _name_differences(dialect, is_whole=is_whole))


def mend_undated(dialect: Dialect) -> Script[None]:
    """Make right what `undated_differences` finds."""
    for statement in dialect.lock:
        yield Do(statement, {})
    for difference in (yield from undated_differences(dialect)):
        if difference.table == tables.COMMAND_SEEN.name:
            guild_id, command = difference.key
            yield Do(_FORGET_SEEN, {"guild_id": guild_id, "command": command})
            if difference.counted is not None:
                yield Put(tables.COMMAND_SEEN, [difference.key + difference.counted])
        elif difference.counted is not None:
            yield Put(tables.GUILDS, [difference.key + difference.counted])


def _seen_differences(*, is_whole: bool) -> Script[list[Difference]]:
    stored: dict[Row, Row] = {(g, c): (first, last) for g, c, first, last in (yield Ask(_SEEN, {}))}
    counted: dict[Row, Row] = {(g, c): (first, last) for g, c, first, last in (yield Ask(_HOURS, {}))}
    found: list[Difference] = []
    for key in sorted(stored.keys() | counted.keys()):
        known, should = stored.get(key), counted.get(key)
        if not is_whole:
            if should is None:
                continue
            if known is not None:
                should = min(known[0], should[0]), should[1]
        if known != should:
            found.append(Difference(table=tables.COMMAND_SEEN.name, key=key, stored=known, counted=should))
    return found


def _name_differences(dialect: Dialect, *, is_whole: bool) -> Script[list[Difference]]:
    names: dict[str, set[str]] = {}
    for guild_id, name in (yield Ask(_NAMES.replace("{epoch}", dialect.epoch), {})):
        names.setdefault(guild_id, set()).add(name)
    stored: dict[str, str] = dict((yield Ask(_STORED_NAMES, {})))
    found: list[Difference] = []
    for guild_id, known in sorted(names.items()):
        name = stored.get(guild_id)
        if name in known or (name is not None and not is_whole):
            continue
        of = "guild_id = :guild_id" if guild_id else "(guild_id IS NULL OR guild_id = :guild_id)"
        query = _NEWEST_NAME.replace("{epoch}", dialect.epoch).replace("{guild}", of)
        newest = yield Ask(query, {"guild_id": guild_id})
        found.append(
            Difference(
                table=tables.GUILDS.name,
                key=(guild_id,),
                stored=None if name is None else (name,),
                counted=(newest[0][0],),
            )
        )
    return found
