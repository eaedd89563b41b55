"""Looks after the host's database beside the bot: reads what is new there, and mirrors what was recorded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from botmon_cog.clock import Clock
from botmon_cog.errors import StorageError
from botmon_cog.host.database import HostDatabase
from botmon_cog.host.erasing import Column
from botmon_cog.host.file import Pause
from botmon_cog.host.reader import Flush, IsRunning
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.store import Store

_TICK_S = 1.0
_LONGEST_TICKS = 30
"""After so many of them everything is looked at, whether or not there is anything to mirror."""
_SETTLE_S = 1.0
_LAST_S = 5.0
"""How long the last pass may take."""


class HostSync:
    """Keeps one database of the host's and the store together. None of its methods raises.

    Attributes:
        path: the host's file.
    """

    def __init__(
        self,
        path: Path,
        store: Store,
        clock: Clock,
        *,
        mirrors: bool,
        flush: Flush,
        is_running: IsRunning,
        failures: Failures,
        pause: Pause = asyncio.sleep,
    ) -> None:
        """Nothing is opened yet.

        Args:
            path: the host's file. One that is not there is made, if `mirrors`.
            store: what is read goes there, and what is mirrored comes from there.
            clock: for times, and for the time between two passes.
            mirrors: whether anything is written into the file.
            flush: lets what was recorded reach the store; False if not all of it is there.
            is_running: whether the observer has such an invocation open: (guild id, user id, command).
            failures: where what goes wrong is noted.
            pause: for the moments in which the host has its turn.
        """
        self.path = path.absolute()
        self._clock = clock
        self._flush = flush
        self._failures = failures
        self._database = HostDatabase(
            self.path, store, clock, mirrors=mirrors, flush=flush, is_running=is_running, pause=pause
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn = asyncio.Lock()
        """Who has it reads or writes; of the current loop."""
        self._task: asyncio.Task[None] | None = None
        self._next_look: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._is_closed = False
        self._has_failed = False

    # -- for whoever asks ----------------------------------------------------------------------------------------------

    @property
    def problems(self) -> tuple[str, ...]:
        """What is not read or mirrored, and why, in words that a bot's author understands."""
        return self._database.problems.sentences

    @property
    def size_bytes(self) -> int | None:
        """Of the host's file; None if there is none."""
        try:
            return self.path.stat().st_size
        except OSError:
            return None

    async def servers(self) -> int | None:
        """How many rows the host's `servers` has; None if there is no such table, or it can't be read."""
        self._belong_to_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_SETTLE_S):
                return await self._database.servers()
        return None

    async def erase(self, column: Column, ids: Sequence[str]) -> int:
        """Take people, or servers, out of the rows that we mirrored; returns how many these were."""
        self._belong_to_loop()
        found: list[int] = []

        async def work() -> None:
            found.append(await self._database.erase(column, ids))

        async with self._turn:
            await self._safely(work())
        return sum(found)

    # -- passes --------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Do what is due from now on. Needs a running loop; may be called again and again."""
        self._belong_to_loop()
        if not self._is_closed and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="botmon-host")

    async def settled(self) -> None:
        """Return once everything that the host has written by now is read, but after 1 s at the latest."""
        self._belong_to_loop()
        if self._is_closed:
            return
        if self._next_look is None:
            look = self._next_look = asyncio.create_task(self._look(), name="botmon-host-look")
            self._looks.add(look)
            look.add_done_callback(self._looks.discard)
        await asyncio.wait([self._next_look], timeout=_SETTLE_S)

    async def sync(self) -> None:
        """One whole pass, now."""
        self._belong_to_loop()
        async with self._turn:
            await self._safely(self._pass())

    async def close(self) -> None:
        """One last pass, of 5 s at the most, then let go of the file. What is left, the next start goes on with."""
        self._belong_to_loop()
        was_closed, self._is_closed = self._is_closed, True
        tasks = [task for task in (self._task, *self._looks) if task is not None and not task.done()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LAST_S)
        self._task = None
        if not was_closed:
            await self._last_pass()
        await self._database.close()

    def _belong_to_loop(self) -> None:
        """What belongs to a loop that is gone is forgotten."""
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            self._loop, self._turn = loop, asyncio.Lock()
            self._task = self._next_look = None
            self._looks.clear()

    async def _run(self) -> None:
        ticks = _LONGEST_TICKS
        try:
            while True:
                async with self._turn:
                    if ticks >= _LONGEST_TICKS or await self._is_due():
                        ticks = 0
                        await self._safely(self._pass(at_once=False))
                await self._clock.sleep(_TICK_S)
                ticks += 1
        except asyncio.CancelledError:
            if not self._is_closed:  # asyncio.run cancels what is left when its main coroutine returns
                await self._last_pass()
            raise

    async def _is_due(self) -> bool:
        if self._database.is_waiting:
            return True
        found: list[bool] = []

        async def ask() -> None:
            found.append(await self._database.is_due())

        await self._safely(ask())
        return any(found)

    async def _look(self) -> None:
        async with self._turn:
            self._next_look = None  # who comes from now on needs another one
            await self._safely(self._database.look())

    async def _pass(self, *, is_last: bool = False, at_once: bool = True) -> None:
        await self._flush()
        await self._database.look()
        await self._database.mirror(is_last=is_last, at_once=at_once)

    async def _last_pass(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_S):
                async with self._turn:
                    await self._safely(self._pass(is_last=True))

    async def _safely(self, work: Coroutine[Any, Any, None] | Awaitable[None]) -> None:
        """Await work; what it raises is noted once, until it goes well again."""
        try:
            await work
        except StorageError:
            pass  # the store is away; the writer and the health report say so
        except Exception as error:  # noqa: BLE001 (the edge: the bot runs on)
            if not self._has_failed:
                self._failures.note("looking after the host's database", error)
            self._has_failed = True
        else:
            self._has_failed = False
