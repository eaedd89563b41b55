"""What fails without being invoked: listeners, `tasks.loop`s, tasks, our own code. Counted by cause and minute."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import NamedTuple

from discord.ext import commands

from botmon_cog.causes.causes import Cause
from botmon_cog.domain.models import BackgroundFailures, BackgroundKind, ErrorSource
from botmon_cog.observer.event_errors import Described, EventErrors
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.lost_tasks import LostTasks
from botmon_cog.observer.minutes import MinuteTimer, minute_of
from botmon_cog.observer.task_loops import TaskLoops
from botmon_cog.runtime import MonitoringSystem

OTHER = "other"
"""The place of whatever fails beyond `MOST_PLACES`."""
MOST_PLACES = 100
_MOST_HEARD = 10_000
"""Between two turns of the event loop; of more the oldest are lost."""


class _Failure(NamedTuple):
    minute: datetime
    kind: BackgroundKind
    place: str
    cause: Cause


class _Counted:
    """How often one place failed within one minute of one cause."""

    __slots__ = ("last", "n")

    def __init__(self, last: _Failure) -> None:
        self.n = 0
        self.last = last


class Background:
    """Counts the failures of one bot. What no bot owns, such as a lost task, is counted by each bot of the process."""

    def __init__(self, bot: commands.Bot, system: MonitoringSystem) -> None:
        self._record = system.recorder.record
        self._is_wanted = system.config.record.background
        self._causes = system.causes
        self._failures = system.failures
        self._now = system.clock.now
        self._timer = MinuteTimer(system.clock, system.failures, self.flush)
        self._events = EventErrors(bot, self.count)
        self._task_loops = TaskLoops(bot, self.count)
        self._lost_tasks = LostTasks(self.count)
        self._hooks = EventHooks(bot, system.failures)
        self._heard: deque[_Failure] = deque(maxlen=_MOST_HEARD)
        self._counted: dict[tuple[datetime, BackgroundKind, str, int], _Counted] = {}
        self._places: set[tuple[BackgroundKind, str]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_sorting = False
        self._is_counting_own = False

    def attach(self) -> None:
        """Start counting. Needs a running event loop."""
        self._loop = asyncio.get_running_loop()
        self._failures.heard = self._own_failed
        if self._is_wanted:
            self._events.attach()
            self._task_loops.attach()
            self._lost_tasks.attach()
            self._hooks.listen("ready", self.sweep)  # most hosts have set their handler by then

    async def detach(self) -> None:
        """Count nothing more, and hand over what was counted."""
        if self._loop is None:
            return
        self._failures.heard = None
        if self._is_wanted:
            self._events.detach()
            self._task_loops.detach()
            self._lost_tasks.detach()
            await self._hooks.end()
        self.flush()
        self._loop = None

    def sweep(self) -> None:
        """Hear again what a host has taken from us: called now and then."""
        if self._loop is not None and self._is_wanted:
            self._events.sweep()

    def flush(self) -> None:
        """Record what was counted up to now."""
        self._sort_in()
        self._timer.disarm()
        counted, self._counted = self._counted, {}
        for (minute, kind, place, fingerprint), one in counted.items():
            self._record(
                BackgroundFailures(
                    kind=kind,
                    place=place,
                    started_at=minute,
                    n=one.n,
                    error_type=one.last.cause.error_type,
                    error_message=one.last.cause.message,
                    fingerprint=fingerprint,
                )
            )

    def count(self, kind: BackgroundKind, error: BaseException, describe: Callable[[], Described | None]) -> None:
        """Something failed once, where `describe` says. Never raises.

        From any thread, and in the middle of anything: a lost task is noticed by the garbage collector. So it only goes
        onto a queue here, and no reference to the exception is kept.
        """
        try:
            described = describe()
            if described is None:
                return
            cause = self._causes.of(error, ErrorSource.of(kind), described.place, typed=described.typed)
            self._heard.append(_Failure(minute_of(self._now()), kind, described.place, cause))
            if self._loop is not None and not self._is_sorting:
                self._is_sorting = True
                self._loop.call_soon_threadsafe(self._sort_in_soon)
        except Exception as failure:  # noqa: BLE001 (an exception's text may raise; a loop may be closed by now)
            self._failures.note("counting what failed in the background", failure)

    def _own_failed(self, doing: str, error: BaseException, typed: Iterable[object]) -> None:
        """Our own code failed; perhaps while it was counting such a failure."""
        if not self._is_counting_own:
            self._is_counting_own = True
            try:
                self.count(BackgroundKind.OWN, error, lambda: Described(doing, typed))
            finally:
                self._is_counting_own = False

    def _sort_in_soon(self) -> None:
        self._is_sorting = False
        if self._loop is not None and self._heard:
            self._sort_in()
            self._timer.arm()

    def _sort_in(self) -> None:
        while self._heard:
            failure = self._heard.popleft()
            kind, place = failure.kind, failure.place
            if (kind, place) not in self._places:
                if len(self._places) < MOST_PLACES:
                    self._places.add((kind, place))
                else:
                    place = OTHER
            if failure.cause.group is not None:
                self._record(failure.cause.group)
            key = failure.minute, kind, place, failure.cause.fingerprint
            counted = self._counted.get(key)
            if counted is None:
                counted = self._counted[key] = _Counted(failure)
            counted.n += 1
            counted.last = failure
