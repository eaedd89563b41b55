"""What is kept of alerts, and of the messages about them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal, TypeVar

import msgspec

from botmon_cog.domain.alerts import EVERYTHING, Alert, AlertBook, AlertMessage, Mute, OtherAlert
from botmon_cog.domain.alerts.incidents import Basis
from botmon_cog.store.columns import RecordTable
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import bound, clean, fields, milliseconds, moment
from botmon_cog.store.schema import ALERT_MESSAGES, ALERT_MUTES, ALERTS
from botmon_cog.store.script import Exclude, Execute, Query, Row, Script
from botmon_cog.store.sql import insert_statement

S = TypeVar("S", bound=msgspec.Struct)


def _values(table: RecordTable) -> str:
    return f"VALUES ({', '.join(f':{column}' for column in table.columns)})"


_OF_SCOPE = "WHERE scope IN (:instance, '')"
_ALERTS = f"SELECT {', '.join(ALERTS.columns)} FROM @alerts {_OF_SCOPE} ORDER BY scope, key"  # noqa: S608 (names)
_SAME_ALERT = "WHERE scope = :scope AND key = :key AND version = :version"
_NEW_ALERT = insert_statement(ALERTS, _values(ALERTS), "ignore")
_CHANGES = ", ".join(f"{column} = :{column}" for column in ALERTS.columns if column != "version")
_CHANGE_ALERT = f"UPDATE @alerts SET {_CHANGES}, version = version + 1 {_SAME_ALERT}"  # noqa: S608 (names)
_FORGET_ALERT = f"DELETE FROM @alerts {_SAME_ALERT}"  # noqa: S608 (text of ours)

# A process stands in `runs` once it has begun.
_OTHERS = f"""
SELECT {", ".join(ALERTS.columns)}, (SELECT MAX(r.seen_ms) FROM @runs AS r WHERE r.instance = a.scope)
FROM @alerts AS a WHERE audience = :audience AND scope NOT IN (:instance, '') ORDER BY scope, key
"""  # noqa: S608 (names)

_MUTES = f"""
SELECT {", ".join(ALERT_MUTES.columns)} FROM @alert_mutes
WHERE until_ms > :now AND (scope IN (:instance, '') OR (audience = :audience AND scope <> '' AND key <> '{EVERYTHING}'))
ORDER BY scope, key
"""  # noqa: S608 (names)
_PUT_MUTE = insert_statement(ALERT_MUTES, _values(ALERT_MUTES), "replace")
_END_MUTE = "DELETE FROM @alert_mutes WHERE scope = :scope AND key = :key"

_MESSAGES = f"SELECT {', '.join(ALERT_MESSAGES.columns)} FROM @alert_messages"  # noqa: S608 (names)
_CLAIMABLE = "state = 'due' AND (claimed_by IS NULL OR claimed_ms < :claims_from)"
# What was sent while the database was away comes with its result, and may be there as due.
_PUT_MESSAGE = (
    insert_statement(ALERT_MESSAGES, _values(ALERT_MESSAGES), "replace")
    + " WHERE stored.state = 'due' AND excluded.state <> 'due'"
)
_DUE = f"{_MESSAGES} WHERE audience = :audience AND {_CLAIMABLE} ORDER BY made_ms, message_id"
_MESSAGE = f"{_MESSAGES} WHERE message_id = :message_id"
# PostgreSQL looks at the condition again once the process that was quicker has committed: one of them changes the row.
_CLAIM = f"""
UPDATE @alert_messages SET is_repeat = CASE WHEN claimed_by IS NULL THEN is_repeat ELSE 1 END, claimed_by = :by,
       claimed_ms = :now, attempts = attempts + 1
WHERE message_id = :message_id AND {_CLAIMABLE}
"""  # noqa: S608 (text of ours)
_FINISH = """
UPDATE @alert_messages SET state = :state, result = :result, {more}
WHERE message_id = :message_id AND state = 'due' AND claimed_by = :by
"""
_FINISHED = _FINISH.replace("{more}", "finished_ms = :now")
_GIVEN_BACK = _FINISH.replace("{more}", "claimed_by = NULL, claimed_ms = NULL")
_SENT_SINCE = f"{_MESSAGES} WHERE made_ms >= :since ORDER BY made_ms DESC, message_id DESC LIMIT :limit"


class _ChangedMeanwhileError(Exception):
    """Another process changed an alert since it was read; raised in a transaction to undo it."""


class AlertStore:
    """The alerts of one instance and the shared ones. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine, instance: str) -> None:
        self._engine = engine
        self._instance = instance

    async def alerts(self, now: datetime, audience: str = "") -> AlertBook:
        """All there are, with the mutes in force. `audience`: the bot of whose other processes they are, too."""
        values = {"instance": self._instance, "audience": audience or None, "now": milliseconds(now)}
        return await self._engine.read(_book(values))

    async def keep_alerts(
        self,
        changed: Sequence[Alert],
        gone: Sequence[Alert],
        messages: Sequence[AlertMessage],
        basis: Basis | None = None,
    ) -> bool:
        """Store alerts, forget others, and put messages beside them, all in one transaction.

        False: nothing was stored, because another process has changed one of these alerts since it was read, or told
        what `basis` says it had not. `version` of each is the one that was read; it is stored as one more.
        """
        others = {"instance": self._instance, "audience": None if basis is None else basis.audience}
        try:
            await self._engine.write(_keep(changed, gone, messages, basis, others))
        except _ChangedMeanwhileError:
            return False
        return True

    async def due_messages(self, audience: str, claims_from: datetime) -> list[AlertMessage]:
        """What waits to be sent by whichever process of one bot, oldest first: not claimed, or claimed before
        `claims_from` and never finished.
        """
        return await self._messages(_DUE, {"audience": audience, "claims_from": milliseconds(claims_from)})

    async def claim_message(
        self, message_id: str, by: str, now: datetime, claims_from: datetime
    ) -> AlertMessage | None:
        """Claim a due message by one atomic UPDATE; None if another process was quicker.

        If a claim before this one ended without a result, `is_repeat` says so.
        """
        values = {
            "message_id": message_id,
            "by": clean(by),
            "now": milliseconds(now),
            "claims_from": milliseconds(claims_from),
        }
        rows = await self._engine.write(_claim(values))
        return _read(ALERT_MESSAGES, AlertMessage, rows[0]) if rows else None

    async def finish_message(
        self, message_id: str, by: str, state: Literal["due", "sent", "failed"], result: str, now: datetime
    ) -> None:
        """Note what became of a claimed message. `due` lets it be claimed again, without being a repeat."""
        values: dict[str, Any] = {
            "message_id": message_id,
            "by": clean(by),
            "state": state,
            "result": clean(result),
        }
        if state != "due":
            values["now"] = milliseconds(now)
        await self._execute(_GIVEN_BACK if state == "due" else _FINISHED, values)

    async def alert_history(self, since: datetime, limit: int) -> list[AlertMessage]:
        """What was told or was to be, of all instances, newest first."""
        return await self._messages(_SENT_SINCE, {"since": milliseconds(since), "limit": limit})

    async def put_mute(self, mute: Mute) -> None:
        """Mute a key, in place of a mute that it has."""
        await self._execute(_PUT_MUTE, bound(ALERT_MUTES, mute))

    async def end_mute(self, scope: str, key: str) -> bool:
        """Whether there was one."""
        return await self._execute(_END_MUTE, {"scope": clean(scope), "key": clean(key)}) > 0

    async def _messages(self, query: str, values: dict[str, Any]) -> list[AlertMessage]:
        rows = await self._engine.read(_rows(query, values))
        return [_read(ALERT_MESSAGES, AlertMessage, row) for row in rows]

    async def _execute(self, statement: str, values: dict[str, Any]) -> int:
        return await self._engine.write(execute(statement, values))


def execute(statement: str, values: dict[str, Any]) -> Script[int]:
    """One statement: how many rows it changed."""
    return (yield Execute(statement, values))


def _rows(query: str, values: dict[str, Any]) -> Script[list[Row]]:
    return (yield Query(query, values))


def _read(table: RecordTable, kind: type[S], row: Row) -> S:
    return kind(**fields(table.of, row))


def _book(values: dict[str, Any]) -> Script[AlertBook]:
    alerts = yield Query(_ALERTS, {"instance": values["instance"]})
    mutes = yield Query(_MUTES, values)
    others = yield from _others({name: values[name] for name in ("instance", "audience")})
    return AlertBook(
        alerts=tuple(_read(ALERTS, Alert, row) for row in alerts),
        others=others,
        mutes=tuple(_read(ALERT_MUTES, Mute, row) for row in mutes),
    )


def _others(values: dict[str, Any]) -> Script[tuple[OtherAlert, ...]]:
    rows = yield Query(_OTHERS, values)
    alerts = [(_read(ALERTS, Alert, row[:-1]), row[-1]) for row in rows]
    return tuple(
        OtherAlert(alert=alert, alive_at=alert.seen_at if alive_ms is None else max(alert.seen_at, moment(alive_ms)))
        for alert, alive_ms in alerts
    )


def _claim(values: dict[str, Any]) -> Script[list[Row]]:
    if not (yield Execute(_CLAIM, values)):
        return []
    return (yield Query(_MESSAGE, {"message_id": values["message_id"]}))


def _keep(
    changed: Sequence[Alert],
    gone: Sequence[Alert],
    messages: Sequence[AlertMessage],
    basis: Basis | None,
    of_others: dict[str, Any],
) -> Script[None]:
    if basis is not None and basis.told:
        yield Exclude("alerts")
        others = yield from _others(of_others)
        if not basis.holds(other.alert for other in others):
            raise _ChangedMeanwhileError
    steps = [(alert, _CHANGE_ALERT if alert.version else _NEW_ALERT) for alert in changed]
    steps += [(alert, _FORGET_ALERT) for alert in gone if alert.version]
    # In the order of their keys: two processes that change the same alerts wait for each other in one order.
    for alert, statement in sorted(steps, key=lambda step: (step[0].scope, step[0].key)):
        values = bound(ALERTS, alert)
        if statement is _NEW_ALERT:
            values["version"] = 1
        elif statement is _FORGET_ALERT:
            values = {name: values[name] for name in ("scope", "key", "version")}
        if not (yield Execute(statement, values)):
            raise _ChangedMeanwhileError
    for message in messages:
        yield Execute(_PUT_MESSAGE, bound(ALERT_MESSAGES, message))
