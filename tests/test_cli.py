"""The command line as a whole: help, wrong input, what is missing."""

from __future__ import annotations

import subprocess
import sys

import pytest

from botmon_cog.__main__ import main

WITHOUT_ASYNCPG = "import sys; sys.modules['asyncpg'] = None; from botmon_cog.__main__ import main; sys.exit(main())"


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--help"], "demo"),
        (["demo", "--help"], "127.0.0.1"),
        (["run", "--help"], "DISCORD_TOKEN"),
        (["report", "--help"], "today, weekly, monthly, perf, health"),
        (["doctor", "--help"], "again from the log"),
        (["rebuild", "--help"], "count them\nagain"),
        (["copy", "--help"], "The source is only read"),
    ],
)
def test_help(argv: list[str], says: str, capsys: pytest.CaptureFixture[str]):
    assert main(argv) == 0
    captured = capsys.readouterr()
    assert says in captured.out
    assert captured.err == ""


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        ([], "COMMAND"),
        (["frobnicate"], "'demo', 'run', 'report', 'doctor', 'rebuild', 'copy'"),
        (["run", "--token", "x"], "unrecognized arguments: --token"),
        (["demo", "--seconds", "0"], "a number above 0"),
        (["demo", "--seconds", "nan"], "a number above 0"),
        (["demo", "--width", "3"], "from 40"),
        (["report", "yearly"], "'yearly'"),
        (["report", "weekly", "--guild", "The Guild"], "no server's id"),
        (["report", "weekly", "--guild", "٣"], "no server's id"),
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
