"""What is kept of reports that are posted: which one was due when, who posts it, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from botmon_cog.store.alerts import execute
from botmon_cog.store.engine import Engine
from botmon_cog.store.records import clean, milliseconds, moment
from botmon_cog.store.schema import POSTS
from botmon_cog.store.script import Execute, Query, Row, Script
from botmon_cog.store.sql import insert_statement

PostKind = Literal["weekly", "own_weekly", "own_monthly"]
PostState = Literal["due", "sent", "skipped", "failed"]

LEASE = timedelta(seconds=120)
"""For so long a claim keeps others away."""
RETRY_AFTER = timedelta(minutes=5)
_TAKEN_OVER = "taken over from a process that left no result"

_ROWS = f"SELECT {', '.join(POSTS.columns)} FROM @posts"  # noqa: S608 (names)
_SINCE = f"{_ROWS} WHERE due_ms >= :since"
_LAST = f"{_ROWS} WHERE kind = :kind AND scope = :scope AND due_ms < :before ORDER BY due_ms DESC LIMIT 1"
_KEY = "kind = :kind AND scope = :scope AND due_ms = :due_ms"
_ADD = insert_statement(POSTS, "VALUES (:kind, :scope, :due_ms, 'due', NULL, NULL, 0, NULL)", "ignore")
# PostgreSQL looks at the condition again once the process that was quicker has committed: one of them changes the row.
_CLAIM = f"""
UPDATE @posts SET result = CASE WHEN claimed_by IS NULL THEN result ELSE :taken_over END, claimed_by = :by,
       claimed_ms = :now, attempts = attempts + 1
WHERE {_KEY} AND state = 'due' AND (
    claimed_by IS NULL AND (claimed_ms IS NULL OR claimed_ms <= :retry_from)
    OR claimed_by IS NOT NULL AND claimed_ms <= :lease_from AND (result IS NULL OR result <> :taken_over)
)
"""  # noqa: S608 (text of ours)
_FINISH = f"""
UPDATE @posts SET state = :state, result = :result, claimed_ms = :now, claimed_by = NULL
WHERE {_KEY} AND state = 'due' AND claimed_by = :by
"""  # noqa: S608 (text of ours)


class PostKey(msgspec.Struct, frozen=True, order=True):
    """One report. `scope`: a server's id; 0 is the bot."""

    due_at: datetime
    kind: PostKind
    scope: int

    def values(self) -> dict[str, Any]:
        return {"kind": self.kind, "scope": self.scope, "due_ms": milliseconds(self.due_at)}


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one.

    Attributes:
        claimed_by: who posts it now; None: nobody.
        tried_at: when it was claimed or finished last.
        attempts: how often it was claimed.
        result: what became of it, in words; of a claimed one, of the attempt before.
    """

    key: PostKey
    state: PostState
    claimed_by: str | None = None
    tried_at: datetime | None = None
    attempts: int = 0
    result: str | None = None

    def may_be_claimed(self, now: datetime) -> bool:
        """Whether to try; the database decides."""
        if self.state != "due":
            return False
        if self.tried_at is None:
            return True
        if self.claimed_by is None:
            return self.tried_at <= now - RETRY_AFTER
        return self.tried_at <= now - LEASE and self.result != _TAKEN_OVER


class PostStore:
    """For all processes that share a store. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def since(self, since: datetime) -> Mapping[PostKey, Post]:
        """All that were due at that moment or later, as far as anybody tried."""
        posts = await self._engine.read(_posts(_SINCE, {"since": milliseconds(since)}))
        return {post.key: post for post in posts}

    async def last(self, kind: PostKind, scope: int, before: datetime) -> Post | None:
        """The last one that was due before that moment, and that anybody tried."""
        values = {"kind": kind, "scope": scope, "before": milliseconds(before)}
        return next(iter(await self._engine.read(_posts(_LAST, values))), None)

    async def claim(self, key: PostKey, by: str, now: datetime) -> bool:
        """Whether it is ours to post: of all that ask, one is told so.

        A claim whose owner left no result within 120 s is taken over, once; what was given back, after five minutes.
        """
        values = {
            "by": clean(by),
            "now": milliseconds(now),
            "retry_from": milliseconds(now - RETRY_AFTER),
            "lease_from": milliseconds(now - LEASE),
            "taken_over": _TAKEN_OVER,
        }
        return await self._engine.write(_claim(key, values))

    async def finish(self, key: PostKey, by: str, state: PostState, result: str, now: datetime) -> None:
        """Note what became of a claimed one. `due`: it may be tried again."""
        values: dict[str, Any] = {"by": clean(by), "state": state, "result": clean(result), "now": milliseconds(now)}
        await self._engine.write(execute(_FINISH, key.values() | values))


def _claim(key: PostKey, values: dict[str, Any]) -> Script[bool]:
    yield Execute(_ADD, key.values())
    return bool((yield Execute(_CLAIM, key.values() | values)))


def _posts(query: str, values: dict[str, Any]) -> Script[list[Post]]:
    return [_read(row) for row in (yield Query(query, values))]


def _read(row: Row) -> Post:
    kind, scope, due_ms, state, claimed_by, claimed_ms, attempts, result = row
    return Post(
        key=PostKey(moment(due_ms), kind, int(scope)),
        state=state,
        claimed_by=claimed_by,
        tried_at=None if claimed_ms is None else moment(claimed_ms),
        attempts=int(attempts),
        result=result,
    )
