"""The worker process that draws: what it has, how it ends, and what it costs when it does not work."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest

from botmon_cog.charts import process as charts_process
from botmon_cog.charts.drawing import IDLE_S, MOST_WAITING, TIMEOUT_S, Charts
from botmon_cog.charts.process import DrawingProcess
from botmon_cog.charts.values import CommandsChart
from botmon_cog.monitors.failures import Failures
from botmon_cog.testing import ManualClock
from tests.chart_helpers import decoded, worker_processes
from tests.harness import until

LITTLE = CommandsChart(title="Nothing", about="UTC", labels=(), now=())
"""Quickly drawn."""

# -- the process -------------------------------------------------------------------------------------------------------


def test_process_has_nothing_of_the_bots_and_gives_way_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, (tmp_path / "secret").open("w") as file:
        os.set_inheritable(listening.fileno(), True)
        os.set_inheritable(file.fileno(), True)
        monkeypatch.setenv("DISCORD_TOKEN", "token-1234")
        monkeypatch.setenv("MY_SECRET", "hunter2")
        fresh = DrawingProcess()
        try:
            fresh.ask(msgspec.msgpack.encode(LITTLE))
            of_fresh = psutil.Process(fresh.pid)
            held = {str(fd.readlink()) for fd in Path(f"/proc/{fresh.pid}/fd").iterdir()}
            assert of_fresh.nice() == 5
            folder = Path(of_fresh.cwd())
            assert not {"DISCORD_TOKEN", "MY_SECRET", "PATH"} & of_fresh.environ().keys()
            assert [name for name in held if name.startswith("socket:") or "secret" in name] == []
            assert Path(f"/proc/{fresh.pid}/oom_score_adj").read_text().strip() == "800"
        finally:
            fresh.end()
    assert not psutil.pid_exists(of_fresh.pid)
    assert not folder.exists(), "its cache of fonts goes with it"


PARENT = """
import sys, msgspec
from botmon_cog.charts.process import DrawingProcess
from botmon_cog.charts.values import CommandsChart
process = DrawingProcess()
process.ask(msgspec.msgpack.encode(CommandsChart(title="", about="", labels=(), now=())))
print(process.pid, process._folder, flush=True)
sys.stdin.read()
"""


def test_process_ends_with_a_bot_that_is_killed() -> None:
    root = Path(__file__).parents[1]
    bot = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root
    )
    pid, folder = bot.stdout.readline().split()
    child = psutil.Process(int(pid))
    bot.kill()
    bot.communicate()
    psutil.wait_procs([child], timeout=5)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE
    assert not Path(folder).exists()


# -- when it is there, and when it fails -------------------------------------------------------------------------------


class Bench:
    """Charts on a clock that stands still."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.failures = Failures(self.clock)
        self.charts = Charts(self.clock, self.failures)


async def test_process_comes_with_the_first_chart_and_goes_a_minute_after_the_last() -> None:
    bench = Bench()
    assert worker_processes() == []
    decoded(await bench.charts.draw(LITTLE))
    (process,) = worker_processes()
    await bench.clock.advance(IDLE_S - 1)
    decoded(await bench.charts.draw(LITTLE))
    await bench.clock.advance(IDLE_S - 1)
    assert worker_processes() == [process], "the minute begins anew"
    await bench.clock.advance(1)
    await until(lambda: bench.charts.pid is None)
    await bench.charts.close()
    assert worker_processes() == []
    assert (bench.failures.n, bench.clock.pending) == (0, 0)


def test_chart_is_drawn_beside_uvloop() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def draw() -> None:
        bench = Bench()
        decoded(await bench.charts.draw(LITTLE))
        await bench.charts.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(draw())
    assert worker_processes() == []


async def test_charts_are_drawn_one_after_the_other_and_too_many_are_refused() -> None:
    bench = Bench()
    found = await asyncio.gather(*(bench.charts.draw(LITTLE) for _ in range(MOST_WAITING + 3)))
    assert [png is None for png in found] == [False] * MOST_WAITING + [True] * 3
    assert len(worker_processes()) == 1
    await bench.charts.close()
    assert await bench.charts.draw(LITTLE) is None, "nothing is drawn any more"
    assert worker_processes() == []


async def test_process_killed_in_the_middle_costs_one_chart() -> None:
    bench = Bench()
    decoded(await bench.charts.draw(LITTLE))
    drawing = asyncio.ensure_future(bench.charts.draw(LITTLE))
    os.kill(bench.charts.pid, signal.SIGSTOP)  # so that it is in the middle
    await asyncio.sleep(0)
    os.kill(bench.charts.pid, signal.SIGKILL)
    assert await drawing is None
    assert bench.failures.last == ("drawing a chart: DrawingError: the process that draws charts ended (exit code -9)")
    assert worker_processes() == []
    await bench.charts.close()


async def test_process_that_hangs_costs_twenty_seconds_and_its_life() -> None:
    bench = Bench()
    decoded(await bench.charts.draw(LITTLE))
    (process,) = worker_processes()
    process.suspend()
    waiting = [asyncio.ensure_future(bench.charts.draw(LITTLE)) for _ in range(2)]
    await bench.clock.advance(TIMEOUT_S - 0.1)
    assert not any(each.done() for each in waiting)
    await bench.clock.advance(0.1)
    assert await asyncio.gather(*waiting) == [None, None], "the one in the queue has waited as long"
    assert bench.failures.n == 2
    assert "no picture within 20 s" in (bench.failures.last or "")
    decoded(await bench.charts.draw(LITTLE))
    await bench.charts.close()
    assert worker_processes() == []


async def test_whoever_does_not_wait_leaves_nothing_running() -> None:
    bench = Bench()
    asked = asyncio.ensure_future(bench.charts.draw(LITTLE))
    await until(lambda: bool(worker_processes()))
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    await bench.charts.close()
    assert worker_processes() == []
    assert bench.failures.n == 0


async def test_machine_that_starts_no_process_costs_the_chart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    bench = Bench()
    assert await bench.charts.draw(LITTLE) is None
    assert "FileNotFoundError" in (bench.failures.last or "")
    await bench.charts.close()


async def test_without_the_extra_there_are_no_charts_and_the_words_say_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    bench = Bench()
    assert not bench.charts.can_draw
    assert bench.charts.missing == "drawing charts needs an optional dependency: pip install 'botmon-cog[charts]'"
    assert await bench.charts.draw(LITTLE) is None
    assert Charts(bench.clock, bench.failures, is_wanted=False).missing is None, "who wants none is told nothing"


def test_packed_program_is_not_started_a_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """There, `sys.executable` is the bot itself."""
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert "packed into one file" in (charts_process.why_missing() or "")
