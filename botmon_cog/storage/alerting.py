"""What is kept of alerts, and of the messages about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import msgspec

from botmon_cog.domain.alerts import Alert, AlertBook, AlertMessage, Mute, News
from botmon_cog.storage import queries, tables, values
from botmon_cog.storage.engine import SqlEngine
from botmon_cog.storage.rows import Row, storable
from botmon_cog.storage.script import Ask, Do, Script


class _ChangedMeanwhileError(Exception):
    """Another process changed an alert since it was read; raised in a transaction to undo it."""


class SqlAlerting(SqlEngine):
    """The verbs of `Storage` about alerts."""

    async def alerts(self, now: datetime) -> AlertBook:
        return await self.look(self._book(now))

    def _book(self, now: datetime) -> Script[AlertBook]:
        bound = {"instance": self.instance, "now": self.dialect.moment(now)}
        alerts = yield Ask(queries.ALERTS, bound)
        mutes = yield Ask(queries.MUTES, bound)
        return AlertBook(
            alerts=tuple(
                Alert(**values.fields(tables.ALERTS, tables.ALERTS.columns, row, self.when)) for row in alerts
            ),
            mutes=tuple(
                Mute(**values.fields(tables.ALERT_MUTES, tables.ALERT_MUTES.columns, row, self.when)) for row in mutes
            ),
        )

    async def keep_alerts(
        self, changed: Sequence[Alert], gone: Sequence[Alert], messages: Sequence[AlertMessage]
    ) -> bool:
        try:
            await self.transact(self._keep(changed, gone, messages))
        except _ChangedMeanwhileError:
            return False
        return True

    def _keep(self, changed: Sequence[Alert], gone: Sequence[Alert], messages: Sequence[AlertMessage]) -> Script[None]:
        steps = [(alert, queries.CHANGE_ALERT if alert.version else queries.NEW_ALERT) for alert in changed]
        steps += [(alert, queries.FORGET_ALERT) for alert in gone if alert.version]
        # In the order of their keys: two processes that change the same alerts wait for each other in one order.
        for alert, statement in sorted(steps, key=lambda step: (step[0].scope, step[0].key)):
            bound = values.bound(alert, self.dialect.moment)
            if statement is queries.NEW_ALERT:
                bound["version"] = 1
            if not (yield Do(statement, bound)):
                raise _ChangedMeanwhileError
        for message in messages:
            yield Do(queries.PUT_MESSAGE, values.bound(message, self.dialect.moment))

    async def due_messages(self, audience: str, claims_from: datetime) -> list[AlertMessage]:
        bound = {"audience": audience, "claims_from": self.dialect.moment(claims_from)}
        return [self._message(row) for row in await self.rows(queries.DUE_MESSAGES, bound)]

    async def claim_message(
        self, message_id: str, by: str, now: datetime, claims_from: datetime
    ) -> AlertMessage | None:
        moment = self.dialect.moment
        bound = {
            "message_id": message_id,
            "by": storable(by),
            "now": moment(now),
            "claims_from": moment(claims_from),
        }

        def claim() -> Script[Sequence[Row]]:
            return (yield Ask(queries.MESSAGE, bound)) if (yield Do(queries.CLAIM_MESSAGE, bound)) else ()

        rows = await self.transact(claim())
        return self._message(rows[0]) if rows else None

    async def finish_message(
        self, message_id: str, by: str, state: Literal["due", "sent", "failed"], result: str, now: datetime
    ) -> None:
        bound = {
            "message_id": message_id,
            "by": storable(by),
            "state": state,
            "result": storable(result),
            "now": self.dialect.moment(now),
        }
        await self.execute(queries.GIVE_BACK_MESSAGE if state == "due" else queries.FINISH_MESSAGE, bound)

    async def alert_history(self, since: datetime, limit: int) -> list[AlertMessage]:
        bound = {"since": self.dialect.moment(since), "limit": limit}
        return [self._message(row) for row in await self.rows(queries.ALERT_HISTORY, bound)]

    async def put_mute(self, mute: Mute) -> None:
        await self.execute(queries.PUT_MUTE, values.bound(mute, self.dialect.moment))

    async def end_mute(self, scope: str, key: str) -> bool:
        return await self.execute(queries.END_MUTE, {"scope": storable(scope), "key": storable(key)}) > 0

    def _message(self, row: Row) -> AlertMessage:
        found = values.fields(tables.ALERT_MESSAGES, tables.ALERT_MESSAGES.columns, row, self.when)
        return AlertMessage(news=msgspec.json.decode(found.pop("news"), type=News), **found)
