"""Keeps the store small: cleans up from time to time."""

from __future__ import annotations

import asyncio
import logging

from botmon_cog.clock import Clock
from botmon_cog.config import RetentionConfig
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.store.ages import claim
from botmon_cog.store.cleaner import Cleaner
from botmon_cog.store.records import milliseconds
from botmon_cog.store.store import Store

_log = logging.getLogger(__name__)

_FIRST_AFTER_S = 300.0
"""Seconds: a bot that is starting has better things to do."""
_NAME = "cleaning up"


class Janitor:
    """Cleans up once per `[retention] interval_s`; of all processes that share a store, one does."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        config: RetentionConfig,
        failures: Failures,
        loops: LoopRuns | None = None,
    ) -> None:
        """`loops`: told of each run."""
        self._loops = loops or LoopRuns(clock)
        self._engine = store.engine
        self._cleaner = Cleaner(store, clock, config)
        self._clock = clock
        self._interval_s = config.interval_s
        self._failures = failures
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Clean up from now on. Needs a running event loop; what was started has to be stopped."""
        if self._task is None:
            self._loops.begin(_NAME, self._interval_s)
            self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-janitor")

    async def stop(self) -> None:
        """Stop at once, and return when that is done."""
        task, self._task = self._task, None
        self._loops.end(_NAME)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        await self._clock.sleep(min(_FIRST_AFTER_S, self._interval_s))
        while True:
            await self.clean_if_due()
            self._loops.note(_NAME)
            await self._clock.sleep(self._interval_s)

    async def clean_if_due(self) -> None:
        """Clean up unless that was done less than an interval ago, by whomever. Raises nothing."""
        try:
            if await self._engine.write(claim(milliseconds(self._clock.now()), self._interval_s)):
                await self._cleaner.clean(lambda _: self._loops.note(_NAME))  # it may take hours
        except StorageError as error:  # a database that is away is what the health check tells of
            _log.warning("can't clean up %s, will try again: %s", self._engine.description, error)
        except Exception as error:  # noqa: BLE001 (a task would end for good with its first error)
            self._failures.note("cleaning up", error)
