"""How long things take: live in memory, and over days from the roll-ups."""

from __future__ import annotations

from contextlib import AsyncContextDecorator
from types import TracebackType
from typing import Self

from botmon_cog.clock import Clock
from botmon_cog.config import ThresholdsConfig
from botmon_cog.domain.models import MetricSample
from botmon_cog.domain.performance import (
    VOICE_CONNECT,
    Measured,
    find_bottlenecks,
    performance_report,
    with_days,
)
from botmon_cog.domain.periods import before, last_days
from botmon_cog.domain.reports import (
    AutocompleteCounts,
    Bottleneck,
    ComponentCounts,
    Percentiles,
    PerformanceReport,
    Period,
)
from botmon_cog.domain.rollup import DURATION
from botmon_cog.domain.taken import LONGEST_NAME, taken_duration, taken_id, taken_moment, taken_text
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.monitors.ids import Id, text_id
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.monitors.tracked import TrackedCommands
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.reports import Reports


class Track(AsyncContextDecorator):
    """Times what runs inside `async with`, or every call of the coroutine function that it decorates."""

    def __init__(self, monitor: Performance, name: str, guild_id: Id | None, user_id: Id | None) -> None:
        self._monitor = monitor
        self._name = name
        self._guild_id = guild_id
        self._user_id = user_id
        self._started = 0.0

    def _recreate_cm(self) -> Self:
        """For each decorated call a tracker of its own (`contextlib` asks for it by this name)."""
        return type(self)(self._monitor, self._name, self._guild_id, self._user_id)

    async def __aenter__(self) -> Self:
        self._started = self._monitor.clock.monotonic()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = self._monitor.clock.monotonic() - self._started
        await self._monitor.record_duration(
            self._name, duration_s, success=exc is None, guild_id=self._guild_id, user_id=self._user_id
        )


class Performance:
    """Times, percentiles, bottlenecks. Nothing here raises into the caller's command but what the command raised.

    Attributes:
        tracked_commands: those that the host times itself.
        is_told_of_connects: it times its voice connects itself, too.
    """

    def __init__(
        self,
        recorder: Recorder,
        live: LiveWindows,
        reports: Reports,
        clock: Clock,
        thresholds: ThresholdsConfig,
        failures: Failures,
    ) -> None:
        self._recorder = recorder
        self._live = live
        self._reports = reports
        self._thresholds = thresholds
        self.clock = clock
        self.failures = failures
        self.tracked_commands = TrackedCommands(recorder, clock)
        self.is_told_of_connects = False

    def track(self, name: str, guild_id: Id | None = None, user_id: Id | None = None) -> Track:
        """Time any named operation, such as `voice_connect`. An async context manager, and a decorator."""
        return Track(self, name, guild_id, user_id)

    @absorbing(lambda: None)
    async def record_duration(
        self,
        name: str,
        duration_s: float,
        *,
        success: bool = True,
        guild_id: Id | None = None,
        user_id: Id | None = None,
    ) -> None:
        """Record that the named operation took `duration_s` seconds; nothing is kept of one that is NaN or infinite.

        The name is cut at 200 characters, the duration at ten years.
        """
        operation = taken_text(name, "name", LONGEST_NAME)
        value_s = taken_duration(duration_s, "duration_s")
        if value_s is None:
            return
        if operation == VOICE_CONNECT:
            self.is_told_of_connects = True
        self._recorder.record(
            MetricSample(
                name=operation,
                occurred_at=taken_moment(self.clock.now()),
                value=value_s,
                success=bool(success),
                guild_id=taken_id(guild_id, "guild_id"),
                user_id=taken_id(user_id, "user_id"),
            )
        )

    async def stats(self, guild_id: Id | None = None, days: int = 7, command: str | None = None) -> PerformanceReport:
        """Times within the last `days` times 24 h, of one command if one is named.

        A guild's are kept by day, so for a guild the first day counts whole. The report is empty if the database can't
        be read.
        """
        period = last_days(days, self.clock.now())
        try:
            return await self.report(text_id(guild_id), period, command)
        except Exception as error:  # noqa: BLE001 (the edge: the caller is somebody's command)
            self.failures.note("making the report on performance", error)
            nothing = Measured(guild_id=text_id(guild_id), period=period, command=command)
            return performance_report(nothing, self._thresholds)

    @absorbing(list[ComponentCounts])
    async def components(self, guild_id: Id | None = None, days: int = 7) -> list[ComponentCounts]:
        """Buttons, select menus and modals that were used within the last `days` times 24 h, most used first.

        They are no commands, and in no other report. The list is empty if the database can't be read.
        """
        await self._recorder.catch_up()
        return await self._reports.components(text_id(guild_id), last_days(days, self.clock.now()))

    @absorbing(list[AutocompleteCounts])
    async def autocomplete(self, days: int = 7) -> list[AutocompleteCounts]:
        """Commands whose options were completed within the last `days` times 24 h, in all servers, most used first.

        The list is empty if the database can't be read.
        """
        await self._recorder.catch_up()
        return await self._reports.autocomplete(last_days(days, self.clock.now()))

    @absorbing(list[Bottleneck])
    async def bottlenecks(self) -> list[Bottleneck]:
        """What is over its threshold in the last 1000 samples in memory, worst first."""
        return list(find_bottlenecks(self._live.histograms(), self._thresholds))

    async def by_day(self, guild_id: str | None, period: Period, command: str | None = None) -> dict[str, Percentiles]:
        """Durations of one command, or of all, by ISO date: of the days (UTC) that the period touches, each whole.

        Raises:
            StorageError: the database can't be read.
        """
        await self._recorder.catch_up()
        counted = await self._reports.counted(guild_id, period)
        return {day: Percentiles.of(times) for day, times in counted.latency_by_day(command, DURATION).items()}

    async def report(self, guild_id: str | None, period: Period, command: str | None = None) -> PerformanceReport:
        """As `stats`, over any period.

        Raises:
            StorageError: the database can't be read.
        """
        await self._recorder.catch_up()
        counted = await self._reports.counted(guild_id, period)
        latencies, counts = counted.latencies(), counted.command_counts()
        earlier = (await self._reports.counted(guild_id, before(period))).latencies(DURATION)
        if command is not None:
            latencies = {key: value for key, value in latencies.items() if key[0] == command}
            counts = [c for c in counts if c.command == command]
        measured = Measured(
            guild_id=guild_id,
            period=period,
            command=command,
            latencies=latencies,
            earlier=earlier,
            counts=counts,
            hours=[] if command is None else counted.hours_of(command),
            components=[] if command is not None else counted.component_counts(),
        )
        report = performance_report(measured, self._thresholds)
        shown = command or (report.commands[0].command if report.commands else None)
        if shown is None:
            return report
        return with_days(report, shown, counted.latency_by_day(shown, DURATION))
