"""Error groups for commands: read with all that is recorded by now, and marked by the owners."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime

from botmon_cog.clock import Clock
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts, ErrorDetails, RecentError, Refusal
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.errors import Errors

_log = logging.getLogger(__name__)


class ErrorMonitor:
    """Tells why things fail. All but `step` raise StorageError if the database is away.

    Attributes:
        muted: the fingerprints that count in no verdict, as of the last `step`, `mute` or `unmute`.
    """

    def __init__(
        self,
        errors: Errors,
        recorder: Recorder,
        recent: RecentOutcomes,
        clock: Clock,
        failures: Failures,
        timeout_s: float,
    ) -> None:
        """`timeout_s` is for what `step` asks of the database."""
        self._errors = errors
        self._recorder = recorder
        self._recent = recent
        self._clock = clock
        self._failures = failures
        self._timeout_s = timeout_s

    @property
    def muted(self) -> frozenset[int]:
        return self._recent.muted

    async def step(self) -> None:
        """Learn what is muted by now, also by other processes. Raises nothing: what can't be read stays as it was.

        Called at the start, and with each health check of a database that answers.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._learn_muted()
        except (StorageError, TimeoutError) as error:
            _log.warning("can't read which errors are muted: %s", error or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (whatever an engine raises costs a check nothing)
            self._failures.note("reading which errors are muted", error)

    async def counts(self, period: Period, guild_id: str | None = None, *, limit: int = 100) -> list[ErrorCounts]:
        """The groups that failed within a period, the most urgent first; our own last.

        With `guild_id`, only what failed in that server, counted there.
        """
        await self._recorder.catch_up()
        return await self._errors.counts(period, self._clock.now(), guild_id, limit=limit)

    async def details(self, fingerprint: int, period: Period) -> ErrorDetails | None:
        """One group, also if it did not fail within the period. None: there is no such group."""
        await self._recorder.catch_up()
        return await self._errors.details(fingerprint, period, self._clock.now())

    async def causes_of(self, command: str, period: Period, guild_id: str | None = None) -> list[ErrorCounts]:
        """The groups of one command or component, by its name, the most frequent first."""
        await self._recorder.catch_up()
        return await self._errors.causes_of(command, period, self._clock.now(), guild_id)

    async def refusals(self, guild_id: str, period: Period) -> list[Refusal]:
        """What Discord refused in one server, the most frequent first."""
        await self._recorder.catch_up()
        return await self._errors.refusals(guild_id, period)

    async def recent_ids(self, period: Period, limit: int = 25) -> list[RecentError]:
        """The groups that failed within a period, the latest first, as far as stored: this answers each key press."""
        return await self._errors.recent_ids(period, limit)

    async def deploys(self, since: datetime) -> list[Deploy]:
        """Oldest first: those that began at `since` or later, and the one before them. Empty without any start."""
        return await self._errors.deploys(since)

    async def resolve(self, fingerprint: int, by: str) -> None:
        """Call a group resolved: what comes from now on has returned. `by`: the id of the owner who says so."""
        await self._errors.resolve(fingerprint, self._clock.now(), by)

    async def reopen(self, fingerprint: int) -> None:
        await self._errors.reopen(fingerprint)

    async def mute(self, fingerprint: int, until: datetime, by: str) -> None:
        """Leave a group out of verdicts and alerts until then, also what of it has failed already."""
        await self._errors.mute(fingerprint, until, by)
        await self._learn_muted()

    async def unmute(self, fingerprint: int) -> None:
        await self._errors.unmute(fingerprint)
        await self._learn_muted()

    async def _learn_muted(self) -> None:
        self._recent.muted = await self._errors.muted(self._clock.now())
