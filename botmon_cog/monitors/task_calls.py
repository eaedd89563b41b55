"""The calls that a host times within a task: what it logs later in that task is about them."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, Protocol

from botmon_cog.domain.models import Id
from botmon_cog.monitors.observed import is_name_of

_MOST = 100
_LONGEST_WAIT_S = 900.0
"""A task may live as long as the bot. A call that ended in it 15 minutes ago is not logged any more: Discord takes no
answer to a command after that time."""


class TimedCall(Protocol):
    """A call that runs, or has ended without anybody having logged it."""

    command: str
    guild_id: Id | None
    user_id: Id | None

    @property
    def ended_s(self) -> float | None:
        """When it ended, by the monotonic clock; None while it runs."""
        ...

    def logged(self) -> None:
        """There is a row for it."""
        ...

    def settle(self) -> None:
        """Make its row unless there is one."""
        ...

    @property
    def elapsed_s(self) -> float:
        """Its duration; while it runs, until now."""
        ...


class TaskCalls:
    """The calls of one task that are not logged yet, oldest first.

    Attributes:
        parent: those of the task that began this one.
    """

    def __init__(self, task: asyncio.Task[Any], parent: TaskCalls | None) -> None:
        self._task = weakref.ref(task)
        self._is_watching = False
        self._calls: dict[TimedCall, None] = {}
        self.parent = parent

    @classmethod
    def here(cls) -> TaskCalls | None:
        """Those of the current task; None outside of tasks."""
        task, known = _current_task(), _calls.get()
        if task is None:
            return None
        if known is None or not known.is_of(task):
            known = cls(task, _not_empty(known))
            _calls.set(known)
        return known

    def is_of(self, task: asyncio.Task[Any] | None) -> bool:
        return task is not None and self._task() is task

    def add(self, call: TimedCall) -> None:
        self._calls[call] = None

    def remove(self, call: TimedCall) -> None:
        self._calls.pop(call, None)

    def settle_later(self, call: TimedCall) -> bool:
        """Settle a call that has ended when the task does, or once it waits for long. False: the task has ended."""
        task = self._task()
        if task is None or task.done():
            self.remove(call)
            return False
        if not self._is_watching:
            self._is_watching = True
            task.add_done_callback(self._settle_all)
        self._settle_old(call.ended_s or 0.0)
        return True

    def named(self, command: str) -> Iterator[TimedCall]:
        """Those of which a host speaks by that name, newest first."""
        for call in reversed(self._calls):
            if is_name_of(command, call.command) or is_name_of(call.command, command):
                yield call

    @property
    def is_empty(self) -> bool:
        return not self._calls

    def _settle_old(self, now_s: float) -> None:
        ended = [(ended_s, call) for call in self._calls if (ended_s := call.ended_s) is not None]
        for n, (ended_s, call) in enumerate(ended, start=1):
            if now_s - ended_s > _LONGEST_WAIT_S or n <= len(ended) - _MOST:
                call.settle()

    def _settle_all(self, _: asyncio.Task[Any]) -> None:
        calls, self._calls = self._calls, {}
        for call in calls:
            if call.ended_s is not None:
                call.settle()


_calls: ContextVar[TaskCalls | None] = ContextVar("botmon_task_calls", default=None)


def call_of(command: str, guild_id: Id | None, user_id: Id | None) -> TimedCall | None:
    """The call of which a host speaks that logs a command now, or None. One that is `logged` is not found again.

    It is the newest of that guild and user, in this task or the one that began it; else the newest of that name here.
    """
    task, calls = _current_task(), _calls.get()
    found: TimedCall | None = None
    while calls is not None:
        for call in calls.named(command):
            if (call.guild_id, call.user_id) == (guild_id, user_id):
                return call
            if found is None and calls.is_of(task):
                found = call
        calls = calls.parent
    return found


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop runs
        return None


def _not_empty(calls: TaskCalls | None) -> TaskCalls | None:
    """The nearest with calls. Ends chains: a task may begin the next one, and that the next, for ever."""
    while calls is not None and calls.is_empty:
        calls = calls.parent
    if calls is not None:
        while calls.parent is not None and calls.parent.is_empty:
            calls.parent = calls.parent.parent
    return calls
