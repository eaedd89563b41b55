"""The other servers of the demo's bot, so that its owner has something to look over."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from botmon_cog.domain.models import Event, GuildMembership, Invocation, Kind, MembershipChange
from botmon_cog.domain.outcome import Outcome

_DAY = timedelta(days=1)
_WEEK_DAYS = 7
_COMMANDS = {"play": 6, "skip": 3, "queue": 2}
_PEOPLE = 12
_LEFT_ID = 700_000_000_000_000_001
_LEFT_NAME = "Rainy Day"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbour:
    """Commands a day this week and the week before; days since the bot came, None if it was there before."""

    this_week: int
    last_week: int
    joined_days_ago: float | None = None


NEIGHBOURS = {
    "Lofi Lounge": _Neighbour(this_week=40, last_week=29),
    "Nightowls": _Neighbour(this_week=14, last_week=6, joined_days_ago=9.5),
    "Bass Cave": _Neighbour(this_week=0, last_week=8),
    "Jazz & Coffee": _Neighbour(this_week=5, last_week=0, joined_days_ago=4.2),
}


def events(guild_ids: Mapping[str, int], now: datetime) -> Iterator[Event]:
    """What happened there in two weeks. `guild_ids`: by the names of `NEIGHBOURS`."""
    rng = random.Random(3)  # noqa: S311 (a demo that looks alike every time)
    for name, neighbour in NEIGHBOURS.items():
        if neighbour.joined_days_ago is not None:
            at = now - neighbour.joined_days_ago * _DAY
            yield _membership(MembershipChange.JOINED, guild_ids[name], name, at)
        for days in range(2 * _WEEK_DAYS):
            if neighbour.joined_days_ago is None or days < neighbour.joined_days_ago - 1:
                for _ in range(neighbour.this_week if days < _WEEK_DAYS else neighbour.last_week):
                    yield _used(rng, guild_ids[name], name, now - (days + rng.uniform(0.01, 0.9)) * _DAY)
    for days in range(4, 2 * _WEEK_DAYS):
        yield _used(rng, _LEFT_ID, _LEFT_NAME, now - days * _DAY)
    yield _membership(MembershipChange.LEFT, _LEFT_ID, _LEFT_NAME, now - 3 * _DAY)


def _used(rng: random.Random, guild_id: int, name: str, at: datetime) -> Invocation:
    duration_s = rng.uniform(0.05, 0.5)
    person = rng.randrange(_PEOPLE)
    return Invocation(
        kind=Kind.SLASH,
        command=rng.choices(list(_COMMANDS), list(_COMMANDS.values()))[0],
        outcome=Outcome.OK,
        started_at=at,
        duration_s=duration_s,
        response_s=duration_s,
        guild_id=guild_id,
        guild_name=name,
        user_id=guild_id + 100 + person,
        username=f"{name.split(maxsplit=1)[0].lower()}_fan_{person + 1}",
    )


def _membership(change: MembershipChange, guild_id: int, name: str, at: datetime) -> GuildMembership:
    return GuildMembership(change=change, occurred_at=at, guild_id=guild_id, guild_name=name, member_count=340)
