"""`rebuild`: roll-ups counted anew beside a running bot, and gone on with after a kill."""
# ruff: noqa: S608 (numbers and tables of ours)

from __future__ import annotations

import asyncio
import time

import pytest

from botmon_cog.__main__ import main
from botmon_cog.cli import rebuild as command
from botmon_cog.store import rollup
from tests.child import Child, Talk
from tests.engines import Engine
from tests.faults import FULL
from tests.tool_helpers import TAMPERED, bot, call, fill, history, is_sound, rolled_up

LOT_ROWS = 40


@pytest.fixture
def database(engine: Engine) -> Engine:
    fill(engine, history(300))
    return engine


def rebuild(capsys, engine: Engine) -> str:
    code, out = call(capsys, "rebuild", "--database", engine.url)
    assert code == 0
    return out


@pytest.mark.parametrize("tampered", TAMPERED)
def test_whatever_the_doctor_finds_is_mended(tampered, database, capsys):
    before = rolled_up(database)
    database.sql(TAMPERED[tampered])
    assert rebuild(capsys, database) == "Done: the roll-ups match the log, 300 rows counted.\n"
    assert rolled_up(database) == before
    assert is_sound(database)


def test_days_that_are_not_in_the_log_are_left_alone(database, capsys):
    database.sql(
        f"DELETE FROM @invocations WHERE started_ms < {20460 * 86_400_000}",
        f"INSERT INTO @marks VALUES ('raw_since', '{20460 * 86_400_000}')",
    )
    before = rolled_up(database)
    out = " ".join(rebuild(capsys, database).split())
    assert "Days before 2026-01-07 are no longer in the log; theirs were kept." in out
    assert rolled_up(database) == before
    assert is_sound(database)


async def slow(talk: Talk, url: str, lots: int, where: str) -> None:
    """Rebuilds, and stops in the middle of the lot after so many, until it is killed."""
    rollup.LOT_ROWS = LOT_ROWS
    rollup.RollUps.__init__.__defaults__ = (LOT_ROWS,)
    real, done = getattr(rollup, where), 0

    def pausing(*args):
        nonlocal done
        result = yield from real(*args)
        if done == lots:
            talk.send("all but committed")
            time.sleep(600)
        done += 1
        return result

    setattr(rollup, where, pausing)
    await asyncio.to_thread(main, ["rebuild", "--database", url])


@pytest.mark.parametrize(
    ("engine", "lots", "where"),
    [
        (engine, lots, where)
        for engine in ("sqlite", "postgres")
        for lots in (0, 1, 5)
        for where in ("count", "add", "_lot")
        if FULL or engine == "sqlite" or lots == 1
    ],
    indirect=["engine"],
)
def test_killed_in_the_middle_it_goes_on_from_there(lots, where, database, capsys):
    right = rolled_up(database)
    database.sql("UPDATE @rollups SET n = n + 1", "UPDATE @people SET hours = 1")
    with Child(slow, database.url, lots, where) as child:
        assert child.receive() == "all but committed"
    assert is_sound(database)
    capsys.readouterr()
    out = rebuild(capsys, database)
    assert "Going on with the rebuild that was begun before." in out
    assert f"{300 - lots * LOT_ROWS} rows counted" in out
    assert rolled_up(database) == right


def test_next_report_goes_on_with_a_rebuild_that_was_killed(database, capsys):
    right = rolled_up(database)
    with Child(slow, database.url, 1, "_lot") as child:
        child.receive()
    assert call(capsys, "report", "weekly", "--database", database.url)[0] == 0
    assert rolled_up(database) == right


def test_bot_may_be_writing_meanwhile(database, capsys):
    database.sql("UPDATE @rollups SET n = n + 1", "DELETE FROM @people")
    with Child(bot, database.name, database.url) as child:
        assert child.receive() == "writing"
        n = database.sql("SELECT COUNT(*) FROM @invocations")
        rebuild(capsys, database)
        assert is_sound(database)
        assert database.sql("SELECT COUNT(*) FROM @invocations") > n


def test_two_rebuilds_at_once_are_one(database):
    right = rolled_up(database)

    async def both() -> list[int]:
        argv = ["rebuild", "--database", database.url]
        return await asyncio.gather(*(asyncio.to_thread(main, argv) for _ in range(2)))

    assert asyncio.run(both()) == [0, 0]
    assert rolled_up(database) == right


def test_interrupt_says_how_it_goes_on(monkeypatch, tmp_path, capsys):
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_rebuild", interrupted)
    assert main(["rebuild", "--database", str(tmp_path / "no.db")]) == 130
    assert capsys.readouterr().err == (
        "botmon: interrupted; the bot, the next report, or the same command goes on from here\n"
    )
