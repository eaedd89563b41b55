"""The extension's lifecycle: what is begun here is ended here, in reverse."""

from __future__ import annotations

import asyncio
import inspect
import logging
from contextlib import AsyncExitStack
from typing import Any, cast

import msgspec
from discord import app_commands
from discord.ext import commands, tasks

from botmon_cog import api
from botmon_cog.clock import Clock
from botmon_cog.cog.blocked import who_blocks
from botmon_cog.cog.commands import AnyCommand, make_commands
from botmon_cog.cog.commands.desk import Desk
from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.discord_logs import DiscordLogs
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.cog.hooks import Hooks
from botmon_cog.cog.observer import Observer
from botmon_cog.cog.views import alert_buttons
from botmon_cog.cog.views.presses import Presses
from botmon_cog.config import Config, as_config, load_config
from botmon_cog.domain.alerting import Change, HealthWatch
from botmon_cog.domain.alerts import News, NewsItem
from botmon_cog.domain.reports import HealthReport
from botmon_cog.errors import BotMonError, CommandNameTakenError
from botmon_cog.monitors.event_loop import LoopWatch
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

_CONNECTED = "on_connect"


class BotMon(commands.Cog):
    """Observes the bot that it is added to.

    Attributes:
        system: the four monitors, for hosts that want to ask or tell them something.
        loop_watch: who blocked the event loop.
    """

    def __init__(self, bot: commands.Bot, config: Config, clock: Clock | None = None) -> None:
        self.bot = bot
        self.config = config
        self.system = MonitoringSystem(config, clock=clock)
        self.observer = Observer(bot, self.system)
        self.loop_watch = LoopWatch(
            config.loop, self.system.failures, who_blocks, self.system.clock, window_s=config.health.interval_s
        )
        self._logs = DiscordLogs(self.system.clock)
        self._gateway = GatewayProbe(bot, self.system.clock, self.system.failures, self._logs)
        self._gateway.lost, self.system.uptime.ongoing = self.system.uptime.lost, self._gateway.ongoing
        self.observer.refused = self._logs.refused
        self._desk = Desk(bot, self.system)
        self.delivery = Delivery(bot, config.alerts, self.system.clock, alert_buttons)
        self._watch = HealthWatch(config.health.checks_to_enter)
        self._untold: News | None = None
        self._dropped_before = 0
        self._undo = AsyncExitStack()

    async def cog_load(self) -> None:
        self._undo.push_async_callback(self.system.close)
        await self.system.start()
        self._undo.push_async_callback(self._end_run)
        await self.system.uptime.begin()
        api.use(self.system)
        self._undo.callback(api.forget, self.system)
        self._add_commands()
        if _is_set_up(self.bot):
            self._begin()
        else:  # `await bot.load_extension(…)`, and only then `await bot.start(…)`
            self.bot.add_listener(self._begin_late, _CONNECTED)
            self._undo.callback(self.bot.remove_listener, self._begin_late, _CONNECTED)

    async def _begin_late(self) -> None:
        """The first event of a connection: nothing can have been missed before it."""
        self.bot.remove_listener(self._begin_late, _CONNECTED)
        self._begin()

    def _begin(self) -> None:
        """Start observing and checking."""
        hooks = Hooks(self.bot, self.observer, self.system.failures)
        self._undo.push_async_callback(self.delivery.close)
        self._undo.push_async_callback(hooks.detach)
        hooks.attach()
        self._undo.callback(self.loop_watch.stop)
        self.loop_watch.start()
        self._undo.callback(self._logs.detach)
        self._logs.attach()
        self._undo.push_async_callback(self._gateway.detach)
        self._gateway.attach()
        presses = Presses(self.bot, self._desk)
        self._undo.push_async_callback(presses.detach)
        presses.attach()
        checker = tasks.loop(seconds=self.config.health.interval_s)(self._tick)
        checker.before_loop(self._before_first_check)
        self._undo.push_async_callback(_stop, checker)
        checker.start()
        if self.system.janitor is not None:
            self._undo.push_async_callback(self.system.janitor.stop)
            self.system.janitor.start()

    async def cog_unload(self) -> None:
        """Undo everything, whatever fails on the way. May be called twice."""
        try:
            await self._undo.aclose()
        except Exception as error:  # noqa: BLE001 (the host's shutdown goes on)
            self.system.failures.note("unloading", error)

    async def _end_run(self) -> None:
        await self.system.uptime.end("stopped" if _is_closing(self.bot) else "unloaded")

    def _add_commands(self) -> None:
        """Add the app commands.

        Raises:
            CommandNameTakenError: the host has one of that name.
            BotMonError: the host has as many as Discord allows.
        """
        for key, command in make_commands(self._desk, self.config.commands).items():
            try:
                self.bot.tree.add_command(command)
            except app_commands.CommandAlreadyRegistered as error:
                raise CommandNameTakenError(command.name, key) from error
            except app_commands.CommandLimitReached as error:
                raise BotMonError(
                    f'no room for /{command.name}: {error}. To go without it: [commands] {key} = ""'
                ) from error
            self._undo.callback(self._remove_command, command)

    def _remove_command(self, command: AnyCommand) -> None:
        if self.bot.tree.get_command(command.name) is command:
            self.bot.tree.remove_command(command.name)

    # -- the health checker --------------------------------------------------------------------------------------------

    async def _before_first_check(self) -> None:
        """A bot that is still connecting and filling its caches says nothing about how it will be."""
        await self.bot.wait_until_ready()
        await self.system.clock.sleep(self.config.health.interval_s)

    async def _tick(self) -> None:
        try:
            self.observer.sweep()
            await self._gateway.budget.ask()
            await self.system.uptime.beat()
            await self.check_health()
        except Exception as error:  # noqa: BLE001 (a tasks.loop ends for good with its first error)
            self.system.failures.note("checking the health", error)

    async def check_health(self) -> HealthReport:
        """Check once, keep the verdict, and tell the owners what is new. The loop does this every `interval_s`."""
        report = await self.system.health.get_full_health_report()
        self.system.health.record(report)
        change = self._watch.step(report.overall_status, report.reason, report.checked_at)
        if change is not None:
            if change.kind == "recovery":
                await self.system.recorder.settle()  # so that it can tell what was lost, not what still waits
                report = msgspec.structs.replace(report, monitor=self.system.health.check_monitor())
            self._untold = self._news(change, report)
        if self._untold is not None:
            sent = await self.delivery.send(self._untold)
            if sent.state != "failed":  # else it is tried again at the next check
                self._untold = None
        return report

    def _news(self, change: Change, report: HealthReport) -> News:
        dropped = self.system.writer.dropped
        if change.kind == "alert":
            self._dropped_before = dropped
        is_over = change.kind == "recovery"
        keys = [name for name, component in report.components.items() if component.reason == change.reason]
        item = NewsItem(
            scope=self.system.instance,
            key=keys[0] if keys else "",
            change="recovered" if is_over else "fired",
            severity="critical",
            reason=change.reason or "the bot is not well",
            remedy=report.remedy,
            since=change.since,
            ended_at=report.checked_at if is_over else None,
        )
        return News(
            kind=change.kind,
            items=(item,),
            instance=self.system.instance,
            made_at=report.checked_at,
            waiting=report.monitor.waiting,
            spooled=report.monitor.spooled,
            lost=dropped - self._dropped_before,
        )


def _is_set_up(bot: commands.Bot) -> bool:
    """Whether the bot has its event loop: outside of `async with bot`, discord.py sets it when the bot starts."""
    return isinstance(cast("object", bot.loop), asyncio.AbstractEventLoop)


def _is_closing(bot: commands.Bot) -> bool:
    """Whether this runs inside the bot's `close`, and so whether it is unloaded because the bot is shut down.

    `is_closed` does not tell: a closing bot unloads its extensions first, and says that it is closed only then.
    """
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code.co_name == "close" and frame.f_locals.get("self") is bot:
            return True
        frame = frame.f_back
    return bot.is_closed()


async def _stop(loop: tasks.Loop[Any]) -> None:
    """Cancel a loop and wait until its task is gone."""
    task = loop.get_task()
    loop.cancel()
    if task is not None:
        await asyncio.wait([task])


async def add_to(bot: commands.Bot) -> None:
    """Add the cog to a bot, under its `botmon_config` if it has one; if that fails, nothing stays behind.

    Raises:
        ConfigError: the configuration is wrong.
        CommandNameTakenError: the host has a command of the same name.
        SchemaTooNewError: the database belongs to a newer version of this package.
    """
    given: object = getattr(bot, "botmon_config", None)
    config = load_config() if given is None else as_config(given, "bot.botmon_config")
    cog = BotMon(bot, config, getattr(bot, "botmon_clock", None))
    try:
        await bot.add_cog(cog)
    except BaseException:
        await cog.cog_unload()  # discord.py calls it only for a cog that was added
        raise
