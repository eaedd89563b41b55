"""A thread that looks at the event loop's thread while that is stuck, and says afterwards who it was."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from types import FrameType

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.monitors.event_loop.blocks import Blocks
from botmon_cog.monitors.event_loop.lag import LagMeter, Late
from botmon_cog.monitors.event_loop.stacks import Place, callback_frames, place_of
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

THREAD_NAME = "botmon-watchdog"

Namer = Callable[[Sequence[FrameType], "asyncio.Task[object] | None"], str]
"""Says who runs: from the frames of what the loop runs, outermost first, and the task that they belong to."""

_frames_by_thread = sys._current_frames  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] (public, but for its name)
_FIRST_LOOK = 0.75
"""Of `blocked_s`: earlier than a block counts as one, so that even the shortest is seen."""
_SHORTEST_LOOK_S, _LONGEST_LOOK_S = 0.005, 0.25
_NOT_RUNNING_S = 1.0
_AFTER_FAILURE_S = 60.0
_HOPELESS_S = 10.0
_STOP_TIMEOUT_S = 2.0
_LOOKS_KEPT = 256
_UNSEEN = ("unknown", Place("not seen", None))
"""A library kept every other thread from running, and let the loop go on before ours."""


class _Look(msgspec.Struct, frozen=True):
    """What the loop's thread did at one moment; None: it waited for work."""

    at_s: float
    found: tuple[str, Place] | None


class Watchdog:
    """Sees that `meter` has not beaten for `blocked_s`, and adds to `blocks` what kept it from doing so.

    A process that was stopped as a whole, or got no processor, is no block of anybody's code: this thread's own waits
    then last too long as well, without the loop's thread computing meanwhile, and that time is taken off.

    Args:
        clock: the system's, whatever clock the bot was given: a real thread is watched.
    """

    def __init__(
        self, meter: LagMeter, blocks: Blocks, namer: Namer, failures: Failures, clock: Clock, *, blocked_s: float
    ) -> None:
        self._meter = meter
        self._blocks = blocks
        self._namer = namer
        self._failures = failures
        self._clock = clock
        self._blocked_s = blocked_s
        self._looks: deque[_Look] = deque(maxlen=_LOOKS_KEPT)
        self._starved_s = 0.0
        self._despaired_of = 0.0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=THREAD_NAME, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._watched = 0
        self._cpu_clock: int | None = None

    def start(self) -> None:
        """Watch the calling thread and its event loop."""
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        if sys.platform == "linux":  # only there it is known of another thread
            self._cpu_clock = time.pthread_getcpuclockid(self._watched)
        self._thread.start()

    def stop(self) -> None:
        """The thread is woken, and has ended when this returns."""
        self._is_over.set()
        if self._thread.ident is not None:
            self._thread.join(_STOP_TIMEOUT_S)

    def _run(self) -> None:
        wait_s = self._blocked_s
        while True:
            began_s, cpu_s = self._clock.monotonic(), self._cpu_s()
            if self._is_over.wait(wait_s):
                return
            try:
                slept_s = self._clock.monotonic() - began_s
                wait_s = self.look(slept_s, starved_s=slept_s - wait_s - (self._cpu_s() - cpu_s))
            except Exception as error:  # noqa: BLE001 (the thread's edge: it watches on)
                self._failures.note("watching the event loop", error)
                wait_s = _AFTER_FAILURE_S

    def _cpu_s(self) -> float:
        """Processor time of the loop's thread, of the whole process where that is all the system tells."""
        try:
            return time.process_time() if self._cpu_clock is None else time.clock_gettime(self._cpu_clock)
        except OSError:  # that thread has ended
            return 0.0

    def look(self, slept_s: float, *, starved_s: float) -> float:
        """See what the loop does after a wait of `slept_s`, of which nothing could run for `starved_s`.

        Returns:
            Seconds until the next look.
        """
        if self._loop is None or not self._loop.is_running():
            self._starved_s += slept_s
            return _NOT_RUNNING_S
        self._starved_s += max(starved_s, 0.0)
        while self._meter.late:
            self._finish(self._meter.late.popleft())
        due_s = self._meter.due_s
        late_s = self._clock.monotonic() - due_s
        before_s = self._blocked_s * _FIRST_LOOK - late_s
        if before_s > 0:
            self._looks.clear()
            self._starved_s = 0.0
            return min(before_s, _NOT_RUNNING_S)
        self._take(due_s)
        if late_s >= _HOPELESS_S and self._despaired_of != due_s:
            self._despaired_of = due_s
            self._despair(late_s)
        return min(max(self._blocked_s / 8, _SHORTEST_LOOK_S), _LONGEST_LOOK_S)

    def _take(self, due_s: float) -> None:
        """Look at the stack; what is seen counts only if the loop was still stuck afterwards."""
        at_s = self._clock.monotonic()
        frames = callback_frames(_frames_by_thread().get(self._watched))
        found = (self._namer(frames, self._task()), place_of(frames)) if frames else None
        if self._meter.due_s == due_s:
            self._looks.append(_Look(at_s, found))

    def _task(self) -> asyncio.Task[object] | None:
        try:
            return asyncio.current_task(self._loop)
        except RuntimeError:  # a Python that refuses to tell another thread
            return None

    def _finish(self, late: Late) -> None:
        """Make one block of a beat that came too late, unless nobody's code was the reason."""
        starved_s = min(self._starved_s, late.late_s)
        self._starved_s -= starved_s
        if late.late_s - starved_s < self._blocked_s:
            return
        looks = [look for look in self._looks if late.due_s <= look.at_s <= late.at_s]
        found = Counter(look.found for look in looks if look.found is not None)
        if looks and not found:
            return  # it waited for work: its timer was late, not the host's code
        who, place = found.most_common(1)[0][0] if found else _UNSEEN
        self._blocks.add(who, place.where, place.inside, late.late_s - starved_s)

    def _despair(self, late_s: float) -> None:
        """A loop that never comes back leaves no other word than this."""
        found = self._looks[-1].found if self._looks else None
        if found is not None:
            _log.warning("the event loop has been blocked for %.0f s by %s, %s", late_s, found[0], found[1].where)
