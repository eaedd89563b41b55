"""What is read from the `bot_stats` of a host: its own part of each day, which is what we did not add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from botmon_cog.store.forgotten import forgotten
from botmon_cog.store.host.sources import Source, change_source, source_of
from botmon_cog.store.labels import label_ids_of
from botmon_cog.store.records import id_label, number_of, stored_number
from botmon_cog.store.schema import HOST_DAYS, HOST_LEDGER
from botmon_cog.store.script import Execute, Insert, Lookup, Recall, Row, Script, Session

_COUNTS = ("songs", "playtime_s", "skips", "pauses", "users", "commands")
_USERS = _COUNTS.index("users")
_VOID = "DELETE FROM @host_ledger WHERE source_id = :source_id AND day = :day AND guild_id = :guild_id"
_FORGET = "DELETE FROM @host_ledger WHERE source_id = :source_id AND day < :day"


class DayRow(NamedTuple):
    """A row of `bot_stats`."""

    row_id: int
    day: int
    """Since 1970, UTC."""
    guild_id: str
    counts: tuple[int, int, int, int, int, int]
    """Songs, playtime in s, skips, pauses, people, commands."""


def take_days(source: Source, days: Sequence[DayRow]) -> Script[tuple[Source, Session, Session] | None]:
    """Store the host's part of days, in place of what it was.

    Nothing must be under way that adds to the same table. None: another process was quicker, and nothing was stored.

    Returns:
        The source as it is then, the session, and what that may note once this is committed.
    """
    if not (yield from change_source(source)):
        return None
    session: Session = yield Recall()
    found = Session()
    labels = found.labels = yield from label_ids_of(
        {id_label(row.guild_id) for row in days if number_of(row.guild_id) is None}
    )
    purged = (yield from forgotten()).purged
    keys = {row: (source.source_id, row.day, stored_number(row.guild_id, labels)) for row in days}
    keys = {row: key for row, key in keys.items() if key[-1] not in purged}
    ledger = yield from _by_key(HOST_LEDGER.columns, list(keys.values()))
    known: dict[Row, Row] = {
        row[:3]: row[3:] for row in (yield Lookup(HOST_DAYS, list(keys.values()), tuple(HOST_DAYS.columns)))
    }
    written: list[Row] = []
    for row, key in keys.items():
        added = ledger.get(key)
        if added is not None:
            added = yield from _corrected(key, row, added)
        part = _own_part(row, added)
        if known.get(key, (0,) * len(part)) != part:
            written.append((*key, *part))
    if written:
        yield Insert(HOST_DAYS, written, "replace")
    return (yield from source_of(source.source_id)), session, found


def forget_days(source_id: int, first_day: int) -> Script[None]:
    """Forget what we added to days of which the host's table has no row any more."""
    yield Execute(_FORGET, {"source_id": source_id, "day": first_day})


def _by_key(columns: Mapping[str, object], keys: Sequence[Row]) -> Script[dict[Row, dict[str, int]]]:
    """The ledger's rows: what we added, and the id of the row to which."""
    rows = yield Lookup(HOST_LEDGER, keys, tuple(columns))
    return {row[:3]: dict(zip(list(columns)[3:], row[3:], strict=True)) for row in rows}


def _corrected(key: Row, row: DayRow, added: dict[str, int]) -> Script[dict[str, int] | None]:
    """What is still there of what we added: the host may have removed the row, or set its columns."""
    if added["row_id"] != row.row_id:
        yield Execute(_VOID, dict(zip(("source_id", "day", "guild_id"), key, strict=True)))
        return None
    kept = added | {name: min(added[name], count) for name, count in zip(_COUNTS, row.counts, strict=True)}
    if kept != added:
        yield Insert(HOST_LEDGER, [(*key, *kept.values())], "replace")
    return kept


def _own_part(row: DayRow, added: Mapping[str, int] | None) -> Row:
    if added is None:
        return row.counts
    part = [count - added[name] for name, count in zip(_COUNTS, row.counts, strict=True)]
    # People are no sum: what the table has are ours or the host's, whichever are more.
    users = row.counts[_USERS]
    part[_USERS] = users if users > added["users"] else 0
    return tuple(part)
