"""A history of everything that is stored, and the command line over it."""
# ruff: noqa: S608 (numbers and tables of ours)

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from botmon_cog.__main__ import main
from botmon_cog.domain.alerts import Mute
from botmon_cog.domain.models import CountedCommand, Event, HealthRecord, Invocation, Kind, MetricSample, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import day_of
from botmon_cog.domain.uptime import GatewayLoss, Run
from botmon_cog.store.schema import ROLLUP_TABLES
from tests.child import Talk
from tests.engines import Engine, Storage
from tests.storage_helpers import (
    NOON,
    alert,
    autocompletion,
    background_failure,
    elsewhere,
    error_group,
    host_day,
    membership,
    message,
    music,
    point,
)

DAY = day_of(NOON)
"""The first day of `history`, since 1970."""
ROLLUPS = tuple(table.name for table in ROLLUP_TABLES)
TAMPERED = {
    "rollups": "UPDATE @rollups SET n = n + 1",
    "rollups less": "DELETE FROM @rollups WHERE scope = 0",
    "rollups other": "UPDATE @rollups SET data = (SELECT data FROM @rollups WHERE scope = 1 ORDER BY n DESC LIMIT 1)",
    "people": "UPDATE @people SET hours = 16777215",
    "people more": f"INSERT INTO @people (day, guild_id, user_id, hours) VALUES ({DAY}, 1, 99, 1)",
    "people executed": "UPDATE @people SET hours = hours & 16777215",
    "people less": "DELETE FROM @people WHERE guild_id = 0",
    "guild_hourly": "UPDATE @guild_hourly SET playtime_s = playtime_s - 1",
    "guild_hourly more": f"INSERT INTO @guild_hourly VALUES ({(DAY + 9) * 24}, 1, 1, 0, 0, 0, 0, 0)",
    "guild_hourly logged": "UPDATE @guild_hourly SET logged = logged + 1",
    "guild_hourly counted": "UPDATE @guild_hourly SET counted = counted + 1",
    "song_titles": "UPDATE @song_titles SET n = n + 1",
    "song_titles more": f"INSERT INTO @song_titles VALUES ({DAY + 9}, 1, 'Nothing', 1)",
    "song_titles gone": "DELETE FROM @song_titles",
    "metric_days": "UPDATE @metric_days SET data = (SELECT data FROM @metric_days ORDER BY day DESC LIMIT 1)",
    "metric_days gone": "DELETE FROM @metric_days",
}
"""What is done to the roll-ups by the name of the table in which it shows."""


def history(n: int, *, seed: int = 1, days: int = 3) -> list[Event]:
    """`n` events of every kind over some days, odd characters and missing values included."""
    choice = random.Random(seed)
    made: list[Event] = []
    for i in range(n):
        when = NOON + timedelta(seconds=choice.randrange(days * 86_400), microseconds=choice.randrange(1_000_000))
        guild = choice.choice(["1", "2", 3333333333333333333, "home"])
        kind = choice.randrange(15)
        if kind < 6:
            made.append(
                Invocation(
                    kind=choice.choice(list(Kind)),
                    command=choice.choice(["play", "queue add", "skip ⏭", "it's"]),
                    outcome=choice.choice(list(Outcome)),
                    started_at=when,
                    duration_s=choice.choice([None, 0.1, 2.75, 1e-9]),
                    response_s=choice.choice([None, choice.random()]),
                    gateway_delay_s=choice.choice([None, 0.05]),
                    guild_id=choice.choice([guild, guild, None]),
                    guild_name=choice.choice([None, f"Guild {guild} é\N{NO-BREAK SPACE}🎵"]),
                    user_id=choice.choice(["10", "11", "somebody", None]),
                    username="somebody",
                    parameters='{"song": "\\u0000"}',
                    shard_id=i % 3,
                    discord_id=choice.choice([None, 1 << 60]),
                    error_type=choice.choice([None, "ValueError"]),
                    error_message=choice.choice([None, "line\nbreak"]),
                    is_own=choice.random() < 0.1,
                    fingerprint=None if i % 3 else i + 1,
                    lacks=None if i % 6 else "Manage Messages",
                )
            )
        elif kind < 8:
            of = choice.choice(list(MusicEventType))
            title = choice.choice(["Low Tide", "Nachtzug 🎵", None]) if of is MusicEventType.SONG_PLAYED else None
            made.append(music(type=of, occurred_at=when, guild_id=guild, duration_s=choice.random() * 300, title=title))
        elif kind == 8:
            made.append(
                MetricSample(
                    name="voice_connect",
                    occurred_at=when,
                    value=choice.random(),
                    unit=choice.choice(["s", "items"]),
                    success=choice.random() < 0.8,
                    guild_id=choice.choice([guild, None]),
                )
            )
        elif kind == 9:
            user = choice.choice(["10", "somebody else", None])
            made.append(CountedCommand(occurred_at=when, guild_id=guild, user_id=user))
        elif kind == 10:
            made.append(autocompletion(started_at=when, failed=choice.randrange(3)))
        elif kind == 11:
            failures = background_failure(started_at=when, n=choice.randrange(9), fingerprint=i + 1)
            made.append(failures if i % 2 else error_group(i + 1, first_at=when, line=i))
        elif kind == 12:
            made.append(membership(occurred_at=when, guild_id=guild))
        elif kind == 13:
            made.append(elsewhere(received_at=when, discord_id=i + 1))
        else:
            made.append(HealthRecord(occurred_at=when, status="healthy", rss_bytes=i * 1_000_000, error_rate=0.1))
            labels = choice.choice(["", "region=eu"])
            made.append(point(occurred_at=when, labels=labels, total=choice.random(), minutes=1 << when.minute))
    return made[:n]


def executed(events: Sequence[Event]) -> int:
    """How many commands ran."""
    found = [event for event in events if type(event) is Invocation and not event.is_own]
    return sum(event.outcome.is_executed and not event.kind.is_component for event in found)


async def record(storage: Storage, events: Sequence[Event], size: int = 50) -> None:
    """Append events in batches, and roll up."""
    for start in range(0, len(events), size):
        await storage.append(events[start : start + size])
    await storage.rollups.catch_up()


def fill(engine: Engine, events: Sequence[Event], instance: str = "test") -> None:
    """One run of a bot that recorded these events, with a day of the host's, an alert, a mute, and a gateway loss."""

    async def run() -> None:
        async with engine.storage(instance) as storage:
            await record(storage, events)
            await storage.engine.write(host_day(NOON, "home", songs=3, users=2, commands=5))
            await storage.alerts.keep_alerts([alert(scope=instance)], [], [message(instance=instance)])
            await storage.alerts.put_mute(Mute(scope="", key=instance, until=NOON, by="1", made_at=NOON))
            await storage.errors.resolve(1, NOON, "1")
            await storage.errors.mute(2, NOON, "1")
            await storage.uptime.put_run(Run(started_at=NOON, seen_at=NOON, version="9c1d", python_version="3.11.7"))
            await storage.uptime.put_gateway_loss(GatewayLoss(shard_id=0, began_at=NOON, ended_at=NOON))

    asyncio.run(run())


async def bot(talk: Talk, name: str, url: str) -> None:
    """Writes and rolls up until it is killed."""
    async with Engine(name, url).storage("other") as storage:
        for seed in range(2, 1_000_000):
            await record(storage, history(20, seed=seed))
            if seed == 3:
                talk.send("writing")


def call(capsys, *argv: object) -> tuple[int, str]:
    """The exit code and the output of a command that complains of nothing."""
    code = main([*map(str, argv)])
    captured = capsys.readouterr()
    assert captured.err == ""
    return code, captured.out


def refused(capsys, *argv: object, code: int = 1) -> str:
    """The one sentence that a command says instead of doing anything."""
    assert main([*map(str, argv)]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "@" not in captured.err
    return captured.err


def is_sound(engine: Engine) -> bool:
    return main(["doctor", "--database", engine.url]) == 0


def rolled_up(engine: Engine) -> dict[str, list[str]]:
    return {name: sorted(map(repr, engine.sql(f"SELECT * FROM @{name}"))) for name in ROLLUPS}


def state(engine: Engine) -> object:
    """All that an unwanted change would show in."""
    if engine.is_sqlite:
        return Path(engine.url).read_bytes(), sorted(Path(engine.url).parent.iterdir())
    return engine.sql("SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables ORDER BY 1")
