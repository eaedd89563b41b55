"""Four processes that write into one store and roll up at once, on both engines: every sum is right."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta

import pytest

from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import Event, Invocation, Kind, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import MusicTotals
from botmon_cog.store.rollup import RollUps
from botmon_cog.store.tools.proof import differences, provable_days
from tests.child import Child, Talk
from tests.engines import Engine, Storage
from tests.faults import full
from tests.storage_helpers import EVER

PROCESSES = 4
EACH = full(25_000, 600)
BATCH, LOT = full(500, 50), full(2_000, 90)
START = datetime(2026, 1, 5, 3, tzinfo=UTC)
SPAN_S = 30 * 3600
GUILDS = (None, "1", "2", "3", "4", "5", "of a host")
COMMANDS = ("play", "skip", "queue add", "stats weekly", "🎵")
OUTCOMES = tuple(Outcome)
OUTLASTING_S = 120.0


def events(process: int) -> Iterator[Event]:
    """What one of them records: the same at each run; guilds, users, commands and hours are those of the others too."""
    for n in range(EACH):
        k = n * PROCESSES + process
        moment = START + timedelta(seconds=k * 7_919 % SPAN_S)
        guild_id = GUILDS[k * 5 % 23 % len(GUILDS)]
        if n % 10 == 3:
            yield MusicEvent(
                type=MusicEventType.SONG_PLAYED, occurred_at=moment, guild_id=guild_id or "1", duration_s=180.0
            )
        else:
            yield Invocation(
                kind=Kind.SLASH,
                command=COMMANDS[k * 7 % 31 % len(COMMANDS)],
                outcome=OUTCOMES[k * 11 % 37 % len(OUTCOMES)],
                started_at=moment,
                duration_s=0.001 * (1 + k * 13 % 5_003),
                response_s=None if k % 3 else 0.05,
                guild_id=guild_id,
                guild_name="Home",
                user_id=str(k * 3 % 1_201),
            )


async def record(talk: Talk, url: str, instance: str, process: int) -> None:
    async with Engine.of(url).storage(instance, busy_timeout_s=OUTLASTING_S) as storage:
        await storage.open()
        talk.send("ready")
        await talk.receive()
        recorded = list(events(process))
        rolling = asyncio.create_task(roll_up(storage))
        for start in range(0, EACH, BATCH):
            await storage.append(recorded[start : start + BATCH])
        await rolling
        await storage.rollups.catch_up()
        talk.send("done")


async def roll_up(storage: Storage) -> None:
    """In small lots, until all is counted that this process is to record."""
    rollups = RollUps(storage.engine, LOT)
    counted = 0
    while counted < EACH:
        await rollups.lot()
        ((counted,),) = await storage.rows(
            "SELECT COALESCE(MAX(rolled_up_seq), 0) FROM @runs WHERE token = :token", token=storage.run.token
        )


@pytest.mark.parametrize("n_instances", [1, PROCESSES])
async def test_four_processes_count_every_row_once(engine, n_instances):
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(record, engine.url, f"instance {n % n_instances}", n)) for n in range(PROCESSES)
        ]
        for child in children:
            assert child.receive() == "ready"
        for child in children:
            child.send("go")
        for child in children:
            assert child.receive(OUTLASTING_S) == "done"
        for child in children:
            assert child.wait() == 0
    async with engine.storage() as storage:
        counted = "SELECT instance, COUNT(*), MIN(rolled_up_seq) FROM @runs GROUP BY instance ORDER BY 1"
        each = PROCESSES // n_instances
        assert await storage.rows(counted) == [(f"instance {n}", each, EACH) for n in range(n_instances)]
        assert await storage.rollups.rows_behind() == 0
        for day in await storage.engine.read(provable_days()):
            assert await storage.engine.read(differences(day, 9)) == (0, [])
        await check_sums(storage)


async def check_sums(storage: Storage) -> None:
    everything = [event for process in range(PROCESSES) for event in events(process)]
    invocations = [event for event in everything if type(event) is Invocation]
    assert await storage.rows("SELECT COUNT(*) FROM @invocations") == [(len(invocations),)]
    for guild_id in (None, *GUILDS[1:]):
        of_one = [event for event in invocations if guild_id in (None, event.guild_id)]
        commands = Counter(event.command for event in of_one)
        outcomes = Counter((event.command, event.outcome) for event in of_one)
        found = await storage.command_counts(guild_id, EVER)
        assert {counts.command: counts.n for counts in found} == commands
        for counts in found:
            for outcome in Outcome:
                assert counts[outcome.value] == outcomes[counts.command, outcome]
        ran = [event for event in of_one if event.outcome.is_executed]
        assert await storage.unique_users(guild_id, EVER) == len({event.user_id for event in ran})
        assert sum(hour.n for hour in await storage.hour_counts(guild_id, EVER)) == len(ran)
        songs = sum(type(event) is MusicEvent and guild_id in (None, event.guild_id) for event in everything)
        assert await storage.music_totals(guild_id, EVER) == MusicTotals(songs_played=songs, playtime_s=180 * songs)
    assert dict(await storage.guilds(10)) == Counter(
        event.guild_id for event in invocations if event.guild_id and event.outcome.is_executed
    )
    latencies = await storage.latencies(None, EVER)
    for command in COMMANDS:
        of_command = [event for event in invocations if event.command == command]
        times = Histogram.of(e.duration_s for e in of_command if e.duration_s is not None and e.outcome.is_timed)
        assert latencies[command, "duration"].counts == times.counts
    statistics = "SELECT guild_id, date, commands_executed, unique_users FROM @bot_stats"
    ran = [event for event in invocations if event.outcome.is_executed]
    assert sorted(await storage.rows(statistics)) == by_day(ran)


def by_day(invocations: list[Invocation]) -> list[tuple[str, str, int, int]]:
    users: dict[tuple[str, str], list[object]] = defaultdict(list)
    for event in invocations:
        if event.guild_id is not None:
            users[str(event.guild_id), f"{event.started_at:%Y-%m-%d}"].append(event.user_id)
    return sorted((*key, len(of_day), len(set(of_day))) for key, of_day in users.items())
