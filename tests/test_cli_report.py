"""`report`: reading a database without a bot."""

from __future__ import annotations

import asyncio
import importlib.readers  # noqa: F401 (an account that may not read the standard library finds it loaded)
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

import botmon_cog.cli.report  # noqa: F401 (likewise, with all that it imports)
from botmon_cog.__main__ import main
from botmon_cog.domain.models import Event, HealthRecord, Invocation, Kind, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import HealthReport, PerformanceReport, StatisticsReport
from tests.child import Child, Talk
from tests.engines import Engine
from tests.sqlite_faults import open_folder, set_writable, write_lock
from tests.tool_helpers import refused, state

BUSY, QUIET = "100000000000000001", "100000000000000002"
REPORTS = ("today", "weekly", "monthly", "perf")


def used(n: int, guild_id: str, name: str) -> list[Event]:
    now = datetime.now(UTC)
    return [
        Invocation(
            kind=Kind.SLASH,
            command="play",
            outcome=Outcome.OK,
            started_at=now,
            duration_s=0.1,
            response_s=0.1,
            guild_id=guild_id,
            guild_name=name,
            user_id=i % 3 + 1,
        )
        for i in range(n)
    ]


def checked(ago: timedelta, status: str, reason: Reason | None = None) -> HealthRecord:
    return HealthRecord(occurred_at=datetime.now(UTC) - ago, status=status, reason=reason)


def write(engine: Engine, events: list[Event], *, is_counted: bool = True) -> None:
    async def writing() -> None:
        async with engine.storage("main") as storage:
            await (storage.write(events) if is_counted else storage.append(events))

    asyncio.run(writing())


@pytest.fixture
def database(engine: Engine) -> Engine:
    song = MusicEvent(type=MusicEventType.SONG_PLAYED, occurred_at=datetime.now(UTC), guild_id=BUSY, duration_s=200)
    write(engine, [*used(30, BUSY, "The Busy Guild"), *used(2, QUIET, "The Quiet Guild"), song])
    return engine


@pytest.fixture
def file(tmp_path: Path) -> Engine:
    return Engine("sqlite", str(tmp_path / "botmon.db"))


def report(capsys: pytest.CaptureFixture[str], engine: Engine, *argv: str) -> str:
    assert main(["report", *argv, "--width", "80", "--database", engine.url]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.mark.parametrize("name", REPORTS)
def test_all_servers_and_where_to_look_next(name: str, database, capsys):
    out = report(capsys, database, name)
    assert "all servers" in out
    assert "32 " in out
    hint = out[out.index("For one server") :]
    assert hint.index(BUSY) < hint.index(QUIET)
    assert "The Busy Guild" in hint


@pytest.mark.parametrize("name", ["today", "weekly"])
def test_one_server(name: str, database, capsys):
    out = report(capsys, database, name, "--guild", BUSY)
    assert "The Busy Guild" in out
    assert "30 commands" in out
    assert "1 song" in out
    assert "32" not in out
    assert "For one server" not in out


@pytest.mark.parametrize("name", [*REPORTS, "health"])
@pytest.mark.parametrize("options", [[], ["--json"]])
def test_unknown_server_is_a_sentence(name: str, options: list[str], database, capsys):
    said = refused(capsys, "report", name, "--guild", "42", "--database", database.url, *options)
    assert said.startswith("botmon: nothing is known of a server 42 in ")
    assert "report weekly lists the busiest ones" in said


def test_server_of_which_only_songs_are_known_is_known(engine, capsys):
    song = MusicEvent(type=MusicEventType.SONG_PLAYED, occurred_at=datetime.now(UTC), guild_id=BUSY, duration_s=200)
    write(engine, [song])
    assert "1 song" in report(capsys, engine, "weekly", "--guild", BUSY)


@pytest.mark.parametrize(
    ("name", "kind"), [("weekly", StatisticsReport), ("perf", PerformanceReport), ("health", HealthReport)]
)
def test_json_is_the_report_and_nothing_else(name: str, kind: type, database, capsys):
    printed = report(capsys, database, name, "--json")
    told = msgspec.json.decode(printed, type=kind)
    if name == "weekly":
        assert (told.total_commands, told.unique_users, told.total_songs) == (32, 3, 1)
    elif name == "perf":
        assert [c.command for c in told.commands] == ["play"]
    else:
        commands = msgspec.json.decode(printed)["components"]["commands"]["sample"]
        assert (commands["total"], commands["errors"], told.overall_status) == (32, 0, "unknown")


@pytest.mark.parametrize(
    ("name", "shown"), [("overview", "All servers, last 7 days"), ("growth", "New servers that stay")]
)
def test_what_is_of_all_servers_names_none_and_takes_none(name: str, shown: str, database, capsys):
    before = state(database)
    out = report(capsys, database, name)
    assert shown in out
    assert "For one server" not in out
    assert msgspec.json.decode(report(capsys, database, name, "--json"))["servers"] is None
    assert state(database) == before
    assert main(["report", name, "--guild", BUSY, "--database", database.url]) == 2
    assert "leave it out" in capsys.readouterr().err


def test_health_is_the_bots_last_verdict(engine, capsys):
    slow = Reason.of("gateway.latency", latency_s=1.2)
    write(engine, [*used(3, BUSY, "x"), checked(timedelta(seconds=20), "degraded", slow)])
    out = report(capsys, engine, "health")
    assert "Degraded: Discord takes 1.2 s to answer heartbeats" in out
    assert "Process" not in out


def test_bot_that_does_not_check_is_not_called_healthy(engine, capsys):
    write(engine, [checked(timedelta(hours=2), "healthy")])
    out = report(capsys, engine, "health")
    assert "Not known" in out
    assert "2 h ago; then it was healthy" in out
    assert "0 commands in 1 h" in out.replace("\u00a0", " ")


def test_bot_without_checks_is_not_called_healthy(database, capsys):
    assert "No check of the last 24 hours" in report(capsys, database, "health")


@pytest.mark.parametrize("name", [*REPORTS, "health"])
def test_reading_leaves_no_trace(name: str, database, capsys):
    before = state(database)
    report(capsys, database, name)
    assert state(database) == before


@pytest.mark.parametrize("name", REPORTS)
def test_what_is_new_in_the_log_is_counted_and_nothing_else_written(name: str, database, capsys):
    write(database, used(5, BUSY, "The Busy Guild"), is_counted=False)
    runs = database.sql("SELECT id, last_seq FROM @runs ORDER BY id")
    assert "37 " in report(capsys, database, name)
    assert database.sql("SELECT id, last_seq FROM @runs ORDER BY id") == runs
    assert database.sql("SELECT COUNT(*) FROM @runs WHERE rolled_up_seq < last_seq") == [(0,)]
    assert database.sql("SELECT COUNT(*) FROM @health_checks") == [(0,)]
    if database.is_sqlite:
        assert [path.name for path in Path(database.url).parent.iterdir()] == ["botmon.db"]


def test_health_counts_nothing(database, capsys):
    write(database, used(5, BUSY, "The Busy Guild"), is_counted=False)
    before = state(database)
    assert "37 commands in 1 h" in report(capsys, database, "health").replace("\u00a0", " ")
    assert state(database) == before


async def read(talk: Talk, url: str) -> None:
    done = await asyncio.to_thread(main, ["report", "weekly", "--json", "--database", url])
    talk.send(done)


def test_database_that_can_not_be_written_is_reported_as_far_as_it_is_counted(capfd):
    with open_folder() as folder:
        engine = Engine("sqlite", str(folder / "botmon.db"))
        write(engine, used(30, BUSY, "The Busy Guild"))
        late = [
            msgspec.structs.replace(event, started_at=datetime(2026, 1, 5, 12, tzinfo=UTC))
            for event in used(2, BUSY, "x")
        ]
        write(engine, late, is_counted=False)
        set_writable(folder, writable=False)
        before = state(engine)
        with Child(read, engine.url, unprivileged=True) as child:
            assert child.receive() == 0
        assert state(engine) == before
    err = capfd.readouterr().err
    assert "this report counts up to 2026-01-05 12:00 UTC, because the database can't be written" in err


def test_lock_that_a_bot_holds_is_no_hindrance(file, capsys):
    write(file, used(30, BUSY, "The Busy Guild"))
    with write_lock(file.url):
        assert "30 commands" in report(capsys, file, "weekly", "--guild", BUSY)


def test_output_without_a_terminal_is_plain(file):
    write(file, used(30, BUSY, "The Busy Guild"))
    folder = Path(file.url).parent
    done = subprocess.run(
        [sys.executable, "-m", "botmon_cog", "report", "weekly", "--database", "botmon.db"],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Last 7 days" in done.stdout.decode()
    assert b"\x1b" not in done.stdout
    assert [path.name for path in folder.iterdir()] == ["botmon.db"]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_reader_that_has_seen_enough_is_one_line(options: list[str], file):
    write(file, used(30, BUSY, "The Busy Guild"))
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "botmon_cog", "report", "weekly", "--database", file.url, *options]
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    said = b"python -m botmon_cog: the output was closed before everything was written\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_configured_database_is_the_default(file, capsys, monkeypatch):
    write(file, used(30, BUSY, "The Busy Guild"))
    monkeypatch.setenv("BOTMON_STORAGE_URL", f"sqlite:///{file.url}")
    assert main(["report", "weekly", "--guild", BUSY]) == 0
    assert "30 commands" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("not a database, but long enough to look like one " * 9), "no SQLite database"),
    ],
)
@pytest.mark.parametrize("name", ["weekly", "health"])
def test_what_can_not_be_read_gets_one_sentence(make, says: str, name: str, tmp_path, capsys):
    path = tmp_path / "bot.db"
    make(path)
    before = sorted(tmp_path.iterdir())
    assert says in refused(capsys, "report", name, "--database", path)
    assert sorted(tmp_path.iterdir()) == before
