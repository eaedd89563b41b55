"""What the next start will know of this run: that it was there, until when, and how it ended."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Literal

import msgspec

from botmon_cog.clock import Clock
from botmon_cog.domain.periods import start_of_day
from botmon_cog.domain.text import listed
from botmon_cog.domain.uptime import DAY_H, MONTH_H, WEEK_H, GatewayLoss, Run, Uptime, uptime
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures, absorbing
from botmon_cog.store.uptime import UptimeStore

_log = logging.getLogger(__name__)

_MOST_NAMED = 5
_MOST_WAITING = 1000
"""Gateway losses that are kept in memory while the database is away; the oldest go first."""


def _no_losses() -> Sequence[GatewayLoss]:
    return ()


def _nothing_known() -> tuple[Uptime, Uptime, Uptime]:
    day, week, month = (
        Uptime(hours=hours, up_share=None, watched_s=0.0, gaps=()) for hours in (DAY_H, WEEK_H, MONTH_H)
    )
    return day, week, month


class UptimeKeeper:
    """Keeps one row for this run, and one for each loss of the gateway.

    What the database can't take waits for the next `beat`.

    Attributes:
        previous: the run before this one, once it is known. An empty `ending` means that it ended without a word,
            some time after its `seen_at`.
        ongoing: the gateway losses that last; the cog sets it.
    """

    def __init__(self, store: UptimeStore, clock: Clock, failures: Failures, timeout_s: float) -> None:
        """`timeout_s` is for each use of the database."""
        self._store_of_runs = store
        self._clock = clock
        self.failures = failures
        self._timeout_s = timeout_s
        self._run: Run | None = None
        self._waiting: deque[GatewayLoss] = deque(maxlen=_MOST_WAITING)
        self._looked_back = self._is_behind = False
        self.previous: Run | None = None
        self.ongoing: Callable[[], Sequence[GatewayLoss]] = _no_losses

    async def begin(
        self,
        version: str | None = None,
        python_version: str | None = None,
        discord_version: str | None = None,
        botmon_version: str | None = None,
    ) -> None:
        """The extension was loaded. `version`: the host's."""
        now = self._clock.now()
        now = now.replace(microsecond=now.microsecond // 1000 * 1000)  # as exact as every database keeps it
        self._run = Run(
            started_at=now,
            seen_at=now,
            version=version,
            python_version=python_version,
            discord_version=discord_version,
            botmon_version=botmon_version,
        )
        await self._store(self._run)

    async def beat(self) -> None:
        """It still runs. Called with each health check; does nothing before `begin` and after `end`."""
        if self._run is not None:
            self._run = self._seen(self._run)
            await self._store(self._run)

    async def end(self, ending: Literal["stopped", "unloaded"]) -> None:
        """The last word. Losses that last are cut here, for nobody will see their end."""
        if self._run is None:
            return
        for loss in self.ongoing():
            self.lost(loss)
        run, self._run = self._seen(self._run), None
        await self._store(msgspec.structs.replace(run, ended_at=run.seen_at, ending=ending))

    def lost(self, loss: GatewayLoss) -> None:
        """The gateway was lost, and is back. Stored with the next beat."""
        self._waiting.append(loss)

    @absorbing(_nothing_known)
    async def report(self) -> tuple[Uptime, Uptime, Uptime]:
        """Of the last 24 hours, 7 days and 30 days. Without the database they tell of nothing watched."""
        now = self._clock.now()
        runs, losses = await self._since(now - timedelta(hours=MONTH_H))
        return (
            uptime(runs, losses, now, DAY_H),
            uptime(runs, losses, now, WEEK_H),
            uptime(runs, losses, now, MONTH_H),
        )

    async def days(self, zone: tzinfo) -> list[tuple[date, Uptime]]:
        """Each of the last 30 days of a zone's calendar, oldest first; the last one up to now.

        Raises:
            StorageError, TimeoutError: the database does not answer.
        """
        now = self._clock.now()
        today = now.astimezone(zone).date()
        days = [today - timedelta(days=back) for back in reversed(range(round(MONTH_H / DAY_H)))]
        bounds = [start_of_day(day, zone) for day in days] + [now]
        runs, losses = await self._since(bounds[0])
        return [
            (day, uptime(runs, losses, end, (end - start).total_seconds() / 3600))
            for day, (start, end) in zip(days, pairwise(bounds), strict=True)
        ]

    async def _since(self, since: datetime) -> tuple[list[Run], list[GatewayLoss]]:
        """What ran, and was lost, since then, with what is under way."""
        async with asyncio.timeout(self._timeout_s):
            runs = await self._store_of_runs.runs(since)
            losses = await self._store_of_runs.gateway_losses(since)
        if self._run is not None:
            runs = [*(run for run in runs if run.started_at != self._run.started_at), self._seen(self._run)]
        return runs, [*losses, *self._waiting, *self.ongoing()]

    def _seen(self, run: Run) -> Run:
        return msgspec.structs.replace(run, seen_at=max(self._clock.now(), run.started_at))

    async def _store(self, run: Run) -> None:
        """Store the run and what waits; look back, once, at the run before."""
        try:
            async with asyncio.timeout(self._timeout_s):
                if not self._looked_back:
                    earlier = [
                        one for one in await self._store_of_runs.runs(run.started_at) if one.started_at < run.started_at
                    ]
                    self.previous = earlier[-1] if earlier else None
                    if self.previous is not None and not self.previous.ending:
                        last = f"{self.previous.seen_at:%Y-%m-%d %H:%M:%S} UTC"
                        ran = self.previous.running
                        what = f", while {listed(ran, _MOST_NAMED)} ran" if ran else ""
                        _log.warning("the run before this one ended without a word, some time after %s%s", last, what)
                    self._looked_back = True
                await self._store_of_runs.put_run(run)
                while self._waiting:
                    await self._store_of_runs.put_gateway_loss(self._waiting[0])
                    self._waiting.popleft()
        except (StorageError, TimeoutError) as error:
            if not self._is_behind:  # once: the health checks tell how long the database is away
                _log.warning("the database can't keep the uptime for now: %s", str(error) or "no answer")
            self._is_behind = True
        except Exception as error:  # noqa: BLE001 (the edge: a health check and the unloading must go on)
            self.failures.note("keeping the uptime", error)
        else:
            self._is_behind = False
