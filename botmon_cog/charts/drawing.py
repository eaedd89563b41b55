"""Draws charts for one bot: one at a time, in a worker process that is there only while it is needed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import msgspec

from botmon_cog.charts.process import DrawingProcess, why_missing
from botmon_cog.charts.values import Chart
from botmon_cog.clock import Clock, Timer
from botmon_cog.monitors.failures import Failures

TIMEOUT_S = 20.0
"""From being asked to the picture, with the time in the queue and the start of the process."""
IDLE_S = 60.0
MOST_WAITING = 8
"""Charts that are drawn or wait for it: whoever asks beyond that gets none."""

_NAME = "drawing a chart"
_THREAD = "botmon-charts"

T = TypeVar("T")


class Charts:
    """Turns charts into PNG. Whatever goes wrong costs the picture alone, and is noted.

    Attributes:
        missing: why there are none although they are wanted, with what to do; None if there are some, or none wanted.
    """

    def __init__(self, clock: Clock, failures: Failures, *, is_wanted: bool = True) -> None:
        self._clock = clock
        self._failures = failures
        self._process: DrawingProcess | None = None
        self._turn = asyncio.Lock()
        self._jobs: set[asyncio.Task[bytes | None]] = set()
        self._idle: Timer | None = None
        self._ending: asyncio.Task[None] | None = None
        self._is_closed = False
        self.missing = why_missing() if is_wanted else None
        self._can_draw = is_wanted and self.missing is None

    @property
    def can_draw(self) -> bool:
        """Whether there is any use in asking for one."""
        return self._can_draw and not self._is_closed

    @property
    def pid(self) -> int | None:
        """Of the worker process; None while there is none."""
        return None if self._process is None else self._process.pid

    async def draw(self, chart: Chart) -> bytes | None:
        """The picture, 1600 by 800 pixels. None if there is none: no matplotlib, too many wait, or a failure."""
        if not self.can_draw or len(self._jobs) >= MOST_WAITING:
            return None
        job = asyncio.ensure_future(self._draw_in_turn(chart))
        self._jobs.add(job)
        job.add_done_callback(self._jobs.discard)
        timer = self._clock.call_later(TIMEOUT_S, lambda: _call_off(job))
        try:
            await asyncio.wait([job])
        finally:
            timer.cancel()
            _call_off(job)
        if not job.cancelled():
            return job.result()
        if not self._is_closed:
            self._failures.note(_NAME, TimeoutError(f"no picture within {TIMEOUT_S:.0f} s"))
        return None

    async def close(self) -> None:
        """Return when nothing is drawn any more, and the process is gone."""
        self._is_closed = True
        for job in self._jobs:
            _call_off(job)
        if self._jobs:
            await asyncio.wait(self._jobs)
        if self._ending is not None:
            await asyncio.wait([self._ending])
        async with self._turn:
            await self._end()

    async def _draw_in_turn(self, chart: Chart) -> bytes | None:
        async with self._turn:
            self._stop_idling()
            try:
                return await self._ask(msgspec.msgpack.encode(chart))
            except asyncio.CancelledError:
                await self._end()
                raise
            except Exception as error:  # noqa: BLE001 (the edge: whoever asked goes on without a picture)
                self._failures.note(_NAME, error)
                await self._end()
                return None
            finally:
                if self._process is not None:
                    self._idle = self._clock.call_later(IDLE_S, self._end_idle)

    async def _ask(self, request: bytes) -> bytes:
        process = self._process or await self._started()
        try:
            return await _in_thread(lambda: process.ask(request))
        except asyncio.CancelledError:
            process.kill()  # and with that, the thread
            raise

    async def _started(self) -> DrawingProcess:
        starting = _in_thread(DrawingProcess)
        try:
            process = await asyncio.shield(starting)
        except asyncio.CancelledError:
            self._process = await starting  # so that it is ended
            raise
        self._process = process
        return process

    def _end_idle(self) -> None:
        self._ending = asyncio.ensure_future(self._end_in_turn())

    async def _end_in_turn(self) -> None:
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        """Let the process end. Only in one's turn."""
        self._stop_idling()
        process, self._process = self._process, None
        if process is not None:
            await asyncio.shield(_in_thread(process.end))

    def _stop_idling(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None


def _call_off(job: asyncio.Task[bytes | None]) -> None:
    """Once only: a second time would keep it from cleaning up. Does nothing to what is done."""
    if not job.cancelling():
        job.cancel()


def _in_thread(function: Callable[[], T]) -> asyncio.Future[T]:
    """Call it in a thread of its own, one that never keeps the host's process from ending."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def run() -> None:
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 (raised where it is awaited)
            tell(partial(done.set_exception, error))
        else:
            tell(partial(done.set_result, result))

    def tell(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(lambda: None if done.done() else settle())

    threading.Thread(target=run, name=_THREAD, daemon=True).start()
    return done
