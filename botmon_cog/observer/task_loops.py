"""`tasks.loop`s that raise: each run that fails, whether discord.py tries again or gives the loop up."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from typing import Any, TypeGuard, cast

import discord
from discord.ext import commands, tasks

from botmon_cog.domain.models import BackgroundKind
from botmon_cog.observer import places
from botmon_cog.observer.class_sinks import add_sink, remove_sink
from botmon_cog.observer.event_errors import CountFailure, Described
from botmon_cog.observer.private import TASK_LOOP, error_of, injected_into, is_there

_LOGGER = "discord.ext.tasks"
_TRIED_AGAIN = "Handling exception in internal background task"
"""How discord.py begins what it logs of a run that it repeats. The same from 2.4 to 2.7."""

AnyLoop = tasks.Loop[Any]


class TaskLoops(logging.Filter):
    """Those of one bot, and those of the process that belong to no bot. Its filter lets every record through."""

    def __init__(self, bot: commands.Bot, count: CountFailure) -> None:
        super().__init__()
        self._bot = bot
        self._count = count
        self._running: dict[asyncio.Task[Any], AnyLoop] = {}

    def attach(self) -> None:
        """Needs a running event loop."""
        if is_there(tasks.Loop, TASK_LOOP, "a loop that ends with an exception is not counted"):
            add_sink(tasks.Loop, (TASK_LOOP,), self._ended)
            for task, loop in _running():  # they began before the method was wrapped
                self._running[task] = loop
                task.add_done_callback(self._done)
        logging.getLogger(_LOGGER).addFilter(self)

    def detach(self) -> None:
        logging.getLogger(_LOGGER).removeFilter(self)
        remove_sink(tasks.Loop, (TASK_LOOP,), self._ended)
        for task in self._running:
            task.remove_done_callback(self._done)
        self._running.clear()

    def filter(self, record: logging.LogRecord) -> bool:
        """The one sign of a run that is tried again."""
        if isinstance(cast("object", record.msg), str) and record.msg.startswith(_TRIED_AGAIN) and record.exc_info:
            error = record.exc_info[1]
            if error is not None:
                self._count(BackgroundKind.LOOP, error, lambda: self._describe(_loop_in(error)))
        return True

    def _ended(self, loop: AnyLoop, error: BaseException | None) -> None:
        if isinstance(error, Exception):
            self._count(BackgroundKind.LOOP, error, lambda: self._describe(loop))

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._ended(self._running.pop(task), error_of(task))

    def _describe(self, loop: AnyLoop | None) -> Described | None:
        if loop is None or not self._is_of_this_bot(loop):
            return None
        function: Any = loop.coro
        is_ours = places.is_ours(getattr(function, "__module__", None))
        return None if is_ours else Described(places.plain(function.__qualname__))

    def _is_of_this_bot(self, loop: AnyLoop) -> bool:
        """Not of another one. A cog usually has its bot; a loop outside of any class belongs to nobody."""
        owner = injected_into(loop)
        if owner is None:
            return True
        clients = [one for one in (owner, *getattr(owner, "__dict__", {}).values()) if isinstance(one, discord.Client)]
        return not clients or self._bot in clients


def _running() -> Iterator[tuple[asyncio.Task[Any], AnyLoop]]:
    """The loops that run now, and their tasks."""
    for task in asyncio.all_tasks():
        frame = getattr(task.get_coro(), "cr_frame", None)
        loop = None if frame is None else frame.f_locals.get("self")
        if _is_loop(loop) and loop.get_task() is task:
            yield task, loop


def _loop_in(error: BaseException) -> AnyLoop | None:
    """The loop whose run raised it."""
    for frame in places.frames_of(error):
        loop = frame.f_locals.get("self")
        if frame.f_code.co_name == TASK_LOOP and _is_loop(loop):
            return loop
    return None


def _is_loop(value: object) -> TypeGuard[AnyLoop]:
    return isinstance(value, tasks.Loop)
