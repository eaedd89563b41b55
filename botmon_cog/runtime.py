"""The one place where everything is put together: a `Config` becomes a store, its writer and the four monitors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

from botmon_cog.causes.causes import Causes
from botmon_cog.causes.release import git_commit
from botmon_cog.clock import Clock, SystemClock
from botmon_cog.config import Config
from botmon_cog.domain.reports import HealthReport
from botmon_cog.errors import NotOursError, SchemaTooNewError, StorageError
from botmon_cog.health.check import Health
from botmon_cog.health.components import COMPONENTS, INHIBITS
from botmon_cog.health.components.database import Database, DatabaseSample
from botmon_cog.health.process import ProcessReader
from botmon_cog.health.readiness import ReadinessProbe
from botmon_cog.health.sources import Sources
from botmon_cog.host import HostSync
from botmon_cog.log_file import LogFile
from botmon_cog.monitors.alert_causes import AlertCauses
from botmon_cog.monitors.alert_teller import AlertContext
from botmon_cog.monitors.alerts import Alerts
from botmon_cog.monitors.command_log import CommandLog
from botmon_cog.monitors.crashes import CrashKeeper
from botmon_cog.monitors.elsewhere import ElsewhereKeeper
from botmon_cog.monitors.errors import ErrorMonitor
from botmon_cog.monitors.failure_callbacks import FailureCallback, FailureCallbacks
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.fleet import Fleet, lively_for
from botmon_cog.monitors.inventory import Inventory
from botmon_cog.monitors.janitor import Janitor
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.monitors.metrics import Metrics
from botmon_cog.monitors.own_memory import held_bytes
from botmon_cog.monitors.performance import Performance
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.settings import SettingsBook
from botmon_cog.monitors.statistics import Statistics
from botmon_cog.monitors.unrecorded import UnrecordedBook
from botmon_cog.monitors.uptime import UptimeKeeper
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.engine import Engine
from botmon_cog.store.log import RunKey
from botmon_cog.store.making import make_engine, nobody
from botmon_cog.store.queue.open_file import OpenFile
from botmon_cog.store.queue.spool_file import Change
from botmon_cog.store.queue.spool_place import make_spool, spool_path
from botmon_cog.store.queue.writer import Writer
from botmon_cog.store.sqlite.engine import SqliteEngine
from botmon_cog.store.store import Store
from botmon_cog.timezones import find_zone

_log = logging.getLogger(__name__)
_HOUR = timedelta(hours=1)
_LONGEST_CLOSE_S = 10.0
"""A database that works, or is away, is closed sooner; a disk that hangs says nothing for ever."""


def _never(_guild_id: str | None, _user_id: str | None, _command: str) -> bool:
    return False


class MonitoringSystem:
    """The monitors over one store.

    The database is opened on first use; `async with`, or `close`, writes what is still queued and closes it.

    Attributes:
        errors: tells of error groups, and marks them.
        alert_causes: finds out what is behind trouble with commands.
        causes: tells which error group a failure belongs to, and knows the host's version.
        host: reads and mirrors the host's own database; None where there is none.
        is_running: (guild id, user id, command) -> whether such an invocation is open; the extension knows.
        loops: which of our own loops still run.
        sources: what the health looks at; the extension puts there what only it can see.
        database: whether it answers, and how fast.
        fleet: tells how the processes are that share the store.
        inventory: which commands exist now, over all processes; the extension tells it of this one's.
        settings: what was set in Discord, for servers and for the bot.
        unrecorded: who asked not to be recorded; the extension keeps it up to date.
        uptime: tells how long the bot was there; the extension keeps it.
        elsewhere: decides what other processes with the same token answered.
        open_file: what is open, for whoever comes next if this process is killed; the extension fills it.
        metrics: those of the host's own: counters, gauges, histograms, timers.
        crashes: makes rows of what those that were killed left.
        janitor: keeps the database small once the extension has started it.
    """

    def __init__(
        self,
        config: Config | None = None,
        *,
        engine: Engine | None = None,
        clock: Clock | None = None,
        application_id: Callable[[], int | None] = nobody,
    ) -> None:
        """Nothing is opened yet.

        Args:
            config: None means the defaults.
            engine: None means the configured database.
            clock: None means the machine's.
            application_id: of the bot whose store it is; None as long as it is not known.

        Raises:
            ConfigError: the configuration names a database or a time zone that can't be used.
        """
        self.config = config = config or Config()
        self.clock = clock = clock or SystemClock()
        self.instance = config.instance
        self.failures = failures = Failures(clock)
        self.causes = Causes(clock, config.release.version or git_commit(Path.cwd()))
        self.failure_callbacks = FailureCallbacks(failures)
        self.loops = loops = LoopRuns(clock)
        engine = engine or make_engine(config, clock, application_id)
        self.store = store = Store(engine, RunKey.new(config.instance, clock.now()))
        self._application_id = application_id
        spool = self._spool = make_spool(engine, config, clock, application_id)
        self.writer = Writer(store.log, store.rollups, clock, config.storage, store.run, spool)
        self.open_file = OpenFile(self.spool_path, store.run)
        self.writer.tell_settled(self.open_file.settle)
        self.unrecorded = UnrecordedBook(store.unrecorded, clock)
        recent = self.recent = RecentOutcomes(clock)
        live = LiveWindows()
        unrecorded = self.unrecorded.ids
        self.recorder = recorder = Recorder(self.writer, store.rollups, live, recent, clock, self.causes, unrecorded)
        self.metrics = Metrics(recorder.record, clock, failures)
        self.command_log = CommandLog(recorder, store.history, store.reports, clock, failures)
        self.performance = Performance(recorder, live, store.reports, clock, config.thresholds, failures)
        timeout_s = config.health.database_timeout_s
        self.inventory = inventory = Inventory(
            store.inventory, clock, failures, lively_for(config.health.interval_s), timeout_s
        )
        zone = find_zone(config.reports.timezone)
        self.statistics = Statistics(
            recorder, store.reports, inventory, clock, failures, zone, keeps_titles=config.privacy.song_titles
        )
        self.settings = SettingsBook(store.settings, clock, config.reports)
        self.sources = sources = Sources(
            clock=clock,
            failures=failures,
            process=ProcessReader(clock, failures),
            store=store,
            writer=self.writer,
            recorder=recorder,
            metrics=self.metrics,
            recent=recent,
            live=live,
            loops=loops,
            store_path=self._store_path,
            timeout_s=timeout_s,
            held_bytes=partial(held_bytes, self),
        )
        self.database = Database(sources)
        components = [self.database if kind is Database else kind(sources) for kind in COMPONENTS]
        self.health = Health(components, sources, config)
        self.readiness = ReadinessProbe(sources, self.database)
        self.fleet = Fleet(store.fleet, clock, failures, config.health.interval_s, timeout_s)
        self.uptime = UptimeKeeper(store.uptime, clock, failures, timeout_s)
        self.elsewhere = ElsewhereKeeper(store.elsewhere, clock, failures, timeout_s)
        self.crashes = CrashKeeper(store.crashes, spool, self.spool_path, failures, timeout_s)
        self.errors = ErrorMonitor(store.errors, recorder, recent, clock, failures, timeout_s)
        self.alert_causes = AlertCauses(
            self.errors, store.reports, live, clock, failures, timeout_s, lambda: self.health.uptime_s
        )
        self.alerts = Alerts(store.alerts, clock, config, failures, spool, inhibits=INHIBITS, causes=self.alert_causes)
        self.janitor = Janitor(store, clock, config.retention, failures, loops)
        self.log_file = LogFile(config.log)
        self._has_recalled = False
        self.is_running: Callable[[str | None, str | None, str], bool] = _never
        self.host: HostSync | None = None
        if config.host.database:
            self.attach_host(Path(config.host.database))

    def attach_host(self, database: Path) -> None:
        """Read and mirror a SQLite file of the host's. One at the most: a second one is said and left alone."""
        path = database.absolute()
        if self.host is None:
            self.host = HostSync(
                path,
                self.store,
                self.clock,
                mirrors=self.config.host.mirror,
                flush=self.recorder.settle,
                is_running=self._is_running,
                failures=self.failures,
            )
            self.recorder.look_beside = self.host.settled
        elif self.host.path != path:
            _log.warning("only one database of the bot is read and mirrored: %s, and not %s", self.host.path, path)

    def _is_running(self, guild_id: str | None, user_id: str | None, command: str) -> bool:
        return self.is_running(guild_id, user_id, command)

    def on_failure(self, callback: FailureCallback) -> Callable[[], None]:
        """Call `callback(invocation, error)` once for each observed invocation that does not end with `ok`.

        `error` is what was raised in the first place, without discord.py's wrapping; None if nothing was, as where a
        command left Discord without an answer. The callback may be a coroutine function; then it runs in a task of its
        own. What it raises is logged, and never reaches the command. Returns what takes the callback away.
        """
        return self.failure_callbacks.add(callback)

    def begin(self) -> None:
        """Look after the host's database and its metrics, and write `[log] file`, from now on.

        Needs a running event loop; may be called again and again.
        """
        self.log_file.attach()
        self.metrics.begin()
        if self.host is not None:
            self.host.start()

    async def catch_up(self) -> None:
        """Let all that is recorded be stored and counted, and what the host wrote be read: what comes before reading.

        Raises:
            StorageError: the database is away.
        """
        self.begin()
        await self.recorder.catch_up()

    def spool_path(self) -> Path | None:
        """Where rows wait that the database does not take; None where nothing may be left on disk."""
        return None if self._spool is None else spool_path(self.config.storage, self._application_id())

    def _store_path(self) -> Path | None:
        path = self.store.engine.path if isinstance(self.store.engine, SqliteEngine) else None
        return path if isinstance(path, Path) else self.spool_path()

    async def inspect(self) -> None:
        """Refuse what can't be the store, as long as it is not known whose bot this is. Raises as `open`."""
        engine = self.store.engine
        if isinstance(engine, SqliteEngine):
            engine.inspect()  # another bot's file is not even opened
        else:
            await self.open()

    async def open(self) -> None:
        """Open the database. One that is away is tried again later.

        Raises:
            NotOursError: what stands there belongs to somebody else.
            SchemaTooNewError: the database belongs to a newer version of this package.
        """
        try:
            await self.store.engine.open()
        except (NotOursError, SchemaTooNewError):
            raise
        except StorageError:
            _log.exception("can't open %s; what happens meanwhile waits", self.store.engine.description)

    async def start(self) -> None:
        """Open the database, look back over the last hour, take up what an earlier process left. Raises as `open`."""
        await self.open()
        with suppress(StorageError):  # said by then
            await self.unrecorded.refresh()
            self.recent.seed(await self.store.log.outcomes_of(self.instance, self.clock.now() - _HOUR))
        await self.crashes.step()
        await self.errors.step()
        await self.alerts.recall()
        self.writer.start()
        self.begin()

    async def check(self, audience: str | None) -> HealthReport:
        """Look at everything once, and move the verdict, the uptime and the alerts on by one check.

        `audience` is the application's id: its owners are to be told what is new. None: it has not logged in yet.
        """
        if not self._has_recalled and (firing := await self.alerts.firing()) is not None:
            self.health.recall(firing)
            self._has_recalled = True
        report = await self.health.check()
        database = report.sample(Database.name, DatabaseSample)
        if database is not None and database.error is None:
            await self.uptime.beat()
            await self.inventory.step()
            await self.elsewhere.step()
            await self.crashes.step()
            await self.errors.step()
            if self.writer.queued + self.writer.spooled:
                await self.recorder.settle()  # so that notices can say what was lost, not what still waits
        queued = 0 if self.writer.away_since is None else self.writer.queued  # else they are about to be written
        context = AlertContext(
            audience=audience,
            waiting=queued + self.writer.spooled,
            spooled=self.writer.spooled,
            dropped=self.writer.dropped,
            is_recalled=self._has_recalled,
        )
        await self.alerts.step(report.troubles, context)
        return report

    async def flush(self) -> None:
        """Return when everything recorded before this call is in the database, or on disk where that is away."""
        await self.writer.flush()

    async def forget_on_disk(self, change: Change) -> None:
        """Have what waits on this machine's disk for the database changed, and wipe out what is done with.

        Raises:
            SpoolError: it can't be read or written.
        """
        self.open_file.wipe()
        if self._spool is not None:
            await self._spool.rewrite(change)

    async def close(self) -> None:
        """Write what is queued, for `[storage] close_timeout_s` at the most, and close the database.

        What could not be written goes to the spool.
        """
        await self.failure_callbacks.close()
        await self.alerts.close()
        self.metrics.close()
        if self.host is not None:
            await self.host.close()
        await self.writer.close(self.config.storage.close_timeout_s)
        self.open_file.close()
        with suppress(TimeoutError):  # one that hangs is closed once it does not any more
            async with asyncio.timeout(_LONGEST_CLOSE_S):
                await self.store.engine.close()
        self.log_file.detach()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
