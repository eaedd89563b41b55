"""`report --watch`: one report after another, until Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from botmon_cog.domain.reports import StatisticsReport
from tests.engines import Engine
from tests.test_cli_report import BUSY, used, write
from tests.tool_helpers import refused

WATCHING = ["report", "weekly", "--watch", "--every", "0.1", "--guild", BUSY]


@pytest.fixture
def file(tmp_path: Path) -> Engine:
    return Engine("sqlite", str(tmp_path / "botmon.db"))


@contextmanager
def watching(database: str, *options: str) -> Generator[subprocess.Popen[str]]:
    """`report --watch` in a process of its own, ended with Ctrl-C, which says nothing."""
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from botmon_cog.__main__ import run_program; run_program()"
    argv = [sys.executable, "-c", program, *WATCHING, "--database", database, *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8") as process:
        yield process
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
    assert process.returncode == 130


def lines_until(process: subprocess.Popen[str], says: str, most: int = 2_000) -> list[str]:
    assert process.stdout is not None
    lines: list[str] = []
    while says not in (lines[-1] if lines else ""):
        lines.append(process.stdout.readline())
        assert process.poll() is None
        assert len(lines) < most
    return lines


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_watching_shows_what_is_new(file):
    write(file, used(30, BUSY, "The Busy Guild"))
    with watching(file.url) as process:
        lines_until(process, "30 commands")
        write(file, used(5, BUSY, "The Busy Guild"))
        lines_until(process, "35 commands")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_watching_as_json_is_a_document_a_line(file):
    write(file, used(30, BUSY, "The Busy Guild"))
    with watching(file.url, "--json") as process:
        for line in (lines_until(process, "{")[-1], lines_until(process, "{")[-1]):
            assert msgspec.json.decode(line, type=StatisticsReport).total_commands == 30


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
def test_watching_outlives_a_database_that_is_away(file):
    write(file, used(30, BUSY, "The Busy Guild"))
    away = Path(f"{file.url}.away")
    with watching(file.url) as process:
        lines_until(process, "30 commands")
        Path(file.url).rename(away)
        assert process.stderr is not None
        assert "there is no database" in process.stderr.readline()
        away.rename(file.url)
        lines_until(process, "30 commands")


def test_watching_what_is_not_there_ends_at_once(tmp_path, capsys):
    assert "there is no database" in refused(capsys, "report", "today", "--watch", "--database", tmp_path / "no.db")
