"""Whether the database answers and takes rows."""

from __future__ import annotations

import asyncio

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import DatabaseSample
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.store.engine import Engine
from botmon_cog.store.queue.writer import Writer


class DatabaseProbe:
    """Takes the write lock for a moment."""

    def __init__(
        self, engine: Engine, writer: Writer, recorder: Recorder, clock: Clock, failures: Failures, timeout_s: float
    ) -> None:
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
        """One that is not older than that, where there is one; of all who ask at once only the first goes to look."""
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
        """What the database said to the rows that wait; None where it takes them. Only so is a full disk seen."""
        if self._writer.away_since is not None:
            await self._recorder.retry()  # it may be back since the last attempt
        if self._writer.away_since is None or self._writer.last_error is None:
            return None
        return self._writer.last_error.removeprefix(f"{StorageError.__name__}: ")
