"""PostgreSQL: a host's own tables, its schema, and its rights."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from botmon_cog.domain.reports import MusicTotals
from botmon_cog.errors import StorageError
from botmon_cog.storage.base import HistoryFilter
from botmon_cog.storage.postgres import PostgresStorage
from tests.engines import TABLES, Engine, all_differences, table
from tests.storage_helpers import EVER, NOON, invocation, music, period

TABLES_OF_THE_HOST = """
CREATE TABLE audit_logs (
    id SERIAL PRIMARY KEY, guild_id TEXT, user_id TEXT, action TEXT, details TEXT,
    timestamp {moment} DEFAULT CURRENT_TIMESTAMP{audit}
);
CREATE TABLE bot_stats (
    id SERIAL PRIMARY KEY, guild_id TEXT, date TEXT, total_songs_played INTEGER DEFAULT 0,
    total_playtime INTEGER DEFAULT 0, total_skips INTEGER DEFAULT 0{stats}, UNIQUE (guild_id, date)
);
INSERT INTO audit_logs (id, guild_id, user_id, action, details, timestamp) VALUES
    (3, '1', '10', 'play', 'first', '2026-01-05 11:59:59'),
    (4, '1', '11', 'play', NULL, '2026-01-05 12:00:00'),
    (5, '1', '10', 'skip', NULL, '2026-01-05 12:30:00.123456'),
    (9, '2', '10', 'play', NULL, '2026-01-06 00:00:00'),
    (10, NULL, '12', 'help', NULL, '2026-01-06 00:00:01'),
    (11, '1', '10', NULL, 'no action', '2026-01-06 00:00:02'),
    (12, '1', '10', 'play', 'no date', NULL);
INSERT INTO bot_stats (id, guild_id, date, total_songs_played, total_playtime, total_skips) VALUES
    (2, '1', '2026-01-05', 7, 1400, 2), (7, '3', '2026-01-01', 1, NULL, 0), (8, NULL, '2026-01-05', 2, 0, 0),
    (9, '1', '2026-02-30', 1, 0, 0), (10, '1', '2026-13-01', 1, 0, 0), (11, '1', 'yesterday', 1, 0, 0),
    (12, '1', '2024-02-29', 5, 0, 0), (13, '1', '0000-01-01', 1, 0, 0), (14, '1', NULL, 1, 0, 0);
SELECT setval('audit_logs_id_seq', 100), setval('bot_stats_id_seq', 100)
"""
DAY = period(datetime(2026, 1, 5, tzinfo=UTC), 24)
OLD_AUDIT = "SELECT id, guild_id, user_id, action, details, timestamp FROM audit_logs WHERE id < 100 ORDER BY id"
OLD_STATS = (
    "SELECT id, guild_id, date, total_songs_played, total_playtime, total_skips FROM bot_stats WHERE id < 100 "
    "ORDER BY id"
)


@pytest.fixture
def database(postgres_url) -> Engine:
    return Engine("postgres", postgres_url)


def host(database: Engine, moment: str = "TIMESTAMPTZ", audit: str = "", stats: str = "") -> None:
    script = TABLES_OF_THE_HOST.format(moment=moment, audit=audit, stats=stats)
    database.sql("SET timezone TO 'UTC'", *script.split(";\n"))


@pytest.mark.parametrize("moment", ["TIMESTAMPTZ", "TIMESTAMP"])
async def test_a_hosts_tables_keep_their_rows_and_they_are_counted(database, moment):
    host(database, moment)
    audit, stats = database.sql(OLD_AUDIT), database.sql(OLD_STATS)
    async with database.storage() as storage:
        of_one = {c.command: c for c in await storage.command_counts("1", EVER)}
        assert {name: c.n for name, c in of_one.items()} == {"play": 2, "skip": 1}
        assert all(c.known == 0 for c in of_one.values())
        assert {c.command: c.n for c in await storage.command_counts(None, EVER)} == {"play": 3, "skip": 1, "help": 1}
        assert await storage.unique_users(None, EVER) == 3
        assert await storage.unique_users("1", period(datetime(2026, 1, 5, 11, tzinfo=UTC), 1)) == 1
        assert await storage.unique_users("1", period(datetime(2026, 1, 5, 11, 30, tzinfo=UTC), 1)) == 2
        assert await storage.music_totals("1", DAY) == MusicTotals(songs_played=7, playtime_s=1400, skips=2)
        assert (await storage.music_totals(None, DAY)).songs_played == 9
        leap = period(datetime(2024, 2, 29, tzinfo=UTC), 24)
        assert (await storage.music_totals("1", leap)).songs_played == 5
        entries = await storage.history(HistoryFilter(guild_id="1"))
        moments = {entry.id: entry.timestamp for entry in entries}
        assert set(moments) == {3, 4, 5, 11, 12}
        assert (moments[4], moments[12]) == (NOON, None)
        assert [e.id for e in await storage.history(HistoryFilter(since=NOON, until=DAY.end))] == [5, 4]
        assert await all_differences(storage) == []
        await storage.write([invocation(), music(duration_s=100.0)])
        assert (await storage.music_totals("1", DAY)).playtime_s == 1500
        assert [n for _, n, _ in await storage.outcomes_by_minute(NOON)] == [1]
        (newest,) = await storage.history(HistoryFilter(guild_id="1", user_id="10", success=True))
        assert newest.timestamp == NOON
        assert await all_differences(storage) == []
        counted = "SELECT date, commands_executed, unique_users, total_songs_played FROM bot_stats WHERE id IN (2, 7)"
        assert sorted(await table(storage, counted)) == [("2026-01-01", 0, 0, 1), ("2026-01-05", 4, 2, 8)]
    assert database.sql(OLD_AUDIT) == audit
    assert [row for row in database.sql(OLD_STATS) if row[0] != 2] == [row for row in stats if row[0] != 2]


@pytest.mark.parametrize(
    ("kept_commands", "kept_users", "commands", "users"),
    [("0", "0", 3, 2), ("NULL", "NULL", 3, 2), ("3", "2", 3, 2), ("2", "1", 3, 2), ("50", "20", 50, 20)],
)
async def test_counts_that_were_kept_by_hand_are_not_doubled_and_none_is_lost(
    database, kept_commands, kept_users, commands, users
):
    host(database, stats=", total_pauses INTEGER, commands_executed INTEGER, unique_users INTEGER")
    counts = f"commands_executed = {kept_commands}, unique_users = {kept_users}, total_pauses = 4"
    database.sql(f"UPDATE bot_stats SET {counts} WHERE id = 2")  # noqa: S608
    async with database.storage() as storage:
        await storage.open()
        found = "SELECT commands_executed, unique_users, total_pauses, total_songs_played FROM bot_stats WHERE id = 2"
        assert await table(storage, found) == [(commands, users, 4, 7)]
        await storage.write([invocation(user_id="10"), invocation(user_id="99")])
        assert await table(storage, found) == [(commands + 2, users + 1, 4, 7)]
        assert await all_differences(storage) == []


async def test_a_known_success_becomes_a_known_outcome(database):
    host(database, audit=", success BOOLEAN")
    database.sql("UPDATE audit_logs SET success = id < 5 WHERE action = 'play'")
    async with database.storage() as storage:
        (counts,) = [c for c in await storage.command_counts("1", EVER) if c.command == "play"]
        assert (counts.n, counts.ok, counts.known) == (2, 2, 2)
        assert [c.error for c in await storage.command_counts("2", EVER)] == [1]


async def test_a_schema_of_ones_own_is_made_and_is_all_that_is_used(database):
    host(database)
    before = database.tables()
    async with database.storage(schema="monitoring") as storage:
        await storage.write([invocation()])
        assert [c.n for c in await storage.command_counts(None, EVER)] == [1]
        assert await storage.ping() > 0
    assert database.tables() == before
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'monitoring'"
    assert {name for (name,) in database.sql(query)} == {*TABLES, "schema_migrations"}
    async with database.storage(schema="monitoring") as again, database.storage(schema="user") as other:
        assert len(await again.history(HistoryFilter())) == 1
        assert await other.history(HistoryFilter()) == [], "a word of SQL may be a name too"


async def test_a_role_that_may_not_make_schemas_uses_one_that_is_there(database, postgres_server):
    name = database.url.rpartition("/")[2]
    postgres_server.sql("DROP ROLE IF EXISTS guest")
    postgres_server.sql(f"CREATE ROLE guest LOGIN PASSWORD '{postgres_server.password}'")
    postgres_server.sql("CREATE SCHEMA rooms AUTHORIZATION guest", name)
    storage = PostgresStorage(postgres_server.url_of(name, "guest"), instance="test", schema="rooms")
    try:
        await storage.write([invocation()])
        assert len(await storage.history(HistoryFilter())) == 1
    finally:
        await storage.close()
    other = PostgresStorage(postgres_server.url_of(name, "guest"), instance="test", schema="elsewhere")
    try:
        with pytest.raises(StorageError, match="permission denied"):
            await other.open()
    finally:
        await other.close()
        postgres_server.sql("DROP SCHEMA rooms CASCADE", name)
        postgres_server.sql("DROP ROLE guest")


async def test_many_that_open_at_once_upgrade_a_database_once(database):
    host(database)
    storages = [database.new(f"process {n}", connect_timeout_s=30.0) for n in range(6)]
    try:
        await asyncio.gather(*(storage.open() for storage in storages))
        await asyncio.gather(*(storage.write([invocation()]) for storage in storages))
        assert sum(c.n for c in await storages[0].command_counts("1", EVER)) == 3 + 6
        assert await all_differences(storages[0]) == []
    finally:
        await asyncio.gather(*(storage.close() for storage in storages))
