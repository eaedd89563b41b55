"""`errors`: what fails and why, read in a terminal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from botmon_cog.__main__ import main
from botmon_cog.cli.errors import ErrorList
from botmon_cog.domain.models import ErrorSource, Event
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.errors import ErrorDetails, ErrorState, error_id
from botmon_cog.domain.uptime import Run
from tests.engines import Engine
from tests.storage_helpers import background_failure
from tests.test_store_errors import LOOP, LYRICS, PLAY, failed, group
from tests.tool_helpers import call, refused, state

NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ID = error_id(LYRICS)
TRACEBACK = """Traceback (most recent call last):
  File "cogs/lyrics.py", line 48, in fetch
    raise ValueError("API key wrong")
ValueError: API key wrong"""
EVENTS: list[Event] = [
    group(first_at=NOW - 2 * DAY, traceback=TRACEBACK),
    *(
        failed(started_at=NOW - 2 * DAY, user_id=n, guild_id=n % 2 + 1, guild_name=f"Guild {n % 2}")
        for n in range(1, 4)
    ),
    group(PLAY, what="play", error_type=None, error_message=None, file=None, line=None, outcome=Outcome.LATE),
    failed(PLAY, command="play", started_at=NOW - HOUR, outcome=Outcome.LATE),
    group(LOOP, source=ErrorSource.LOOP, what="Music.refresh"),
    background_failure(fingerprint=LOOP, started_at=NOW - 3 * DAY, n=7),
]


@pytest.fixture
def database(engine: Engine) -> Engine:
    async def writing() -> None:
        async with engine.storage("main") as storage:
            await storage.uptime.put_run(Run(started_at=NOW - 9 * DAY, seen_at=NOW, version="9c1d"))
            await storage.append(EVENTS)

    asyncio.run(writing())
    return engine


def errors(capsys: pytest.CaptureFixture[str], engine: Engine, *argv: str) -> str:
    code, out = call(capsys, "errors", *argv, "--width", "80", "--database", engine.url)
    assert code == 0
    assert max(map(len, out.splitlines()), default=0) <= 80
    return out


def test_the_list_fits_80_columns_and_says_what_fails_where(database, capsys):
    out = errors(capsys, database)
    lines = [line.rstrip() for line in out.splitlines()]
    assert lines[0] == "Errors of the last 7 days: 3 kinds, 11 times"
    (row,) = [n for n, line in enumerate(lines) if line.startswith(ID)]
    assert lines[row].split() == [ID, "open", "3", "3", *lines[row].split()[4:-1], "/lyrics"]
    assert [line.strip() for line in lines[row + 1 : row + 3]] == ["ValueError: API key wrong", "cogs/lyrics.py:48"]
    assert "loop Music.refresh" in out
    assert lines[-1] == f"For the traceback of one: botmon errors {out.split(chr(10))[3].split()[0]}"


def test_one_error_is_told_with_its_traceback(database, capsys):
    out = errors(capsys, database, ID.upper())
    assert out.startswith("ValueError in /lyrics\n")
    assert TRACEBACK in out
    facts = dict(line.rstrip().split(maxsplit=1) for line in out.split("\n\n")[1].splitlines())
    assert facts["place"] == "cogs/lyrics.py:48, in Lyrics.fetch"
    assert facts["failed"] == "3 times in the last 7 days, 3 people, 2 servers"
    assert facts["versions"] == "9c1d 3\N{MULTIPLICATION SIGN}"
    assert facts["first"].endswith("version 9c1d")
    assert facts["also"] == f"in   loop Music.refresh ({error_id(LOOP)})"


def test_an_error_without_an_exception_says_how_it_ended(database, capsys):
    assert errors(capsys, database, error_id(PLAY)).startswith("/play: answered ")


def test_one_server_counts_only_what_failed_there(database, capsys):
    out = errors(capsys, database, "--server", "1")
    assert out.startswith("Errors of the last 7 days in Guild 0: 2 kinds, 2 times")
    assert "Music.refresh" not in out


def test_days_are_how_far_it_looks_back(database, capsys):
    assert errors(capsys, database, "--days", "1").startswith("Errors of the last 24 hours: 1 kind, 1 time\n")
    assert "0 times in the last 24 hours" in errors(capsys, database, ID, "--days", "1")


def test_no_errors_is_a_sentence(engine, capsys):
    async def opened() -> None:
        async with engine.storage("main") as storage:
            await storage.open()

    asyncio.run(opened())
    assert errors(capsys, engine) == "No errors in the last 7 days.\n"


def test_json_is_one_document(database, capsys):
    listed = msgspec.json.decode(errors_json(capsys, database), type=ErrorList)
    assert [(each.id, each.n) for each in listed.errors if each.fingerprint == LYRICS] == [(ID, 3)]
    one = msgspec.json.decode(errors_json(capsys, database, ID), type=ErrorDetails)
    assert (one.traceback, one.versions) == (TRACEBACK, (("9c1d", 3),))
    assert one.counts in listed.errors


def errors_json(capsys: pytest.CaptureFixture[str], engine: Engine, *argv: str) -> str:
    code, out = call(capsys, "errors", *argv, "--json", "--database", engine.url)
    assert code == 0
    return out


@pytest.mark.parametrize("wanted", [["00000000"], ["--resolve", "00000000"], ["77777777", "--json"]])
def test_unknown_error_is_a_sentence(wanted: list[str], database, capsys):
    before = state(database)
    assert "there is no error " in refused(capsys, "errors", *wanted, "--database", database.url)
    assert "is not an error ID" in refused(capsys, "errors", "ValueError", "--database", database.url)
    assert "nothing is known of a server 3" in refused(capsys, "errors", "--server", "3", "--database", database.url)
    if not database.is_sqlite or "--resolve" not in wanted:
        assert state(database) == before


def test_no_database_is_a_sentence(tmp_path, capsys):
    assert "there is no database" in refused(capsys, "errors", "--database", tmp_path / "no.db")
    assert "there is no database" in refused(capsys, "errors", "--resolve", ID, "--database", tmp_path / "no.db")
    assert list(tmp_path.iterdir()) == []


def test_resolving_says_so_and_the_next_failure_returns(database, capsys):
    out = errors(capsys, database, "--resolve", ID)
    assert out == "Resolved: ValueError in /lyrics. If it fails again, it is shown as returned.\n"
    assert f"{ID}  resolved" in errors(capsys, database)
    assert "state     resolved 20" in errors(capsys, database, ID)

    async def failing() -> None:
        async with database.storage("main") as storage:
            await storage.append([failed(started_at=datetime.now(UTC) + HOUR / 60)])

    asyncio.run(failing())
    lines = errors(capsys, database).splitlines()
    assert lines[3].startswith(f"{ID}  returned"), "it comes first"
    resolved = msgspec.json.decode(errors_json(capsys, database, "--resolve", ID), type=ErrorDetails)
    assert resolved.counts.state is ErrorState.RETURNED, "that failure is still to come"


def test_reading_leaves_no_trace(database, capsys):
    before = state(database)
    errors(capsys, database)
    errors(capsys, database, ID)
    assert state(database) == before


def test_what_others_wrote_can_not_move_the_cursor(engine, capsys):
    async def writing() -> None:
        async with engine.storage("main") as storage:
            await storage.append([group(what="ly\x1b[2Jrics", error_message="\x1b]0;x\x07", traceback="a\x1b[1A\nb")])
            await storage.append([failed(started_at=NOW - HOUR)])

    asyncio.run(writing())
    assert main(["errors", "--database", engine.url]) == main(["errors", ID, "--database", engine.url]) == 0
    assert "\x1b" not in capsys.readouterr().out
