"""Outputs that lack characters, are full or closed; and Ctrl-C at any moment."""
# ruff: noqa: RUF001 (characters that look like others)

from __future__ import annotations

import asyncio
import io
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from botmon_cog.cli import interrupts, output
from botmon_cog.cli.progress import progress
from tests.engines import Engine
from tests.storage_helpers import invocation

PROGRAM = [sys.executable, "-m", "botmon_cog"]
FULL = Path("/dev/full")
needs_signals = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signal")
needs_full_device = pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")


@pytest.fixture
def database(tmp_path: Path) -> str:
    engine = Engine("sqlite", str(tmp_path / "botmon.db"))

    async def fill() -> None:
        async with engine.storage("main") as storage:
            now = datetime.now(UTC)
            await storage.write([invocation(started_at=now, command=f"command {n % 3}") for n in range(40)])

    asyncio.run(fill())
    return engine.url


def run(*argv: str, encoding: str = "utf-8", **options: object) -> subprocess.CompletedProcess[bytes]:
    env = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run([*PROGRAM, *argv], env=env, check=False, timeout=60, **options)


# -- characters --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "plain"),
    [
        ("play ███ +1 %", "play ### +1 %"),
        ("▁▂▆█", "..##"),
        ("🟢 Healthy · 3 × ▲ 2…", "OK Healthy - 3 x + 2~"),
        ("日", "?"),
    ],
)
def test_what_stands_for_characters_that_are_missing(shown: str, plain: str):
    output.prepare()
    assert shown.encode("ascii", errors=output.PLAIN).decode() == plain


def test_what_an_encoding_has_is_left_alone():
    output.prepare()
    assert "· × █".encode("latin-1", errors=output.PLAIN) == "· × #".encode("latin-1")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "cp437", "utf-8"])
def test_report_on_any_terminal_is_readable(encoding: str, database):
    done = run("report", "monthly", "--width", "80", "--database", database, encoding=encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    out = done.stdout.decode(encoding)
    assert "?" not in out
    assert ("██" in out, "##" in out) == ((True, False) if encoding in {"utf-8", "cp437"} else (False, True))


def test_progress_without_the_characters_is_hashes_and_dots():
    terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=terminal, force_terminal=True, width=80)
    with progress(console, "counting", 4) as advance:
        advance(2)
    terminal.flush()
    assert b"############............" in terminal.buffer.getvalue()


# -- full and closed ---------------------------------------------------------------------------------------------------


@needs_full_device
@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["--help"],
        ["--version"],
        ["config"],
        ["report", "weekly"],
        ["report", "weekly", "--json"],
        ["doctor"],
        ["forget"],
    ],
)
def test_full_output_is_one_line(argv: list[str], database):
    argv = [*argv, "--database", database] if argv[:1] in (["report"], ["doctor"], ["forget"]) else argv
    with FULL.open("wb") as full:
        done = run(*argv, stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"python -m botmon_cog: the output can't be written: No space left on device\n"


@needs_full_device
def test_demo_that_can_not_be_shown_is_one_line():
    with FULL.open("wb") as full:
        done = run("demo", "--seconds", "0.1", stdout=full)
    assert done.returncode == 1
    assert done.stderr == b"python -m botmon_cog: the output can't be written: No space left on device\n"


@pytest.mark.parametrize("argv", [["--help"], ["config"], ["report", "weekly"]])
def test_reader_that_is_gone_is_one_line(argv: list[str], database):
    reading, writing = os.pipe()
    os.close(reading)
    done = run(*argv, *(["--database", database] if argv[0] == "report" else []), stdout=writing)
    os.close(writing)
    assert done.returncode == 1
    assert done.stderr == b"python -m botmon_cog: the output was closed before everything was written\n"


@needs_signals
@pytest.mark.parametrize("command", ["", "--help", "config", "report weekly", "demo"])
def test_no_output_at_all_is_one_line(command: str):
    shell = f"{sys.executable} -m botmon_cog {command} >&-"
    done = subprocess.run(["/bin/sh", "-c", shell], stderr=subprocess.PIPE, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == b"python -m botmon_cog: there is no standard output to write to\n"


@needs_signals
def test_nowhere_to_complain_is_no_traceback(tmp_path):
    shell = f"{sys.executable} -m botmon_cog report weekly --database {tmp_path}/none.db >out 2>&-"
    done = subprocess.run(["/bin/sh", "-c", shell], cwd=tmp_path, check=False, timeout=60)
    assert (done.returncode, (tmp_path / "out").read_bytes()) == (1, b"")


# -- Ctrl-C ------------------------------------------------------------------------------------------------------------

INTERRUPTED_AT = """
import atexit, os, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
moment = sys.argv.pop(1)
sys.argv[0] = "/usr/bin/botmon"

def interrupt():
    os.kill(os.getpid(), signal.SIGINT)

class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == moment:
            interrupt()

sys.meta_path.insert(0, Hook())
if moment == "the end":
    atexit.register(interrupt)
from botmon_cog.__main__ import run_program
run_program()
"""


@needs_signals
@pytest.mark.parametrize(
    "moment",
    [
        "botmon_cog.config",
        "botmon_cog.cli.main",
        "argparse",
        "botmon_cog.cli.report",
        "discord",
        "rich.console",
        "sqlite3.dump",
        "the end",
    ],
)
def test_interrupt_while_it_starts_or_ends_is_quiet(moment: str, database):
    argv = [sys.executable, "-c", INTERRUPTED_AT, moment, "report", "weekly", "--database", database]
    done = subprocess.run(argv, capture_output=True, text=True, encoding="utf-8", check=False, timeout=60)
    if moment == "sqlite3.dump":  # which nothing imports: the proof that the others are hit
        assert (done.returncode, done.stderr) == (0, "")
        return
    assert (done.returncode, done.stderr) == (130, "")
    assert ("Last 7 days" in done.stdout) == (moment == "the end")


TWICE = """
import asyncio, signal, sys

signal.signal(signal.SIGINT, signal.default_int_handler)
from botmon_cog.cli import interrupts

async def stubborn():
    print("working", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        print("cleaning up", flush=True)
        if sys.argv[1] == "2":
            await asyncio.Event().wait()

try:
    interrupts.run(stubborn(), abandon=lambda: print("abandoned", flush=True))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@needs_signals
@pytest.mark.parametrize(("presses", "code", "last"), [(1, 0, "interrupted"), (2, 130, "abandoned")])
def test_first_interrupt_cleans_up_and_the_second_leaves(presses: int, code: int, last: str):
    argv = [sys.executable, "-c", TWICE, str(presses)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        assert process.stdout.readline() == "cleaning up\n"
        if presses > 1:
            process.send_signal(signal.SIGINT)
        # Not `communicate`, which does not know what `readline` has read already.
        assert process.stderr is not None
        out, errors = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=20) == code
    assert (out, errors) == (f"{last}\n", "")


def test_handler_of_somebody_else_is_left_alone():
    seen: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: seen.append(number))
    try:

        async def press() -> str:
            signal.raise_signal(signal.SIGINT)
            return "done"

        assert interrupts.run(press()) == "done"
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]
