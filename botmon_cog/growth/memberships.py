"""What joining and leaving add up to. Pure.

Discord tells of a server that comes or goes only while the bot is connected. So one may be joined twice without having
been left, or the other way round; both count once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from botmon_cog.domain.models import MembershipChange
from botmon_cog.domain.reports import MembershipEntry
from botmon_cog.domain.rollup import day_of
from botmon_cog.growth.values import Retained

RETAINED_AFTER_DAYS = (1, 7, 30)
_DAY = timedelta(days=1)


def changes(entries: Iterable[MembershipEntry]) -> list[MembershipEntry]:
    """Without those that say again what was the case; both in order."""
    found: list[MembershipEntry] = []
    latest: dict[str, MembershipChange] = {}
    for entry in entries:
        if latest.get(entry.guild_id) is not entry.change:
            latest[entry.guild_id] = entry.change
            found.append(entry)
    return found


def came_and_left(entries: Iterable[MembershipEntry], start: datetime, end: datetime) -> tuple[int, int]:
    """(servers that came, servers that left) from `start` up to, but not including, `end`. `entries`: see `changes`."""
    within = [entry.change for entry in entries if start <= entry.occurred_at < end]
    return within.count(MembershipChange.JOINED), within.count(MembershipChange.LEFT)


def gone(entries: Iterable[MembershipEntry]) -> dict[str, MembershipEntry]:
    """How servers were left that the bot has not come back to, by their ids."""
    last = {entry.guild_id: entry for entry in entries}
    return {guild_id: entry for guild_id, entry in last.items() if entry.change is MembershipChange.LEFT}


def retained(entries: Sequence[MembershipEntry], last_days: Mapping[str, int], now: datetime) -> tuple[Retained, ...]:
    """How many of the servers that came are still there and in use after 1, 7 and 30 days.

    A server counts from its first joining among the `entries` (see `changes`). After N days are asked those for which
    day N, counted in days of UTC with the joining on day 0, is over. Retained is one that had the bot N times 24 hours
    after joining, and used a command on day N or later.

    Args:
        entries: since when servers are looked at.
        last_days: the last day (since 1970, UTC) on which a command ran in a server.
        now: the time.
    """
    by_guild: dict[str, list[MembershipEntry]] = {}
    for entry in entries:
        by_guild.setdefault(entry.guild_id, []).append(entry)
    new: dict[str, datetime] = {}
    for guild_id, of_guild in by_guild.items():
        if of_guild[0].change is MembershipChange.JOINED:
            new[guild_id] = of_guild[0].occurred_at
    found: list[Retained] = []
    for days in RETAINED_AFTER_DAYS:
        old_enough = {guild_id: at for guild_id, at in new.items() if day_of(at) + days < day_of(now.astimezone(UTC))}
        n = sum(
            _is_there(by_guild[guild_id], at + days * _DAY) and last_days.get(guild_id, -1) >= day_of(at) + days
            for guild_id, at in old_enough.items()
        )
        found.append(Retained(days=days, n=n, of=len(old_enough)))
    return tuple(found)


def _is_there(entries: Iterable[MembershipEntry], moment: datetime) -> bool:
    return [entry.change for entry in entries if entry.occurred_at <= moment][-1] is MembershipChange.JOINED
