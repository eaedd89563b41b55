"""`report`: reading a database without a bot, and without a trace in it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from botmon_cog import Config, MonitoringSystem
from botmon_cog.__main__ import main
from botmon_cog.config import StorageConfig
from botmon_cog.domain.models import Event, HealthRecord, Invocation, Kind, MusicEvent, MusicEventType, Outcome
from botmon_cog.domain.reports import HealthReport, PerformanceReport, StatisticsReport

BUSY, QUIET = "100000000000000001", "100000000000000002"
OLD_TABLES = """
CREATE TABLE audit_logs (
    id INTEGER PRIMARY KEY AUTOINCREMENT, guild_id TEXT, user_id TEXT, action TEXT, details TEXT,
    timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP
);
INSERT INTO audit_logs (guild_id, user_id, action) VALUES ('7', '8', 'play'), ('7', '9', 'skip');
"""


def used(n: int, guild_id: str, name: str, command: str = "play") -> list[Event]:
    now = datetime.now(UTC)
    return [
        Invocation(
            event_id=f"{guild_id}-{command}-{i}",
            kind=Kind.SLASH,
            command=command,
            outcome=Outcome.OK,
            started_at=now,
            duration_s=0.1,
            response_s=0.1,
            guild_id=guild_id,
            guild_name=name,
            user_id=str(i % 3),
        )
        for i in range(n)
    ]


def checked(ago: timedelta, status: str, reason: str | None = None) -> HealthRecord:
    return HealthRecord(event_id=f"check-{ago}", occurred_at=datetime.now(UTC) - ago, status=status, reason=reason)


def write(path: Path | str, *events: Event) -> Path | str:
    async def writing() -> None:
        async with MonitoringSystem(Config(storage=StorageConfig(url=str(path)))) as system:
            await system.storage.write(events)

    asyncio.run(writing())
    return path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    song = MusicEvent(
        event_id="song",
        type=MusicEventType.SONG_PLAYED,
        occurred_at=datetime.now(UTC),
        guild_id=BUSY,
        duration_s=200,
    )
    return write(tmp_path / "bot.db", *used(30, BUSY, "The Busy Guild"), *used(2, QUIET, "The Quiet Guild"), song)


def report(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    assert main(["report", *map(str, argv), "--width", "80"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


@pytest.mark.parametrize("name", ["today", "weekly", "monthly", "perf"])
def test_all_servers_and_where_to_look_next(name: str, database, capsys):
    out = report(capsys, name, "--database", database)
    assert "all servers" in out
    assert "32 " in out
    hint = out[out.index("One server alone") :]
    assert hint.index(BUSY) < hint.index(QUIET)
    assert "The Busy Guild" in hint


def test_one_server(database, capsys):
    out = report(capsys, "weekly", "--guild", BUSY, "--database", database)
    assert "The Busy Guild" in out
    assert "30 commands" in out
    assert "1 song" in out
    assert "One server alone" not in out


@pytest.mark.parametrize("name", ["today", "weekly"])
def test_a_server_of_postgresql_is_read_as_a_file_is(name: str, postgres_url: str, capsys):
    write(postgres_url, *used(30, BUSY, "The Busy Guild"), *used(2, QUIET, "The Quiet Guild"))
    out = report(capsys, name, "--guild", BUSY, "--database", postgres_url)
    assert "The Busy Guild" in out
    assert "30" in out
    assert "32" not in out


@pytest.mark.parametrize("name", ["today", "weekly", "monthly", "perf", "health"])
def test_an_unknown_server_is_empty(name: str, database, capsys):
    out = report(capsys, name, "--guild", "42", "--database", database)
    assert "30" not in out.replace("30 days", "")


@pytest.mark.parametrize(
    ("name", "kind"), [("weekly", StatisticsReport), ("perf", PerformanceReport), ("health", HealthReport)]
)
def test_json_is_the_report_and_nothing_else(name: str, kind: type, database, capsys):
    told = msgspec.json.decode(report(capsys, name, "--json", "--database", database), type=kind)
    if name == "weekly":
        assert (told.total_commands, told.unique_users, told.total_songs) == (32, 3, 1)
    elif name == "perf":
        assert [c.command for c in told.commands] == ["play"]
    else:
        assert (told.error_rate.total, told.error_rate.errors, told.overall_status) == (32, 0, "unknown")


def test_health_is_the_bots_last_verdict(tmp_path, capsys):
    path = write(
        tmp_path / "bot.db", *used(3, BUSY, "x"), checked(timedelta(seconds=20), "degraded", "the bot is slow")
    )
    out = report(capsys, "health", "--database", path)
    assert "Degraded: the bot is slow" in out
    assert "Process" not in out


def test_a_bot_that_does_not_check_is_not_called_healthy(tmp_path, capsys):
    path = write(tmp_path / "bot.db", checked(timedelta(hours=2), "healthy"))
    out = report(capsys, "health", "--database", path)
    assert "Not known" in out
    assert "2 h ago; then it was healthy" in out
    assert "0 commands in 1 h" in out.replace("\u00a0", " ")
    path = write(tmp_path / "empty.db")
    assert "No check of the last 24 hours" in report(capsys, "health", "--database", path)


def test_reading_leaves_no_trace(database: Path):
    before = database.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "botmon_cog", "report", "weekly", "--database", database.name],
        cwd=database.parent,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert "Last 7 days" in done.stdout.decode()
    assert b"\x1b" not in done.stdout
    assert database.read_bytes() == before
    assert list(database.parent.iterdir()) == [database]


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_reader_that_has_seen_enough_is_no_error(options: list[str], database: Path):
    reading, writing = os.pipe()
    os.close(reading)
    argv = [sys.executable, "-m", "botmon_cog", "report", "weekly", "--database", str(database), *options]
    done = subprocess.run(argv, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, b"")


def test_a_bot_may_be_writing_meanwhile(database, capsys):
    with closing(sqlite3.connect(database, isolation_level=None)) as bot:
        bot.execute("BEGIN IMMEDIATE")
        assert "30 commands" in report(capsys, "weekly", "--guild", BUSY, "--database", database)


def test_the_configured_database_is_the_default(database, capsys, monkeypatch):
    monkeypatch.setenv("BOTMON_STORAGE_URL", f"sqlite:///{database}")
    assert "30 commands" in report(capsys, "weekly", "--guild", BUSY)


def test_a_database_of_an_older_version_is_read_and_left_as_it_is(tmp_path, capsys):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD_TABLES)
    before = path.read_bytes()
    assert "2 commands" in report(capsys, "weekly", "--guild", "7", "--database", path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def too_new(path: Path) -> None:
    write(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO schema_migrations (version, name) VALUES (9999, 'future')")
        db.commit()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.mkdir(), "there is no database"),
        (lambda path: path.write_text("not a database, but long enough to look like one " * 9), "not a database"),
        (too_new, "schema version 9999"),
    ],
)
@pytest.mark.parametrize("name", ["weekly", "health"])
def test_what_can_not_be_read_gets_one_sentence(make, says: str, name: str, tmp_path, capsys):
    path = tmp_path / "bot.db"
    make(path)
    before = sorted(tmp_path.iterdir())
    assert main(["report", name, "--database", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before
