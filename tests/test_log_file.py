"""`[log] file`: the file, its format, and what it leaves alone."""

from __future__ import annotations

import errno
import logging
import re
import threading
from logging.handlers import RotatingFileHandler
from pathlib import Path

import pytest

from botmon_cog.config import LogConfig
from botmon_cog.log_file import LogFile
from tests.harness import EXTENSION, make_bot, make_config, running

LOGGER = logging.getLogger("botmon_cog")
HERE = logging.getLogger("botmon_cog.somewhere")


@pytest.fixture(autouse=True)
def _as_before():
    """The level that a host sets, and the check that nothing is left of us."""
    before = LOGGER.handlers[:]
    LOGGER.setLevel(logging.INFO)
    yield
    assert (LOGGER.handlers, LOGGER.propagate, LOGGER.level) == (before, True, logging.INFO)
    LOGGER.setLevel(logging.NOTSET)


def test_lines_have_the_format_of_the_original(tmp_path):
    path = tmp_path / "logs" / "of" / "botmon.log"
    log = LogFile(LogConfig(file=str(path)))
    log.attach()
    assert not path.exists(), "made with its first line"
    HERE.info("Slow command detected: %s took %.2fs", "play", 2.51)
    HERE.warning("再生")
    HERE.debug("below the level that the host set")
    log.detach()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert [re.sub(r"\d", "0", line) for line in lines] == [
        "0000-00-00 00:00:00 - botmon_cog.somewhere - INFO - Slow command detected: play took 0.00s",
        "0000-00-00 00:00:00 - botmon_cog.somewhere - WARNING - 再生",
    ]


def test_no_file_is_the_default(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = LOGGER.handlers[:]
    log = LogFile(LogConfig())
    log.attach()
    assert LOGGER.handlers == before
    log.detach()
    assert list(tmp_path.iterdir()) == []


def test_path_may_hold_variables(tmp_path, monkeypatch):
    monkeypatch.setenv("BOTMON_TEST_LOGS", str(tmp_path))
    log = LogFile(LogConfig(file="$BOTMON_TEST_LOGS/botmon.log"))
    log.attach()
    HERE.info("x")
    log.detach()
    assert (tmp_path / "botmon.log").exists()


def test_handlers_and_records_of_the_host_are_as_before(tmp_path, caplog):
    class Mine(logging.Handler):
        lines = 0

        def emit(self, record):
            self.lines += 1

    mine = Mine(level=logging.ERROR)
    LOGGER.addHandler(mine)
    try:
        log = LogFile(LogConfig(file=str(tmp_path / "botmon.log")))
        log.attach()
        HERE.info("x")
        HERE.error("y")
        log.detach()
        assert (mine.lines, mine.level, mine in LOGGER.handlers) == (1, logging.ERROR, True)
        assert caplog.messages == ["x", "y"], "the root logger gets them too"
    finally:
        LOGGER.removeHandler(mine)


def test_attaching_twice_writes_each_line_once(tmp_path):
    path = tmp_path / "botmon.log"
    log = LogFile(LogConfig(file=str(path)))
    log.attach()
    log.attach()
    HERE.info("x")
    log.detach()
    log.detach()
    HERE.info("y")
    assert len(path.read_text().splitlines()) == 1


def test_two_systems_share_a_file(tmp_path, monkeypatch):
    """The second one writes on when the first is gone, also where it names the file otherwise."""
    monkeypatch.chdir(tmp_path)
    first, second = LogFile(LogConfig(file="botmon.log")), LogFile(LogConfig(file=f"{tmp_path}/./botmon.log"))
    first.attach()
    second.attach()
    HERE.info("both")
    first.detach()
    HERE.info("second")
    second.detach()
    HERE.info("nobody")
    assert [line.rpartition(" ")[2] for line in Path("botmon.log").read_text().splitlines()] == ["both", "second"]


def test_full_files_are_set_aside_and_the_oldest_goes(tmp_path):
    path = tmp_path / "botmon.log"
    log = LogFile(LogConfig(file=str(path), max_mb=1, keep=2))
    log.attach()
    for number in range(9):
        HERE.info("%s %s", number, "x" * 450_000)
    log.detach()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["botmon.log", "botmon.log.1", "botmon.log.2"]
    assert all(file.stat().st_size <= 1_000_000 for file in tmp_path.iterdir())
    assert " 8 x" in path.read_text()
    assert " 7 x" in (tmp_path / "botmon.log.1").read_text()


def test_folder_that_cannot_be_made_costs_the_file_only(tmp_path, caplog):
    (tmp_path / "logs").write_text("a file")
    before = LOGGER.handlers[:]
    log = LogFile(LogConfig(file=str(tmp_path / "logs" / "botmon.log")))
    log.attach()
    HERE.info("x")
    log.detach()
    complaint, line = caplog.messages
    assert complaint.startswith(f"can't write to the log file {tmp_path}/logs/botmon.log ([log] file): ")
    assert (line, LOGGER.handlers) == ("x", before)


def test_path_that_cannot_be_written_is_said_once(tmp_path, caplog, capsys):
    path = tmp_path / "botmon.log"
    path.mkdir()
    log = LogFile(LogConfig(file=str(path)))
    log.attach()
    HERE.info("x")
    HERE.info("y")
    log.detach()
    assert sorted(caplog.messages) == [
        f"can't write to the log file {path} ([log] file): Is a directory; logging goes on without it",
        "x",
        "y",
    ]
    assert capsys.readouterr().err == "", "logging prints no traceback"


def test_full_disk_is_said_once_and_lines_come_again_with_room(tmp_path, caplog):
    path = tmp_path / "botmon.log"
    log = LogFile(LogConfig(file=str(path)))
    log.attach()
    handler = log._handler

    def full():
        raise OSError(errno.ENOSPC, "No space left on device")

    handler._open, opens = full, handler._open
    HERE.info("x")
    HERE.info("y")
    handler._open = opens
    HERE.info("z")
    log.detach()
    assert [message for message in caplog.messages if "No space left" in message] == [caplog.messages[0]]
    assert [line.rpartition(" ")[2] for line in path.read_text().splitlines()] == ["z"]


def test_line_of_another_thread_does_not_open_a_closed_file(tmp_path):
    """It found the handler before it was removed, and writes after."""
    path = tmp_path / "botmon.log"
    log = LogFile(LogConfig(file=str(path)))
    log.attach()
    handler = log._handler
    log.detach()
    record = LOGGER.makeRecord("botmon_cog", logging.INFO, "", 0, "late", (), None)
    thread = threading.Thread(target=handler.handle, args=(record,))
    thread.start()
    thread.join()
    assert not path.exists()
    assert handler.stream is None


async def test_file_of_the_extension_is_gone_after_unloading(tmp_path):
    path = tmp_path / "logs" / "botmon.log"
    bot = make_bot()
    bot.botmon_config = make_config(log=LogConfig(file=str(path)))
    async with running(bot):
        before = path.read_text() if path.exists() else ""
        HERE.info("while it is loaded")
        await bot.unload_extension(EXTENSION)
        HERE.info("afterwards")
        assert not [handler for handler in LOGGER.handlers if isinstance(handler, RotatingFileHandler)]
    lines = path.read_text().removeprefix(before)
    assert "while it is loaded" in lines
    assert "afterwards" not in lines


def test_format_mistake_is_left_to_logging(tmp_path, capsys):
    log = LogFile(LogConfig(file=str(tmp_path / "botmon.log")))
    log.attach()
    log._handler.handle(LOGGER.makeRecord("botmon_cog", logging.INFO, "", 0, "%d", ("no number",), None))
    log.detach()
    assert "TypeError" in capsys.readouterr().err
