"""`copy`: a whole history moved, whichever engines, whenever it is killed, and proved to be the same."""
# ruff: noqa: S608 (numbers and tables of ours)

from __future__ import annotations

import asyncio
import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from botmon_cog.__main__ import main
from botmon_cog.clock import SystemClock
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.schema import ALL_TABLES, LABEL_TEXTS, LABELS
from botmon_cog.store.tools import copy as copying
from tests.child import Child, Talk
from tests.engines import Engine
from tests.faults import FULL
from tests.postgres_databases import Databases
from tests.storage_helpers import NOON
from tests.tool_helpers import bot, call, fill, history, is_sound, refused, state

ENGINES = ("sqlite", "postgres")
DIRECTIONS = [(a, b) for a in ENGINES for b in ENGINES]


@pytest.fixture
def new(tmp_path, request: pytest.FixtureRequest):
    """Makes an empty database of an engine; `is_bare`: on PostgreSQL, one that has not even tables."""
    with ExitStack() as lent:

        def make_one(name: str, *, is_bare: bool = False) -> Engine:
            if name == "postgres":
                databases: Databases = request.getfixturevalue("bare_databases" if is_bare else "store_databases")
                return Engine(name, lent.enter_context(databases.lent()))
            return Engine(name, str(tmp_path / f"{time.monotonic_ns()}.db"))

        yield make_one


def filled(engine: Engine, *, seed: int = 1, n: int = 400) -> Engine:
    """A history of two instances, of which the rows of the first day are gone."""
    fill(engine, history(n // 2, seed=seed))
    fill(engine, history(n // 2, seed=seed + 100), "other")
    day_ms = 20459 * 86_400_000
    engine.sql(
        f"DELETE FROM @invocations WHERE started_ms < {day_ms}",
        f"DELETE FROM @music_events WHERE occurred_ms < {day_ms}",
        f"DELETE FROM @samples WHERE occurred_ms < {day_ms}",
        f"INSERT INTO @marks VALUES ('raw_since', '{day_ms}'), ('application_id', '42')",
    )
    return engine


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables, but for what only one of the engines has."""
    found = {}
    for table in ALL_TABLES:
        columns = ", ".join((LABEL_TEXTS if table is LABELS else table).columns)
        found[table.name] = sorted(engine.sql(f"SELECT {columns} FROM @{table.name}"), key=repr)
    found["marks"] = [mark for mark in found["marks"] if mark[0] != "schema_version"]
    return found


def unchanged(engine: Engine) -> object:
    return Path(engine.url).read_bytes() if engine.is_sqlite else state(engine)


def copy(capsys, source: Engine, target: Engine) -> str:
    code, out = call(capsys, "copy", "--from", source.url, "--to", target.url)
    assert code == 0
    return out


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_everything_arrives_and_a_bot_goes_on_there(direction, new, capsys):
    source, target = filled(new(direction[0])), new(direction[1], is_bare=True)
    before = unchanged(source)
    out = copy(capsys, source, target)
    assert "rows, the same on both sides." in out
    assert "The bot can use the new database now." in out
    assert contents(target) == contents(source)
    assert unchanged(source) == before
    assert is_sound(target)
    fill(target, [*history(30, seed=99)], "third")
    assert len(target.sql("SELECT id FROM @runs")) == 3
    assert is_sound(target)


def test_there_and_back_again(new, capsys):
    first, server, last = filled(new("sqlite")), new("postgres"), new("sqlite")
    copy(capsys, first, server)
    copy(capsys, server, last)
    assert contents(last) == contents(first)


def test_rows_that_are_not_rolled_up_are_copied_so(new, capsys):
    source, target = new("sqlite"), new("postgres")

    async def append() -> None:
        async with source.storage() as storage:
            await storage.append(history(100))

    asyncio.run(append())
    copy(capsys, source, target)
    assert target.sql("SELECT last_seq, rolled_up_seq FROM @runs") == [(100, 0)]
    assert call(capsys, "rebuild", "--database", target.url)[0] == 0
    assert is_sound(target)


async def slow(talk: Talk, source: str, target: str, where: str, n: int) -> None:
    """Copies in small chunks, and stops before the `n`th commit of a kind until it is killed."""
    copying._CHUNK_ROWS = 30
    real, seen = getattr(copying, where), 0

    def pausing(*args):
        nonlocal seen
        seen += 1
        result = yield from real(*args)
        if seen == n:
            talk.send("all but committed")
            time.sleep(600)
        return result

    module = copying if where in {"_put", "_settle"} else __import__("botmon_cog.cli.copy", fromlist=["copy"])
    setattr(module, where, pausing)
    await asyncio.to_thread(main, ["copy", "--from", source, "--to", target])


# Each of them in one direction, and in the others the one in the middle.
KILLS = [("begin_copy", 1), ("_put", 1), ("_put", 4), ("_put", 20), ("_settle", 1), ("finish_copy", 1)]


@pytest.mark.parametrize(
    ("direction", "where", "n"),
    [
        (direction, *kill)
        for direction in DIRECTIONS
        for kill in KILLS
        if FULL or direction == ("sqlite", "postgres") or kill == ("_put", 4)
    ],
)
def test_killed_it_goes_on_where_it_was(direction, where, n, new, capsys):
    source, target = filled(new(direction[0])), new(direction[1])
    with Child(slow, source.url, target.url, where, n) as child:
        assert child.receive() == "all but committed"
    out = copy(capsys, source, target)
    assert ("Going on with the copy" in out) == (where != "begin_copy")
    assert contents(target) == contents(source)
    assert is_sound(target)


def test_rows_that_came_between_two_runs_do_not_go_unnoticed(new, capsys):
    source, target = filled(new("sqlite")), new("postgres")
    with Child(slow, source.url, target.url, "_settle", 1) as child:
        child.receive()
    fill(source, history(40, seed=5), "third")
    code, out = call(capsys, "copy", "--from", source.url, "--to", target.url)
    assert code == 1
    assert "Not the same" in out
    assert "rollups.n sums up to" in out


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_bot_that_writes_meanwhile_is_noticed_and_the_copy_is_that_of_one_moment(direction, new, capsys):
    source, target = new(direction[0]), new(direction[1])
    fill(source, history(3_000))
    with Child(bot, source.name, source.url) as child:
        child.receive()
        out = copy(capsys, source, target)
    assert "A bot wrote to the source meanwhile" in out
    assert is_sound(target)


def test_rows_in_the_spool_of_the_source_are_told(new, capsys):
    source = filled(new("sqlite"))
    spool = Path(source.url).with_suffix(".spool.db")

    async def keep() -> None:
        spooled = Spool(lambda: spool, max_bytes=1_000_000, clock=SystemClock())
        await spooled.add(Batch(run=RunKey.new("main", NOON), first_seq=1, events=history(5)))
        await spooled.close()

    asyncio.run(keep())
    out = " ".join(copy(capsys, source, new("sqlite")).split())
    assert "5 rows are still in the spool of the source, and not in the copy" in out
    assert "The bot can use" not in out


@pytest.mark.parametrize("name", ENGINES)
def test_target_that_is_not_empty_is_refused_and_not_touched(name, new, capsys):
    source, target = filled(new("sqlite")), new(name)
    fill(target, history(5))
    before = contents(target)
    options = ["copy", "--from", source.url, "--to", target.url]
    assert "the target is not empty: there are rows in runs" in refused(capsys, *options)
    assert contents(target) == before


@pytest.mark.parametrize("name", ENGINES)
def test_source_and_target_must_be_two(name, new, capsys, tmp_path):
    source = filled(new(name))
    other = source.url.replace("127.0.0.1", "localhost")
    if source.is_sqlite:
        other = str(tmp_path / "link.db")
        os.symlink(source.url, other)  # noqa: PTH211
    before = contents(source)
    for target in (source.url, other):
        assert "it is the source itself" in refused(capsys, "copy", "--from", source.url, "--to", target)
    assert contents(source) == before


def test_unfinished_copy_is_told_and_not_used_for_anything_else(new, capsys):
    source, target = filled(new("sqlite")), new("postgres")
    with Child(slow, source.url, target.url, "_put", 3) as child:
        child.receive()
    options = ["copy", "--from", filled(new("sqlite")).url, "--to", target.url]
    assert "an unfinished copy of another database" in refused(capsys, *options)
    assert "itself an unfinished copy" in refused(capsys, "copy", "--from", target.url, "--to", new("sqlite").url)
    assert "is an unfinished copy" in refused(capsys, "rebuild", "--database", target.url)
    code, out = call(capsys, "doctor", "--database", target.url)
    assert (code, "it is an unfinished copy" in out) == (1, True)


def test_source_without_a_history_is_refused_and_no_target_made(new, tmp_path, capsys):
    target = tmp_path / "new.db"
    assert "there is no database" in refused(capsys, "copy", "--from", tmp_path / "no.db", "--to", target)
    bare = new("postgres", is_bare=True)
    assert "no tables of this version" in refused(capsys, "copy", "--from", bare.url, "--to", target)
    empty = new("postgres")

    async def make() -> None:
        async with empty.storage() as storage:
            await storage.open()

    asyncio.run(make())
    assert "the source is empty" in refused(capsys, "copy", "--from", empty.url, "--to", target)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("options", [["--from", "a.db"], ["--to", "a.db"], []])
def test_both_must_be_named(options, capsys):
    assert main(["copy", *options]) == 2
    assert "required" in capsys.readouterr().err
