"""The database: whether it answers, accepts rows, and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import partial

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.errors import StorageError
from botmon_cog.health.component import Component, Finding, Trouble
from botmon_cog.health.sources import Sources
from botmon_cog.store.engine import answered

_DAMAGED = "Move the damaged file away; a new one is created. Restore a backup if you have one."
_REMEDIES = (
    (("locked", "busy"), "Stop the other process that holds the file: a backup or a database browser, usually."),
    (("full",), "Free some disk space; what is waiting will be saved then."),
    (("readonly", "read-only", "permission", "open"), "Let the bot's user write to the file and to its folder."),
    (("malformed", "not a database", "corrupt"), _DAMAGED),
)
"""By what the database's own words contain. A suggestion only: nothing is decided by them."""
_NO_IDEA = "The bot's log has the database's own message."


class DatabaseSample(Sample, frozen=True, kw_only=True):
    response_time_s: float | None = None
    size_bytes: int | None = None
    error: str | None = None
    """What it said instead of answering."""
    refusal: str | None = None
    """What it said when it refused rows, although it answers."""


def _remedy(said: str) -> str:
    words = said.lower()
    return next((remedy for signs, remedy in _REMEDIES if any(sign in words for sign in signs)), _NO_IDEA)


_away = partial(Trouble, detail="{said}", is_code=True, remedy=_remedy, is_shared=True)
_AWAY = _away("database.away", "the database does not answer", "the database answers")
_REFUSES = _away("database.refuses", "the database accepts no rows", "the database accepts rows")
_SLOW = Trouble(
    "database.slow",
    "the database takes {response_s:latency} to answer",
    "the database is quick",
    remedy="Look for another process that uses the same file or disk.",
    is_shared=True,
)


class Database(Component[DatabaseSample]):
    """Takes the write lock for a moment."""

    name = "database"
    title = "Database"
    troubles = (_AWAY, _REFUSES, _SLOW)
    vital = (("response_time_s", None),)
    in_brief = ("database {response_time_s:latency}",)
    in_numbers = (("answers in {response_time_s:latency}", "no answer"), "{size_bytes:bytes} on disk")

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._last: tuple[float, DatabaseSample] | None = None
        self._asking = asyncio.Lock()

    async def sample(self) -> DatabaseSample:
        """Raises nothing."""
        sample = await self._ask()
        self._last = self._sources.clock.monotonic(), sample
        return sample

    async def recent_sample(self, max_age_s: float) -> DatabaseSample:
        """One that is no older, if there is one; of all who ask at once only the first goes to look."""
        async with self._asking:
            if self._last is not None and self._sources.clock.monotonic() - self._last[0] < max_age_s:
                return self._last[1]
            return await self.sample()

    async def _ask(self) -> DatabaseSample:
        try:
            response_time_s, size_bytes = await answered(self._ping(), self._sources.timeout_s)
        except StorageError as error:
            return DatabaseSample(error=str(error))
        except Exception as error:  # noqa: BLE001 (the edge: a report must come, whatever an engine raises)
            self._sources.failures.note("checking the database", error)
            return DatabaseSample(error=f"{type(error).__name__}: {error}")
        return DatabaseSample(response_time_s=response_time_s, size_bytes=size_bytes, refusal=await self._refusal())

    async def _ping(self) -> tuple[float, int]:
        """How long it took to answer, and its size in bytes."""
        clock, engine = self._sources.clock, self._sources.store.engine
        await engine.open()  # the first time this upgrades the schema, which is no sign of slowness
        started_s = clock.monotonic()
        size_bytes = await engine.ping()
        return clock.monotonic() - started_s, size_bytes

    async def _refusal(self) -> str | None:
        """What the database said to the waiting rows; None if it accepts them. Only this shows a full disk."""
        writer = self._sources.writer
        if writer.away_since is not None:
            await self._sources.recorder.retry()  # it may be back since the last attempt
        if writer.away_since is None or writer.last_error is None:
            return None
        return writer.last_error.removeprefix(f"{StorageError.__name__}: ")

    def judge(self, sample: DatabaseSample, config: HealthConfig) -> Iterable[Finding]:
        if sample.error is not None or sample.response_time_s is None:
            yield _AWAY.fact("critical", "database", said=sample.error or "no reason given")
        elif sample.refusal is not None:
            yield _REFUSES.fact("critical", "database", said=sample.refusal)
        response_s = finite(sample.response_time_s)
        yield _SLOW.level(response_s, (config.database_slow_ms / 1e3, None), response_s=response_s)
