"""Two invented weeks before the demo, so that there is something to compare with."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import discord

from botmon_cog.cli.demo.songs import SONGS
from botmon_cog.domain.models import Event, HealthRecord, Invocation, Kind, MetricSample, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import VOICE_CONNECT
from botmon_cog.domain.reasons import Reason

DAYS = 14

_HOURLY = (6, 3, 2, 1, 1, 1, 2, 3, 4, 4, 5, 5, 6, 6, 7, 8, 10, 12, 15, 18, 20, 19, 15, 10)
"""How busy each hour (UTC) is, compared with the others."""
_COMMANDS_PER_DAY = 150
_GROWTH = 1.15
"""This week to the last."""
_WEEKEND = 1.4
_SLOW_FOR = timedelta(days=2)
"""How long ago connecting to voice became slow."""
_SLOW_SHARE = 0.35
_CHECK_EVERY = timedelta(minutes=10)
_TROUBLE = (timedelta(days=6, hours=3), timedelta(days=6, hours=2))
_SLOW = Reason.of("database.slow", response_s=0.6)
"""A spell in which the database was slow, as time before now."""
_FORGOTTEN_FOR = timedelta(days=65)
"""Out of sight of the monthly report, which compares with the 30 days before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Habit:
    """How a command is used and how it fares."""

    weight: int
    typical_s: float
    kind: Kind = Kind.SLASH
    fault_share: float = 0.0
    misuse_share: float = 0.0


_HABITS = {
    "play": _Habit(weight=46, typical_s=0.5, fault_share=0.002),
    "skip": _Habit(weight=18, typical_s=0.06),
    "queue": _Habit(weight=12, typical_s=0.09),
    "pause": _Habit(weight=8, typical_s=0.05),
    "volume": _Habit(weight=6, typical_s=0.05, kind=Kind.HYBRID_SLASH, misuse_share=0.06),
    "lyrics": _Habit(weight=5, typical_s=0.6, fault_share=0.2),
    "np": _Habit(weight=4, typical_s=0.04, kind=Kind.PREFIX),
}
_MUSIC = {"skip": MusicEventType.SKIP, "pause": MusicEventType.PAUSE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where and when it happened, and who was there. `user_ids`: the last few joined this week."""

    guild_id: int
    guild_name: str
    channel_id: int
    user_ids: Sequence[int]
    now: datetime


def events(scene: Scene, rng: random.Random) -> Iterator[Event]:
    """Everything that happened, day by day."""
    yield from _forgotten_command(scene, rng)
    for days_ago in range(DAYS, -1, -1):
        midnight = scene.now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days_ago)
        yield from _day(scene, midnight, rng)
    yield from _health(scene, rng)


def _day(scene: Scene, midnight: datetime, rng: random.Random) -> Iterator[Event]:
    is_this_week = scene.now - midnight < timedelta(days=7)
    per_day = _COMMANDS_PER_DAY * (_GROWTH if is_this_week else 1) * rng.uniform(0.85, 1.15)
    if midnight.weekday() >= 5:  # noqa: PLR2004 (Saturday)
        per_day *= _WEEKEND
    people = scene.user_ids if is_this_week else scene.user_ids[: -max(len(scene.user_ids) // 6, 1)]
    hours = rng.choices(range(len(_HOURLY)), _HOURLY, k=round(per_day))
    for moment in sorted(midnight + timedelta(hours=h, seconds=rng.uniform(0, 3600)) for h in hours):
        if moment < scene.now - timedelta(seconds=10):
            # The first ones are the regulars.
            user_id = people[min(int(rng.expovariate(3 / len(people))), len(people) - 1)]
            (command,) = rng.choices(list(_HABITS), [habit.weight for habit in _HABITS.values()])
            yield from _use(scene, command, user_id, moment, rng)


def _use(scene: Scene, command: str, user_id: int, moment: datetime, rng: random.Random) -> Iterator[Event]:
    habit = _HABITS[command]
    duration_s = habit.typical_s * rng.lognormvariate(0, 0.45)
    is_slow_connect = command == "play" and scene.now - moment < _SLOW_FOR and rng.random() < _SLOW_SHARE
    connect_s = rng.uniform(2.0, 4.5) if is_slow_connect else rng.uniform(0.15, 0.4)
    if is_slow_connect:
        duration_s += connect_s
    outcome = _outcome(habit, rng)
    yield _invocation(scene, command, user_id, moment, duration_s, outcome, rng)
    if outcome is not Outcome.OK:
        return
    if command == "play":
        length_s = rng.choice(list(SONGS.values()))
        yield _music(scene, MusicEventType.SONG_PLAYED, user_id, moment, length_s)
        if is_slow_connect or rng.random() < 0.2:  # noqa: PLR2004 (mostly the bot is in the channel already)
            yield MetricSample(
                name=VOICE_CONNECT,
                occurred_at=moment,
                value=connect_s,
                guild_id=scene.guild_id,
                user_id=user_id,
            )
    elif command in _MUSIC:
        yield _music(scene, _MUSIC[command], user_id, moment)


def _outcome(habit: _Habit, rng: random.Random) -> Outcome:
    luck = rng.random()
    if luck < habit.fault_share:
        return Outcome.ERROR
    return Outcome.USER_ERROR if luck < habit.fault_share + habit.misuse_share else Outcome.OK


def _invocation(
    scene: Scene,
    command: str,
    user_id: int,
    moment: datetime,
    duration_s: float,
    outcome: Outcome,
    rng: random.Random,
) -> Invocation:
    kind = _HABITS[command].kind if command in _HABITS else Kind.SLASH
    is_fault = outcome is Outcome.ERROR
    return Invocation(
        kind=kind,
        command=command,
        outcome=outcome,
        started_at=moment,
        duration_s=duration_s,
        response_s=None if kind is Kind.PREFIX else min(duration_s, rng.uniform(0.05, 0.3)),
        gateway_delay_s=rng.uniform(0.03, 0.12),
        guild_id=scene.guild_id,
        guild_name=scene.guild_name,
        channel_id=scene.channel_id,
        user_id=user_id,
        username=f"listener_{scene.user_ids.index(user_id) + 1}",
        discord_id=_snowflake(moment, rng),
        error_type="LookupError" if is_fault else None,
        error_message="the service did not answer" if is_fault else None,
    )


def _music(scene: Scene, kind: MusicEventType, user_id: int, moment: datetime, duration_s: float = 0.0) -> MusicEvent:
    return MusicEvent(
        type=kind,
        occurred_at=moment,
        guild_id=scene.guild_id,
        user_id=user_id,
        duration_s=duration_s,
    )


def _forgotten_command(scene: Scene, rng: random.Random) -> Iterator[Invocation]:
    """A command that somebody used a while ago and nobody since."""
    for days in range(6):
        moment = scene.now - _FORGOTTEN_FOR - timedelta(days=days, hours=rng.uniform(0, 12))
        yield _invocation(scene, "shuffle", scene.user_ids[0], moment, rng.uniform(0.03, 0.1), Outcome.OK, rng)


def _health(scene: Scene, rng: random.Random) -> Iterator[HealthRecord]:
    moment = scene.now - timedelta(days=DAYS)
    while moment < scene.now - timedelta(seconds=10):
        is_troubled = _TROUBLE[0] > scene.now - moment > _TROUBLE[1]
        yield HealthRecord(
            occurred_at=moment,
            status="degraded" if is_troubled else "healthy",
            reason=_SLOW if is_troubled else None,
            rss_bytes=round(rng.uniform(90, 110) * 2**20),
            cpu_percent=rng.uniform(0.5, 4),
            database_s=0.6 if is_troubled else rng.uniform(0.0005, 0.002),
            error_rate=0.01,
        )
        moment += _CHECK_EVERY


def _snowflake(moment: datetime, rng: random.Random) -> int:
    """An id that Discord could have made then."""
    return discord.utils.time_snowflake(moment) | rng.getrandbits(22)
