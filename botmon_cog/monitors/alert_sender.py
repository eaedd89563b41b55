"""Sends what is due, by whichever process is the first to claim it, and notes what became of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal
from uuid import uuid4

from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.config import Config
from botmon_cog.database_url import is_postgres
from botmon_cog.domain.alerts import AlertMessage, Notice, Sent, ToldBy
from botmon_cog.errors import StorageError
from botmon_cog.monitors.alert_claims import AlertClaims, Whose, own_items, shared_items
from botmon_cog.monitors.alert_keeper import ANOTHER, AlertKeeper
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.engine import answered
from botmon_cog.store.queue.spool import Spool

_log = logging.getLogger(__name__)

Send = Callable[[Notice, bool], Awaitable[Sent]]
"""Sends a notice; the second argument says whether it may have been sent before."""

_CLAIM = timedelta(seconds=120)
"""How long a process has to finish what it claimed, before another one takes it."""
_SEND_S = 60.0
_SETTLE_S = 10.0
_MOST_CRASHES = 5


class AlertSender:
    """One process's share of the sending."""

    def __init__(
        self,
        store: AlertStore,
        keeper: AlertKeeper,
        clock: Clock,
        config: Config,
        failures: Failures,
        spool: Spool | None,
    ) -> None:
        """`spool`: where processes on one machine agree who sends what all of them see; None: they can't."""
        self._store = store
        self._keeper = keeper
        self._clock = clock
        self._timeout_s = config.health.database_timeout_s
        self._failures = failures
        self._by = f"{config.instance}/{uuid4().hex}"
        self._told_by: ToldBy = "" if not is_postgres(config.storage.url) else "process" if spool is None else "machine"
        self.claims = AlertClaims(spool, self._by, self._timeout_s, failures)
        self._sending: asyncio.Task[bool] | None = None

    async def deliver(self, audience: str, send: Send) -> None:
        """Send what is due to one bot's owners. What can't be sent or noted now is, the next time."""
        for message in await self._due(audience):
            try:
                is_through = await self._finish(self._send_claimed(message.message_id, send))
            except StorageError:  # it takes no claims; what it does not have can be sent all the same
                break
            if not is_through:
                return
        for message in list(self._keeper.outbox.values()):
            is_due = (message.state, message.audience) == ("due", audience)
            if is_due and not await self._finish(self._send_unclaimed(message, send)):
                return

    async def settle(self) -> None:
        """Return when nothing is being sent any more, also for somebody who was cancelled meanwhile.

        Of a message that is not through after 10 s nobody knows whether it arrived: it will come again, and say so.
        """
        sending = self._sending
        if sending is not None and not sending.done():
            await asyncio.wait([sending], timeout=_SETTLE_S)
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def _finish(self, sending: Awaitable[bool]) -> bool:
        """Let a message that is on its way arrive, and be noted, whoever stops waiting for it."""
        self._sending = task = asyncio.ensure_future(sending)
        return await asyncio.shield(task)

    async def _due(self, audience: str) -> list[AlertMessage]:
        """What the database has to send. That is no longer ours alone, whatever it said when we stored it."""
        try:
            due = await answered(self._store.due_messages(audience, self._clock.now() - _CLAIM), self._timeout_s)
        except StorageError:
            return []
        outbox = self._keeper.outbox
        due = [message for message in due if outbox.get(message.message_id, message).state == "due"]
        for message in due:
            outbox.pop(message.message_id, None)
        return due

    async def _send_claimed(self, message_id: str, send: Send) -> bool:
        """False: Discord is away, so that the others must wait.

        Raises:
            StorageError: it could not be claimed.
        """
        now = self._clock.now()
        message = await answered(self._store.claim_message(message_id, self._by, now, now - _CLAIM), self._timeout_s)
        if message is None:
            return True
        result = await self._attempt(message, send)
        if result is None:
            return False  # it may have been sent: once the claim runs out it is sent again, and says so
        state, words = result
        now = self._clock.now()
        try:
            await answered(self._store.finish_message(message_id, self._by, state, words, now), self._timeout_s)
        except StorageError:
            if state != "due":
                await self._put_in_outbox(replace(message, state=state, result=words, finished_at=now))
        return state != "due"

    async def _send_unclaimed(self, message: AlertMessage, send: Send) -> bool:
        """What the database does not have, nobody on another machine can send. False: the others must wait."""
        now = self._clock.now()
        if shared_items(message):
            whose = await self.claims.claim(message, now)
            if whose in {"theirs", "told"} and not own_items(message):
                return await self._leave(message, is_told=whose == "told")
            message = _part_of(message, whose, self._told_by)
        message = replace(message, claimed_at=now, attempts=message.attempts + 1)
        await self._put_in_outbox(message)
        result = await self._attempt(message, send)
        if result is None:
            message = replace(message, claimed_at=None, is_repeat=True)
        elif result[0] == "due":
            message = replace(message, claimed_at=None, result=result[1])
        else:
            message = replace(message, state=result[0], result=result[1], finished_at=self._clock.now())
        await self._put_in_outbox(message)
        if message.state == "sent" and shared_items(message):
            await self.claims.told(message, self._clock.now())
        return message.state != "due"

    async def _leave(self, message: AlertMessage, *, is_told: bool) -> bool:
        """To another process on this machine; until that has sent it, it may have to be sent after all."""
        if is_told:
            del self._keeper.outbox[message.message_id]
            await self._keeper.save()
        else:
            await self._put_in_outbox(replace(message, claimed_by=ANOTHER))
        return True

    async def _put_in_outbox(self, message: AlertMessage) -> None:
        self._keeper.outbox[message.message_id] = message
        await self._keeper.save()

    async def _attempt(self, message: AlertMessage, send: Send) -> tuple[Literal["due", "sent", "failed"], str] | None:
        """What is to be noted of an attempt; None where nobody knows what became of it."""
        try:
            async with asyncio.timeout(_SEND_S):
                sent = await send(message.notice, message.is_repeat)
        except TimeoutError:
            _log.warning("sending an alert took more than %g s; it is sent again", _SEND_S)
            return None
        except Exception as error:  # noqa: BLE001 (the edge: whatever one message does, the others go on)
            self._failures.note("sending an alert", error)
            return "failed" if message.attempts >= _MOST_CRASHES else "due", f"{type(error).__name__} while sending it"
        states: dict[str, Literal["due", "sent", "failed"]] = {"told": "sent", "refused": "failed", "failed": "due"}
        return states[sent.state], sent.words


def _part_of(message: AlertMessage, whose: Whose, told_by: ToldBy) -> AlertMessage:
    """What is left to be sent of a message with something shared in it."""
    if whose in {"theirs", "told"}:
        return replace(message, notice=replace(message.notice, items=own_items(message)))
    is_repeat = message.is_repeat or whose == "left"
    return replace(message, notice=replace(message.notice, told_by=told_by), claimed_by=None, is_repeat=is_repeat)
