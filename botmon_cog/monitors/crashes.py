"""What dead processes of the same bot left open becomes rows: by whichever process comes next."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from botmon_cog.causes.fingerprint import fingerprint
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.text import listed
from botmon_cog.domain.uptime import shown_name
from botmon_cog.errors import SpoolError, StorageError
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.crashes import Crashes
from botmon_cog.store.queue.left_files import LeftFile, left_files
from botmon_cog.store.queue.open_slots import Left
from botmon_cog.store.queue.spool import Spool
from botmon_cog.threads import in_thread

_log = logging.getLogger(__name__)

_MOST_NAMED = 5


class CrashKeeper:
    """Looks for what was left, at the start and with each health check: the database may have been away before."""

    def __init__(
        self,
        crashes: Crashes,
        spool: Spool | None,
        spool_path: Callable[[], Path | None],
        failures: Failures,
        timeout_s: float,
    ) -> None:
        """`timeout_s` is for each use of the database. Without a spool nothing is left on disk either."""
        self._crashes = crashes
        self._spool = spool
        self._spool_path = spool_path
        self._failures = failures
        self._timeout_s = timeout_s
        self._done: set[Path] = set()
        """What can't be read, or not be removed."""
        self._is_behind = False

    async def step(self) -> None:
        """Make rows of what was left, and remove the files. What fails is tried again the next time. Raises nothing."""
        path = self._spool_path()
        if self._spool is None or path is None:
            return
        files: list[LeftFile] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                files = await in_thread(partial(left_files, path, self._done))
            for file in files:
                await self._recover(file, self._spool)
        except (StorageError, TimeoutError) as error:
            if not self._is_behind:  # once: the health checks tell how long the database is away
                _log.warning("can't record what ran when the bot died, will try again: %s", str(error) or "no answer")
            self._is_behind = True
        except Exception as error:  # noqa: BLE001 (the edge: the start and the health checks must go on)
            self._failures.note("recording what ran when the bot died", error)
        else:
            self._is_behind = False
        finally:
            for file in files:
                file.release()

    async def _recover(self, file: LeftFile, spool: Spool) -> None:
        if file.problem is not None:
            _log.warning("%s is left alone: %s", file.path, file.problem)
            self._done.add(file.path)
            return
        if file.left is not None:
            if await _holds(spool, file.left.run.token):
                return  # what waits there knows more of each invocation, and comes first
            await self._append(file.left)
        try:
            await in_thread(file.remove)
        except OSError as error:
            _log.warning("%s can't be removed, and is of no use any more: %s", file.path, error)
            self._done.add(file.path)

    async def _append(self, left: Left) -> None:
        opened = [replace(one, fingerprint=_fingerprint(one)) for one in left.opened]
        async with asyncio.timeout(self._timeout_s):
            crashed = await self._crashes.append(left._replace(opened=opened))
        if crashed:
            names = dict.fromkeys(shown_name(one.kind, one.command) for one in crashed)
            _log.warning("the bot died while %s ran; recorded as `crashed`", listed(list(names), _MOST_NAMED))
        if left.damaged:
            _log.warning("%d invocations that were open when the machine stopped can't be read", left.damaged)


def _fingerprint(crashed: Invocation) -> int:
    return fingerprint(crashed.source, crashed.command, crashed.outcome, None, None)


async def _holds(spool: Spool, token: int) -> bool:
    """Whether rows of that run wait in the spool."""
    try:
        return bool(await spool.oldest(1, token))
    except SpoolError:  # said by then; what is in a spool that can't be read nobody waits for
        return False
