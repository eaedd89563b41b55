"""The alerts as the database has them; while it is away, as memory and, over a restart, the spool do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import datetime

from msgspec.structs import replace

from botmon_cog.domain.alerts import SHARED, Alert, AlertBook, AlertMessage, Mute, OtherAlert
from botmon_cog.domain.alerts.incidents import Basis
from botmon_cog.domain.alerts.machine import Name
from botmon_cog.domain.alerts.merging import merged
from botmon_cog.errors import SpoolError, StorageError
from botmon_cog.monitors.alert_note import AlertNote, Kept
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.engine import answered
from botmon_cog.store.queue.spool import Spool

ANOTHER = "another"
"""In `claimed_by` of a message that another process on this machine is about to send for all of them."""


class AlertKeeper:
    """Other processes work on the same alerts: what is here is what was read or stored last.

    Attributes:
        alerts: moved on from there while the database is away.
        outbox: by id, the messages that the database does not have, or has without their result.
        audience: the application's id; empty until it is known.
        others: the alerts of the bot's other processes, as they were when the database answered last.
        knows: whether `alerts` say how it is; False until the database or the disk has told what was before the start.
    """

    def __init__(
        self, store: AlertStore, instance: str, timeout_s: float, failures: Failures, spool: Spool | None
    ) -> None:
        """`timeout_s`: how long the database may take to answer, or the disk, until it counts as away."""
        self._store = store
        self._timeout_s = timeout_s
        self._failures = failures
        self._scopes = {instance, SHARED}
        self._note = AlertNote(spool, instance) if spool is not None else None
        self._mutes: tuple[Mute, ...] = ()
        self._mute_changes: dict[Name, Mute | None] = {}
        """Not stored yet; None ends a mute."""
        self._is_ahead = False
        """Whether `alerts` were moved without the database."""
        self.alerts: tuple[Alert, ...] = ()
        self.outbox: dict[str, AlertMessage] = {}
        self.audience = ""
        self.others: tuple[OtherAlert, ...] = ()
        self.knows = False

    async def recall(self) -> None:
        """Take up what an earlier process left on disk."""
        if self._note is None:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                kept = await self._note.read()
        except (SpoolError, TimeoutError, ValueError) as error:
            self._failures.note("reading the alerts kept on disk", error)
            return
        if kept is None:
            return
        self.alerts, self._mutes, self._is_ahead = kept.alerts, kept.mutes, kept.is_ahead
        self.knows = True
        self._mute_changes = dict.fromkeys(kept.ended_mutes) | {(mute.scope, mute.key): mute for mute in kept.new_mutes}
        for message in kept.outbox:
            was_sending = message.state == "due" and message.claimed_at is not None
            self.outbox[message.message_id] = replace(message, is_repeat=True) if was_sending else message

    async def look(self, now: datetime) -> AlertBook | None:
        """What the database has, with what it does not have yet in its place; None where it is away."""
        try:
            book = await answered(self._store.alerts(now, self.audience), self._timeout_s)
        except StorageError:
            return None
        return replace(book, alerts=self._merged(book.alerts))

    async def read(self, now: datetime) -> tuple[Alert, ...] | None:
        """Take up what the database has; returns just that, None where it is away."""
        try:
            await answered(self._store_mutes(), self._timeout_s)
            book = await answered(self._store.alerts(now, self.audience), self._timeout_s)
        except StorageError:
            return None
        self.alerts, self._mutes, self.others = self._merged(book.alerts), book.mutes, book.others
        self.knows = True
        return book.alerts

    def _merged(self, stored: tuple[Alert, ...]) -> tuple[Alert, ...]:
        return merged(stored, self.alerts) if self._is_ahead else stored

    def mutes(self, now: datetime, stored: Iterable[Mute] | None = None) -> tuple[Mute, ...]:
        """Those in force, of the stored ones and the new ones."""
        of_all: dict[Name, Mute | None] = {
            (mute.scope, mute.key): mute for mute in (self._mutes if stored is None else stored)
        }
        changed = of_all | self._mute_changes
        return tuple(mute for mute in changed.values() if mute is not None and mute.until > now)

    async def change_mutes(self, changes: dict[Name, Mute | None]) -> None:
        """Mute keys, or end that where there is None; later, where the database is away."""
        self._mute_changes |= changes
        try:
            await answered(self._store_mutes(), self._timeout_s)
        except StorageError:
            await self.save()

    async def _store_mutes(self) -> None:
        for name, mute in list(self._mute_changes.items()):
            if mute is None:
                await self._store.end_mute(*name)
            else:
                await self._store.put_mute(mute)
            others = tuple(one for one in self._mutes if (one.scope, one.key) != name)
            self._mutes = others if mute is None else (*others, mute)
            if self._mute_changes.get(name) is mute:
                self._mute_changes.pop(name, None)

    async def keep(
        self,
        stored: Iterable[Alert],
        alerts: Sequence[Alert],
        gone: Sequence[Alert],
        messages: Sequence[AlertMessage],
        basis: Basis,
    ) -> bool:
        """Store what differs from what is stored, and every message that the database does not have.

        Alerts of other processes may be among them. False: another process was quicker with one of these alerts, or
        with telling what this one is about to; nothing was stored.

        Raises:
            StorageError: the database is away.
        """
        others = (other.alert for other in self.others)
        known = {(alert.scope, alert.key): alert for alert in (*stored, *others)}
        changed = [alert for alert in alerts if alert != known.get((alert.scope, alert.key))]
        forgotten = [alert for alert in gone if alert.version]
        waiting = [*(each for each in self.outbox.values() if each.claimed_by != ANOTHER), *messages]
        if changed or forgotten or waiting:
            keeping = self._store.keep_alerts(changed, forgotten, waiting, basis)
            if not await answered(keeping, self._timeout_s):
                return False
        names = {(alert.scope, alert.key) for alert in changed}
        self.alerts = tuple(
            replace(alert, version=alert.version + 1) if (alert.scope, alert.key) in names else alert
            for alert in self._own(alerts)
        )
        self.outbox.clear()
        self._is_ahead = False
        await self.save()
        return True

    async def put_aside(self, alerts: Sequence[Alert], gone: Sequence[Alert], messages: Sequence[AlertMessage]) -> None:
        """Keep it without the database.

        What is over is not forgotten: the database, once it is back, would know of it as it was before.
        """
        over = (alert for alert in gone if alert.version and alert.state == "resolved")
        self.alerts = self._own((*alerts, *over))
        self.outbox |= {message.message_id: message for message in messages}
        self._is_ahead = True
        await self.save()

    def _own(self, alerts: Iterable[Alert]) -> tuple[Alert, ...]:
        return tuple(alert for alert in alerts if alert.scope in self._scopes)

    async def save(self) -> None:
        """Bring what is on disk up to date. There is nothing while nothing is wrong."""
        if self._note is None:
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                if self.alerts or self.outbox or self._mute_changes:
                    await self._note.write(self._kept())
                else:
                    await self._note.remove()
        except (SpoolError, TimeoutError, ValueError) as error:  # ValueError: a text that is none
            self._failures.note("keeping the alerts on disk", error)

    def _kept(self) -> Kept:
        changes = self._mute_changes.items()
        return Kept(
            alerts=self.alerts,
            is_ahead=self._is_ahead,
            mutes=self._mutes,
            new_mutes=tuple(mute for _, mute in changes if mute is not None),
            ended_mutes=tuple(name for name, mute in changes if mute is None),
            outbox=tuple(self.outbox.values()),
        )
