"""SIGKILL at any moment, above all between the two commits: the mirror is exact, and nothing of it is read back."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections import Counter
from contextlib import closing, suppress
from pathlib import Path

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.domain.rollup import iso_date
from botmon_cog.monitors.failures import Failures
from tests.child import Child, ChildGoneError
from tests.engines import Engine, Storage
from tests.faults import full
from tests.host_children import GUILDS, make_sync, mirror_without_end
from tests.host_helpers import PLAIN, HostDb

_SUMS = """
SELECT o.occurred_ms / 86400000, o.guild_id, SUM(CASE WHEN o.type = 0 THEN 1 ELSE 0 END),
       SUM((o.duration_us + 500000) / 1000000), SUM(CASE WHEN o.type = 1 THEN 1 ELSE 0 END)
FROM @music_events AS o GROUP BY 1, 2
"""
_COMMANDS = """
SELECT day, guild_id, COUNT(*) FROM (
    SELECT started_ms / 86400000 AS day, guild_id FROM @invocations WHERE kind <> 6
    UNION ALL SELECT occurred_ms / 86400000, guild_id FROM @counted_commands
) AS executed GROUP BY 1, 2
"""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "store.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


class Host(HostDb):
    """Goes on writing by itself.

    Attributes:
        written: how many rows.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, PLAIN)
        self.written = 0

    def write(self) -> None:
        """A row, a song and a command of the host's own."""
        self.written += 1
        with closing(self.connect()) as db:
            columns = "guild_id, user_id, command, details"
            values = f"'{1 + self.written % GUILDS}', '5', 'theirs', 'host-{self.written}'"
            db.execute(f"INSERT INTO audit_logs ({columns}) VALUES ({values})")  # noqa: S608
            db.execute(
                "INSERT INTO bot_stats (guild_id, songs_played, commands_executed) VALUES ('1', 1, 1) "
                "ON CONFLICT (guild_id, date) DO UPDATE SET songs_played = songs_played + 1, "
                "commands_executed = commands_executed + 1"
            )


async def kill_some(url: str, host: Host, times: int, rng: random.Random) -> int:
    """Start so many processes one after the other and kill each; returns how many recorded anything."""
    lived = 0
    for run in range(times):
        deadly = rng.randint(1, 6) if run % 2 else None
        with Child(mirror_without_end, url, str(host.path), f"run{run}", deadly) as child:
            assert await child.answer() == "ready"
            if deadly is not None:
                with suppress(ChildGoneError):
                    while True:
                        lived += await child.answer() == 1
                        if rng.random() < 0.3:
                            await asyncio.to_thread(host.write)
                assert await asyncio.to_thread(child.wait) == -9
            else:
                lived += await child.answer() == 1
                await asyncio.to_thread(host.write)
                await asyncio.sleep(rng.uniform(0, 0.4))  # the moment is what varies, nothing is waited for
                child.kill()
        await asyncio.to_thread(host.write)
    return lived


async def check(storage: Storage, host: Host) -> int:
    """The tables of both sides tell the same. Returns how many rows of ours there are."""
    details = [text for (text,) in await storage.rows("SELECT details FROM @invocations")]
    mirrored = Counter(host.logs("details"))
    assert mirrored == Counter(details)
    assert set(mirrored.values()) <= {1}
    theirs = [text for text in details if text.startswith("host-")]
    assert sorted(theirs) == sorted(f"host-{n}" for n in range(1, host.written + 1))
    expected: dict[tuple[str, str], Counter[str]] = {}
    for day, guild, songs, playtime_s, skips in await storage.rows(_SUMS):
        expected.setdefault((str(guild), iso_date(day)), Counter()).update(
            songs_played=int(songs), total_playtime=int(playtime_s), total_skips=int(skips)
        )
    for day, guild, n in await storage.rows(_COMMANDS):
        expected.setdefault((str(guild), iso_date(day)), Counter()).update(commands_executed=int(n))
    own = await storage.rows("SELECT day, guild_id, songs, playtime_s, skips, commands FROM @host_days")
    for day, guild, songs, playtime_s, skips, commands in own:
        assert (playtime_s, skips, songs) == (0, 0, commands)
        key = str(guild), iso_date(day)
        expected.setdefault(key, Counter()).update(songs_played=songs, commands_executed=commands)
    assert sum(songs for _, _, songs, *_ in own) == host.written
    columns = ("songs_played", "total_playtime", "total_skips", "commands_executed")
    with closing(sqlite3.connect(host.path)) as db:
        found = db.execute(f"SELECT guild_id, date, {', '.join(columns)} FROM bot_stats").fetchall()  # noqa: S608
    assert {(guild, day): [*counts] for guild, day, *counts in found} == {
        key: [counts[name] for name in columns] for key, counts in expected.items()
    }
    return len(details) - host.written


async def test_a_mirror_that_is_killed_is_exact_once_the_next_one_has_looked(url, tmp_path):
    rng = random.Random(full(60, 6))
    times = full(50, 8)
    host = Host(tmp_path / "host.db")
    lived = await kill_some(url, host, times, rng)
    assert lived
    async with Engine.of(url).storage() as storage:
        failures = Failures(SystemClock())
        sync = make_sync(storage, host.path, failures)
        await sync.sync()
        await sync.sync()
        await sync.close()
        assert failures.last is None
        assert sync.problems == ()
        n = await check(storage, host)
        assert await storage.rows("SELECT COUNT(*) FROM @host_intents") == [(0,)]
    assert n
    print(f"{times} kills: {n} rows of ours, {host.written} of the host's")  # noqa: T201
