"""The health check, over and over: look, move the verdict and the alerts on, and have the owners told what is new."""

from __future__ import annotations

import asyncio
import logging

import discord
from discord.ext import commands, tasks

from botmon_cog.clock import Timer
from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.cog.ready import ready_within
from botmon_cog.domain.reports import HealthReport
from botmon_cog.health.check import HEALTH_CHECKS
from botmon_cog.observer.observer import Observer
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

_READY_WITHIN_S = 60.0
"""A bot that is connecting and filling its caches says nothing about how it will be; one that takes longer does."""
_MOST_EARLY_S = 1.0
"""A check that is about to come sooner than this before it is due comes in time."""


class Checker:
    """Checks one bot every `[health] interval_s`, the first time one interval after it is ready.

    The loop is discord.py's own, which reckons by the wall clock: set back by an hour, it would pause for one, and set
    forward, it would make up for the checks of that hour at once. A timer that runs by the monotonic clock notices the
    first, the body of the loop the second, and either restarts it.
    """

    def __init__(
        self, bot: commands.Bot, system: MonitoringSystem, observer: Observer, gateway: GatewayProbe, delivery: Delivery
    ) -> None:
        self._bot = bot
        self._system = system
        self._observer = observer
        self._gateway = gateway
        self._delivery = delivery
        self._clock = system.clock
        self._interval_s = system.config.health.interval_s
        self._loop = tasks.loop(seconds=self._interval_s, name="botmon-health-checks")(self._check_when_due)
        self._loop.before_loop(self._wait_until_due)
        self._due_s: float | None = None
        """By the monotonic clock; None until the bot is ready."""
        self._timer: Timer | None = None
        self._is_checking = self._is_stopped = False

    def start(self) -> None:
        """Needs a running event loop."""
        self._expect_checks()
        self._loop.start()

    async def stop(self) -> None:
        """Return when its task is gone, and messages that were being sent have arrived or been given up."""
        self._is_stopped = True
        if self._timer is not None:
            self._timer.cancel()
        while (task := self._loop.get_task()) is not None and not task.done():  # one that restarts makes another
            self._loop.cancel()
            await asyncio.wait([task])
        self._system.loops.end(HEALTH_CHECKS)
        await self._system.alerts.settle()

    async def _wait_until_due(self) -> None:
        if self._due_s is None:
            if not await ready_within(self._bot, self._clock, _READY_WITHIN_S):
                _log.warning("the bot is not ready after %.0f s; its health is checked all the same", _READY_WITHIN_S)
            self._expect_checks()  # anew, however long it took
            self._due_s = self._clock.monotonic() + self._interval_s
        left_s = self._due_s - self._clock.monotonic()
        if left_s > 0:
            await self._clock.sleep(left_s)

    def _expect_checks(self) -> None:
        self._system.loops.begin(HEALTH_CHECKS, self._interval_s)

    # -- one round -----------------------------------------------------------------------------------------------------

    async def _check_when_due(self) -> None:
        """The body of the loop."""
        now_s, due_s = self._clock.monotonic(), self._due_s
        if due_s is not None and due_s - now_s > self._tolerance_s:
            self._loop.restart()  # the wall clock was set forward
            return
        self._due_s = now_s + self._interval_s
        self._set_timer(self._interval_s)
        self._is_checking = True
        try:
            await self.tick()
        finally:
            self._is_checking = False

    @property
    def _tolerance_s(self) -> float:
        return min(_MOST_EARLY_S, self._interval_s / 2)

    def _set_timer(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.call_later(delay_s, self._look_after_loop)

    def _look_after_loop(self) -> None:
        """A check is due by the monotonic clock: restart a loop that would go on sleeping."""
        if self._is_stopped:
            return
        self._set_timer(self._tolerance_s)
        if self._is_checking:
            return
        planned = self._loop.next_iteration
        if not self._loop.is_running():
            self._loop.start()
        elif planned is None or (planned - discord.utils.utcnow()).total_seconds() > self._tolerance_s:
            self._loop.restart()

    async def tick(self) -> None:
        """Check, whatever comes of it."""
        try:
            self._observer.sweep()
            await self._observer.music.look_at_host()
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
