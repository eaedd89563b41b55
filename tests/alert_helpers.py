"""What the tests of alerts share: problems, a bot's life check by check, and a database in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig
from botmon_cog.domain.alerts import EVERYTHING, Alert, AlertBook, AlertMessage, Mute, Notice, OtherAlert
from botmon_cog.domain.alerts.incidents import Basis
from botmon_cog.domain.alerts.machine import Look, moved
from botmon_cog.domain.alerts.notices import tell
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import Problem
from botmon_cog.errors import StorageError
from botmon_cog.health.component import Finding, Trouble
from botmon_cog.health.components import INHIBITS
from botmon_cog.health.debounce import Debouncer, Now

START = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
INTERVAL_S = 60.0


BAD = Trouble("test.bad", "{key} is bad", "all is well")


def bad(key: str) -> Reason:
    return Reason.of("test.bad", key=key)


def problem(
    key: str, severity: Any = "critical", *, since: datetime = START, is_shared: bool = False, **parts: Any
) -> Problem:
    """One that has lasted long enough to be told."""
    usual: dict[str, Any] = {"lasting": severity, "reason": bad(key)}
    return Problem(key=key, severity=severity, since=since, is_shared=is_shared, **(usual | parts))


def rule_reason(words: str) -> Reason:
    """One that reads as it is given."""
    return Reason.of("rule.broken", metric="threads", message=words)


def mute(key: str, until: datetime, scope: str = "main") -> Mute:
    return Mute(scope=scope, key=key, until=until, by="1", made_at=START)


def told(notices: Iterable[Notice]) -> list[str]:
    """`alert: fired memory, still cpu`, one text for each message."""
    return [f"{one.kind}: " + ", ".join(f"{item.change} {item.key}" for item in one.items) for one in notices]


class Life:
    """A process's checks, a minute apart. Of the alerts, all that stays is what a database would keep.

    Attributes:
        bad: what is bad now, key -> severity: facts, each certain as soon as it is seen.
        notices: all that was told.
    """

    def __init__(self, config: AlertsConfig | None = None) -> None:
        self.config = config or AlertsConfig()
        self.now = START
        self.alerts: tuple[Alert, ...] = ()
        self.mutes: list[Mute] = []
        self.is_maintained = False
        self.bad: dict[str, str] = {}
        self.notices: list[Notice] = []
        self._components: set[str] = set()
        self._debouncer = Debouncer(self.config)

    def check(self, unknown: Collection[str] = (), *, minutes: float = 1) -> list[str]:
        """One check, in which the components of `unknown` can't look; then time passes. What it told."""
        troubles = self._debouncer.step(self._looks(unknown), self._now())
        look = Look(at=self.now, instance="main", interval_s=INTERVAL_S)
        after = moved(self.alerts, troubles, look, self.config)
        telling = tell(
            after.alerts,
            self.now,
            instance="main",
            config=self.config,
            troubles=troubles,
            inhibits=INHIBITS,
            mutes=[one for one in self.mutes if one.until > self.now],
            is_maintained=self.is_maintained,
            made_at=[one.made_at for one in self.notices],
        )
        self.alerts = msgspec.json.decode(msgspec.json.encode(telling.alerts), type=tuple[Alert, ...])
        self.notices += telling.notices
        self.now += timedelta(minutes=minutes)
        return told(telling.notices)

    def _looks(self, unknown: Collection[str]) -> dict[str, list[Finding] | None]:
        self._components |= {key.partition(".")[0] for key in self.bad}
        looks: dict[str, list[Finding] | None] = {name: None if name in unknown else [] for name in self._components}
        for key, severity in self.bad.items():
            findings = looks[key.partition(".")[0]]
            if findings is not None:
                findings.append(BAD.fact(severity, key, **bad(key).values))  # pyright: ignore[reportArgumentType]
        return looks

    def _now(self) -> Now:
        passed_s = (self.now - START).total_seconds()
        return Now(at=self.now, at_s=passed_s, age_s=passed_s)

    def checks(self, n: int) -> list[str]:
        """`n` checks with nothing changed; what they told, each with its minute."""
        found: list[str] = []
        for minute in range(n):
            found += [f"{minute} {text}" for text in self.check()]
        return found

    def alert(self, key: str) -> Alert:
        return next(alert for alert in self.alerts if alert.key == key)


class MemoryStorage:
    """The verbs about alerts, as every engine has them.

    Attributes:
        is_away: whether all of them fail.
    """

    def __init__(self) -> None:
        self.is_away = False
        self.rows: dict[tuple[str, str], Alert] = {}
        self.mutes: dict[tuple[str, str], Mute] = {}
        self.messages: dict[str, AlertMessage] = {}

    def of(self, instance: str) -> InstanceStorage:
        return InstanceStorage(self, instance)


class InstanceStorage:
    """One process's way to it."""

    def __init__(self, database: MemoryStorage, instance: str) -> None:
        self.database = database
        self._scopes = {instance, ""}

    def _reach(self) -> MemoryStorage:
        if self.database.is_away:
            raise StorageError("away")
        return self.database

    async def alerts(self, now: datetime, audience: str = "") -> AlertBook:
        database = self._reach()
        others = self._others(audience)
        mutes = (one for one in database.mutes.values() if one.until > now)
        book = AlertBook(
            alerts=tuple(alert for alert in database.rows.values() if alert.scope in self._scopes),
            others=tuple(OtherAlert(alert=alert, alive_at=alert.seen_at) for alert in others),
            mutes=tuple(
                one
                for one in mutes
                if one.scope in self._scopes
                or (one.scope and one.audience and one.audience == audience and one.key != EVERYTHING)
            ),
        )
        await asyncio.sleep(0)  # what was read may be old by now
        return book

    def _others(self, audience: str) -> list[Alert]:
        rows = self._reach().rows.values()
        return [alert for alert in rows if alert.scope not in self._scopes and audience and alert.audience == audience]

    async def keep_alerts(
        self,
        changed: Sequence[Alert],
        gone: Sequence[Alert],
        messages: Sequence[AlertMessage],
        basis: Basis | None = None,
    ) -> bool:
        database = self._reach()
        if basis is not None and not basis.holds(self._others(basis.audience)):
            return False
        for alert in (*changed, *gone):
            row = database.rows.get((alert.scope, alert.key))
            if (row.version if row is not None else 0) != alert.version:
                return False
        for alert in changed:
            database.rows[alert.scope, alert.key] = replace(alert, version=alert.version + 1)
        for alert in gone:
            del database.rows[alert.scope, alert.key]
        for message in messages:
            row = database.messages.get(message.message_id)
            if row is None or (row.state == "due" and message.state != "due"):
                database.messages[message.message_id] = message
        return True

    async def due_messages(self, audience: str, claims_from: datetime) -> list[AlertMessage]:
        found = [row for row in self._reach().messages.values() if row.audience == audience]
        return sorted((row for row in found if _is_claimable(row, claims_from)), key=lambda row: row.made_at)

    async def claim_message(
        self, message_id: str, by: str, now: datetime, claims_from: datetime
    ) -> AlertMessage | None:
        row = self._reach().messages[message_id]
        if not _is_claimable(row, claims_from):
            return None
        is_repeat = row.is_repeat or row.claimed_by is not None
        row = replace(row, claimed_by=by, claimed_at=now, attempts=row.attempts + 1, is_repeat=is_repeat)
        self.database.messages[message_id] = row
        return row

    async def finish_message(self, message_id: str, by: str, state: str, result: str, now: datetime) -> None:
        row = self._reach().messages[message_id]
        if (row.state, row.claimed_by) == ("due", by):
            after = replace(row, state=state, result=result)
            if state == "due":
                after = replace(after, claimed_by=None, claimed_at=None)
            self.database.messages[message_id] = after

    async def alert_history(self, since: datetime, limit: int) -> list[AlertMessage]:
        rows = [row for row in self._reach().messages.values() if row.made_at >= since]
        return sorted(rows, key=lambda row: row.made_at, reverse=True)[:limit]

    async def put_mute(self, mute: Mute) -> None:
        self._reach().mutes[mute.scope, mute.key] = mute

    async def end_mute(self, scope: str, key: str) -> bool:
        return self._reach().mutes.pop((scope, key), None) is not None


def _is_claimable(row: AlertMessage, claims_from: datetime) -> bool:
    return row.state == "due" and (row.claimed_at is None or row.claimed_at < claims_from)
