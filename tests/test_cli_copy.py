"""`copy`: a whole history moved, whichever engines, whenever it is killed, and proved to be the same."""

from __future__ import annotations

import asyncio
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.__main__ import main
from botmon_cog.storage.upkeep import copying
from tests.child import Child, Talk
from tests.postgres_server import PostgresServer
from tests.storage_helpers import ALERT_TABLES, OLD_AUDIT_LOGS, OLD_BOT_STATS, UPTIME_TABLES, make
from tests.test_cli_doctor import bot, damaged, state
from tests.tool_helpers import ENGINES, execute, fetch, history, write

DIRECTIONS = [(a, b) for a in ENGINES for b in ENGINES]
TABLES = (
    "audit_logs",
    "music_events",
    "custom_metrics",
    "health_checks",
    "bot_stats",
    "command_hourly",
    "command_seen",
    "active_users",
    "latency_hourly",
    "latency_daily",
    "music_hourly",
    "guild_names",
    "legacy_stats",
    *ALERT_TABLES,
    *UPTIME_TABLES,
    "marks",
)


@pytest.fixture
def new(tmp_path, postgres_server: PostgresServer):
    """Names a new database of an engine."""
    made: list[str] = []

    def make_one(engine: str) -> str:
        if engine == "postgres":
            made.append(postgres_server.create_database())
            return made[-1]
        return str(tmp_path / f"{len(list(tmp_path.iterdir()))}-{time.monotonic_ns()}.db")

    yield make_one
    for url in made:
        postgres_server.drop_database(url)


def filled(url: str, *, seed: int = 1, n: int = 400) -> str:
    """A history of which the first days' raw rows are gone, with numbers of an older bot."""
    asyncio.run(write(url, history(n, seed=seed)))
    execute(
        url,
        "DELETE FROM audit_logs WHERE timestamp < '2026-01-06'",
        "DELETE FROM music_events WHERE timestamp < '2026-01-06'",
        "DELETE FROM custom_metrics WHERE timestamp < '2026-01-06'",
        "INSERT INTO marks (name, value) VALUES ('raw_since', '2026-01-06T00:00:00+00:00'), ('vacuum', 'now')",
        "INSERT INTO legacy_stats VALUES (18000, '7', 1, 2, 3, 4, 5, 6)",
        "INSERT INTO bot_stats (guild_id, date, total_songs_played) VALUES (NULL, 'some day', NULL)",
    )
    return url


def neutral(value: Any) -> Any:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value[:5] == "2026-" and value[10:11] == " ":
        return datetime.fromisoformat(value).replace(tzinfo=UTC)
    return value


def contents(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, the columns in one order."""
    found = {}
    for table in TABLES:
        columns = "name, value" if table == "marks" else ", ".join(sorted(columns_of(url, table)))
        rows = fetch(url, f"SELECT {columns} FROM {table}")  # noqa: S608
        found[table] = sorted((tuple(map(neutral, row)) for row in rows), key=repr)
    return found


def columns_of(url: str, table: str) -> list[str]:
    if url.startswith("postgres"):
        query = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}'"  # noqa: S608
        return [row[0] for row in fetch(url, query)]
    return [row[1] for row in fetch(url, f"PRAGMA table_info({table})")]


def copied(url: str) -> dict[str, list[tuple[Any, ...]]]:
    """What a copy of it has to hold."""
    found = contents(url)
    return found | {"marks": [row for row in found["marks"] if row[0] == "raw_since"]}


def unchanged(url: str) -> object:
    return state(url) if url.startswith("postgres") else Path(url).read_bytes()


def copy(capsys, source: str, target: str) -> str:
    assert main(["copy", "--from", source, "--to", target]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def is_sound(url: str) -> bool:
    return main(["doctor", "--database", url]) == 0


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_everything_arrives_and_a_bot_goes_on_there(direction, seed, new, capsys):
    source, target = filled(new(direction[0]), seed=seed), new(direction[1])
    before = unchanged(source)
    out = copy(capsys, source, target)
    assert "the same on both sides." in out
    assert "The bot can use the new database now." in out
    assert "What could not be taken along" not in out
    assert contents(target) == copied(source)
    assert unchanged(source) == before
    assert is_sound(target)
    asyncio.run(write(target, history(30, seed=99)))
    assert is_sound(target)


def test_there_and_back_again(new, capsys):
    first, server, last = filled(new("postgres")), new("sqlite"), new("postgres")
    copy(capsys, first, server)
    copy(capsys, server, last)
    assert contents(last) == copied(first)


def test_an_empty_history(new, capsys):
    source, target = new("sqlite"), new("postgres")
    asyncio.run(write(source, []))
    assert "Done: 5 rows" in copy(capsys, source, target)  # the alert and the like
    asyncio.run(write(target, history(30)))
    assert is_sound(target)


async def slow(talk: Talk, source: str, target: str, where: str, n: int) -> None:
    """Copies in small chunks, and stops at the `n`th time that something is about to happen, until it is killed."""
    copying._CHUNK = 30
    real, seen = getattr(copying, where), 0

    def pausing(*args, **kwargs):
        nonlocal seen
        seen += 1
        if seen == n:
            script = real(*args, **kwargs)
            answer = None
            while True:
                try:
                    step = script.send(answer)
                except StopIteration:
                    talk.send("all but committed")
                    time.sleep(600)
                answer = yield step
        else:
            yield from real(*args, **kwargs)

    setattr(copying, where, pausing)
    await asyncio.to_thread(main, ["copy", "--from", source, "--to", target])


@pytest.mark.parametrize(
    ("where", "n"),
    [("_begin", 1), ("_put_chunk", 1), ("_put_chunk", 4), ("_put_chunk", 20), ("_settle", 1), ("_finish", 1)],
)
@pytest.mark.parametrize("direction", DIRECTIONS)
def test_killed_it_goes_on_where_it_was(direction, where, n, new, capsys):
    source, target = filled(new(direction[0])), new(direction[1])
    with Child(slow, source, target, where, n) as child:
        assert child.receive() == "all but committed"
    out = copy(capsys, source, target)
    assert ("Going on:" in out) == ((where, n) not in {("_begin", 1), ("_put_chunk", 1)})
    assert contents(target) == copied(source)
    assert is_sound(target)


def test_killed_anywhere_as_often_as_one_likes(new, capsys):
    source, target = filled(new("sqlite"), n=3_000), new("postgres")
    for delay_s in (0.5, 0.7, 0.9, 1.1):
        with Child(slow, source, target, "_finish", 1):
            time.sleep(delay_s)
    copy(capsys, source, target)
    assert contents(target) == copied(source)


@pytest.mark.parametrize("target_engine", ENGINES)
def test_rows_that_came_between_two_runs_do_not_go_unnoticed(target_engine, new, capsys):
    source, target = filled(new("sqlite")), new(target_engine)
    with Child(slow, source, target, "_settle", 1) as child:
        child.receive()
    asyncio.run(write(source, history(40, seed=5)))
    assert main(["copy", "--from", source, "--to", target]) == 1
    out = " ".join(capsys.readouterr().out.split())
    assert "Not the same" in out
    assert "command_hourly" in out[out.index("What differs") :]


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_bot_that_writes_meanwhile_is_noticed_and_the_copy_is_that_of_one_moment(direction, new, capsys):
    source, target = new(direction[0]), new(direction[1])
    asyncio.run(write(source, history(3_000)))
    with Child(bot, source) as child:
        child.receive()
        out = copy(capsys, source, target)
    assert "Meanwhile something wrote to the source" in out
    assert is_sound(target)


ODD = (
    "UPDATE audit_logs SET timestamp = 'yesterday' WHERE id IN (SELECT id FROM audit_logs LIMIT 2)",
    "UPDATE audit_logs SET duration = 'fast' WHERE id = (SELECT MAX(id) FROM audit_logs)",
    "UPDATE audit_logs SET details = CAST(x'ff61' AS BLOB) WHERE id = (SELECT MAX(id) FROM audit_logs)",
    "UPDATE audit_logs SET username = 'a' || char(0) || 'b' WHERE id = (SELECT MAX(id) FROM audit_logs)",
    "UPDATE custom_metrics SET value = 'much' WHERE id = (SELECT MAX(id) FROM custom_metrics)",
    "ALTER TABLE audit_logs ADD COLUMN mood TEXT",
    "CREATE TABLE songs (id INTEGER)",
)


def test_what_a_server_does_not_take_is_counted_and_named(new, capsys):
    source, target = filled(new("sqlite")), new("postgres")
    execute(source, *ODD)
    out = " ".join(copy(capsys, source, target).split())
    assert "audit_logs.timestamp: 2 values are of no use there and were left empty" in out
    assert "audit_logs.duration: 1 values are of no use" in out
    assert "audit_logs.details: 1 values were kept without what can't be stored" in out
    assert "audit_logs.username: 1 values were kept" in out
    assert "custom_metrics: 1 rows were left out" in out
    assert "not ours, and so not copied: table songs, column audit_logs.mood" in out
    ((there,),) = fetch(source, "SELECT COUNT(*) FROM audit_logs")
    assert fetch(target, "SELECT COUNT(*) FROM audit_logs") == [(there,)]
    assert fetch(target, "SELECT COUNT(*) FROM audit_logs WHERE timestamp IS NULL") == [(2,)]
    assert fetch(target, "SELECT username FROM audit_logs ORDER BY id DESC LIMIT 1") == [("a\ufffdb",)]


def test_sqlite_takes_everything_of_sqlite(new, capsys):
    source, target = filled(new("sqlite")), new("sqlite")
    execute(source, *ODD[:5])
    assert "What could not be taken along" not in copy(capsys, source, target)
    assert contents(target) == copied(source)


def test_an_older_file_is_read_through_a_copy_in_memory(tmp_path, new, capsys):
    source = make(
        tmp_path / "old.db",
        OLD_AUDIT_LOGS.format(more=""),
        OLD_BOT_STATS.format(columns="", constraints=""),
        "INSERT INTO audit_logs (guild_id, user_id, action) VALUES ('7', '8', 'play')",
    )
    before, target = source.read_bytes(), new("postgres")
    copy(capsys, str(source), target)
    assert source.read_bytes() == before
    assert is_sound(target)
    assert fetch(target, "SELECT n FROM command_hourly") == [(1,)]


def refused(capsys, source: str, target: str, code: int = 1) -> str:
    assert main(["copy", "--from", source, "--to", target]) == code
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert "@" not in captured.err
    return captured.err


@pytest.mark.parametrize("engine", ENGINES)
def test_a_target_with_events_is_refused_and_not_touched(engine, new, capsys):
    source, target = filled(new("sqlite")), new(engine)
    asyncio.run(write(target, history(5)))
    before = contents(target)
    assert "the target holds rows already" in refused(capsys, source, target)
    copy(capsys, source, other := new("sqlite"))
    assert "the target holds rows already" in refused(capsys, source, other)
    assert contents(target) == before


def test_an_older_target_is_refused_before_it_is_upgraded(tmp_path, new, capsys):
    target = make(
        tmp_path / "old.db", OLD_AUDIT_LOGS.format(more=""), "INSERT INTO audit_logs (action) VALUES ('play')"
    )
    before = target.read_bytes()
    assert "the target holds rows already" in refused(capsys, filled(new("sqlite")), str(target))
    assert target.read_bytes() == before


def test_an_unfinished_copy_of_another_one_is_refused(new, capsys):
    source, target = filled(new("sqlite")), new("postgres")
    with Child(slow, source, target, "_put_chunk", 3) as child:
        child.receive()
    assert "an unfinished copy of another database" in refused(capsys, filled(new("sqlite")), target)
    assert "itself an unfinished copy" in refused(capsys, target, new("sqlite"))
    assert main(["rebuild", "--database", target]) == 1
    assert "is an unfinished copy" in capsys.readouterr().err
    assert main(["doctor", "--database", target]) == 1
    assert "it is an unfinished copy" in capsys.readouterr().out


@pytest.mark.parametrize("engine", ENGINES)
def test_source_and_target_must_be_two(engine, new, capsys, tmp_path):
    source = filled(new(engine))
    other = source.replace("127.0.0.1", "localhost")
    if engine == "sqlite":
        other = str(tmp_path / "link.db")
        os.symlink(source, other)  # noqa: PTH211
    for target in (source, other):
        assert "are the same database" in refused(capsys, source, target, code=2)


def test_a_source_that_is_none_is_refused(tmp_path, new, capsys):
    assert "there is no database" in refused(capsys, str(tmp_path / "no.db"), new("postgres"))
    assert "it holds no tables of botmon" in refused(capsys, new("postgres"), str(tmp_path / "new.db"))
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_source_fails_and_is_left_where_it_is(tmp_path, new, capsys):
    path = tmp_path / "bot.db"
    damaged(path)
    before = path.read_bytes()
    code = main(["copy", "--from", str(path), "--to", new("sqlite")])
    assert code in {0, 1}  # only an index is damaged
    assert path.read_bytes() == before


@pytest.mark.parametrize("options", [["--from", "a.db"], ["--to", "a.db"], []])
def test_both_must_be_named(options, capsys):
    assert main(["copy", *options]) == 2
    assert "required" in capsys.readouterr().err
