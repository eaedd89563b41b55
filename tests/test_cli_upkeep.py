"""`prune` and `vacuum`: a store made small from the command line."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from botmon_cog.__main__ import main
from botmon_cog.cli.progress import progress
from botmon_cog.store.sqlite.file import STORE_MARK
from tests.engines import Engine
from tests.retention_helpers import DAY, believe, check
from tests.storage_helpers import invocation, make, music
from tests.tool_helpers import call, refused


def fill(engine: Engine, *days_ago: int, n: int = 1, is_believed: bool = True) -> None:
    """Some commands, a song and a health check on each day; the store was cleaned up lately, or never was."""
    now = datetime.now(UTC)

    async def work() -> None:
        async with engine.storage() as storage:
            for days in days_ago:
                when = now - days * DAY
                commands = [invocation(started_at=when, details="x" * 500) for _ in range(n)]
                await storage.append([*commands, music(occurred_at=when), check(when)])
            if is_believed:
                await believe(storage, now)

    asyncio.run(work())


def count(engine: Engine, table: str) -> int:
    return engine.sql(f"SELECT COUNT(*) FROM @{table}")[0][0]  # noqa: S608


def size(engine: Engine) -> int:
    async def work() -> int:
        async with engine.storage() as storage:
            return await storage.ping()

    return asyncio.run(work())


def run(capsys: pytest.CaptureFixture[str], *argv: object) -> str:
    code, out = call(capsys, *argv)
    assert code == 0
    return out


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "botmon.toml"
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    return file


# -- prune -------------------------------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_go_and_changes_nothing(engine, capsys):
    fill(engine, 0, 91, 92, n=3)
    marks = engine.sql("SELECT * FROM @marks ORDER BY name")
    out = run(capsys, "prune", "--dry-run", "--database", engine.url)
    lines = [line.strip() for line in out.splitlines()]
    before = f"{datetime.now(UTC) - 90 * DAY:%Y-%m-%d}"
    assert f"2 music events from before {before}" in lines
    assert "2 health checks from before " in out
    assert "Nothing was removed." in out
    assert count(engine, "invocations") == 9
    assert engine.sql("SELECT * FROM @marks ORDER BY name") == marks


def test_pruning_does_what_the_dry_run_said(engine, capsys):
    fill(engine, 0, 91, 92, n=3)
    out = run(capsys, "prune", "--database", engine.url)
    assert "  6 commands\n  2 music events\n  2 health checks\n" in out
    assert "10 rows removed; the database takes " in out
    assert count(engine, "invocations") == 3
    assert len(engine.sql("SELECT DISTINCT day FROM @rollups")) == 3
    assert "Nothing is too old; the database takes " in run(capsys, "prune", "--database", engine.url)
    assert run(capsys, "prune", "--dry-run", "--database", engine.url) == "Nothing is too old.\n"


def test_a_store_that_was_never_cleaned_up_keeps_everything_for_now(engine, capsys):
    fill(engine, 0, 91, is_believed=False)
    for argv in (["prune", "--dry-run"], ["prune"], ["prune"]):
        out = " ".join(run(capsys, *argv, "--database", engine.url).split())
        assert "in case the clock is wrong. Prune again after 20" in out
        assert "last clean-up (never)" in out
    assert count(engine, "invocations") == 2


def test_options_override_the_configuration(engine, capsys, config, monkeypatch):
    fill(engine, 0, 20, 40)
    config.write_text("[retention]\nraw_days = 30\nhealth_days = 0\n")
    monkeypatch.setenv("BOTMON_STORAGE_URL", engine.url)
    tables = ("invocations", "health_checks", "people", "rollups")
    run(capsys, "prune")
    assert [count(engine, table) for table in tables] == [2, 3, 3, 6]
    run(capsys, "prune", "--raw-days", 10, "--people-days", 5, "--rollup-days", 25, "--health-days", 30)
    assert [count(engine, table) for table in tables] == [1, 2, 1, 4]


def test_a_dry_run_tells_of_the_cap(engine, capsys, config):
    fill(engine, 0, n=3000)
    config.write_text("[retention]\ndisk_cap_mb = 1\n")
    said = "above the 1 MB of [retention] disk_cap_mb"
    assert said in " ".join(run(capsys, "prune", "--dry-run", "--database", engine.url).split())
    run(capsys, "prune", "--database", engine.url)
    assert 0 < count(engine, "invocations") < 3000
    assert "disk_cap_mb" not in run(capsys, "prune", "--dry-run", "--database", engine.url)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make_file", "says"),
    [
        (lambda path: None, "there is no database"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_text("no database, but long enough to look like one " * 30), "no SQLite database"),
        (lambda path: make(path, "CREATE TABLE songs (name TEXT)"), "of another program"),
        (lambda path: make(path, f"PRAGMA application_id = {STORE_MARK}", "PRAGMA user_version = 99"), "newer"),
    ],
)
@pytest.mark.parametrize("argv", [["prune"], ["prune", "--dry-run"], ["vacuum"]])
def test_what_is_no_store_is_left_alone(make_file, says, argv, tmp_path, capsys):
    path = tmp_path / "botmon.db"
    make_file(path)
    before = [(file, file.is_file() and file.read_bytes()) for file in tmp_path.iterdir()]
    assert says in refused(capsys, *argv, "--database", path)
    assert [(file, file.is_file() and file.read_bytes()) for file in tmp_path.iterdir()] == before


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["prune", "--raw-days", "-1"], "--raw-days"),
        (["prune", "--people-days", "ten"], "from 0, for ever"),
        (["prune", "--rollup-days", "99999999999"], "to 36500"),
        (["prune", "--database", "postgresql:user:secret@host"], "two slashes"),
        (["prune", "--database", "mysql://user:secret@host"], "is not supported"),
        (["vacuum", "--database", ":memory:"], "always empty"),
        (["vacuum", "--raw-days", "3"], "unrecognized arguments"),
    ],
)
def test_wrong_input_gets_one_sentence(argv, says, capsys):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert says in captured.err
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


def test_a_file_gives_its_free_pages_back(tmp_path, capsys):
    engine = Engine("sqlite", str(tmp_path / "botmon.db"))
    fill(engine, 0, n=2000)
    engine.sql("DELETE FROM @invocations")
    ((free,),) = engine.sql("SELECT freelist_count FROM pragma_freelist_count()")
    before = size(engine)
    assert free > 100
    out = run(capsys, "vacuum", "--database", engine.url)
    assert out.startswith(f"{engine.url}: 1.")
    assert " MiB before, " in out
    assert engine.sql("SELECT freelist_count FROM pragma_freelist_count()") == [(0,)]
    assert Path(engine.url).stat().st_size < before - (free - 1) * 4096
    assert [file.name for file in tmp_path.iterdir()] == ["botmon.db"]


def test_postgres_is_vacuumed(postgres_url, capsys):
    engine = Engine("postgres", postgres_url)
    fill(engine, 0, n=1000)
    engine.sql("DELETE FROM @invocations")
    before = size(engine)
    out = run(capsys, "vacuum", "--database", postgres_url)
    assert "PostgreSQL" in out
    assert postgres_url not in out
    assert size(engine) < before


def test_a_bar_is_drawn_on_a_terminal_only():
    for is_terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=80)
        with progress(console, "pruning", 3) as advance:
            advance(2)
            advance(1)
        with progress(console, "vacuuming", None) as advance:
            advance(1)
        assert ("pruning" in console.file.getvalue()) == is_terminal
