"""Finds out what is behind trouble with commands, when it is told: by a message, or in `/health`."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.domain.alerts import Notice, NoticeItem, covers
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.performance import COMMAND, RESPONSE
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import MIN_FOR_PERCENTILES, Percentiles, Period, Problem
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts, ErrorState
from botmon_cog.errors import StorageError
from botmon_cog.monitors.errors import ErrorMonitor
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.reports import Reports

_log = logging.getLogger(__name__)

_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
_MOMENT = timedelta(seconds=1)
_FAILING, _SLOW = "commands.failing", "commands.slow"
_MOST_ASKED = 3
"""Of one message: who reads more of them at once looks at the list of errors."""


class AlertCauses:
    """For one process: what changed is what changed here."""

    def __init__(
        self,
        errors: ErrorMonitor,
        reports: Reports,
        live: LiveWindows,
        clock: Clock,
        failures: Failures,
        timeout_s: float,
        uptime_s: Callable[[], float],
    ) -> None:
        """`timeout_s`: how long the database may take for all of one message. `uptime_s`: of this process."""
        self._errors = errors
        self._reports = reports
        self._live = live
        self._clock = clock
        self._failures = failures
        self._timeout_s = timeout_s
        self._uptime_s = uptime_s

    async def added_to(self, notice: Notice) -> Notice:
        """The notice with the causes of its gravest items, but for those that can't be found now. Raises nothing."""
        items = list(notice.items)
        asked = (place for place, item in enumerate(items) if item.change != "recovered" and _has_cause(item.key))
        async with self._absorbing():
            for place in list(asked)[:_MOST_ASKED]:
                items[place] = replace(items[place], cause=await self._of(items[place]))
        return replace(notice, items=tuple(items))

    async def of(self, problem: Problem) -> Cause | None:
        """None: it is not about commands that fail or are slow, or nobody can find out now. Raises nothing."""
        cause = None
        if _has_cause(problem.key):
            async with self._absorbing():
                cause = await self._of(problem)
        return cause

    @asynccontextmanager
    async def _absorbing(self) -> AsyncGenerator[None]:
        """Whatever is told is worth more than its cause."""
        try:
            async with asyncio.timeout(self._timeout_s):
                yield
        except (StorageError, TimeoutError) as error:
            _log.debug("trouble is told without its cause: %s", error or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (the edge)
            self._failures.note("finding out why commands fail", error)

    async def _of(self, trouble: NoticeItem | Problem) -> Cause:
        command = _command(trouble.reason)
        if covers(_SLOW, trouble.key):
            change = await self._change(None, trouble.since)  # it does not fail, so that its failures don't matter
            return Cause(command=command, times=self._times(command), change=replace(change, calls_before=0))
        hour = Period(name="the last hour", start=self._clock.now() - _HOUR, end=self._clock.now() + _MOMENT)
        error = await self._error(trouble.reason, command, hour, trouble.since)
        return Cause(command=command, error=error, change=await self._change(command, trouble.since))

    async def _error(self, reason: Reason, command: str | None, hour: Period, since: datetime) -> CommonError | None:
        known = await self._errors.counts(hour) if command is None else await self._errors.causes_of(command, hour)
        groups = [each for each in known if each.outcome.is_fault and each.state is not ErrorState.MUTED]
        if not groups:
            return None
        told = [each for each in groups if each.fingerprint == reason.values.get("fingerprint")]
        group = (told or sorted(groups, key=lambda each: -each.n))[0]
        return _common(group, sum(each.n for each in groups if each.what == group.what), since)

    async def _change(self, command: str | None, since: datetime) -> Change:
        began, earliest = self._clock.now() - timedelta(seconds=self._uptime_s()), since - _HOUR
        restarted_at = began if earliest <= began <= since else None
        before, after = _deployed(await self._errors.deploys(earliest), earliest, since)
        changed_at = restarted_at or (earliest if after is None else after.started_at)
        calls = await self._reports.sampled_calls(command, None, changed_at - _WEEK, changed_at)
        rated = [call for call in calls if call.outcome.is_rated]
        return Change(
            restarted_at=restarted_at,
            version=None if after is None else after.version,
            version_before=None if before is None else before.version,
            faults_before=sum(call.outcome.is_fault for call in rated),
            calls_before=len(rated),
        )

    def _times(self, command: str | None) -> Times | None:
        found = self._live.histograms()
        response, duration = (found.get((of, command or "")) for of in (RESPONSE, COMMAND))
        if response is None or duration is None or min(response.n, duration.n) < MIN_FOR_PERCENTILES:
            return None
        response_s, duration_s = Percentiles.of(response).p95_s, Percentiles.of(duration).p95_s
        if response_s is None or duration_s is None:
            return None
        return Times(response_s=response_s, duration_s=duration_s)


def _has_cause(key: str) -> bool:
    return covers(_FAILING, key) or covers(_SLOW, key)


def _command(reason: Reason) -> str | None:
    command = reason.values.get("command")
    return command if isinstance(command, str) else None


def _deployed(deploys: Sequence[Deploy], earliest: datetime, since: datetime) -> tuple[Deploy | None, Deploy | None]:
    """The last two versions before the trouble, where the second began shortly before it."""
    known = [deploy for deploy in deploys if deploy.started_at <= since]
    if len(known) < 2 or known[-1].started_at < earliest:  # noqa: PLR2004 (before and after)
        return None, None
    return known[-2], known[-1]


def _common(group: ErrorCounts, failures: int, since: datetime) -> CommonError:
    return CommonError(
        error_id=group.id,
        ended=group.outcome.words,
        error_type=group.error_type,
        message=group.error_message,
        file=group.file,
        line=group.line,
        function=group.function,
        n=group.n,
        people=group.people,
        servers=group.guilds,
        others=failures - group.n,
        is_new=group.first_at >= since - _HOUR,
    )
