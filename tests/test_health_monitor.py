"""The monitor looks at itself: its loops, its threads, and what the host recorded between two checks."""

from __future__ import annotations

import threading

import psutil
import pytest

from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.models import MetricSample
from botmon_cog.health.components.monitor import OwnThreads
from botmon_cog.health.process import ProcessReader
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.metrics.operations import MOST_OPERATIONS, Operations
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, cog_of, make_bot, running, until
from tests.test_windows import recorder_of


async def test_a_loop_is_late_after_three_intervals_without_a_run():
    clock = ManualClock()
    loops = LoopRuns(clock)
    assert loops.runs() == ()
    loops.begin("cleaning up", 100)
    (run,) = loops.runs()
    assert (run.name, run.last_at, run.is_late) == ("cleaning up", None, False)
    await clock.advance(300)
    assert not loops.runs()[0].is_late
    await clock.advance(1)
    assert loops.runs()[0].is_late, "it has never run"
    loops.note("cleaning up")
    (run,) = loops.runs()
    assert (run.last_at, run.is_late) == (clock.now(), False)
    clock.jump_wall(-7200)
    await clock.advance(200)
    assert not loops.runs()[0].is_late
    await clock.advance(101)
    assert loops.runs()[0].is_late
    loops.end("cleaning up")
    loops.end("cleaning up")
    assert loops.runs() == ()


def test_a_run_of_what_never_began_is_not_told():
    loops = LoopRuns(ManualClock())
    loops.note("by hand")
    assert loops.runs() == ()


async def test_the_loops_of_the_extension_tell_of_their_runs_as_long_as_it_is_loaded():
    bot = make_bot()
    async with running(bot) as rig:
        system = cog_of(bot).system
        loops = {"cleaning up", "health checks", "posting reports", "privacy", "telling log channels"}
        await until(lambda: len(system.loops.runs()) == len(loops))
        assert {run.name for run in system.loops.runs()} == loops

        def begun() -> set[str]:
            return {run.name for run in system.loops.runs() if run.last_at is not None}

        await until(lambda: begun() == {"privacy"})
        await rig.clock.advance(10)
        await until(lambda: begun() == {"privacy", "telling log channels"})
        await rig.clock.advance(60)
        await until(lambda: "posting reports" in begun())
        await rig.clock.advance(240)
        await until(lambda: begun() == loops - {"health checks"})
        await cog_of(bot).check_health()
        assert all(run.last_at is not None and not run.is_late for run in system.loops.runs())
        await bot.unload_extension(EXTENSION)
        assert system.loops.runs() == ()


async def test_a_loop_with_a_short_interval_is_late_after_a_minute():
    clock = ManualClock()
    loops = LoopRuns(clock)
    loops.begin("health checks", 1.0)
    await clock.advance(60)
    assert [run.is_late for run in loops.runs()] == [False]
    await clock.advance(1)
    assert [run.is_late for run in loops.runs()] == [True]


@pytest.fixture
def own_thread():
    """A thread that is called as ours are."""
    is_over = threading.Event()
    thread = threading.Thread(target=is_over.wait, name="botmon-test")
    thread.start()
    yield thread
    is_over.set()
    thread.join()


def test_only_our_own_threads_count_and_one_that_is_new_begins_at_nothing(own_thread):
    mine, main = own_thread.native_id, threading.main_thread().native_id
    used_s = {main: 500.0, mine: 2.0}
    threads = OwnThreads(ProcessReader(ManualClock(), Failures(ManualClock())), lambda: used_s)
    assert threads.used_s() == 2.0
    used_s |= {main: 900.0, mine: 2.5}
    assert threads.used_s() == 2.5
    used_s[mine] = 0.25  # another thread has got the number
    assert threads.used_s() == 2.75


def refuse() -> dict[int, float]:
    raise psutil.AccessDenied


@pytest.mark.parametrize("tell", [lambda: {1: 5.0, 2: 5.0}, refuse], ids=["other numbers, as on macOS", "refused"])
def test_where_threads_are_not_told_apart_nothing_is_said_of_them(own_thread, tell):
    failures = Failures(ManualClock())
    assert OwnThreads(ProcessReader(ManualClock(), failures), tell).used_s() is None
    assert failures.n == 0


def test_without_threads_of_ours_nothing_is_used_and_nobody_is_asked():
    failures = Failures(ManualClock())
    assert not any(thread.name.startswith("botmon-") for thread in threading.enumerate())
    assert OwnThreads(ProcessReader(ManualClock(), failures), refuse).used_s() == 0.0


def test_the_system_s_own_numbers(own_thread):
    assert OwnThreads(ProcessReader(ManualClock(), Failures(ManualClock()))).used_s() >= 0.0


async def test_what_can_not_be_told_of_the_owners_costs_its_own_line(tmp_path):
    config = Config(storage=StorageConfig(url=str(tmp_path / "bot.db")))
    async with MonitoringSystem(config, clock=ManualClock()) as system:

        def fail() -> tuple[str, ...]:
            raise RuntimeError("in the source")

        system.sources.unreachable, system.sources.broken = fail, lambda: ("/healthz is off: no port",)
        sample = await system.health.components["monitor"].sample()
        assert (sample.unreachable, sample.broken, system.failures.n) == ((), ("/healthz is off: no port",), 1)
        assert "looking at the ways to the owners" in str(system.failures.last)


def test_metrics_are_averaged_between_two_checks():
    clock = ManualClock()
    recorder = recorder_of(clock, LiveWindows(), RecentOutcomes(clock))
    for name, value, unit in [
        ("players", 3.0, ""),
        ("players", 6.0, ""),
        ("voice", 0.5, "s"),
        ("odd", float("nan"), "s"),
    ]:
        recorder.record(MetricSample(name=name, occurred_at=clock.now(), value=value, unit=unit))
    assert recorder.operations.recent() == {"players": 4.5, "voice": 0.5}
    assert recorder.operations.recent() == {}


def test_no_more_metrics_are_averaged_than_may_be():
    operations = Operations()
    for n in range(MOST_OPERATIONS + 10):
        operations.add(f"m{n}", 1.0)
    operations.add("m0", 3.0)
    found = operations.recent()
    assert len(found) == MOST_OPERATIONS
    assert found["m0"] == 2.0
