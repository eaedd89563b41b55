"""The command line as a whole: help, wrong input, what is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from botmon_cog.__main__ import main
from botmon_cog.cli.tool_arguments import TOOLS
from botmon_cog.config import Config, read_config

WITHOUT_ASYNCPG = "import sys; sys.modules['asyncpg'] = None; from botmon_cog.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--help"], "demo"),
        (["demo", "--help"], "127.0.0.1"),
        (["run", "--help"], "DISCORD_TOKEN"),
        (["report", "--help"], "today, weekly, monthly, perf, health"),
        (["errors", "--help"], "failures by their\ncause"),
        (["doctor", "--help"], "again from the log"),
        (["rebuild", "--help"], "count them\nagain"),
        (["copy", "--help"], "The source is only read"),
        (["config", "--help"], "config > botmon.toml"),
        (["forget", "--help"], "without --yes"),
        ([], "Begin with: botmon demo"),
    ],
)
def test_help(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert says in captured.out
    assert captured.err == ""


def test_version(capsys: pytest.CaptureFixture[str]):
    assert main(["--version"]) == 0
    assert capsys.readouterr() == (f"botmon-cog {metadata.version('botmon-cog')}\n", "")


@pytest.mark.parametrize(
    ("called", "name"),
    [
        ("/venv/bin/botmon", "botmon"),
        ("/venv/bin/botmon-cog", "botmon-cog"),
        ("C:/venv/Scripts/botmon.exe", "botmon"),
        ("/venv/lib/botmon_cog/__main__.py", "python -m botmon_cog"),
        ("/venv/bin/pytest", "botmon"),
    ],
)
def test_messages_use_the_name_that_was_called(called: str, name: str, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [called])
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: {name} [-h]")
    assert f"Begin with: {name} demo" in " ".join(out.split())
    assert main(["frobnicate"]) == 2
    assert capsys.readouterr().err.startswith(f"{name}: argument COMMAND")
    assert main(["report", "today", "--database", "/nowhere/botmon.db"]) == 1
    assert capsys.readouterr().err.startswith(f"{name}: there is no database")


def test_config_is_the_example_and_can_be_used_as_it_is(tmp_path, capsys):
    assert main(["config"]) == 0
    out = capsys.readouterr().out
    assert out == (Path(__file__).parents[1] / "config.example.toml").read_text(encoding="utf-8")
    file = tmp_path / "botmon.toml"
    file.write_text(out, encoding="utf-8")
    assert read_config(file) == Config()


def test_every_command_needs_no_database_to_say_what_it_does(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for command in ("demo", "run", "report", "errors", *TOOLS):
        assert main([command, "--help"]) == 0
    assert main(["config"]) == 0
    assert list(tmp_path.iterdir()) == []
    capsys.readouterr()


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (
            ["frobnicate"],
            "'demo', 'run', 'report', 'errors', 'history', 'export', 'check', 'config', 'doctor', 'rebuild', 'copy'",
        ),
        (["report", "weekly", "--every", "0"], "from 0.1"),
        (["config", "--json"], "unrecognized arguments"),
        (["run", "--token", "x"], "unrecognized arguments: --token"),
        (["demo", "--seconds", "0"], "a number above 0"),
        (["demo", "--seconds", "nan"], "a number above 0"),
        (["demo", "--width", "3"], "from 40"),
        (["report", "yearly"], "'yearly'"),
        (["report", "weekly", "--guild", "The Guild"], "is not a server ID"),
        (["report", "weekly", "--guild", "٣"], "is not a server ID"),
        (["errors", "--server", "The Guild"], "is not a server ID"),
        (["errors", "--days", "0"], "from 1"),
        (["errors", "7kq2m9xa", "--resolve", "7kq2m9xa"], "leave out the other one"),
        (["errors", "7kq2m9xa", "--server", "1"], "one error is shown for all servers"),
        (["report", "weekly", "--database", "mysql://user:secret@host/db"], "is not supported"),
        (["report", "weekly", "--database", ":memory:"], "always empty"),
        (["doctor", "--database", ":memory:"], "always empty"),
        (["doctor", "--database", "mysql://user:secret@host/db"], "is not supported"),
        (["doctor", "--database", "postgresql:user:secret@host/db"], "takes two slashes"),
        (["rebuild", "--database", "postgresql://user:secret#1@host/db"], "are written as %40"),
        (["rebuild", "--database", "postgresql://user:sec/secret@host/db"], "are written as %40"),
        (["copy", "--from", "a.db", "--to", "postgresql://user:secret"], "are written as %40"),
    ],
)
def test_wrong_input_gets_one_sentence(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    assert main(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert says in captured.err
    assert captured.err.count("\n") == 1
    assert "secret" not in captured.err


def test_a_wrong_configuration_is_wrong_input(tmp_path, monkeypatch, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "botmon.toml"
    file.write_text("[storage]\nlinger = 3\n")
    monkeypatch.setenv("BOTMON_CONFIG", str(file))
    assert main(["report", "weekly"]) == 2
    assert "storage.linger: there is no such key" in capsys.readouterr().err


def test_an_interrupt_is_quiet(monkeypatch, capsys: pytest.CaptureFixture[str]):
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("botmon_cog.cli.report.run", interrupted)
    assert main(["report", "weekly"]) == 130
    assert capsys.readouterr() == ("", "")


def test_without_asyncpg_the_extra_is_named(tmp_path):
    argv = [sys.executable, "-c", WITHOUT_ASYNCPG, "doctor", "--database", "postgresql://user:secret@host/db"]
    done = subprocess.run(argv, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "botmon: storing in PostgreSQL needs an optional dependency: pip install 'botmon-cog[postgres]'\n"
    )
