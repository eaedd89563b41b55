"""Which songs were played most, and whether a host counts music in a table of its own."""

from __future__ import annotations

from datetime import datetime

from botmon_cog.domain.models import MusicEventType
from botmon_cog.domain.reports import Period, SongCounts
from botmon_cog.domain.rollup import day_of
from botmon_cog.store.counting import one_by_one
from botmon_cog.store.hours import days_by_noon
from botmon_cog.store.labels import stored_id
from botmon_cog.store.script import Query, Script

_MOST_PLAYED = " GROUP BY r.title ORDER BY SUM(r.n) DESC, r.title LIMIT :most"
_OF_ALL = f"""
SELECT r.title, SUM(r.n) FROM @song_titles AS r WHERE r.day >= :first_day AND r.day <= :last_day {_MOST_PLAYED}
"""  # noqa: S608 (text of ours)
_OF_GUILD = f"{one_by_one('r.title, SUM(r.n)', 'song_titles')} AND r.guild_id = :guild_id {_MOST_PLAYED}"
_KNOWN_DAYS = "SELECT (SELECT MIN(day) FROM @song_titles), (SELECT MAX(day) FROM @song_titles)"
_OF_HOST = "SELECT MAX(songs), MAX(skips), MAX(pauses) FROM @host_days WHERE day >= :day"


def top_songs(guild_id: str | None, period: Period, now: datetime | None, most: int) -> Script[list[SongCounts]]:
    """Those that began most often on the days (UTC) whose noon lies in a period, today included if `now` is in it."""
    first, end = days_by_noon(period, now)
    ((oldest, newest),) = yield Query(_KNOWN_DAYS)
    if oldest is None:
        return []
    values = {"first_day": max(first, oldest), "last_day": min(end - 1, newest), "most": most}
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
    rows = yield Query(_OF_ALL if guild_id is None else _OF_GUILD, values)
    return [SongCounts(title=str(title), n=int(n)) for title, n in rows]


def counted_by_host(since: datetime) -> Script[frozenset[MusicEventType]]:
    """What a host's own `bot_stats` counts, of days (UTC) from that moment's on."""
    (found,) = yield Query(_OF_HOST, {"day": day_of(since)})
    kinds = (MusicEventType.SONG_PLAYED, MusicEventType.SKIP, MusicEventType.PAUSE)
    return frozenset(kind for kind, is_counted in zip(kinds, found, strict=True) if is_counted)
