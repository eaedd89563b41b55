"""What other processes with the same token answered: decided once their rows have had time to come."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from botmon_cog.clock import Clock
from botmon_cog.errors import StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.elsewhere import Elsewhere

_log = logging.getLogger(__name__)

_DUE_AFTER = timedelta(minutes=20)
"""A command may run for as long as its token lives, 15 min, and its row comes when it ends."""
_EVERY_S = 300.0


class ElsewhereKeeper:
    """Decides every few minutes, in whichever process comes first."""

    def __init__(self, elsewhere: Elsewhere, clock: Clock, failures: Failures, timeout_s: float) -> None:
        """`timeout_s` is for each use of the database."""
        self._elsewhere = elsewhere
        self._clock = clock
        self._failures = failures
        self._timeout_s = timeout_s
        self._next_s = 0.0

    async def step(self) -> None:
        """Decide on what is due; called with each health check of a database that answers. Raises nothing."""
        if self._clock.monotonic() < self._next_s:
            return
        self._next_s = self._clock.monotonic() + _EVERY_S
        try:
            async with asyncio.timeout(self._timeout_s):
                n = await self._elsewhere.settle(self._clock.now() - _DUE_AFTER)
        except (StorageError, TimeoutError) as error:
            _log.warning("can't decide what other processes answered: %s", error or type(error).__name__)
        except Exception as error:  # noqa: BLE001 (whatever an engine raises costs a check nothing)
            self._failures.note("deciding what other processes answered", error)
        else:
            if n:
                _log.debug("decided on %d invocations that other processes answered", n)
