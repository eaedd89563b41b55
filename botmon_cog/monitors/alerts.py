"""From problems to news on its way, and from there to the owners."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from botmon_cog.clock import Clock
from botmon_cog.config import Config
from botmon_cog.domain.alerts import Alert, AlertMessage, AlertsOverview, Mute, News, covers
from botmon_cog.domain.alerts.machine import is_told, moved, shifted
from botmon_cog.domain.alerts.news import tell
from botmon_cog.domain.reports import Problem
from botmon_cog.errors import StorageError
from botmon_cog.maintenance import maintenance_until, parse_window
from botmon_cog.monitors.alert_keeper import AlertKeeper, Name
from botmon_cog.monitors.alert_sender import AlertSender, Send
from botmon_cog.monitors.failures import Failures
from botmon_cog.store.alerts import AlertStore
from botmon_cog.store.engine import answered
from botmon_cog.store.queue.spool import Spool
from botmon_cog.timezones import find_zone

_log = logging.getLogger(__name__)

_TRIES = 5
_HOUR = timedelta(hours=1)
_OF_THE_HOUR = ("commands", "gateway.reconnects", "gateway.heartbeat", "rest")
"""What is judged by the last hour, of which a process knows only what it has seen itself."""
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
    jumped_s: float = 0.0
    """By how much the wall clock jumped since the check before."""


class Alerts:
    """Moves the alerts of one instance and the shared ones, tells what is new, and has it sent once."""

    def __init__(
        self, store: AlertStore, clock: Clock, config: Config, failures: Failures, spool: Spool | None = None
    ) -> None:
        """`spool`: where alerts are kept while the database does not take them; None keeps them in memory only."""
        self._store = store
        self._clock = clock
        self._config = config.alerts
        self._instance = config.instance
        self._timeout_s = config.health.database_timeout_s
        self._failures = failures
        self._keeper = AlertKeeper(store, config.instance, self._timeout_s, failures, spool)
        self._zone = find_zone(config.reports.timezone)
        self._windows = [parse_window(text) for text in config.alerts.maintenance]
        self._sender = AlertSender(store, self._keeper, clock, config.instance, self._timeout_s, failures)
        self._lock = asyncio.Lock()
        """Held by whoever moves alerts or messages."""
        self._made_at: list[datetime] = []
        """When news was made within the last hour."""
        self._knows_made_at = False
        self._checks_to_certainty = config.health.checks_to_enter
        """How many checks it takes after a start until trouble that was there before can be certain again."""
        self._began_s = clock.monotonic()
        self._seen: set[str] = set()
        """The keys of what has been bad since the start: of these it is known whether they are well."""
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

    async def step(
        self, problems: Sequence[Problem], unknown: Collection[str] = (), context: AlertContext | None = None
    ) -> None:
        """Move the alerts by one check, and put what is to be told on its way.

        `unknown` are keys, all beneath them included, of which this check could not tell whether they are well. Never
        raises.
        """
        if not self._config.enabled:
            return
        async with self._lock:
            try:
                await self._step(problems, unknown, context or AlertContext())
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
        alerts = sorted(
            book.alerts if book else self._keeper.alerts,
            key=lambda alert: (alert.severity != "critical", alert.since, alert.key),
        )
        return AlertsOverview(
            firing=tuple(alert for alert in alerts if alert.state == "firing"),
            pending=tuple(alert for alert in alerts if alert.state == "pending"),
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

    async def _step(self, problems: Sequence[Problem], unknown: Collection[str], context: AlertContext) -> None:
        is_certain = self._checks_to_certainty <= 0
        self._checks_to_certainty -= 1
        self._seen |= {problem.key for problem in problems}
        for _ in range(_TRIES):
            now = self._clock.now()
            stored = await self._keeper.read(now)
            await self._recall_made_at(now, can_ask=stored is not None)
            before = self._keeper.alerts
            if context.jumped_s:
                before = shifted(before, timedelta(seconds=context.jumped_s))
            unsure = [alert.key for alert in before if self._is_unsure(alert.key, is_certain=is_certain)]
            after = moved(
                before, problems, now, instance=self._instance, config=self._config, unknown=[*unknown, *unsure]
            )
            alerts, messages = self._tell(after.alerts, context, now)
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

    def _is_unsure(self, key: str, *, is_certain: bool) -> bool:
        """Whether an alert from before this start may look well only because what it rests on begins anew."""
        if key in self._seen:
            return False
        is_young = self._clock.monotonic() - self._began_s < _HOUR.total_seconds()
        return not is_certain or (is_young and any(covers(prefix, key) for prefix in _OF_THE_HOUR))

    def _tell(
        self, alerts: tuple[Alert, ...], context: AlertContext, now: datetime
    ) -> tuple[tuple[Alert, ...], list[AlertMessage]]:
        if context.audience is None:
            return alerts, []
        telling = tell(
            alerts,
            now,
            instance=self._instance,
            config=self._config,
            mutes=self._keeper.mutes(now),
            is_maintained=maintenance_until(self._windows, now, self._zone) is not None,
            made_at=self._made_at,
        )
        return telling.alerts, [self._message(news, context.audience, context) for news in telling.news]

    def _message(self, news: News, audience: str, context: AlertContext) -> AlertMessage:
        lost = max(context.dropped - self._dropped_before, 0)
        message_id = uuid4().hex
        news = replace(news, waiting=context.waiting, spooled=context.spooled, lost=lost, message_id=message_id)
        return AlertMessage(
            message_id=message_id, instance=self._instance, audience=audience, news=news, made_at=news.made_at
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
