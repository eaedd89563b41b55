"""The extension's lifecycle: what is begun here is ended here, in reverse."""

from __future__ import annotations

import asyncio
import inspect
import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import discord
from discord.ext import commands

from botmon_cog.charts.drawing import Charts
from botmon_cog.clock import Clock
from botmon_cog.cog.blocked import who_blocks
from botmon_cog.cog.checker import Checker
from botmon_cog.cog.commands import Commands
from botmon_cog.cog.commands.perf import errors_command
from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.discord_logs import DiscordLogs
from botmon_cog.cog.exporting import Exporting
from botmon_cog.cog.features import Service, component_handlers, services
from botmon_cog.cog.first_words import SyncCheck, loaded
from botmon_cog.cog.gateway import GatewayProbe
from botmon_cog.cog.hello import Hello
from botmon_cog.cog.otlp import otlp_push
from botmon_cog.cog.sigterm import SigtermHandler, note_end
from botmon_cog.cog.views import notice_buttons
from botmon_cog.cog.views.component_router import ComponentRouter
from botmon_cog.compat.cogs_at_ready import CogsAtReady
from botmon_cog.compat.red import cog_class_for, load_config_for
from botmon_cog.config import Config, as_config
from botmon_cog.config.extras import is_exported, is_for_otlp, is_for_prometheus, missing_extras
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.text import duration
from botmon_cog.errors import StorageError
from botmon_cog.exporters.heartbeat import HeartbeatPush
from botmon_cog.exporters.http import HttpServer
from botmon_cog.exporters.prometheus.endpoint import MetricsEndpoint
from botmon_cog.exporters.prometheus.push import MetricsPush
from botmon_cog.host import has_original_tables
from botmon_cog.installed import installed_version
from botmon_cog.monitors.event_loop import LoopWatch
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.listeners import AppCommandListeners
from botmon_cog.observer.observer import Observer
from botmon_cog.observer.offered import offered_commands, servers_by_shard
from botmon_cog.original import systems
from botmon_cog.runtime import MonitoringSystem

_log = logging.getLogger(__name__)

_CONNECTED = "on_connect"
_OLD_DATABASE = Path("data/bot.db")
"""Where bots of the old module have theirs."""


class BotMon(AppCommandListeners, commands.Cog, name="botmon"):
    """Observes the bot that it is added to.

    Attributes:
        system: the monitors, for hosts that want to ask or tell them something.
        loop_watch: who blocked the event loop.
        commands: ours, and which of them are missing.
    """

    def __init__(self, bot: commands.Bot, config: Config, clock: Clock | None = None) -> None:
        self.bot = bot
        self.config = config = systems.joining(config)
        self.system = system = MonitoringSystem(config, clock=clock, application_id=lambda: bot.application_id)
        self.observer = Observer(bot, system, system.failure_callbacks.tell)
        self.loop_watch = LoopWatch(
            config.loop, system.failures, who_blocks, system.clock, window_s=config.health.interval_s
        )
        self.delivery = Delivery(
            bot, config.alerts, system.clock, notice_buttons, errors_command=lambda: errors_command(self._responder)
        )
        self._logs = DiscordLogs(system.clock)
        self._gateway = GatewayProbe(bot, system.clock, system.failures, self._logs)
        self._missing_extras = missing_extras(config)
        self.exporting = (
            Exporting(bot, system, self.loop_watch, self._gateway, self._logs) if is_exported(config) else None
        )
        self.otlp = otlp_push(bot, system, self.exporting) if is_for_otlp(config) else None
        self.http = HttpServer(config.http.listen, system.readiness.look, system.failures, metrics=self._metrics())
        self._charts = Charts(system.clock, system.failures, is_wanted=config.charts.enabled)
        self._responder = Responder(bot, system, self._charts)
        self.commands = Commands(bot, self._responder, config.commands)
        self._checker = Checker(bot, system, self.observer, self._gateway, self.delivery)
        self._sync_check = SyncCheck(bot, system.clock, system.failures, self._names)
        self._hello = Hello(bot, system, self.delivery.greet, self._names)
        self._sigterm = SigtermHandler(lambda: note_end(self.observer, system))
        self._introduce()
        self._hint: str | None = None
        self._undo = AsyncExitStack()
        self._is_unloaded = False

    def _metrics(self) -> MetricsEndpoint | None:
        http = self.config.http
        if self.exporting is None or not (http.metrics and is_for_prometheus(self.config)):
            return None
        return MetricsEndpoint(self.exporting.families, http.token, self.system.failures)

    def _introduce(self) -> None:
        """Tell those who ask who knows."""
        system, sources = self.system, self.system.sources
        sources.bot = self.bot
        sources.loop, sources.gateway, sources.rest = self.loop_watch.sample, self._gateway.sample, self._logs.sample
        sources.unreachable, sources.broken, sources.hints = self.delivery.unreachable, self._broken, self._hints
        system.is_running = self.observer.is_running
        system.inventory.servers = lambda: servers_by_shard(self.bot)
        system.inventory.offered = lambda: offered_commands(self.bot)
        self._gateway.lost, system.uptime.ongoing = system.uptime.lost, self._gateway.ongoing
        self.observer.closer.refused = self._logs.refused

    def _names(self) -> Mapping[str, str]:
        """Those that our commands have now, by key."""
        return self.commands.names

    def _broken(self) -> tuple[str, ...]:
        """What does not work although it was asked for, in words."""
        return self._missing_extras if self.http.problem is None else (self.http.problem, *self._missing_extras)

    def _hints(self) -> tuple[str, ...]:
        """What the owners could have, and what is left out for the host's sake: no fault of the bot, in words."""
        hanging = [
            f"the command {name} has been running for {duration(age_s)}" for name, age_s in self.observer.hanging()
        ]
        not_sent = () if self.otlp is None else self.otlp.not_taken
        hints = filter(None, (self._hint, self.observer.music.hint, self._charts.missing))
        found = (*hanging, *self.commands.missing, *not_sent, *self.system.metrics.hints(), *hints)
        return found if self.system.host is None else (*found, *self.system.host.problems)

    def _look_for_old_rows(self) -> None:
        """The old module's history lies where it always did, and nobody said whether it is to be read."""
        if self.system.host is None and has_original_tables(_OLD_DATABASE):
            self._hint = f'to have the history in {_OLD_DATABASE} read: [host] database = "{_OLD_DATABASE.as_posix()}"'
            _log.info("%s", self._hint)

    async def cog_load(self) -> None:
        if self.config.http.listen:
            self._undo.push_async_callback(self.http.stop)
            await self.http.start()
        self._undo.push_async_callback(self.system.close)
        self.system.log_file.attach()
        self._undo.callback(systems.step_back, self.system)
        await systems.take_over(self.system)
        systems.keep_metrics(self.bot, self.system.metrics)
        self._look_for_old_rows()
        if _is_logged_in(self.bot):
            await self.system.open()
        else:
            await self.system.inspect()
        self._undo.callback(self.commands.detach)
        self.commands.attach()
        _log.info("%s", loaded(self.config, self.system.store.engine.description, self.commands.names.values()))
        for missing in self._missing_extras:
            _log.warning("%s", missing)
        if self._charts.missing is not None:
            _log.info("no charts in Discord: %s", self._charts.missing)
        self._undo.push_async_callback(self._charts.close)
        if _is_logged_in(self.bot):
            await self._begin()
        else:  # `await bot.load_extension(…)`, and only then `await bot.start(…)`
            self.bot.add_listener(self._begin_late, _CONNECTED)
            self._undo.callback(self.bot.remove_listener, self._begin_late, _CONNECTED)

    async def _begin_late(self) -> None:
        """The first event of a connection: nothing can have been missed before it."""
        self.bot.remove_listener(self._begin_late, _CONNECTED)
        await self._begin()

    async def _begin(self) -> None:
        """Start observing and checking. Everything is attached before it first waits."""
        system = self.system
        router = ComponentRouter(self.bot, self._responder, component_handlers(self._responder, self.delivery))
        later = self._undo.push_async_callback
        later(self.delivery.close)
        later(self.observer.detach)
        self.observer.attach(self.on_app_command_error, self.on_app_command_completion)
        hooks = EventHooks(self.bot, system.failures)
        later(hooks.end)
        if not self.bot.is_ready():
            hooks.listen("ready", CogsAtReady(self.bot, self.qualified_name).on_ready)
        self._undo.callback(self.loop_watch.stop)
        self.loop_watch.start()
        self._undo.callback(self._logs.detach)
        self._logs.attach()
        later(self._gateway.detach)
        self._gateway.attach()
        later(router.detach)
        router.attach()
        later(self._checker.stop)
        self._checker.start()
        later(system.janitor.stop)
        system.janitor.start()
        for service in (self._sync_check, self._hello, *services(self._responder, self.delivery)):
            later(service.stop)
            service.start()
        later(self._end_run)
        if self.config.host.sigterm:
            self._undo.callback(self._sigterm.detach)
            self._sigterm.attach()
        starting = asyncio.ensure_future(system.start())
        later(_cancelled, starting)  # it would open the database again once that is closed
        try:
            await starting
        except StorageError as error:  # the bot logged in only now, and the database turns out to be another's
            system.failures.note("opening the database", error)
        except asyncio.CancelledError:
            if not self._is_unloaded:
                raise
        if self._is_unloaded:
            return
        await system.uptime.begin(
            system.causes.version, platform.python_version(), discord.__version__, installed_version()
        )
        for exporter in self._exporters():
            later(exporter.stop)
            exporter.start()

    def _exporters(self) -> Iterator[Service]:
        """What tells the outside, in the order in which it begins."""
        config, system = self.config, self.system
        if self.exporting is not None:
            yield self.exporting
        if self.exporting is not None and config.pushgateway.url and is_for_prometheus(config):
            gather = self.exporting.families
            yield MetricsPush(config.pushgateway, system.instance, gather, system.clock, system.failures, system.loops)
        if self.otlp is not None:
            yield self.otlp
        if config.heartbeat.url:
            health = system.health
            yield HeartbeatPush(
                config.heartbeat, health.is_well, system.clock, system.failures, system.loops, lambda: health.latest
            )

    async def cog_unload(self) -> None:
        """Undo everything, whatever fails on the way. May be called twice."""
        self.http.is_stopping = self._is_unloaded = True
        try:
            await self._undo.aclose()
        except Exception as error:  # noqa: BLE001 (the host's shutdown goes on)
            self.system.failures.note("unloading", error)

    async def _end_run(self) -> None:
        await self.system.uptime.end("stopped" if _is_closing(self.bot) else "unloaded")

    async def check_health(self) -> HealthReport:
        """Check once, keep the verdict, and tell the owners what is new. The loop does this every `interval_s`."""
        return await self._checker.check()


async def _cancelled(task: asyncio.Future[None]) -> None:
    """Return once the task has ended. What it raises is for whoever else awaits it."""
    task.cancel()
    await asyncio.wait([task])


def _is_logged_in(bot: commands.Bot) -> bool:
    """Whether the bot knows who it is, and has its event loop, which discord.py sets when the bot starts."""
    return bot.user is not None and isinstance(cast("object", bot.loop), asyncio.AbstractEventLoop)


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


async def add_to(bot: commands.Bot) -> None:
    """Add the cog to a bot, under its `botmon_config` if it has one; if that fails, nothing stays behind.

    Raises:
        ConfigError: the configuration is wrong.
        NotOursError: what stands where the store should be belongs to somebody else.
        SchemaTooNewError: the database belongs to a newer version of this package.
    """
    given: object = getattr(bot, "botmon_config", None)
    config = load_config_for(bot) if given is None else as_config(given, "bot.botmon_config")
    cog = cog_class_for(bot, BotMon)(bot, config, getattr(bot, "botmon_clock", None))
    try:
        await bot.add_cog(cog)
    except BaseException:
        await cog.cog_unload()  # discord.py calls it only for a cog that was added
        raise
