"""The database: whether it answers, accepts rows, and how fast."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import bytes_, finite, latency
from botmon_cog.errors import StorageError
from botmon_cog.health.component import Component, Finding, Saying, Words, fact, level
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.engine import Engine
from botmon_cog.store.queue.writer import Writer

_REMEDIES = (
    (("locked", "busy"), "Stop the other process that holds the file: a backup or a database browser, usually."),
    (("full",), "Free some disk space; what is waiting will be saved then."),
    (("readonly", "read-only", "permission", "open"), "Let the bot's user write to the file and to its folder."),
    (
        ("malformed", "not a database", "corrupt"),
        "Move the damaged file away; a new one is created. Restore a backup if you have one.",
    ),
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


def _away(said: str) -> Words:
    return Words(what="the database does not answer", detail=said, is_code=True, remedy=_remedy(said))


def _refuses(said: str) -> Words:
    return Words(what="the database accepts no rows", detail=said, is_code=True, remedy=_remedy(said))


def _slow(response_s: float | None) -> Words:
    return Words(
        what=f"the database takes {latency(response_s)} to answer",
        remedy="Look for another process that uses the same file or disk.",
    )


def _remedy(said: str) -> str:
    words = said.lower()
    return next((remedy for signs, remedy in _REMEDIES if any(sign in words for sign in signs)), _NO_IDEA)


class Database(Component[DatabaseSample]):
    """Takes the write lock for a moment."""

    name = "database"
    title = "Database"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "database.away": Saying(words=_away, recovered="the database answers"),
        "database.refuses": Saying(words=_refuses, recovered="the database accepts rows"),
        "database.slow": Saying(words=_slow, recovered="the database is quick"),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "database.response_ms": lambda sample: None if sample.response_time_s is None else sample.response_time_s * 1e3,
        "database.size_mb": lambda sample: None if sample.size_bytes is None else sample.size_bytes / 1e6,
    }
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {"database": ("database.slow", "monitor", "monitor.*")}

    def __init__(
        self, engine: Engine, writer: Writer, recorder: Recorder, clock: Clock, failures: Failures, timeout_s: float
    ) -> None:
        """`timeout_s`: how long it may take to answer until it counts as away."""
        self._engine = engine
        self._writer = writer
        self._recorder = recorder
        self._clock = clock
        self._failures = failures
        self._timeout_s = timeout_s
        self._last: tuple[float, DatabaseSample] | None = None
        self._asking = asyncio.Lock()

    async def sample(self) -> DatabaseSample:
        """Raises nothing."""
        sample = await self._ask()
        self._last = self._clock.monotonic(), sample
        return sample

    async def recent_sample(self, max_age_s: float) -> DatabaseSample:
        """One that is no older, if there is one; of all who ask at once only the first goes to look."""
        async with self._asking:
            if self._last is not None and self._clock.monotonic() - self._last[0] < max_age_s:
                return self._last[1]
            return await self.sample()

    async def _ask(self) -> DatabaseSample:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._engine.open()  # the first time this upgrades the schema, which is no sign of slowness
                started_s = self._clock.monotonic()
                size_bytes = await self._engine.ping()
        except TimeoutError:
            return DatabaseSample(error=f"no answer within {self._timeout_s:g} s")
        except StorageError as error:
            return DatabaseSample(error=str(error))
        except Exception as error:  # noqa: BLE001 (the edge: a report must come, whatever an engine raises)
            self._failures.note("checking the database", error)
            return DatabaseSample(error=f"{type(error).__name__}: {error}")
        response_time_s = self._clock.monotonic() - started_s
        return DatabaseSample(response_time_s=response_time_s, size_bytes=size_bytes, refusal=await self._refusal())

    async def _refusal(self) -> str | None:
        """What the database said to the waiting rows; None if it accepts them. Only this shows a full disk."""
        if self._writer.away_since is not None:
            await self._recorder.retry()  # it may be back since the last attempt
        if self._writer.away_since is None or self._writer.last_error is None:
            return None
        return self._writer.last_error.removeprefix(f"{StorageError.__name__}: ")

    def judge(self, sample: DatabaseSample, config: HealthConfig) -> Iterable[Finding]:
        if sample.error is not None or sample.response_time_s is None:
            away = Reason.of("database.away", said=sample.error or "no reason given")
            yield fact("database", "critical", away, is_shared=True)
        elif sample.refusal is not None:
            yield fact("database", "critical", Reason.of("database.refuses", said=sample.refusal), is_shared=True)
        response_s = finite(sample.response_time_s)
        slow = Reason.of("database.slow", response_s=response_s)
        yield level("database.slow", response_s, (config.database_slow_ms / 1e3, None), slow, is_shared=True)

    def is_known(self, sample: DatabaseSample) -> bool:
        return finite(sample.response_time_s) is not None

    def brief(self, sample: DatabaseSample) -> Iterable[str]:
        return [f"database {latency(sample.response_time_s)}"] if self.is_known(sample) else []

    def numbers(self, sample: DatabaseSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        items = ["no answer" if sample.response_time_s is None else f"answers in {latency(sample.response_time_s)}"]
        if sample.size_bytes is not None:
            items.append(f"{bytes_(sample.size_bytes)} on disk")
        return [", ".join(items)]
