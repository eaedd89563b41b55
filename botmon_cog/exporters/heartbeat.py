"""A dead man's switch: somebody outside is told at intervals that all is well, and raises the alarm when that ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from urllib.parse import quote

import aiohttp

from botmon_cog.clock import Clock
from botmon_cog.config import HeartbeatConfig
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import GatewaySample
from botmon_cog.health.words import sentence
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns

_log = logging.getLogger(__name__)

_TIMEOUT = aiohttp.ClientTimeout(total=10)
_FIRST_REFUSAL = 400
_NAME = "heartbeat push"
_STATUS = "{status}"
_LONGEST_MESSAGE = 200


def _nothing() -> HealthReport | None:
    return None


class HeartbeatPush:
    """Asks for `[heartbeat] url` every `interval_s`, as Healthchecks.io and Uptime Kuma want it, while the bot is well.

    A URL that takes `{status}` is asked for with `down`, too. It runs on the event loop that it vouches for: one that
    hangs pushes nothing. The URL is a secret, and never logged.
    """

    def __init__(
        self,
        config: HeartbeatConfig,
        is_well: Callable[[], bool],
        clock: Clock,
        failures: Failures,
        loops: LoopRuns | None = None,
        latest: Callable[[], HealthReport | None] = _nothing,
    ) -> None:
        """`loops`: told of each run, whether or not it pushed. `latest`: the last check's report, for the URL."""
        self._config = config
        self._is_well = is_well
        self._clock = clock
        self._failures = failures
        self._loops = loops or LoopRuns(clock)
        self._latest = latest
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self.n = 0
        """How many pushes were taken."""

    def start(self) -> None:
        self._loops.begin(_NAME, self._config.interval_s)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-heartbeat")

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._loops.end(_NAME)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
            while True:
                try:
                    is_well = self._is_well()
                    if is_well or _STATUS in self._config.url:
                        await self._push(session, filled(self._config.url, self._latest(), is_well=is_well))
                except Exception as error:  # noqa: BLE001 (the next push is as good)
                    self._failures.note("pushing the heartbeat", error)
                self._loops.note(_NAME)
                await self._clock.sleep(self._config.interval_s)

    async def _push(self, session: aiohttp.ClientSession, url: str) -> None:
        try:
            async with session.get(url) as response:
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


def filled(url: str, report: HealthReport | None, *, is_well: bool) -> str:
    """`[heartbeat] url` with what it asks for, percent-encoded."""
    values = {
        _STATUS: "up" if is_well else "down",
        "{ping_ms}": _ping_ms(report),
        "{message}": _message(report, is_well=is_well),
    }
    for placeholder, value in values.items():
        url = url.replace(placeholder, quote(value, safe=""))
    return url


def _ping_ms(report: HealthReport | None) -> str:
    """Of the slowest shard; empty if unknown."""
    gateway = None if report is None else report.sample("gateway", GatewaySample)
    shards = () if gateway is None else gateway.shards
    latencies = [latency for shard in shards if (latency := text.finite(shard.latency_s)) is not None]
    return str(round(max(latencies) * 1000)) if latencies else ""


def _message(report: HealthReport | None, *, is_well: bool) -> str:
    if report is None:
        return "starting" if is_well else "no health check so far"
    if not is_well and report.overall_status != "unhealthy":
        return "no health check lately"
    words = report.overall_status if report.reason is None else f"{report.overall_status}: {sentence(report.reason)}"
    return text.fit(text.clean(words), _LONGEST_MESSAGE)
