"""How long `/botmon overview` takes for a large bot: `python benchmarks/overview.py`.

5,000 servers (the k-th with 1/k of the first one's commands), 87,000 commands a day of 40 kinds over 61 days, 1,000
servers that came and 600 that left. The roll-ups are made by the product's own arithmetic, day by day, without the log,
which the overview does not read. From the call to the finished report; on SQLite, in a process that does nothing else.
Building takes about 3 minutes and 250 MB; `--keep FILE` keeps it for the next time.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from pathlib import Path

import _root  # noqa: F401 (finds botmon_cog)
import msgspec
from _activity import COMMANDS, USERS, guild_id, zipf
from _table import aligned, machine

from botmon_cog.clock import SystemClock
from botmon_cog.config import Config
from botmon_cog.domain.models import GuildMembership, Kind, MembershipChange
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.rollup import MS_PER_DAY, Tally, day_of
from botmon_cog.growth.gather import growth, overview
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.labels import label_ids_of
from botmon_cog.store.log import Batch
from botmon_cog.store.rollup import add
from botmon_cog.store.script import Exclude, Script

GUILDS = 5_000
PER_DAY = 87_000
DAYS = 61
CAME, LEFT = 1_000, 600
NOW = datetime(2026, 1, 7, 18, 30, tzinfo=UTC)
_OK, _ERROR, _SLASH = list(Outcome).index(Outcome.OK), list(Outcome).index(Outcome.ERROR), list(Kind).index(Kind.SLASH)


class _StoppedClock(SystemClock):
    """Always at the end of the history; everything else is real."""

    def now(self) -> datetime:
        return NOW


def _system(url: str) -> MonitoringSystem:
    config = Config()
    storage = msgspec.structs.replace(config.storage, url=url)
    return MonitoringSystem(msgspec.structs.replace(config, storage=storage), clock=_StoppedClock())


def _day(day: int, chance: random.Random) -> Script[None]:
    yield Exclude()
    names = yield from label_ids_of(f"command{n}" for n in range(COMMANDS))
    label_ids = [names[f"command{n}"] for n in range(COMMANDS)]
    guilds = chance.choices(range(GUILDS), cum_weights=list(accumulate(zipf(GUILDS))), k=PER_DAY)
    commands = chance.choices(label_ids, cum_weights=list(accumulate(zipf(COMMANDS))), k=PER_DAY)
    tally = Tally()
    tally.add_invocations(
        (
            day * MS_PER_DAY + chance.randrange(MS_PER_DAY),
            guild_id(guild),
            command,
            _SLASH,
            _ERROR if chance.random() < 0.01 else _OK,
            guild * 1_000_003 + int(chance.random() ** 2 * USERS),
            200_000,
            90_000,
            60_000,
        )
        for guild, command in zip(guilds, commands, strict=True)
    )
    yield from add(tally)


async def _build(url: str) -> None:
    system, chance = _system(url), random.Random(1)
    try:
        await system.store.engine.open()
        for back in range(DAYS):
            await system.store.engine.write(_day(day_of(NOW) - back, chance))
        changes = [(MembershipChange.JOINED, n) for n in range(CAME)] + [
            (MembershipChange.LEFT, n) for n in range(LEFT)
        ]
        events = [
            GuildMembership(
                change=change,
                occurred_at=NOW - timedelta(days=chance.uniform(0, 60)),
                guild_id=guild_id(GUILDS - 1 - n),
                guild_name=f"Guild {n}",
                member_count=chance.randrange(5, 5_000),
            )
            for change, n in changes
        ]
        await system.store.log.append([Batch(run=system.store.run, first_seq=1, events=events)])
        await system.store.rollups.catch_up()
    finally:
        await system.close()


async def _measure(url: str, calls: int) -> dict[str, list[tuple[float, float]]]:
    """How many ms each call took, and how many ms of processor time all threads did."""
    system = _system(url)
    await system.start()
    work: dict[str, Callable[[], Awaitable[object]]] = {
        "7 days": lambda: overview(system, "weekly"),
        "30 days": lambda: overview(system, "monthly"),
        "growth": lambda: growth(system),
    }
    found: dict[str, list[tuple[float, float]]] = {}
    try:
        for name, call in work.items():
            times_ms: list[tuple[float, float]] = []
            for _ in range(calls + 1):
                started_s, cpu_s = time.perf_counter(), time.process_time()
                await call()
                times_ms.append(((time.perf_counter() - started_s) * 1_000, (time.process_time() - cpu_s) * 1_000))
            found[name] = times_ms[1:]
    finally:
        await system.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=10, help="of each (default: %(default)s)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, too")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="where the database is kept for the next time")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = arguments.keep or Path(folder) / "overview.db"
        if not path.exists():
            asyncio.run(_build(str(path)))
        found = asyncio.run(_measure(str(path), arguments.calls))
    rows = [["", "p50 ms", "slowest ms", "p50 of CPU ms"]]
    for name, times_ms in found.items():
        wall_ms, cpu_ms = ([times[n] for times in times_ms] for n in (0, 1))
        rows.append(
            [name, *(f"{ms:.0f}" for ms in (statistics.median(wall_ms), max(wall_ms), statistics.median(cpu_ms)))]
        )
    print(f"{machine()}\n{GUILDS:,} servers, {PER_DAY:,} commands a day, {DAYS} days\n\n{aligned(rows, texts=1)}")
    if arguments.json:
        arguments.json.write_text(json.dumps({"machine": machine()} | found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
