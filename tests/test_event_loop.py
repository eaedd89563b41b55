"""The lag meter, the ranking of blocks, the reading of stacks, and the watchdog, each by itself."""

from __future__ import annotations

import asyncio
import inspect
import os
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType, SimpleNamespace

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.cog.blocked import who_blocks
from botmon_cog.config import LoopConfig
from botmon_cog.monitors.event_loop import LoopWatch
from botmon_cog.monitors.event_loop.blocks import Blocks
from botmon_cog.monitors.event_loop.lag import LagMeter
from botmon_cog.monitors.event_loop.scheduling import Starvation, waited_s
from botmon_cog.monitors.event_loop.stacks import callback_frames, place_of
from botmon_cog.monitors.event_loop.watchdog import THREAD_NAME, Watchdog
from botmon_cog.monitors.failures import Failures
from botmon_cog.testing import ManualClock
from tests.harness import until

ROOT = Path(__file__).parent.parent


class LateClock(ManualClock):
    """One whose timer a test fires when it likes."""

    fire: Callable[[], object]

    def call_later(self, delay_s: float, callback: Callable[[], object]) -> SimpleNamespace:
        self.fire = callback
        return SimpleNamespace(cancel=lambda: setattr(self, "fire", None))

    def run_late(self, late_s: float, interval_s: float = 0.05) -> None:
        self._move_to(self._monotonic_s + interval_s + late_s)
        self.fire()


def make_meter(clock: LateClock) -> LagMeter:
    meter = LagMeter(clock, interval_s=0.05, window_s=60)
    meter.start()
    return meter


# -- the lag -----------------------------------------------------------------------------------------------------------


def test_lag_is_none_before_the_first_beat() -> None:
    lag = make_meter(LateClock()).lag()
    assert (lag.p50_s, lag.p99_s, lag.max_s) == (None, None, None)


def test_lag_has_the_quantiles_of_how_late_beats_came() -> None:
    clock = LateClock()
    meter = make_meter(clock)
    for late_ms in range(1, 41):
        clock.run_late(late_ms / 1000)
    lag = meter.lag()
    assert lag.p50_s == pytest.approx(0.020, rel=0.03)
    assert lag.p99_s == pytest.approx(0.039, rel=0.03)
    assert lag.max_s == pytest.approx(0.040)


def test_beats_that_a_stuck_loop_skipped_count_as_late_too() -> None:
    """Half a minute at rest and half a minute stuck: half of what came waited, up to half a minute."""
    clock = LateClock()
    meter = make_meter(clock)
    for _ in range(600):
        clock.run_late(0.0)
    clock.run_late(30.0)
    lag = meter.lag()
    assert lag.p99_s == pytest.approx(30 * 0.98, rel=0.04)
    assert lag.max_s == pytest.approx(30.0)


def test_lag_grows_old() -> None:
    clock = LateClock()
    meter = make_meter(clock)
    clock.run_late(1.0)
    for _ in range(1_500):
        clock.run_late(0.0)
    assert meter.lag().max_s < 0.001
    assert len(meter._slots) <= 7


def test_asking_for_the_lag_changes_nothing() -> None:
    clock = LateClock()
    meter = make_meter(clock)
    clock.run_late(0.1)
    assert meter.lag() == meter.lag()


def test_stopped_meter_has_no_timer() -> None:
    clock = LateClock()
    meter = make_meter(clock)
    meter.stop()
    assert clock.fire is None


# -- the ranking -------------------------------------------------------------------------------------------------------


async def test_blocks_are_ranked_by_their_total_and_forgotten_after_an_hour() -> None:
    clock = ManualClock()
    blocks = Blocks(clock)
    blocks.add("/play", "a.py:1 in play", None, 1.0)
    await clock.advance(300)
    for duration_s in (0.6, 0.7):
        blocks.add("/stop", "a.py:9 in stop", "requests.api.get", duration_s)
    stop, play = blocks.ranked()
    assert (stop.who, stop.where, stop.inside) == ("/stop", "a.py:9 in stop", "requests.api.get")
    assert (stop.n, stop.total_s, stop.longest_s) == (2, pytest.approx(1.3), 0.7)
    assert stop.last_at == clock.now()
    assert (play.who, play.n) == ("/play", 1)
    await clock.advance(3_310)
    assert [block.who for block in blocks.ranked()] == ["/stop"]
    await clock.advance(300)
    assert blocks.ranked() == ()


async def test_blocked_seconds_are_those_of_the_last_ten_minutes() -> None:
    clock = ManualClock()
    blocks = Blocks(clock)
    blocks.add("/play", "a.py:1 in play", None, 1.5)
    await clock.advance(590)
    blocks.add("/play", "a.py:1 in play", None, 0.5)
    assert blocks.blocked_s() == pytest.approx(2.0)
    await clock.advance(20)
    assert blocks.blocked_s() == pytest.approx(0.5)
    assert blocks.ranked()[0].total_s == pytest.approx(2.0)


async def test_number_of_places_is_bounded_and_no_second_is_lost() -> None:
    clock = ManualClock()
    blocks = Blocks(clock)
    for number in range(1_000):
        blocks.add("/play", f"a.py:{number} in play", None, 0.25)
        await clock.advance(0.1)
    assert blocks.blocked_s() == pytest.approx(250.0)
    assert blocks.ranked()[0].who == "others"
    assert blocks.ranked()[0].n == 900
    assert len(blocks.ranked()) == 20


# -- stacks ------------------------------------------------------------------------------------------------------------

SITE = f"{sysconfig.get_path('purelib')}/"
STDLIB = f"{sysconfig.get_path('stdlib')}/"
RUN = ("asyncio.events", f"{STDLIB}asyncio/events.py", "_run")
EVENT = ("discord.client", f"{SITE}discord/client.py", "_run_event")
HOST = ("cogs.music", "/home/bot/cogs/music.py", "play")
HELPER = ("cogs.web", "/home/bot/cogs/web.py", "fetch")
REQUESTS = ("requests.api", f"{SITE}requests/api.py", "get")
SOCKET = ("socket", f"{STDLIB}socket.py", "readinto")
INSTALLED = ("somebot.cogs.music", f"{SITE}somebot/cogs/music.py", "play")
INSTALLED_DEEPER = ("somebot.web", f"{SITE}somebot/web.py", "fetch")
OURS = ("botmon_cog.observer.observer", f"{SITE}botmon_cog/observer/observer.py", "_call")


def stack(*layers: tuple[str, str, str]) -> list[FrameType]:
    """What `callback_frames` makes of functions that call each other, the outermost first."""
    found: list[FrameType] = []
    calls = [lambda _: found.extend(callback_frames(sys._getframe(1)))]
    for module, file, function in reversed(layers):
        namespace: dict[str, object] = {"__name__": module}
        exec(compile(f"\n\ndef {function}(calls):\n    calls[0](calls[1:])\n", file, "exec"), namespace)  # noqa: S102 (a file that is not there)
        calls.insert(0, namespace[function])
    calls[0](calls[1:])
    return found


@pytest.mark.parametrize(
    ("layers", "where", "inside"),
    [
        ((EVENT, HOST), "cogs/music.py:4 in play", None),
        ((EVENT, HOST, HELPER), "cogs/web.py:4 in fetch", None),
        ((EVENT, HOST, REQUESTS, SOCKET), "cogs/music.py:4 in play", "requests.api.get"),
        ((EVENT, HOST, OURS, SOCKET), "cogs/music.py:4 in play", "socket.readinto"),
        ((EVENT, HOST, EVENT), "cogs/music.py:4 in play", "discord.client._run_event"),
        ((EVENT, INSTALLED), "music.py:4 in play", None),
        ((EVENT, INSTALLED, INSTALLED_DEEPER, REQUESTS), "web.py:4 in fetch", "requests.api.get"),
        ((EVENT,), "client.py:4 in _run_event", None),
        ((EVENT, SOCKET), "client.py:4 in _run_event", "socket.readinto"),
        ((SOCKET,), "socket.py:4 in readinto", None),
    ],
)
def test_the_hosts_innermost_line_is_found(
    layers: tuple[tuple[str, str, str], ...], where: str, inside: str | None
) -> None:
    place = place_of(stack(RUN, *layers))
    assert place.where.endswith(where)
    assert place.inside == inside


def test_only_the_frames_of_the_callback_count() -> None:
    assert [frame.f_code.co_name for frame in stack(HOST, RUN, EVENT)] == ["_run_event"]


def test_loop_that_waits_in_its_selector_runs_nothing() -> None:
    once = ("asyncio.base_events", f"{STDLIB}asyncio/base_events.py", "_run_once")
    select = ("selectors", f"{STDLIB}selectors.py", "select")
    assert stack(HOST, once, select) == []


def test_paths_are_relative_to_the_working_directory_else_short(monkeypatch: pytest.MonkeyPatch) -> None:
    frames = stack(RUN, ("bot", f"{ROOT}/music/cogs/bot.py", "play"))
    monkeypatch.chdir(ROOT)
    assert place_of(frames).where == "music/cogs/bot.py:4 in play"
    monkeypatch.chdir("/")
    assert place_of(stack(RUN, HOST)).where == "home/bot/cogs/music.py:4 in play"
    monkeypatch.chdir(ROOT / "tests")
    assert place_of(frames).where == "cogs/bot.py:4 in play"


def test_version_of_discord_py_that_keeps_other_variables_is_told_by_its_tasks() -> None:
    frames = stack(RUN, EVENT, HOST)
    task = SimpleNamespace(get_name=lambda: "discord.py: on_ready", get_coro=lambda: None)
    assert who_blocks(frames, task) == "listener on_ready"
    assert who_blocks(frames, None) == "callback _run_event"


# -- the watchdog ------------------------------------------------------------------------------------------------------


class StubLoop:
    """Its pings wait until a test lets it answer."""

    def __init__(self) -> None:
        self.runs = True
        self.pings: list[Callable[[], object]] = []

    def is_running(self) -> bool:
        return self.runs

    def call_soon_threadsafe(self, callback: Callable[[], object]) -> None:
        self.pings.append(callback)

    def answer(self) -> None:
        self.pings.pop()()


class Watched:
    """A watchdog without its thread, over a clock that a test moves; the stack that it looks at is the test's."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.blocks = Blocks(self.clock)
        self.loop = StubLoop()
        self.dog = Watchdog(self.blocks, lambda *_: "/play", Failures(self.clock), self.clock, blocked_s=0.2)
        self.dog._loop = self.loop
        self.works(True)

    def works(self, does: bool) -> None:
        """Whether the loop is at work; else its thread has nothing on its stack."""
        self.dog._watched = threading.get_ident() if does else 0

    def look(self, slept_s: float, overslept_s: float = 0.0, computed_s: float = 0.0) -> float:
        self.clock._move_to(self.clock.monotonic() + slept_s)
        return self.dog.look(overslept_s, computed_s)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    monkeypatch.setattr(asyncio, "current_task", lambda _: None)
    monkeypatch.setattr("botmon_cog.monitors.event_loop.scheduling.waited_s", lambda _: None)
    return Watched()


def test_loop_that_waits_for_work_is_not_even_woken(watched: Watched) -> None:
    watched.works(False)
    for _ in range(100):
        assert watched.look(0.05) == pytest.approx(0.05)
    assert watched.loop.pings == []
    assert watched.blocks.ranked() == ()


def test_loop_that_is_at_work_and_answers_soon_is_not_blocked(watched: Watched) -> None:
    for _ in range(100):
        watched.look(0.05)
        watched.loop.answer()
    assert watched.loop.pings == []
    assert watched.blocks.ranked() == ()


def test_stall_is_looked_at_several_times_and_makes_one_block(watched: Watched) -> None:
    wait_s = watched.look(0.05)
    for _ in range(10):
        wait_s = watched.look(wait_s)
        assert wait_s < 0.05
    assert watched.blocks.ranked() == ()
    watched.loop.answer()
    watched.works(False)
    watched.look(0.05)
    (block,) = watched.blocks.ranked()
    assert (block.who, block.n) == ("/play", 1)
    assert block.total_s == pytest.approx(0.05 + 9 * 0.025)
    assert block.where == f"tests/test_event_loop.py:{look_line()} in look"


def look_line() -> int:
    lines, first = inspect.getsourcelines(Watched.look)
    return first + len(lines) - 1


def test_process_that_was_stopped_as_a_whole_is_nobodys_block(watched: Watched) -> None:
    watched.works(False)
    watched.look(10.0, 9.95)
    watched.works(True)
    watched.look(10.0, 9.95)
    watched.look(10.0, 9.95)
    watched.loop.answer()
    watched.look(0.05)
    assert watched.blocks.ranked() == ()


def test_time_without_a_processor_is_taken_off(watched: Watched) -> None:
    watched.look(0.05)
    watched.look(0.3)
    watched.look(1.0, 0.5, 0.1)
    watched.loop.answer()
    watched.look(0.05)
    (block,) = watched.blocks.ranked()
    assert block.total_s == pytest.approx(1.3 - 0.4)


def test_code_that_does_not_let_go_of_pythons_lock_is_named_by_the_only_look_at_it(watched: Watched) -> None:
    watched.look(2.05, 2.0, 1.9)
    watched.loop.answer()
    watched.look(0.05)
    (block,) = watched.blocks.ranked()
    assert block.who == "/play"
    assert block.total_s == pytest.approx(1.9)


def test_code_that_nobody_could_look_at_is_counted_all_the_same(watched: Watched) -> None:
    watched.works(False)
    watched.look(2.05, 2.0, 1.9)
    (block,) = watched.blocks.ranked()
    assert (block.who, block.where, block.total_s) == ("unknown", "not seen", pytest.approx(1.9))


def test_loop_that_has_ended_is_not_stuck(watched: Watched) -> None:
    watched.look(0.05)
    watched.loop.runs = False
    for _ in range(5):
        assert watched.look(1.0) == 1.0
    watched.loop.runs = True
    watched.works(False)
    watched.look(0.05)
    assert watched.blocks.ranked() == ()


def test_loop_that_does_not_come_back_is_told_to_the_log_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2_000):
        watched.look(0.25)
    (record,) = caplog.records
    assert "blocked for 10 s by /play" in record.getMessage()
    assert len(watched.loop.pings) == 1
    assert len(watched.dog._ping.looks) == 256


def test_starvation_is_what_the_watched_thread_waited_for_and_what_the_process_was_stopped() -> None:
    waited = {1: 10.0, threading.get_native_id(): 5.0}
    starvation = Starvation(1, waited.get)
    assert starvation.total_s() == 0
    waited[1] += 0.3
    assert starvation.total_s() == pytest.approx(0.3)
    waited[threading.get_native_id()] += 0.2
    starvation.overslept(0.2)  # for the watching thread had to wait itself: nobody was stopped
    assert starvation.total_s() == pytest.approx(0.3)
    starvation.overslept(4.0)
    assert starvation.total_s() == pytest.approx(4.0)


def test_waits_that_took_too_long_are_starvation_where_the_system_tells_nothing() -> None:
    starvation = Starvation(1, lambda _: None)
    starvation.overslept(0.4)
    assert starvation.total_s() == pytest.approx(0.4)


def test_wait_of_a_thread_is_told_by_linux_alone() -> None:
    found = waited_s(threading.get_native_id())
    assert found is None or found >= 0
    assert waited_s(-1) is None


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == THREAD_NAME]


def make_watch(namer: Callable[..., str] = lambda *_: "/play", **keys: object) -> tuple[LoopWatch, Failures]:
    failures = Failures(SystemClock())
    return LoopWatch(LoopConfig(**keys), failures, namer, SystemClock()), failures


async def test_thread_is_gone_at_once_after_stop() -> None:
    watch, _ = make_watch(blocked_ms=60_000)
    watch.stop()  # as where something before it failed
    watch, _ = make_watch(blocked_ms=60_000)
    watch.start()
    assert threads() == [THREAD_NAME]
    began_s = time.perf_counter()
    watch.stop()
    watch.stop()
    assert time.perf_counter() - began_s < 1
    assert threads() == []


async def test_nothing_is_started_where_nobody_wants_it() -> None:
    watch, _ = make_watch(watch=False)
    watch.start()
    assert threads() == []
    assert watch.sample() is None
    watch.stop()


async def test_failure_inside_is_noted_and_ends_nothing() -> None:
    def fails(*_: object) -> str:
        raise RuntimeError("no name")

    watch, failures = make_watch(fails, blocked_ms=20)
    watch.start()
    try:
        time.sleep(0.2)  # noqa: ASYNC251 (what is tested)
        await until(lambda: failures.n == 1)
        assert failures.last == "watching the event loop: RuntimeError: no name"
        assert threads() == [THREAD_NAME]
    finally:
        watch.stop()


async def test_idle_loop_is_measured_and_blames_nobody() -> None:
    watch, failures = make_watch(blocked_ms=20)
    watch.start()
    try:
        await until(lambda: watch.sample().p50_s is not None)
    finally:
        watch.stop()
    assert failures.n == 0
    assert watch.sample().max_s >= 0


CHILD = """
import asyncio, sys, threading
from botmon_cog.clock import SystemClock
from botmon_cog.config import LoopConfig
from botmon_cog.monitors.event_loop import LoopWatch
from botmon_cog.monitors.failures import Failures

async def main():
    watch = LoopWatch(LoopConfig(blocked_ms=200), Failures(SystemClock()), lambda *_: "/play", SystemClock())
    watch.start()
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print("ready", flush=True)
    await reader.readline()
    while watch.sample().max_s is None or watch.sample().max_s < 0.3:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.3)  # a look of the watchdog's
    print(len(watch.sample().blocks), watch.sample().blocked_s, flush=True)
    watch.stop()

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="needs SIGSTOP")
def test_stopped_process_is_seen_as_late_and_blames_nobody() -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as child:
        assert child.stdout.readline() == "ready\n"
        child.send_signal(signal.SIGSTOP)
        time.sleep(0.8)  # how long it stands still is what is tested
        child.send_signal(signal.SIGCONT)
        child.stdin.write("\n")
        child.stdin.flush()
        assert child.stdout.readline() == "0 0.0\n"
