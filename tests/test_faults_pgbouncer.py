"""PgBouncer in front of PostgreSQL, in both modes: it keeps no row back, and may be restarted under load."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from botmon_cog.health.components.monitor import MonitorSample
from tests.faults import FULL, Load, full, make_config, make_system, nothing_left, spooled, stored, until
from tests.faulty_bot import busy_bot
from tests.pgbouncer import PgBouncer
from tests.postgres_server import PostgresServer

ROWS = 600


@pytest.fixture(params=["session", "transaction"])
def bouncer(request: pytest.FixtureRequest, postgres_server: PostgresServer):
    """One that the test may stop."""
    with PgBouncer(postgres_server, request.param) as bouncer:
        yield bouncer


async def test_all_rows_are_stored_and_every_report_is_answered(pgbouncer_url, postgres_url, tmp_path):
    async with nothing_left(tmp_path), make_system(pgbouncer_url) as system:
        load = Load(system)
        logger, performance, statistics, health = (
            system.command_log,
            system.performance,
            system.statistics,
            system.health,
        )
        now = datetime.now(UTC)
        while load.made < ROWS:
            load.record(ROWS // 6)
            await statistics.song_played(1, 60.0, 10)
            history, stats, times, today, week, month, report, uptime, told = await asyncio.gather(
                logger.history(limit=ROWS),
                logger.stats(),
                performance.stats(),
                statistics.daily(),
                statistics.weekly(),
                statistics.monthly(1),
                health.report(),
                system.uptime.report(),
                system.alerts.history(now - timedelta(days=1), 10),
            )
            used = [row for row in history if not row.kind.is_component]
            executed = [row for row in used if row.outcome.is_executed]
            assert (len(history), stats.total_commands) == (load.made, len(used))
            assert week.total_commands == len(executed)
            assert 0 < today.total_commands <= len(executed)
            assert (month.guild_id, month.total_songs, week.total_songs) == (
                "1",
                load.made // 100,
                load.made // 100,
            )
            assert month.total_commands == sum(row.guild_id == "1" for row in executed)
            assert times.commands
            assert report.components["database"].status in {"healthy", "warning"}
            assert (len(uptime), told) == (3, [])
            assert (await performance.stats(1, command="command 1")).commands
        assert (system.failures.n, system.writer.failures, system.writer.dropped) == (0, 0, 0)
    assert await stored(postgres_url) == load.ids


async def test_a_pgbouncer_that_is_restarted_under_load(bouncer, postgres_url, tmp_path):
    spool = tmp_path / "spool.db"
    config = make_config(bouncer.url_of(postgres_url), spool=str(spool), queue_max=1000)
    async with nothing_left(tmp_path), busy_bot(config) as busy:
        writer = busy.system.writer
        for _ in range(full(20, 3)):
            await busy.load.more(50)
            await asyncio.to_thread(bouncer.restart)
            await busy.answers(2)
        await asyncio.to_thread(bouncer.stop)
        if FULL:
            await asyncio.sleep(60)
        await until(lambda: writer.spooled)
        await busy.answers(3)
        await busy.load.more(100)
        await asyncio.to_thread(bouncer.start)
        await until(lambda: writer.away_since is None)
        await busy.rest()
        report = await busy.system.health.report()
        assert report.components["database"].status in {"healthy", "warning"}
        assert (report.sample("monitor", MonitorSample).waiting, writer.dropped, spooled(spool)) == (0, 0, 0)
        week = await busy.system.statistics.weekly()
        rows = await busy.system.command_log.history(limit=10_000)
        assert len(rows) == busy.load.made + busy.answered
        assert week.total_commands == sum(not row.kind.is_component and row.outcome.is_executed for row in rows)
    found = await stored(postgres_url)
    assert busy.load.ids <= found
    assert len(found) == busy.load.made + busy.asked
