"""The one place where everything is put together: a `Config` becomes storage, writer and the four monitors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from msgspec.structs import replace

from botmon_cog.clock import Clock, SystemClock
from botmon_cog.config import Config, StorageConfig
from botmon_cog.database_url import IN_MEMORY, is_postgres, sqlite_path
from botmon_cog.domain.alerts.rules import Found, Rules
from botmon_cog.domain.health import HEALTHY
from botmon_cog.domain.reports import HealthReport
from botmon_cog.errors import SchemaTooNewError, StorageError
from botmon_cog.monitors.alerts import AlertContext, Alerts
from botmon_cog.monitors.command_logger import CommandLogger
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.health import HealthCheck
from botmon_cog.monitors.janitor import Janitor
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.performance import PerformanceMonitor
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.statistics import StatisticsCollector
from botmon_cog.monitors.uptime import UptimeKeeper
from botmon_cog.monitors.windows import LiveWindows, RecentOutcomes
from botmon_cog.storage.base import Storage
from botmon_cog.storage.queue.spool import Spool
from botmon_cog.storage.queue.writer import Writer
from botmon_cog.storage.sqlite import SqliteStorage
from botmon_cog.storage.upkeep.maintained import Maintained
from botmon_cog.timezones import find_zone

if TYPE_CHECKING:
    import aiosqlite

    from botmon_cog.storage.postgres import PostgresStorage

    AnyStorage = SqliteStorage | PostgresStorage

_log = logging.getLogger(__name__)
_HOUR = timedelta(hours=1)
_MB = 1_000_000
_LONGEST_CLOSE_S = 10.0
"""A database that works, or is away, is closed sooner; a disk that hangs says nothing for ever."""
_POSTGRES_SPOOL = Path("data/botmon.spool")

Monitor = CommandLogger | PerformanceMonitor | StatisticsCollector | HealthCheck


class MonitoringSystem:
    """The four monitors over one database.

    Unpacks into them: `logger, performance, statistics, health = system`. The database is opened on first use; `async
    with`, or `close`, writes what is still queued and closes it.

    Attributes:
        loops: which of our own loops still run.
        uptime: tells how long the bot was there; the extension keeps it.
        janitor: keeps the database small once the extension has started it; None over a storage that runs no scripts.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        storage: Storage | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`config` None means the defaults; `storage` None means the configured database.

        Raises:
            ConfigError: the configuration names a database or a time zone that can't be used.
        """
        self.config = config = config or Config()
        self.clock = clock = clock or SystemClock()
        self.instance = config.instance
        self.storage = storage or make_storage(config.storage.url, config)
        self.failures = failures = Failures(clock)
        self.loops = loops = LoopRuns(clock)
        folder = spool_folder(config.storage, None if storage is not None else config.storage.url)
        self.writer = Writer(self.storage, clock, config.storage, make_spool(folder, config, clock))
        recent = self.recent = RecentOutcomes(clock)
        live = LiveWindows()
        self.recorder = recorder = Recorder(self.writer, live, recent, clock)
        self.command_logger = CommandLogger(recorder, self.storage, clock, failures)
        self.performance = PerformanceMonitor(recorder, live, self.storage, clock, config.thresholds, failures)
        self.statistics = StatisticsCollector(
            recorder, self.storage, clock, failures, find_zone(config.reports.timezone)
        )
        self.health = HealthCheck(
            recorder, self.writer, recent, live, self.storage, loops, clock, config.health, failures
        )
        self.uptime = UptimeKeeper(self.storage, clock, failures, config.health.database_timeout_s)
        self.rules = Rules(config.alerts.rule, config.health.error_rate_min_commands)
        self.alerts = Alerts(self.storage, clock, config, failures, folder)
        self.janitor = (
            Janitor(self.storage, clock, config.retention, failures, loops)
            if isinstance(self.storage, Maintained)
            else None
        )

    def __iter__(self) -> Iterator[Monitor]:
        return iter((self.command_logger, self.performance, self.statistics, self.health))

    async def start(self) -> None:
        """Open the database and look back over the last hour. A database that is away is tried again later.

        Raises:
            SchemaTooNewError: the database belongs to a newer version of this package.
        """
        try:
            await self.storage.open()
            self.recent.seed(await self.storage.outcomes_by_minute(self.clock.now() - _HOUR))
        except SchemaTooNewError:
            raise
        except StorageError:
            _log.exception("can't open %s; what happens meanwhile waits", self.storage.description)
        await self.alerts.recall()
        self.writer.start()

    async def check(self, audience: str | None) -> HealthReport:
        """Look at everything once, and move the verdict, the uptime and the alerts on by one check.

        `audience` is the application's id: its owners are to be told what is new. None: it has not logged in yet.
        """
        report = await self.health.check()
        samples = self.health.latest_samples
        found = self.rules.step(samples, report.uptime_s) if samples is not None else Found()
        report = replace(report, rules=found.problems)
        if samples is not None and samples.database is not None and samples.database.error is None:
            await self.uptime.beat()
        if report.database.status == HEALTHY and report.monitor.waiting:
            await self.recorder.settle()  # so that news can tell what was lost, not what still waits
        queued = 0 if self.writer.away_since is None else self.writer.queued  # else they are about to be written
        context = AlertContext(
            audience=audience,
            waiting=queued + self.writer.spooled,
            spooled=self.writer.spooled,
            dropped=self.writer.dropped,
            jumped_s=0.0 if samples is None else samples.jumped_s,
        )
        await self.alerts.step(report.problems, [*report.unknown, *found.unknown], context)
        return report

    async def flush(self) -> None:
        """Return when everything recorded before this call is in the database, or on disk where that is away."""
        await self.writer.flush()

    async def close(self) -> None:
        """Write what is queued, for `[storage] close_timeout_s` at the most, and close the database.

        What could not be written goes to the spool.
        """
        await self.alerts.close()
        await self.writer.close(self.config.storage.close_timeout_s)
        with suppress(TimeoutError):  # one that hangs is closed once it does not any more
            async with asyncio.timeout(_LONGEST_CLOSE_S):
                await self.storage.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()


def spool_folder(config: StorageConfig, url: str | None) -> Path | None:
    """Where rows wait that the database does not take: as configured, or beside the database.

    `url` None is a database that the host has opened. None comes back where nothing may be left on disk: for a database
    in memory, and where the spool is switched off.
    """
    if not config.spool_max_mb:
        return None
    if config.spool_folder:
        return Path(config.spool_folder)
    if url is None:
        return None
    if is_postgres(url):
        return _POSTGRES_SPOOL
    path = sqlite_path(url)
    return None if path == IN_MEMORY else Path(path + ".spool")


def make_spool(folder: Path | None, config: Config, clock: Clock) -> Spool | None:
    """The spool of this instance in a folder, as large as configured."""
    if folder is None:
        return None
    return Spool(folder, instance=config.instance, max_bytes=config.storage.spool_max_mb * _MB, clock=clock)


def make_storage(source: str | aiosqlite.Connection, config: Config) -> AnyStorage:
    """The storage over a URL or a path, or over a host's open connection, as configured.

    Raises:
        ConfigError: the URL names nothing that can be used.
        MissingExtraError: it names a server whose driver is not installed.
    """
    settings = config.storage
    if isinstance(source, str) and is_postgres(source):
        from botmon_cog.storage.postgres import PostgresStorage  # noqa: PLC0415 (an extra)

        return PostgresStorage(
            source,
            instance=config.instance,
            schema=settings.postgres_schema,
            connect_timeout_s=settings.connect_timeout_s,
            command_timeout_s=settings.command_timeout_s,
            busy_timeout_s=settings.busy_timeout_s,
        )
    at = sqlite_path(source) if isinstance(source, str) else source
    return SqliteStorage(at, instance=config.instance, busy_timeout_s=settings.busy_timeout_s)
