"""What one process tells of alerts at a check, as messages on their way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

import msgspec
from msgspec.structs import replace

from botmon_cog.config import Config
from botmon_cog.domain.alerts import SHARED, Alert, AlertMessage, Mute, Notice
from botmon_cog.domain.alerts.incidents import united, waiting
from botmon_cog.domain.alerts.machine import is_told
from botmon_cog.domain.alerts.notices import tell
from botmon_cog.domain.alerts.values import Value
from botmon_cog.domain.reports import Problem
from botmon_cog.errors import StorageError
from botmon_cog.maintenance import maintenance_until, parse_window
from botmon_cog.monitors.alert_causes import AlertCauses
from botmon_cog.timezones import find_zone

_HOUR = timedelta(hours=1)


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


class Found(Value, frozen=True, kw_only=True):
    """What a telling goes by.

    Attributes:
        problems: what the check found.
        others: the alerts of the bot's other processes.
        can_agree: whether the database answers, so that these are as they are now.
        mutes: those in force.
    """

    problems: Sequence[Problem]
    others: Sequence[Alert]
    can_agree: bool
    mutes: Sequence[Mute]


class AlertTeller:
    """Attributes:
    made_at: when notices were made within the last hour.
    """

    def __init__(self, config: Config, inhibits: Mapping[str, Sequence[str]], causes: AlertCauses | None) -> None:
        """`inhibits`, `causes`: as of `Alerts`."""
        self._config = config.alerts
        self._instance = config.instance
        self._inhibits = inhibits
        self._causes = causes
        self._zone = find_zone(config.reports.timezone)
        self._windows = [parse_window(text) for text in config.alerts.maintenance]
        self.made_at: list[datetime] = []
        self._knows_made_at = False
        self._dropped_before = 0
        """How many rows had been lost when all was well last."""

    def maintenance_until(self, now: datetime) -> datetime | None:
        """When the maintenance window that is open now ends; None where none is."""
        return maintenance_until(self._windows, now, self._zone)

    async def tell(
        self, alerts: Sequence[Alert], found: Found, context: AlertContext, now: datetime
    ) -> tuple[tuple[Alert, ...], list[AlertMessage]]:
        """The alerts, with what is told of them once the messages are on their way, and these."""
        audience = context.audience
        if audience is None:
            return tuple(alerts), []
        known = tuple(each if each.scope == SHARED else replace(each, audience=audience) for each in alerts)
        if found.can_agree:
            known = united(known, found.others, now)
        telling = tell(
            known,
            now,
            instance=self._instance,
            config=self._config,
            troubles=found.problems,
            inhibits=self._inhibits,
            mutes=found.mutes,
            is_maintained=self.maintenance_until(now) is not None,
            made_at=self.made_at,
            waiting=waiting(known, found.others, can_agree=found.can_agree),
        )
        with_causes = [
            notice if self._causes is None else await self._causes.added_to(notice) for notice in telling.notices
        ]
        return telling.alerts, [self._message(notice, audience, context) for notice in with_causes]

    def _message(self, notice: Notice, audience: str, context: AlertContext) -> AlertMessage:
        lost = max(context.dropped - self._dropped_before, 0)
        message_id = uuid4().hex
        notice = replace(notice, waiting=context.waiting, spooled=context.spooled, lost=lost, message_id=message_id)
        return AlertMessage(
            message_id=message_id, instance=self._instance, audience=audience, notice=notice, made_at=notice.made_at
        )

    def kept(self, alerts: Sequence[Alert], messages: Sequence[AlertMessage], context: AlertContext) -> None:
        """What was told is on its way."""
        self.made_at += [message.made_at for message in messages]
        if all(alert.state == "resolved" and not is_told(alert) for alert in alerts):
            self._dropped_before = context.dropped

    async def recall_made_at(self, now: datetime, history: Callable[[datetime], Awaitable[list[AlertMessage]]]) -> None:
        """So that the limit per hour holds over a restart. `history`: what was told since then, as `Alerts.history`."""
        if self._knows_made_at:
            return
        try:
            told = await history(now - _HOUR)
        except StorageError:
            return
        self.made_at += [message.made_at for message in told if message.instance == self._instance]
        self._knows_made_at = True

    def forget_made_at(self, now: datetime) -> None:
        """What no limit counts any more."""
        self.made_at = [at for at in self.made_at if at > now - _HOUR]
