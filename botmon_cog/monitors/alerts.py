"""From problems to notices, and from there to the owners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.config import Config
from botmon_cog.domain.alerts import SHARED, Alert, AlertMessage, AlertsOverview, Mute, Notice
from botmon_cog.domain.alerts.machine import UNTOLD, Look, Name, is_graver, is_told, moved, shifted
from botmon_cog.domain.alerts.notices import NOTHING, tell
from botmon_cog.domain.reports import Problem
from botmon_cog.errors import StorageError
from botmon_cog.maintenance import maintenance_until, parse_window
from botmon_cog.monitors.alert_causes import AlertCauses
from botmon_cog.monitors.alert_keeper import AlertKeeper
from botmon_cog.monitors.alert_sender import AlertSender, Send
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.wall_jumps import WallJumps
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.engine import answered
from botmon_cog.store.queue.spool import Spool
from botmon_cog.timezones import find_zone

_log = logging.getLogger(__name__)

_TRIES = 5
_HOUR = timedelta(hours=1)
_ON_RECORD = timedelta(days=30)
_MANY = 1_000


class AlertContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a message says beside the alerts, at the time of a check."""

    audience: str | None = None
    """The application's id. None: not known yet; until it is, nothing is told, and nothing is lost by that."""
    waiting: int = 0
    """Rows that wait for the database, in memory or on disk."""
    spooled: int = 0
    """Those of them that are on disk."""
    dropped: int = 0
    """Rows lost since the start."""
    is_recalled: bool = True
    """Whether the checks know what `Alerts.firing` told. Until then nothing of this process's own ends."""


class Alerts:
    """Moves the alerts of one instance and the shared ones, tells what is new, and has it sent once."""

    def __init__(
        self,
        store: AlertStore,
        clock: Clock,
        config: Config,
        failures: Failures,
        spool: Spool | None = None,
        *,
        inhibits: Mapping[str, Sequence[str]] = NOTHING,
        causes: AlertCauses | None = None,
    ) -> None:
        """Nothing is read yet.

        `spool`: where alerts are kept while the database does not take them; None keeps them in memory only.
        `inhibits`: what follows from what, and is not told besides: patterns of keys by pattern. `causes`: finds out
        what is behind trouble with commands; None leaves messages without it.
        """
        self._store = store
        self._clock = clock
        self._jumps = WallJumps(clock)
        self._config = config.alerts
        self._interval_s = config.health.interval_s
        self._inhibits = inhibits
        self._causes = causes
        self._instance = config.instance
        self._timeout_s = config.health.database_timeout_s
        self._failures = failures
        self._keeper = AlertKeeper(store, config.instance, self._timeout_s, failures, spool)
        self._zone = find_zone(config.reports.timezone)
        self._windows = [parse_window(text) for text in config.alerts.maintenance]
        self._sender = AlertSender(store, self._keeper, clock, config, failures, spool)
        self._lock = asyncio.Lock()
        """Held by whoever moves alerts or messages."""
        self._made_at: list[datetime] = []
        """When notices were made within the last hour."""
        self._knows_made_at = False
        self._problems: tuple[Problem, ...] = ()
        """What the last check found."""
        self._seen: dict[Name, datetime] = {}
        """When what is shared, and fires, was last found by this process."""
        self._dropped_before = 0
        """How many rows had been lost when all was well last."""

    async def recall(self) -> None:
        """Take up what an earlier process left on disk; what the database has is read at every step."""
        await self._keeper.recall()
        self._made_at = [message.made_at for message in self._keeper.outbox.values()]

    async def settle(self) -> None:
        """Return when no message is on its way any more, which takes 10 s at the most."""
        await self._sender.settle()

    async def close(self) -> None:
        """Return when nothing of this is at work any more."""
        await self.settle()

    async def firing(self) -> tuple[Alert, ...] | None:
        """What an earlier process found, told, and did not see the end of; None while nobody can tell.

        What is shared is among it: it may be certain to others long before it is to a process that has just begun.
        """
        if not self._config.enabled:
            return ()
        book = await self._keeper.look(self._clock.now())
        if book is None and not self._keeper.knows:
            return None
        return tuple(alert for alert in (book or self._keeper).alerts if alert.state == "firing")

    async def step(self, troubles: Sequence[Problem], context: AlertContext | None = None) -> None:
        """Move the alerts by one check, and put what is to be told on its way. Never raises.

        `troubles`: everything that is not known to be over, also what does not last yet.
        """
        if not self._config.enabled:
            return
        async with self._lock:
            try:
                await self._step(troubles, context or AlertContext())
            except Exception as error:  # noqa: BLE001 (the edge: the check goes on)
                self._failures.note("moving the alerts", error)

    async def deliver(self, audience: str, send: Send) -> None:
        """Send what is due to one bot's owners, whichever of its processes it is from.

        Never raises: what can't be sent or noted now is, the next time.
        """
        if not self._config.enabled:
            return
        async with self._lock:
            try:
                await self._sender.deliver(audience, send)
            except Exception as error:  # noqa: BLE001 (the edge: the check goes on)
                self._failures.note("delivering alerts", error)

    async def mute(self, names: Iterable[Name], until: datetime, by: str) -> None:
        """Tell nothing of keys, each with its scope, until a moment; `by` is a user's id."""
        now = self._clock.now()
        await self._keeper.change_mutes(
            {name: Mute(scope=name[0], key=name[1], until=until, by=by, made_at=now) for name in names}
        )

    async def unmute(self, names: Iterable[Name]) -> bool:
        """Whether any of these keys was muted."""
        muted = {(mute.scope, mute.key) for mute in (await self.overview()).mutes}
        ended = muted.intersection(names)
        await self._keeper.change_mutes(dict.fromkeys(ended))
        return bool(ended)

    async def overview(self) -> AlertsOverview:
        """How it is now; nothing, where alerts are switched off. Changes nothing."""
        if not self._config.enabled:
            return AlertsOverview()
        now = self._clock.now()
        book = await self._keeper.look(now)
        alerts = sorted((book or self._keeper).alerts, key=_by_gravity)
        return AlertsOverview(
            firing=tuple(alert for alert in alerts if alert.state == "firing"),
            pending=tuple(sorted(filter(self._is_pending, self._problems), key=_by_gravity)),
            mutes=self._keeper.mutes(now, book.mutes if book else None),
            maintenance_until=maintenance_until(self._windows, now, self._zone),
        )

    async def history(self, since: datetime, limit: int) -> list[AlertMessage]:
        """What was told or was to be, of all instances, newest first.

        Raises:
            StorageError: the database is away.
        """
        return await answered(self._store.alert_history(since, limit), self._timeout_s)

    async def message(self, message_id: str) -> AlertMessage | None:
        """One message of the last 30 days; None where it is not on record.

        Raises:
            StorageError: the database is away.
        """
        waiting = self._keeper.outbox.get(message_id)
        if waiting is not None:
            return waiting
        told = await self.history(self._clock.now() - _ON_RECORD, _MANY)
        return next((message for message in told if message.message_id == message_id), None)

    # -- moving --------------------------------------------------------------------------------------------------------

    async def _step(self, problems: Sequence[Problem], context: AlertContext) -> None:
        self._problems = tuple(problems)
        jumped = timedelta(seconds=self._jumps.look())
        for _ in range(_TRIES):
            now = self._clock.now()
            stored = await self._keeper.read(now)
            if stored is not None:
                await self._sender.claims.end()
            await self._recall_made_at(now, can_ask=stored is not None)
            before = shifted(self._keeper.alerts, jumped, self._instance) if jumped else self._keeper.alerts
            after = moved(before, problems, self._look(problems, now, context), self._config)
            alerts, messages = await self._tell(after.alerts, context, now)
            try:
                if stored is None:
                    await self._keeper.put_aside(alerts, after.gone, messages)
                elif not await self._keeper.keep(stored, alerts, after.gone, messages):
                    continue
            except StorageError:
                await self._keeper.put_aside(alerts, after.gone, messages)
            self._made_at += [message.made_at for message in messages]
            if all(alert.state == "resolved" and not is_told(alert) for alert in alerts):
                self._dropped_before = context.dropped
            return
        _log.debug("other processes were quicker %d times; the next check moves the alerts", _TRIES)

    def _look(self, problems: Sequence[Problem], now: datetime, context: AlertContext) -> Look:
        look = Look(
            at=now,
            instance=self._instance,
            interval_s=self._interval_s,
            seen=self._seen,
            is_recalled=context.is_recalled,
        )
        firing = {alert.key for alert in self._keeper.alerts if alert.scope == SHARED}
        shared = (problem for problem in problems if problem.is_shared)
        known = {name: at for name, at in self._seen.items() if name[1] in firing}
        self._seen = known | {look.name(problem): look.seen_at(problem) for problem in shared}
        return replace(look, seen=self._seen)

    def _is_pending(self, problem: Problem) -> bool:
        """Whether it will be told, should it last."""
        is_told_once_it_lasts = problem.key not in UNTOLD and not is_graver(self._config.level, problem.severity)
        return problem.lasting is None and problem.good_since is None and is_told_once_it_lasts

    async def _tell(
        self, alerts: tuple[Alert, ...], context: AlertContext, now: datetime
    ) -> tuple[tuple[Alert, ...], list[AlertMessage]]:
        if context.audience is None:
            return alerts, []
        telling = tell(
            alerts,
            now,
            instance=self._instance,
            config=self._config,
            troubles=self._problems,
            inhibits=self._inhibits,
            mutes=self._keeper.mutes(now),
            is_maintained=maintenance_until(self._windows, now, self._zone) is not None,
            made_at=self._made_at,
        )
        with_causes = [
            notice if self._causes is None else await self._causes.added_to(notice) for notice in telling.notices
        ]
        return telling.alerts, [self._message(notice, context.audience, context) for notice in with_causes]

    def _message(self, notice: Notice, audience: str, context: AlertContext) -> AlertMessage:
        lost = max(context.dropped - self._dropped_before, 0)
        message_id = uuid4().hex
        notice = replace(notice, waiting=context.waiting, spooled=context.spooled, lost=lost, message_id=message_id)
        return AlertMessage(
            message_id=message_id, instance=self._instance, audience=audience, notice=notice, made_at=notice.made_at
        )

    async def _recall_made_at(self, now: datetime, *, can_ask: bool) -> None:
        """So that the limit per hour holds over a restart."""
        self._made_at = [at for at in self._made_at if at > now - _HOUR]
        if self._knows_made_at or not can_ask:
            return
        try:
            told = await self.history(now - _HOUR, _MANY)
        except StorageError:
            return
        self._made_at += [message.made_at for message in told if message.instance == self._instance]
        self._knows_made_at = True


def _by_gravity(each: Alert | Problem) -> tuple[bool, datetime, str]:
    return each.severity != "critical", each.since, each.key
