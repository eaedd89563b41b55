"""A dead man's switch: somebody outside is told at intervals that all is well, and raises the alarm when that ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import aiohttp

from botmon_cog.clock import Clock
from botmon_cog.config import HeartbeatConfig
from botmon_cog.monitors.failures import Failures

_log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_FIRST_REFUSAL = 400


class HeartbeatPush:
    """Asks for `[heartbeat] url` every `interval_s`, as Healthchecks.io and Uptime Kuma want it, while the bot is well.

    It runs on the event loop that it vouches for: one that hangs pushes nothing. The URL is a secret, and never logged.
    """

    def __init__(self, config: HeartbeatConfig, is_well: Callable[[], bool], clock: Clock, failures: Failures) -> None:
        self._config = config
        self._is_well = is_well
        self._clock = clock
        self._failures = failures
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self.n = 0
        """How many pushes were taken."""

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-heartbeat")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                try:
                    if self._is_well():
                        await self._push(session)
                except Exception as error:  # noqa: BLE001 (the next push is as good)
                    self._failures.note("pushing the heartbeat", error)
                await self._clock.sleep(self._config.interval_s)

    async def _push(self, session: aiohttp.ClientSession) -> None:
        try:
            async with session.get(self._config.url) as response:
                problem = f"HTTP {response.status}" if response.status >= _FIRST_REFUSAL else None
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            problem = type(error).__name__  # its text may hold the URL
        if problem is None:
            self.n += 1
            if self._is_failing:
                _log.info("the heartbeat push is taken again")
        elif not self._is_failing:
            _log.warning("the heartbeat push is not taken: %s; it goes on trying", problem)
        self._is_failing = problem is not None
