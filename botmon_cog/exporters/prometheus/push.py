"""Metrics for a Pushgateway: where a host gives the bot no port, the bot brings them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from http.client import HTTPException
from urllib.parse import unquote, urlsplit

from botmon_cog.clock import Clock
from botmon_cog.config import PushgatewayConfig
from botmon_cog.domain.exposed import Family
from botmon_cog.exporters.prometheus.endpoint import Gather
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.threads import in_thread

_log = logging.getLogger(__name__)

_NAME = "metrics push"
_JOB = "botmon"
_TIMEOUT_S = 10.0


class MetricsPush:
    """Puts all metrics to `[pushgateway] url` every `interval_s`, in place of those before. The URL is never logged."""

    def __init__(
        self,
        config: PushgatewayConfig,
        instance: str,
        gather: Gather,
        clock: Clock,
        failures: Failures,
        loops: LoopRuns,
    ) -> None:
        self._config = config
        self._instance = instance
        self._gather = gather
        self._clock = clock
        self._failures = failures
        self._loops = loops
        self._task: asyncio.Task[None] | None = None
        self._is_failing = False
        self.n = 0
        """How many pushes were taken."""

    def start(self) -> None:
        """Needs a running event loop."""
        self._loops.begin(_NAME, self._config.interval_s)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-metrics-push")

    async def stop(self) -> None:
        task, self._task = self._task, None
        self._loops.end(_NAME)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def _run(self) -> None:
        while True:
            try:
                families = await self._gather()
                self._note(await in_thread(lambda: self._push(families)))  # noqa: B023 (awaited at once)
            except Exception as error:  # noqa: BLE001 (the next push is as good)
                self._failures.note("pushing metrics", error)
            self._loops.note(_NAME)
            await self._clock.sleep(self._config.interval_s)

    def _push(self, families: Sequence[Family]) -> str | None:
        """What went wrong, in a word: the error's text may hold the URL."""
        from prometheus_client import exposition  # noqa: PLC0415 (an extra)

        from botmon_cog.exporters.prometheus.exposition import registry_of  # noqa: PLC0415 (an extra)

        parts = urlsplit(self._config.url)
        handler = exposition.default_handler
        if parts.username is not None:  # urllib takes none in a URL
            name, password = unquote(parts.username), unquote(parts.password or "")
            handler = partial(exposition.basic_auth_handler, username=name, password=password)
        url = parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
        key = {"instance": self._instance}
        registry = registry_of(families)
        try:
            exposition.push_to_gateway(  # pyright: ignore[reportUnknownMemberType] (its handlers have no types)
                url, _JOB, registry, key, timeout=_TIMEOUT_S, handler=handler
            )
        except (OSError, HTTPException) as error:  # urllib's are OSErrors, too
            return type(error).__name__
        return None

    def _note(self, problem: str | None) -> None:
        if problem is None:
            self.n += 1
            if self._is_failing:
                _log.info("the Pushgateway takes metrics again")
        elif not self._is_failing:
            _log.warning("the Pushgateway does not take metrics: %s; it goes on trying", problem)
        self._is_failing = problem is not None
