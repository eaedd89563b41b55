"""Who of the processes on one machine tells what all of them see, while the database takes no claims."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from botmon_cog.domain.alerts import SHARED, AlertMessage, Notice, NoticeItem
from botmon_cog.errors import SpoolError
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.queue.spool import Spool

_PREFIX = "claims/"
_UNFINISHED = timedelta(seconds=120)
"""How long a process has to tell what it claimed, before another one does."""
_OF_ONE_REMINDER = timedelta(hours=1)
"""The reminders of several processes that come within it are one."""

Whose = Literal["ours", "left", "theirs", "told"]
"""Whose it is to send a message. `left`: ours, for the process that was to send it has not said that it did."""


class _Claim(msgspec.Struct, frozen=True, kw_only=True):
    by: str
    at: datetime
    is_told: bool = False


class AlertClaims:
    """Claims in the spool, which the processes of a bot on one machine share. They end when the database is back."""

    def __init__(self, spool: Spool | None, by: str, timeout_s: float, failures: Failures) -> None:
        """Without a spool everything is ours. `by` is this process; `timeout_s`: how long the disk may take."""
        self._spool = spool
        self._by = by
        self._timeout_s = timeout_s
        self._failures = failures
        self._may_be_left = True

    async def claim(self, message: AlertMessage, now: datetime) -> Whose:
        """Who sends what is shared in a message. Raises nothing.

        What has been ours stays ours. A disk that fails keeps nobody from sending.
        """
        self._may_be_left = True
        try:
            return await self._claimed(message, _Claim(by=self._by, at=now))
        except (SpoolError, TimeoutError, ValueError) as error:
            self._failures.note("claiming an alert on disk", error)
            return "ours"

    async def _claimed(self, message: AlertMessage, own: _Claim) -> Whose:
        if self._spool is None:
            return "ours"
        async with asyncio.timeout(self._timeout_s):
            note = await self._spool.read_note(_key(message))
            held = None if note is None else msgspec.json.decode(note, type=_Claim)
            whose = "ours" if held is None or held.by == self._by else _whose(held, own.at, message.notice)
            if whose in {"theirs", "told"} or await self._spool.swap_note(
                _key(message), note, msgspec.json.encode(own)
            ):
                return whose
            return "theirs"

    async def told(self, message: AlertMessage, now: datetime) -> None:
        """Let the others know that what was ours has been sent. Raises nothing."""
        if self._spool is None:
            return
        claim = _Claim(by=self._by, at=now, is_told=True)
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._spool.write_note(_key(message), msgspec.json.encode(claim))
        except (SpoolError, TimeoutError) as error:
            self._failures.note("noting an alert on disk", error)

    async def end(self) -> None:
        """The database is back: from now on it says who tells. Raises nothing."""
        if self._spool is None or not self._may_be_left:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._spool.remove_notes(_PREFIX)
        except (SpoolError, TimeoutError) as error:
            self._failures.note("ending the claims of alerts on disk", error)
        else:
            self._may_be_left = False


def _whose(held: _Claim, now: datetime, notice: Notice) -> Whose:
    """Of what another process holds."""
    age = now - held.at
    if held.is_told:
        return "ours" if notice.kind == "reminder" and age >= _OF_ONE_REMINDER else "told"
    return "left" if age >= _UNFINISHED else "theirs"


def shared_items(message: AlertMessage) -> tuple[NoticeItem, ...]:
    """What every process of the bot sees, and tells in the same words."""
    return tuple(item for item in message.notice.items if item.scope == SHARED)


def own_items(message: AlertMessage) -> tuple[NoticeItem, ...]:
    """What only this process tells."""
    return tuple(item for item in message.notice.items if item.scope != SHARED)


def _key(message: AlertMessage) -> str:
    told = ",".join(sorted(f"{item.change} {item.key}" for item in shared_items(message)))
    return f"{_PREFIX}{message.audience}/{told}"
