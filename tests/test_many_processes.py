"""Many processes of a large bot on one PostgreSQL: their sums are exact, and they speak with one voice.

At full scale (`.ci/nightly`): 8 processes with 16 shards and 5,000 servers, 25,000 invocations each.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.config import Config, HealthConfig, StorageConfig
from botmon_cog.domain.alerts import Notice, Sent
from botmon_cog.domain.histogram import ALPHA, Histogram
from botmon_cog.domain.inventory import ServersByShard
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import DURATION
from botmon_cog.growth.gather import fleet
from botmon_cog.growth.processes_embed import processes_embed
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.debounce import CHECKS_TO_ENTER
from botmon_cog.observer.offered import Offered
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.alert_helpers import START
from tests.child import Child, Talk
from tests.faults import FULL, full
from tests.test_alerts_processes import APP, OUTLASTING_S, QUICK, Line, append, sent

_log = logging.getLogger(__name__)

PROCESSES, SHARDS, SERVERS = full(8, 4), 16, 5_000
EACH = full(25_000, 500)
CHUNK = 5_000
"""What is recorded at a time: a bot's load comes bit by bit, and what waits in memory is bounded."""
PATIENCE_S = 500.0 if FULL else 60.0
NOW = START + timedelta(days=3)
CHECKS = CHECKS_TO_ENTER + 2
MINUTE_S = 60.0
HOUR_S = 3_700.0
BROKEN = "radio"
"""In the last process alone, it always fails."""
COMMON = "lyrics"
"""It always fails, in all of them."""
WELL = ("play", "skip", "queue add", "stats weekly", *(f"playlist {n}" for n in range(34)))
"""So many that what fails is no matter of the bot as a whole."""
COMMANDS = (*WELL, COMMON, BROKEN)
INCIDENTS = {"database.slow", f"commands.failing.{COMMON}", f"commands.failing.{BROKEN}"}
"""What all of them find of the database, what each of them finds of itself, and what one of them does."""
VERSION = "1.4.2"


def shards_of(process: int) -> list[int]:
    return [shard for shard in range(SHARDS) if shard * PROCESSES // SHARDS == process]


def servers_of(shard: int) -> range:
    """As Discord deals them out: by the remainder."""
    return range(shard, SERVERS, SHARDS)


def load(process: int) -> list[Invocation]:
    """What one process sees in an hour: the same at each run. Each is faster than the next one."""
    shards = shards_of(process)
    found: list[Invocation] = []
    for n in range(EACH):
        shard = shards[n % len(shards)]
        servers = servers_of(shard)
        guild_id = servers[n * 7_919 % len(servers)] + 1
        command = COMMANDS[n * 7 % 61 % (len(COMMANDS) - (process < PROCESSES - 1))]
        has_failed = command in {COMMON, BROKEN}
        found.append(
            Invocation(
                kind=Kind.SLASH,
                command=command,
                outcome=Outcome.ERROR if has_failed else Outcome.OK,
                started_at=NOW - timedelta(seconds=n * 13 % 3_500 + 60),
                duration_s=0.01 * 1.5**process * (1 + n * 37 % 1_009 / 50),
                guild_id=guild_id,
                user_id=guild_id * 100 + n % 7,
                shard_id=shard,
                error_type="KeyError" if has_failed else None,
            )
        )
    return found


def system_of(url: str, instance: str, clock: ManualClock, folder: str) -> MonitoringSystem:
    storage = StorageConfig(url=url, busy_timeout_s=OUTLASTING_S, spool=f"{folder}/{instance}.spool.db")
    health = HealthConfig(interval_s=MINUTE_S, watch=("database", "commands"))
    return MonitoringSystem(Config(instance=instance, storage=storage, health=health, alerts=QUICK), clock=clock)


async def be_slow() -> DatabaseSample:
    return DatabaseSample(response_time_s=2.0)


async def run(talk: Talk, url: str, process: int, folder: str) -> None:
    """A process without Discord."""
    clock = ManualClock(NOW)
    instance = f"p{process}"

    async def send(notice: Notice, is_repeat: bool) -> Sent:
        items = [(item.change, item.scope, item.key) for item in notice.items]
        told = {"message_id": notice.message_id, "by": instance, "is_repeat": is_repeat, "made_at": notice.made_at}
        append(f"{folder}/sent", Line(items=items, **told))
        return Sent(state="told", words="a line in a file")

    async with system_of(url, instance, clock, folder) as system:
        system.inventory.servers = lambda: ServersByShard(
            shard_count=SHARDS, servers={shard: len(servers_of(shard)) for shard in shards_of(process)}
        )
        system.inventory.offered = lambda: Offered(frozenset(COMMANDS), {})
        await system.uptime.begin(VERSION, "3.11.9", "2.7.1", "0.1.0")
        rows = load(process)
        talk.send("ready")
        await talk.receive()
        for start in range(0, EACH, CHUNK):
            for row in rows[start : start + CHUNK]:
                system.recorder.record(row)
            await system.flush()
        await system.catch_up()
        talk.send("counted")
        system.database.sample = be_slow
        while (order := await talk.receive()) is not None:
            if order == "an hour later":
                await clock.advance(HOUR_S)
                del system.database.sample
            report = await system.check(APP)
            await system.alerts.deliver(APP, send)
            await clock.advance(MINUTE_S)
            talk.send([report.overall_status, system.failures.last])
        await system.uptime.end("stopped")


@asynccontextmanager
async def viewing(url: str, folder: Path) -> AsyncIterator[tuple[MonitoringSystem, ManualClock]]:
    """Somebody who looks at the store, and runs no bot."""
    clock = ManualClock(NOW)
    system = system_of(url, "viewer", clock, str(folder))
    await system.open()
    try:
        yield system, clock
    finally:
        await system.close()


async def answers(children: list[Child]) -> list[Any]:
    """What each of them says next."""
    return await asyncio.gather(*(child.answer(PATIENCE_S) for child in children))


async def all_check(children: list[Child], n: int, order: str = "check") -> list[list[str | None]]:
    """At the same time, so many times; how they find themselves at the end. None of them fails at anything."""
    for _ in range(n):
        for child in children:
            child.send(order)
        found = await answers(children)
        order = "check"
    return found


async def test_many_processes_count_exactly_and_speak_with_one_voice(postgres_store_url: str, tmp_path: Path) -> None:
    rows = [row for process in range(PROCESSES) for row in load(process)]
    with ExitStack() as stack:
        children = [
            stack.enter_context(Child(run, postgres_store_url, process, str(tmp_path))) for process in range(PROCESSES)
        ]
        assert await answers(children) == ["ready"] * PROCESSES
        began_s = time.perf_counter()
        for child in children:
            child.send("go")
        await answers(children)
        _log.info("%d invocations stored and rolled up in %.1f s", len(rows), time.perf_counter() - began_s)
        async with viewing(postgres_store_url, tmp_path) as (viewer, clock):
            await assert_counted(viewer, rows)
            statuses = await all_check(children, CHECKS)
            assert statuses == [["degraded", None]] * PROCESSES
            await clock.advance(CHECKS * MINUTE_S)
            await assert_seen(viewer)
            assert (await viewer.fleet.report()).status == "degraded"
            expected = {("fired", key) for key in INCIDENTS}
            assert Counter(items(tmp_path)) == Counter(expected), "each incident is told once"
            statuses = await all_check(children, CHECKS, "an hour later")
            assert statuses == [["healthy", None]] * PROCESSES
            expected |= {("recovered", key) for key in INCIDENTS}
            assert Counter(items(tmp_path)) == Counter(expected), "and so is its end"
        for child in children:
            child.send(None)
        assert [await asyncio.to_thread(child.wait) for child in children] == [0] * PROCESSES


def items(folder: Path) -> list[tuple[str, str]]:
    """What happened to which key, message by message."""
    lines = sent(folder / "sent")
    assert not any(line.is_repeat for line in lines)
    assert {scope for line in lines for _, scope, key in line.items if key.endswith(BROKEN)} == {f"p{PROCESSES - 1}"}
    return [(change, key) for line in lines for change, _, key in line.items]


async def assert_counted(viewer: MonitoringSystem, rows: list[Invocation]) -> None:
    """Every sum is exact, and every percentile over all of them within 2 %."""
    period = viewer.statistics.period("weekly")
    report = await viewer.statistics.report(None, period)
    assert report.total_commands == len(rows)
    assert report.faults == sum(row.outcome is Outcome.ERROR for row in rows)
    assert report.unique_users == len({row.user_id for row in rows})
    assert {each.command: each.n for each in report.commands} == Counter(row.command for row in rows)
    guild_id = rows[-1].guild_id
    of_guild = await viewer.statistics.report(str(guild_id), period)
    assert of_guild.total_commands == sum(row.guild_id == guild_id for row in rows)
    latencies = (await viewer.store.reports.counted(None, period)).latencies(DURATION)
    for command in COMMANDS:
        measured_s = sorted(row.duration_s or 0.0 for row in rows if row.command == command)
        for q in (0.5, 0.95, 0.99):
            exact_s = measured_s[int(q * (len(measured_s) - 1))]
            told_s = latencies[command, DURATION].quantile(q)
            assert told_s == pytest.approx(exact_s, rel=ALPHA), (command, q)
    every = Histogram.merged(latencies.values())
    everything_s = sorted(row.duration_s or 0.0 for row in rows)
    assert every.n == len(rows)
    assert every.quantile(0.95) == pytest.approx(everything_s[int(0.95 * (len(rows) - 1))], rel=ALPHA)


async def assert_seen(viewer: MonitoringSystem) -> None:
    """`/botmon overview`, Processes: who is there, since when, with what."""
    found = await fleet(viewer)
    assert (found.servers, found.shard_count, found.nobodys) == (SERVERS, SHARDS, ())
    assert {each.instance: list(each.shard_ids) for each in found.processes} == {
        f"p{process}": shards_of(process) for process in range(PROCESSES)
    }
    assert {each.started_at for each in found.processes} == {NOW}
    embed = processes_embed(found, viewer.clock.now())
    lines = (embed.description or "").splitlines()
    assert lines[0] == f"**{PROCESSES}** processes · **16** shards · **5,000** servers"
    n = sum(len(servers_of(shard)) for shard in shards_of(0))
    assert f"🟡 **p0** · shards 0 to {SHARDS // PROCESSES - 1} · {n:,} servers" in lines
    assert embed.footer.text == f"{VERSION} · botmon 0.1.0 · discord.py 2.7.1 · Python 3.11.9"
