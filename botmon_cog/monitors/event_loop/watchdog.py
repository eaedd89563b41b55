"""A thread that looks at the event loop's thread, and says who kept it when it was stuck."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from types import FrameType

from botmon_cog.clock import Clock
from botmon_cog.monitors.event_loop.blocks import Blocks
from botmon_cog.monitors.event_loop.scheduling import Starvation
from botmon_cog.monitors.event_loop.stacks import Place, callback_frames, place_of
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

THREAD_NAME = "botmon-watchdog"

Namer = Callable[[Sequence[FrameType], "asyncio.Task[object] | None"], str]
"""Says who runs: from the frames of what the loop runs, outermost first, and the task that they belong to."""

_frames_by_thread = sys._current_frames  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] (public, but for its name)
_SHORTEST_WAIT_S, _LONGEST_WAIT_S = 0.01, 0.25
_NOT_RUNNING_S = 1.0
_AFTER_FAILURE_S = 60.0
_HOPELESS_S = 10.0
_STOP_TIMEOUT_S = 2.0
_LOOKS_KEPT = 256
_UNSEEN = ("unknown", Place("not seen", None)), 0
"""A library kept every other thread from running, and let the loop go on before ours."""


class _Ping:
    """Asks a loop that was seen at work to answer as soon as it gets to it."""

    def __init__(self, clock: Clock, busy_since_s: float, starvation: Starvation) -> None:
        self._clock = clock
        self.starvation = starvation
        self.busy_since_s = busy_since_s
        self.answered_s: float | None = None
        self.is_told = False
        self.looks: deque[tuple[str, Place]] = deque(maxlen=_LOOKS_KEPT)

    def answer(self) -> None:
        self.answered_s = self._clock.monotonic()


class Watchdog:
    """Sees that the loop is at one thing for `blocked_s` or longer, and adds to `blocks` who that was.

    It looks at the stack of the loop's thread every quarter of that. A loop that waits for work is left alone: it is
    not even woken. One that is at work gets a ping, and what it does until it answers is a block if that takes too
    long. The time from the look to the answer is what counts, so a block is told up to one look too short.

    A process that was stopped as a whole, or got no processor, is no block of anybody's code: that time is taken off.

    Args:
        clock: the system's, whatever clock the bot was given: a real thread is watched.
    """

    def __init__(self, blocks: Blocks, namer: Namer, failures: Failures, clock: Clock, *, blocked_s: float) -> None:
        self._blocks = blocks
        self._namer = namer
        self._failures = failures
        self._clock = clock
        self._blocked_s = blocked_s
        self._every_s = min(max(blocked_s / 4, _SHORTEST_WAIT_S), _LONGEST_WAIT_S)
        self._ping: _Ping | None = None
        self._running = threading.Lock()  # held while it runs; waiting for it costs less than an Event does
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = self._watched_id = 0
        self._cpu_clock: int | None = None

    def start(self) -> None:
        """Watch the calling thread and its event loop."""
        self._loop = asyncio.get_running_loop()
        self._watched, self._watched_id = threading.get_ident(), threading.get_native_id()
        if sys.platform == "linux":  # only there it is known of another thread
            self._cpu_clock = time.pthread_getcpuclockid(self._watched)
        self._running.acquire()
        self._thread.start()

    def stop(self) -> None:
        """The thread is woken, and has ended when this returns."""
        if self._running.locked():
            self._running.release()
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        wait_s = self._every_s
        began_s, cpu_s = self._clock.monotonic(), self._cpu_s()
        while not self._running.acquire(timeout=wait_s):
            now_s, now_cpu_s = self._clock.monotonic(), self._cpu_s()
            overslept_s = max(now_s - began_s - wait_s, 0.0)
            try:
                wait_s = self.look(overslept_s, min(now_cpu_s - cpu_s, overslept_s))
            except Exception as error:  # noqa: BLE001 (the thread's edge: it watches on)
                self._ping = None
                self._failures.note("watching the event loop", error)
                wait_s = _AFTER_FAILURE_S
            began_s, cpu_s = self._clock.monotonic(), now_cpu_s

    def _cpu_s(self) -> float:
        """Processor time of the loop's thread, of the whole process where that is all the system tells."""
        try:
            return time.process_time() if self._cpu_clock is None else time.clock_gettime(self._cpu_clock)
        except OSError:  # that thread has ended
            return 0.0

    def look(self, overslept_s: float, computed_s: float) -> float:
        """See what the loop does.

        Args:
            overslept_s: by how much the wait before took longer than it should have.
            computed_s: for how much of that the loop's thread had the processor: it did not let go of Python's lock.

        Returns:
            Seconds until the next look.
        """
        loop = self._loop
        if loop is None or not loop.is_running():
            self._ping = None
            return _NOT_RUNNING_S
        if self._ping is not None:
            self._ping.starvation.overslept(overslept_s - computed_s)
            if self._ping.answered_s is not None:
                self._finish(self._ping, self._ping.answered_s)
                self._ping = None
        frames = callback_frames(_frames_by_thread().get(self._watched))
        if self._ping is not None:
            self._name(self._ping, frames)
            return self._look_on(self._ping)
        if frames:
            starvation = Starvation(self._watched_id)
            self._ping = ping = _Ping(self._clock, self._clock.monotonic() - computed_s, starvation)
            if computed_s >= self._blocked_s / 2:  # else there will be another look, if it is worth one
                self._name(ping, frames)
            loop.call_soon_threadsafe(ping.answer)
        elif computed_s >= max(self._blocked_s, overslept_s / 2):
            self._add((), computed_s)
        return self._every_s

    def _name(self, ping: _Ping, frames: Sequence[FrameType]) -> None:
        if frames:
            ping.looks.append((self._namer(frames, self._task()), place_of(frames)))

    def _task(self) -> asyncio.Task[object] | None:
        try:
            return asyncio.current_task(self._loop)
        except RuntimeError:  # a Python that does not tell another thread
            return None

    def _look_on(self, ping: _Ping) -> float:
        """The loop has not answered yet."""
        stuck_s = self._clock.monotonic() - ping.busy_since_s
        if stuck_s >= _HOPELESS_S and ping.looks and not ping.is_told:
            who, place = ping.looks[-1]
            ping.is_told = True  # a loop that never comes back leaves no other word than this
            _log.warning("the event loop has been blocked for %.0f s by %s, %s", stuck_s, who, place.where)
        return min(max(self._every_s / 2, stuck_s / 20), _LONGEST_WAIT_S)

    def _finish(self, ping: _Ping, answered_s: float) -> None:
        duration_s = answered_s - ping.busy_since_s
        if duration_s < self._blocked_s:
            return
        duration_s -= ping.starvation.total_s()
        if duration_s >= self._blocked_s:
            self._add(ping.looks, duration_s)

    def _add(self, looks: Iterable[tuple[str, Place]], duration_s: float) -> None:
        (who, place), _ = next(iter(Counter(looks).most_common(1)), _UNSEEN)
        self._blocks.add(who, place.where, place.inside, duration_s)
