"""The health check, over and over: look, move the verdict and the alerts on, and have the owners told what is new."""

from __future__ import annotations

import asyncio
from typing import Any

from discord.ext import commands, tasks

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
        self._loop: tasks.Loop[Any] = tasks.loop(seconds=system.config.health.interval_s)(self.tick)
        self._loop.before_loop(self._before_first_check)

    def start(self) -> None:
        self._expect_checks()
        self._loop.start()

    async def stop(self) -> None:
        """Return when its task is gone."""
        task = self._loop.get_task()
        self._loop.cancel()
        if task is not None:
            await asyncio.wait([task])
        self._system.loops.end(HEALTH_CHECKS)

    async def _before_first_check(self) -> None:
        """A bot that is still connecting and filling its caches says nothing about how it will be."""
        await self._bot.wait_until_ready()
        self._expect_checks()  # anew, however long it took
        await self._system.clock.sleep(self._system.config.health.interval_s)

    def _expect_checks(self) -> None:
        self._system.loops.begin(HEALTH_CHECKS, self._system.config.health.interval_s)

    async def tick(self) -> None:
        """Check, whatever comes of it."""
        try:
            self._observer.sweep()
            await self.check()
        except Exception as error:  # noqa: BLE001 (a tasks.loop ends for good with its first error)
            self._system.failures.note("checking the health", error)

    async def check(self) -> HealthReport:
        """Check once, and send what is due."""
        await self._gateway.budget.ask()
        audience = str(self._bot.application_id)
        report = await self._system.check(audience)
        await self._system.alerts.deliver(audience, self._delivery.send)
        return report
