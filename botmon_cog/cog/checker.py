"""The health check, over and over: look, move the verdict and the alerts on, and have the owners told what is new."""

from __future__ import annotations

import asyncio

from discord.ext import commands

from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.cog.observer import Observer
from botmon_cog.domain.reports import HealthReport
from botmon_cog.monitors.health import HEALTH_CHECKS
from botmon_cog.runtime import MonitoringSystem


class Checker:
    """Checks one bot every `[health] interval_s`."""

    def __init__(
        self, bot: commands.Bot, system: MonitoringSystem, observer: Observer, gateway: GatewayProbe, delivery: Delivery
    ) -> None:
        self._bot = bot
        self._system = system
        self._observer = observer
        self._gateway = gateway
        self._delivery = delivery
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Needs a running event loop."""
        self._expect_checks()
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-health-checks")

    async def stop(self) -> None:
        """Return when its task is gone, and news that was being sent has arrived or been given up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._system.loops.end(HEALTH_CHECKS)
        await self._system.alerts.settle()

    async def _run(self) -> None:
        """A bot that is still connecting and filling its caches says nothing about how it will be.

        discord.py's own loops reckon by the clock on the wall: set back by an hour, they would pause for one.
        """
        await self._bot.wait_until_ready()
        self._expect_checks()  # anew, however long it took
        while True:
            await self._system.clock.sleep(self._system.config.health.interval_s)
            await self.tick()

    def _expect_checks(self) -> None:
        self._system.loops.begin(HEALTH_CHECKS, self._system.config.health.interval_s)

    async def tick(self) -> None:
        """Check, whatever comes of it."""
        try:
            self._observer.sweep()
            await self.check()
        except Exception as error:  # noqa: BLE001 (the loop would end for good with its first error)
            self._system.failures.note("checking the health", error)

    async def check(self) -> HealthReport:
        """Check once, and send what is due."""
        await self._gateway.budget.ask()
        audience = None if self._bot.application_id is None else str(self._bot.application_id)
        report = await self._system.check(audience)
        if audience is not None:
            await self._system.alerts.deliver(audience, self._delivery.send)
        return report
