"""Which row of the host's tells of a command that we observed, or logged, as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from botmon_cog.host.rows import HostRow
from botmon_cog.monitors.observed import is_name_of
from botmon_cog.store.host.reading import Seen

BEFORE_MS = 1_000
"""A row tells whole seconds, and so may seem to be older than the command."""
AFTER_MS = 5_000
"""A host writes its row so long after the command's end."""

Key = tuple[int, str | None, str | None, str]


def matched(rows: Iterable[HostRow], observed: Iterable[Seen]) -> dict[int, Seen]:
    """By the id of the row, the invocation that it tells of. Each belongs to one row at the most."""
    by_person: dict[tuple[str | None, str | None], list[Seen]] = {}
    for seen in observed:
        by_person.setdefault((seen.guild_id, seen.user_id), []).append(seen)
    found: dict[int, Seen] = {}
    for row in rows:
        if row.invocation is None:
            continue
        guild_id, user_id, command = _who(row)
        candidates = by_person.get((guild_id, user_id), [])
        at_ms = row.executed_s * 1000
        fitting = [
            seen
            for seen in candidates
            if seen.started_ms - BEFORE_MS <= at_ms <= seen.ended_ms + AFTER_MS and is_name_of(command, seen.command)
        ]
        if fitting:
            nearest = min(fitting, key=lambda seen: abs(seen.ended_ms - at_ms))
            candidates.remove(nearest)
            found[row.row_id] = nearest
    return found


def key_of(row: HostRow) -> Key:
    """What a row and the invocation that it was made of, or that was made of it, have in common."""
    return row.executed_s, *_who(row)


def keys_of(logged: Sequence[Seen]) -> Counter[Key]:
    """How many invocations there are of each key."""
    return Counter((seen.ended_ms // 1000, seen.guild_id, seen.user_id, seen.command) for seen in logged)


def _who(row: HostRow) -> tuple[str | None, str | None, str]:
    assert row.invocation is not None
    guild_id, user_id = row.invocation.guild_id, row.invocation.user_id
    return _text(guild_id), _text(user_id), row.invocation.command


def _text(id_: int | str | None) -> str | None:
    return None if id_ is None else str(id_)
