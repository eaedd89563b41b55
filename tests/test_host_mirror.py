"""What we record stands in the host's tables as the old module wrote it, each row once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from botmon_cog.domain.models import Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.testing import ManualClock
from tests.engines import Storage, dump
from tests.host_helpers import (
    AFTER,
    BEFORE,
    MIRRORED,
    PLAIN,
    HostDb,
    commands_in,
    host_days,
    kept,
    told,
)
from tests.storage_helpers import NOON, counted_command, invocation, music


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON + timedelta(minutes=1))


# -- rows --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tables", [BEFORE, AFTER, PLAIN])
async def test_commands_stand_in_audit_logs_as_the_old_module_wrote_them(storage, tmp_path, clock, tables):
    host = HostDb(tmp_path / "host.db", tables)
    rows = [
        told("play", duration_s=1.5, username="Ann", guild_name="One", parameters='{"song": "x"}'),
        invocation(command="music stop", duration_s=0.25, outcome=Outcome.ERROR, error_message="it failed"),
        invocation(command="late", outcome=Outcome.LATE, details="mine"),
    ]
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append(rows)
        await keeper.sync()
        assert keeper.problems == ()
    ok, failed = "Command: play | Success: True", "Command: music stop | Success: False"
    assert host.logs(f"{MIRRORED}, error_message") == [
        ("1", "10", "play", ok, "2026-01-05 12:00:01", "Ann", "One", '{"song": "x"}', 1.5, 1, None),
        ("1", "10", "music stop", failed, "2026-01-05 12:00:00", None, "One", None, 0.25, 0, "it failed"),
        ("1", "10", "late", "mine", "2026-01-05 12:00:00", None, "One", None, None, 0, None),
    ]


async def test_what_did_not_run_is_logged_and_not_counted_and_a_button_is_neither(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([invocation(command=outcome.value, outcome=outcome) for outcome in Outcome])
        await storage.append([invocation(command="PlayerView.skip", kind=Kind.BUTTON)])
        await keeper.sync()
    assert host.logs("command, success") == [(outcome.value, int(outcome is Outcome.OK)) for outcome in Outcome]
    stats = host.stats()
    assert stats is not None
    assert stats[-1] == sum(outcome.is_executed for outcome in Outcome) == 6


async def test_nothing_of_ours_is_read_back(engine, storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        for n in range(3):
            await storage.append([told(f"ours{n}"), invocation(command=f"seen{n}")])
            host.log(f"theirs{n}", f"2026-01-05 11:00:0{n}")
            await keeper.sync()
            await keeper.sync()
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await keeper.sync()
    expected = [*(f"theirs{n}" for n in range(3)), *(f"ours{n}" for n in range(3))]
    assert await commands_in(storage) == expected
    assert len(host.logs()) == 9
    assert await storage.rows("SELECT first_id, last_id FROM @host_rows ORDER BY 1") == [(2, 3), (5, 6), (8, 9)]


async def test_what_has_no_place_in_the_table_is_left_out(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append(
            [
                told("in a direct message", guild_id=None),
                told("of nobody", user_id=None),
                invocation(command="health", is_own=True),
                told("kept"),
            ]
        )
        await keeper.sync()
        assert keeper.problems == ()
    assert host.logs() == ["kept"]


async def test_ids_that_are_no_numbers_are_written_as_they_were_told(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told(guild_id="my guild", user_id="0012"), music(guild_id="my guild")])
        await keeper.sync()
    assert host.logs("guild_id, user_id") == [("my guild", "0012")]
    assert host.stats("my guild") == (1, 0, 0, 0, 0, 0)


async def test_what_was_observed_is_mirrored_five_seconds_after_its_end_and_all_else_at_once(storage, host):
    clock = ManualClock(NOON)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        events = [
            invocation(command="a", duration_s=2.0),
            told("b", duration_s=2.0),
            invocation(command="c", duration_s=3.0),
        ]
        await storage.append(events)
        await keeper.sync()
        assert host.logs() == ["b"]
        await clock.advance(6.9)
        await keeper.sync()
        assert host.logs() == ["b"]
        await clock.advance(0.2)
        await keeper.sync()
        assert host.logs() == ["b", "a"]
        await storage.append([invocation(command="d", started_at=clock.now(), duration_s=100.0)])
    assert host.logs() == ["b", "a", "c", "d"]


async def test_much_is_mirrored_in_many_transactions(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        for part in range(3):
            numbers = range(part * 150, part * 150 + 150)
            await storage.append(
                [
                    event
                    for n in numbers
                    for event in (told(f"t{n:03}"), music(duration_s=1.0), invocation(command=f"o{n:03}"))
                ]
            )
        await keeper.sync()
        assert keeper.problems == ()
    found = host.logs()
    assert [command for command in found if command.startswith("t")] == [f"t{n:03}" for n in range(450)]
    assert [command for command in found if command.startswith("o")] == [f"o{n:03}" for n in range(450)]
    assert len(found) == 900
    assert host.stats() == (450, 450, 0, 0, 1, 450)


# -- whose rows --------------------------------------------------------------------------------------------------------


async def test_history_from_before_the_database_was_known_is_not_poured_into_it(engine, storage, host, clock):
    await storage.append([told("old"), invocation(command="old"), music(duration_s=60)])
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await later.append([told("of this process, from before")])
        await keeper.sync()
        await storage.append([told("of the other process, from now on")])
        await keeper.sync()
    assert host.logs() == ["of this process, from before", "of the other process, from now on"]
    assert host.stats() is None


async def test_rows_of_every_process_are_mirrored_once(engine, storage, host, clock):
    other = Storage(engine.beside(storage))
    async with kept(storage, host.path, clock) as first, kept(other, host.path, clock) as second:
        await first.sync()
        for n in range(5):
            await storage.append([told(f"first{n}"), counted_command()])
            await other.append([told(f"second{n}"), invocation(command=f"seen{n}")])
            await second.sync()
            await first.sync()
    assert sorted(host.logs()) == sorted(f"{word}{n}" for word in ("first", "second", "seen") for n in range(5))
    assert host.stats() == (0, 0, 0, 0, 1, 10)
    assert await host_days(storage) == []
    await other.close()


async def test_rows_of_one_database_are_not_poured_into_another(storage, host, tmp_path, clock):
    other = HostDb(tmp_path / "other.db", PLAIN)
    host.log("of the one")
    other.log("of the other")
    async with kept(storage, host.path, clock) as first, kept(storage, other.path, clock) as second:
        for _ in range(2):
            await first.sync()
            await second.sync()
        await storage.append([told("ours")])
        await first.sync()
        await second.sync()
    assert host.logs() == ["of the one", "ours"]
    assert other.logs() == ["of the other", "ours"]
    assert sorted(await commands_in(storage)) == ["of the one", "of the other", "ours"]


async def test_what_was_recorded_without_a_mirror_does_not_come_with_it(engine, storage, host, clock):
    async with kept(storage, host.path, clock, mirrors=False) as keeper:
        await storage.append([told("before"), music()])
        await keeper.sync()
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await later.append([told("after")])
        await keeper.sync()
    assert host.logs() == ["after"]
    assert host.stats() is None


# -- days --------------------------------------------------------------------------------------------------------------


async def test_days_are_added_up_by_guild_and_utc_day(storage, host, clock):
    midnight = NOON.replace(hour=0)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append(
            [
                music(duration_s=180.4),
                music(duration_s=300.5),
                music(type=MusicEventType.SKIP),
                music(type=MusicEventType.PAUSE),
                music(guild_id="2", duration_s=10.0),
                music(occurred_at=midnight, duration_s=1.0),
                music(occurred_at=midnight - timedelta(milliseconds=1), duration_s=2.0),
                counted_command(),
                counted_command(user_id="11"),
                counted_command(user_id=None),
                invocation(user_id="12"),
                invocation(user_id="13", is_own=True),
                told(user_id="14"),
            ]
        )
        await keeper.sync()
        assert keeper.problems == ()
    assert host.stats() == (3, 482, 1, 1, 3, 4)
    assert host.stats("2") == (1, 10, 0, 0, 0, 0)
    assert host.stats(day="2026-01-04") == (1, 2, 0, 0, 0, 0)
    assert await host_days(storage) == []


async def test_what_the_host_counts_itself_stays_and_is_told_from_ours(storage, host, clock):
    host.run(
        "INSERT INTO bot_stats (guild_id, date, songs_played, total_playtime, total_pauses, unique_users, "
        "commands_executed) VALUES ('1', '2026-01-05', 5, 500, NULL, 7, 9)"
    )
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=100.0), music(type=MusicEventType.PAUSE), counted_command()])
        await keeper.sync()
        assert host.stats() == (6, 600, 0, 1, 7, 10)
        host.run(
            "INSERT INTO bot_stats (guild_id, date, songs_played) VALUES ('1', '2026-01-05', 2) "
            "ON CONFLICT(guild_id, date) DO UPDATE SET songs_played = songs_played + excluded.songs_played"
        )
        await keeper.sync()
    assert host.stats() == (8, 600, 0, 1, 7, 10)
    assert await host_days(storage) == [(20458, 1, 7, 500, 0, 0, 7, 9)]


async def test_people_are_no_sum(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([counted_command(user_id=str(n)) for n in range(1, 4)])
        await keeper.sync()
        assert host.stats() == (0, 0, 0, 0, 3, 3)
        await storage.append([counted_command(user_id="1"), counted_command(user_id="4")])
        await keeper.sync()
        assert host.stats() == (0, 0, 0, 0, 4, 5)
        assert await host_days(storage) == []
        host.run("UPDATE bot_stats SET unique_users = 10")
        await storage.append([counted_command(user_id="5")])
        await keeper.sync()
    assert host.stats() == (0, 0, 0, 0, 10, 6)
    assert await host_days(storage) == [(20458, 1, 0, 0, 0, 0, 10, 0)]


async def test_people_of_many_servers_are_told(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([counted_command(guild_id=str(n), user_id=str(u)) for n in range(1, 231) for u in (1, 2)])
        await keeper.sync()
    assert {host.stats(str(n)) for n in range(1, 231)} == {(0, 0, 0, 0, 2, 2)}


async def test_people_counted_by_an_earlier_process_are_told_by_the_next(engine, storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([counted_command()])
        await keeper.sync()
    host.run("UPDATE bot_stats SET unique_users = 0")
    await storage.engine.write(_forget_people())
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await keeper.sync()
        assert host.stats() == (0, 0, 0, 0, 1, 1)


def _forget_people():
    from botmon_cog.store.script import Execute  # noqa: PLC0415

    yield Execute("UPDATE @host_ledger SET users = 0")


# -- for the host ------------------------------------------------------------------------------------------------------


async def test_the_hosts_own_statements_work_as_before(storage, host, clock):
    schema, settings = host.schema(), host.settings()
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told(), music()])
        await keeper.sync()
        with closing(host.connect()) as db:
            db.row_factory = sqlite3.Row
            db.execute(
                "INSERT INTO audit_logs "
                "VALUES (NULL, '1', '10', 'x', 'd', '2026-01-05 12:00:00', 'u', 'g', NULL, 1.0, 1, NULL)"
            )
            db.execute("INSERT INTO bot_stats VALUES (NULL, '9', 1, 2, 3, '2026-01-05', 4, 5, 6)")
            newest = db.execute("SELECT * FROM audit_logs ORDER BY executed_at DESC, id DESC").fetchall()
            assert [row["command"] for row in newest] == ["x", "play"]
            assert db.execute("SELECT SUM(songs_played) FROM bot_stats").fetchone()[0] == 2
            db.execute("DELETE FROM audit_logs WHERE executed_at < '2026-01-05 13:00:00'")
            db.execute("VACUUM")
        await storage.append([told("stop")])
        await keeper.sync()
        assert keeper.problems == ()
    assert host.logs() == ["stop"]
    assert (host.schema(), host.settings()) == (schema, settings)
    assert host.run("PRAGMA integrity_check") == [("ok",)]


async def test_a_backup_made_with_cp_holds_what_was_mirrored(storage, host, clock, tmp_path):
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told()])
        await keeper.sync()
        (tmp_path / "backup.db").write_bytes(host.path.read_bytes())
        assert HostDb(tmp_path / "backup.db").logs() == ["play"]


async def test_a_host_in_wal_mode_stays_there(storage, tmp_path, clock):
    host = HostDb(tmp_path / "host.db", ["PRAGMA journal_mode = wal", *PLAIN])
    host.log("theirs", "2026-01-05 11:00:00")
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told()])
        await keeper.sync()
        assert keeper.problems == ()
    assert host.settings()[0] == "wal"
    assert host.logs() == ["theirs", "play"]
    assert await commands_in(storage) == ["theirs", "play"]


async def test_nothing_is_written_again_where_nothing_is_new(storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await storage.append([told(), music(), counted_command()])
        await keeper.sync()
        before = host.digest(), await dump(storage)
        for _ in range(3):
            await keeper.sync()
            await clock.advance(31)
        assert (host.digest(), await dump(storage)) == before
