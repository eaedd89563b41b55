"""`prune` and `vacuum`: a database made small from the command line."""

from __future__ import annotations

import asyncio
import io
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from botmon_cog.__main__ import main
from botmon_cog.cli.progress import progress
from botmon_cog.config import Config
from botmon_cog.domain.models import HealthRecord
from botmon_cog.runtime import make_storage
from tests.storage_helpers import OLD_AUDIT_LOGS, dump, invocation, make, music, rows

DAY = timedelta(days=1)


def use(url: str, work: Callable[[Any], Any]) -> Any:
    async def using() -> Any:
        storage = make_storage(url, Config())
        try:
            return await work(storage)
        finally:
            await storage.close()

    return asyncio.run(using())


def fill(url: str, *days_ago: int, n: int = 1) -> None:
    now = datetime.now(UTC)

    async def work(storage: Any) -> None:
        for days in days_ago:
            when = now - days * DAY
            events = [invocation(started_at=when, details="x" * 500) for _ in range(n)]
            check = HealthRecord(event_id=f"check {days}", occurred_at=when, status="healthy")
            await storage.write([*events, music(occurred_at=when), check])

    use(url, work)


def count(url: str, table: str) -> int:
    return use(url, lambda storage: storage.rows(f"SELECT COUNT(*) FROM {table}", {}))[0][0]  # noqa: S608


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "bot.db")
    return request.getfixturevalue("postgres_url")


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    assert main([*map(str, argv)]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    return captured.out


def test_a_dry_run_says_what_would_go_and_changes_nothing(url, capsys):
    fill(url, 0, 91, 92, n=3)
    out = run(capsys, "prune", "--dry-run", "--database", url)
    lines = [line.split() for line in out.splitlines()]
    before = f"{datetime.now(UTC) - 90 * DAY:%Y-%m-%d}"
    assert ["audit_logs", "6", "rows", "from", "before", before] in lines
    assert ["music_events", "2", "rows", "from", "before", before] in lines
    assert "10 rows would go" in out
    assert "Nothing was changed." in out
    assert count(url, "audit_logs") == 9
    assert count(url, "marks") == 0
    if "://" not in url:
        as_it_was = dump(Path(url))
        run(capsys, "prune", "--dry-run", "--database", url)
        assert dump(Path(url)) == as_it_was


def test_pruning_does_what_the_dry_run_said(url, capsys):
    fill(url, 0, 91, 92, n=3)
    out = run(capsys, "prune", "--database", url)
    assert "10 rows removed; the database takes " in out
    assert count(url, "audit_logs") == 3
    assert count(url, "command_hourly") == 3
    assert "Nothing is too old" in run(capsys, "prune", "--database", url)
    assert "Nothing is too old" in run(capsys, "prune", "--dry-run", "--database", url)


def test_options_override_the_configuration(url, capsys, monkeypatch, tmp_path):
    fill(url, 0, 20, 40)
    file = tmp_path / "botmon.toml"
    file.write_text("[retention]\nraw_days = 30\nhealth_days = 0\n")
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    monkeypatch.setenv("BOTMON_STORAGE_URL", url)
    run(capsys, "prune")
    assert (count(url, "audit_logs"), count(url, "health_checks"), count(url, "bot_stats")) == (2, 3, 3)
    run(capsys, "prune", "--raw-days", 10, "--hourly-days", 5, "--daily-days", 15, "--health-days", 30)
    assert (count(url, "audit_logs"), count(url, "health_checks"), count(url, "bot_stats")) == (1, 2, 1)
    assert count(url, "command_hourly") == 1


def test_a_dry_run_tells_of_the_cap(url, capsys, monkeypatch, tmp_path):
    fill(url, 0, n=3000)
    file = tmp_path / "botmon.toml"
    file.write_text("[retention]\ndisk_cap_mb = 1\n")
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    assert "more than the 1 MB of [retention] disk_cap_mb" in " ".join(
        run(capsys, "prune", "--dry-run", "--database", url).split()
    )
    run(capsys, "prune", "--database", url)
    assert 0 < count(url, "audit_logs") < 3000
    assert "disk_cap_mb" not in run(capsys, "prune", "--dry-run", "--database", url)


@pytest.mark.parametrize(
    ("make_file", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.mkdir(), "there is no database"),
        (lambda path: path.write_text("no database, but long enough to look like one " * 30), "not a database"),
    ],
)
@pytest.mark.parametrize("argv", [["prune"], ["prune", "--dry-run"], ["vacuum"]])
def test_what_is_no_database_is_left_alone(make_file, says, argv, tmp_path, capsys):
    path = tmp_path / "bot.db"
    make_file(path)
    before = sorted(tmp_path.iterdir())
    assert main([*argv, "--database", str(path)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert sorted(tmp_path.iterdir()) == before


def test_another_programs_database_is_not_pruned(tmp_path, capsys):
    path = make(tmp_path / "songs.db", "CREATE TABLE songs (name TEXT)")
    before = path.read_bytes()
    assert main(["prune", "--database", str(path)]) == 1
    assert "no database of this version" in capsys.readouterr().err
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["prune", "--raw-days", "-1"], "--raw-days"),
        (["prune", "--raw-days", "ten"], "from 0, for ever"),
        (["prune", "--daily-days", "99999999999"], "to 36500"),
        (["prune", "--database", "postgresql:user:secret@host"], "two slashes"),
        (["prune", "--database", "mysql://user:secret@host"], "is not supported"),
        (["vacuum", "--database", ":memory:"], "always empty"),
        (["vacuum", "--raw-days", "3"], "unrecognized arguments"),
    ],
)
def test_wrong_input_gets_one_sentence(argv, says, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert "secret" not in captured.err


@pytest.mark.parametrize("command", ["prune", "vacuum"])
def test_help(command, capsys):
    assert "PATH_OR_URL" in run(capsys, command, "--help")


@pytest.mark.parametrize("command", ["prune", "vacuum"])
def test_a_server_that_is_away_gets_one_sentence_without_its_password(command, capsys):
    assert main([command, "--database", "postgresql://user:secret@127.0.0.1:1/db"]) == 1
    captured = capsys.readouterr()
    assert "PostgreSQL 127.0.0.1:1/db" in captured.err
    assert "secret" not in captured.err + captured.out


# -- vacuum ------------------------------------------------------------------------------------------------------------


def pragma(path: Path, name: str) -> Any:
    return rows(path, f"PRAGMA {name}")[0][0]


def test_a_file_that_can_not_shrink_is_written_anew_once(tmp_path, capsys):
    path = make(tmp_path / "bot.db", OLD_AUDIT_LOGS.format(more=""))
    fill(str(path), 100, n=2000)
    run(capsys, "prune", "--database", path)
    assert pragma(path, "auto_vacuum") == 0
    assert pragma(path, "freelist_count") > 100
    before = path.stat().st_size
    held = dump(path)
    out = run(capsys, "vacuum", "--database", path)
    assert "written anew" in out
    assert " before, " in out
    assert pragma(path, "auto_vacuum") == 2
    assert pragma(path, "freelist_count") == 0
    assert path.stat().st_size < before / 2
    assert dump(path) == held
    assert list(tmp_path.iterdir()) == [path]
    assert "written anew" not in run(capsys, "vacuum", "--database", path)


def test_a_file_that_can_shrink_does_so_in_steps(tmp_path, capsys):
    path = tmp_path / "bot.db"
    fill(str(path), 100, n=2000)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM audit_logs")
    free = pragma(path, "freelist_count")
    before = path.stat().st_size
    assert free > 100
    out = run(capsys, "vacuum", "--database", path)
    assert "written anew" not in out
    assert pragma(path, "freelist_count") == 0
    assert path.stat().st_size == before - free * pragma(path, "page_size")


def locked(path: Path, sql: str) -> Any:
    db = sqlite3.connect(path, isolation_level=None)
    for statement in sql.split(";"):
        db.execute(statement).fetchall()
    return closing(db)


@pytest.mark.parametrize("can_shrink", [True, False])
def test_a_file_that_another_process_writes_to_is_refused(can_shrink, tmp_path, capsys, monkeypatch):
    file = tmp_path / "botmon.toml"
    file.write_text("[storage]\nbusy_timeout_s = 0.05\n")
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    path = tmp_path / "bot.db"
    if not can_shrink:
        make(path, "CREATE TABLE songs (name TEXT)")
    fill(str(path), 0, n=100)
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM audit_logs")
    with locked(path, "BEGIN IMMEDIATE"):
        assert main(["vacuum", "--database", str(path)]) == 1
    assert "another process is writing to" in capsys.readouterr().err


def test_a_reader_keeps_the_log_and_is_told_of(tmp_path, capsys, monkeypatch):
    file = tmp_path / "botmon.toml"
    file.write_text("[storage]\nbusy_timeout_s = 0.05\n")
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    path = tmp_path / "bot.db"
    fill(str(path), 0, n=100)
    with locked(path, "BEGIN; SELECT COUNT(*) FROM audit_logs"):
        with closing(sqlite3.connect(path)) as db, db:
            db.execute("DELETE FROM audit_logs")
        assert "Another process is reading" in run(capsys, "vacuum", "--database", path)


def test_a_disk_that_is_too_small_is_found_out_before(tmp_path, capsys, monkeypatch):
    path = make(tmp_path / "bot.db", "CREATE TABLE songs (name TEXT)")
    fill(str(path), 0, n=100)
    before = path.read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=100_000))
    assert main(["vacuum", "--database", str(path)]) == 1
    assert "MB beside it" in capsys.readouterr().err
    assert path.read_bytes() == before


def test_postgres_is_vacuumed(postgres_url, capsys):
    fill(postgres_url, 0, n=500)
    use(postgres_url, lambda storage: storage.execute("DELETE FROM audit_logs", {}))
    before = use(postgres_url, lambda storage: storage.ping())
    out = run(capsys, "vacuum", "--database", postgres_url)
    assert "PostgreSQL" in out
    assert postgres_url not in out
    assert use(postgres_url, lambda storage: storage.ping()) < before


def test_a_bar_is_drawn_on_a_terminal_only():
    for is_terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80)
        with progress(console, "pruning", 3) as advance:
            advance(2)
            advance(1)
        with progress(console, "rewriting", None) as advance:
            advance(1)
        assert ("pruning" in console.file.getvalue()) == is_terminal
