"""Error groups: which failed how often, what one of them is, and what the owners said of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.models import ErrorGroup, ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import (
    Deploy,
    ErrorCounts,
    ErrorDetails,
    ErrorRelative,
    ErrorState,
    RecentError,
    Refusal,
    error_id,
)
from botmon_cog.domain.rollup import MS_PER_HOUR
from botmon_cog.store.alerts import execute
from botmon_cog.store.deploys import deploys
from botmon_cog.store.engine import Engine
from botmon_cog.store.error_groups import HAS_GROUP, IN_PERIOD, Known, bounds, known_group, known_groups, recent_groups
from botmon_cog.store.labels import stored_id, texts_of
from botmon_cog.store.records import clean, milliseconds, moment
from botmon_cog.store.script import Query, Script

_NEW_FOR = timedelta(hours=24)
_NEW_AFTER_DEPLOY_FOR = timedelta(days=7)
_MOST_RELATIVES = 10
_MOST_VERSIONS = 10
_URGENCY = {state: n for n, state in enumerate(ErrorState)}
_OF_A_COMMAND = (ErrorSource.COMMAND, ErrorSource.COMPONENT)

_OF_ONE = f"fingerprint = :fingerprint AND {IN_PERIOD}"
_HOURS = f"""
SELECT hour, SUM(n) FROM (
    SELECT started_ms / {MS_PER_HOUR} AS hour, COUNT(*) AS n FROM @invocations WHERE {_OF_ONE} GROUP BY 1
    UNION ALL
    SELECT started_ms / {MS_PER_HOUR}, SUM(n) FROM @background_failures WHERE {_OF_ONE} GROUP BY 1
) AS failures GROUP BY hour ORDER BY hour
"""  # noqa: S608 (text of ours)
# What ran when a process died is in a run of its own: see `crashes.crash_run`.
_VERSIONS = f"""
SELECT COALESCE(run.version, died.version), SUM(failures.n), MAX(failures.last_ms) FROM (
    SELECT run_id, COUNT(*) AS n, MAX(started_ms) AS last_ms FROM @invocations WHERE {_OF_ONE} GROUP BY run_id
    UNION ALL
    SELECT run_id, SUM(n), MAX(started_ms) FROM @background_failures WHERE {_OF_ONE} GROUP BY run_id
) AS failures
LEFT JOIN @runs AS run ON run.id = failures.run_id
LEFT JOIN @runs AS died ON died.token = -run.token
GROUP BY 1 ORDER BY 3 DESC, 2 DESC
"""  # noqa: S608 (text of ours)
_OF_RELATIVES = f"""
fingerprint IN (
    SELECT fingerprint FROM @error_groups WHERE file = :file AND line = :line AND fingerprint <> :fingerprint
) AND {IN_PERIOD}
"""  # noqa: S608 (text of ours)
_RELATIVES = f"""
SELECT g.fingerprint, g.source, g.what, SUM(failures.n) FROM (
    SELECT fingerprint, COUNT(*) AS n FROM @invocations WHERE {_OF_RELATIVES} GROUP BY fingerprint
    UNION ALL
    SELECT fingerprint, SUM(n) FROM @background_failures WHERE {_OF_RELATIVES} GROUP BY fingerprint
) AS failures
JOIN @error_groups AS g ON g.fingerprint = failures.fingerprint
GROUP BY g.fingerprint, g.source, g.what ORDER BY 4 DESC, g.fingerprint LIMIT {_MOST_RELATIVES}
"""  # noqa: S608 (text of ours)
# A server's failures are found in the index alone: of all others, no row is read.
_REFUSALS = f"""
SELECT command_id, lacks_id, CASE WHEN lacks_id IS NULL THEN i.fingerprint END, MAX(error_message), COUNT(*),
       MAX(i.started_ms)
FROM (
    SELECT run_id, seq FROM @invocations
    WHERE {HAS_GROUP} AND +started_ms >= :since AND +started_ms < :until AND guild_id = :guild_id
) AS failed CROSS JOIN @invocations AS i
WHERE i.run_id = failed.run_id AND i.seq = failed.seq AND is_own = 0
      AND outcome = {list(Outcome).index(Outcome.REFUSED)}
GROUP BY 1, 2, 3 ORDER BY 5 DESC, 6 DESC
"""  # noqa: S608 (a code)

_MARK = """
INSERT INTO @error_marks AS stored (fingerprint, resolved_ms, muted_until_ms, by)
VALUES (:fingerprint, {values}, :by)
ON CONFLICT (fingerprint) DO UPDATE SET {column} = excluded.{column}, by = excluded.by
"""
_RESOLVE = _MARK.format(values=":at, NULL", column="resolved_ms")
_MUTE = _MARK.format(values="NULL, :until", column="muted_until_ms")
_REOPEN = "UPDATE @error_marks SET resolved_ms = NULL WHERE fingerprint = :fingerprint"
_UNMUTE = "UPDATE @error_marks SET muted_until_ms = NULL WHERE fingerprint = :fingerprint"
_MUTED = "SELECT fingerprint FROM @error_marks WHERE muted_until_ms > :now"


class Errors:
    """Reads the error groups of all processes. Every method raises StorageError if the database is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def counts(
        self, period: Period, now: datetime, guild_id: str | None = None, *, limit: int = 100
    ) -> list[ErrorCounts]:
        """The groups that failed within a period, the most urgent first; our own last.

        With `guild_id`, only what failed in that server, counted there.
        """
        return await self._engine.read(_counts(period, now, guild_id, limit))

    async def details(self, fingerprint: int, period: Period, now: datetime) -> ErrorDetails | None:
        """One group, also if it did not fail within the period. None: there is no such group."""
        return await self._engine.read(_details(fingerprint, period, now))

    async def causes_of(
        self, command: str, period: Period, now: datetime, guild_id: str | None = None
    ) -> list[ErrorCounts]:
        """The groups of one command or component, by its name, the most frequent first."""
        return await self._engine.read(_causes_of(command, period, now, guild_id))

    async def refusals(self, guild_id: str, period: Period) -> list[Refusal]:
        """What Discord refused in one server, the most frequent first."""
        return await self._engine.read(_refusals(guild_id, period))

    async def recent_ids(self, period: Period, limit: int = 25) -> list[RecentError]:
        """The groups that failed within a period, the latest first."""
        return await self._engine.read(_recent(period, limit))

    async def deploys(self, since: datetime) -> list[Deploy]:
        """Oldest first: those that began at `since` or later, and the one before them. Empty without any start."""
        return await self._engine.read(deploys(since))

    async def resolve(self, fingerprint: int, at: datetime, by: str) -> None:
        """Call a group resolved: what starts after `at` has returned."""
        await self._mark(_RESOLVE, {"fingerprint": fingerprint, "at": milliseconds(at), "by": clean(by)})

    async def reopen(self, fingerprint: int) -> None:
        await self._mark(_REOPEN, {"fingerprint": fingerprint})

    async def mute(self, fingerprint: int, until: datetime, by: str) -> None:
        """Leave a group out of verdicts and alerts until then."""
        await self._mark(_MUTE, {"fingerprint": fingerprint, "until": milliseconds(until), "by": clean(by)})

    async def unmute(self, fingerprint: int) -> None:
        await self._mark(_UNMUTE, {"fingerprint": fingerprint})

    async def muted(self, now: datetime) -> frozenset[int]:
        """The fingerprints whose mute is in force."""
        return await self._engine.read(_muted(milliseconds(now)))

    async def _mark(self, statement: str, values: dict[str, Any]) -> None:
        await self._engine.write(execute(statement, values))


def _counts(period: Period, now: datetime, guild_id: str | None, limit: int) -> Script[list[ErrorCounts]]:
    found = yield from _counted(period, now, guild_id)
    found.sort(key=lambda each: (each.source is ErrorSource.OWN, _URGENCY[each.state], -each.n, each.fingerprint))
    return found[:limit]


def _causes_of(command: str, period: Period, now: datetime, guild_id: str | None) -> Script[list[ErrorCounts]]:
    wanted = clean(command)
    found = yield from _counted(period, now, guild_id)
    causes = [each for each in found if each.what == wanted and each.source in _OF_A_COMMAND]
    return sorted(causes, key=lambda each: (-each.n, each.fingerprint))


def _counted(period: Period, now: datetime, guild_id: str | None) -> Script[list[ErrorCounts]]:
    known = yield from known_groups(period, guild_id)
    new_since = yield from _new_since(now)
    return [_count_of(each, now, new_since) for each in known]


def _details(fingerprint: int, period: Period, now: datetime) -> Script[ErrorDetails | None]:
    known = yield from known_group(fingerprint, period)
    if known is None:
        return None
    values = bounds(period) | {"fingerprint": fingerprint}
    hours = yield Query(_HOURS, values)
    versions = yield Query(_VERSIONS, values)
    group = known.group
    relatives = yield from _relatives(group, values)
    return ErrorDetails(
        counts=_count_of(known, now, (yield from _new_since(now))),
        traceback=group.traceback,
        by_hour=tuple((moment(hour * MS_PER_HOUR), int(n)) for hour, n in hours),
        versions=tuple((version, int(n)) for version, n, _ in versions[:_MOST_VERSIONS]),
        relatives=tuple(relatives),
    )


def _relatives(group: ErrorGroup, values: dict[str, Any]) -> Script[list[ErrorRelative]]:
    if group.file is None or group.line is None:
        return []
    rows = yield Query(_RELATIVES, values | {"file": group.file, "line": group.line})
    sources = list(ErrorSource)
    return [
        ErrorRelative(id=error_id(other), source=sources[int(source)], what=what, n=int(n))
        for other, source, what, n in rows
    ]


def _new_since(now: datetime) -> Script[datetime]:
    """What failed first at that time or later is new: as of the last deploy, if there was another one before it."""
    found = yield from deploys(now - _NEW_AFTER_DEPLOY_FOR)
    return min(now - _NEW_FOR, *(deploy.started_at for deploy in found[1:][-1:]), now)


def _count_of(known: Known, now: datetime, new_since: datetime) -> ErrorCounts:
    group, mark = known.group, known.mark
    return ErrorCounts(
        fingerprint=group.fingerprint,
        id=error_id(group.fingerprint),
        state=_state(known, now, new_since),
        source=group.source,
        what=group.what,
        outcome=group.outcome,
        error_type=group.error_type,
        error_message=group.error_message,
        file=group.file,
        line=group.line,
        function=group.function,
        n=known.tally.n,
        people=known.tally.people,
        guilds=known.tally.guilds,
        first_at=known.first_at,
        last_at=known.last_at,
        first_version=group.version,
        resolved_at=mark.resolved_at,
        muted_until=mark.muted_until,
    )


def _state(known: Known, now: datetime, new_since: datetime) -> ErrorState:
    mark = known.mark
    if mark.resolved_at is not None and known.last_at <= mark.resolved_at:
        return ErrorState.RESOLVED
    if mark.muted_until is not None and mark.muted_until > now:
        return ErrorState.MUTED
    if mark.resolved_at is not None:
        return ErrorState.RETURNED
    return ErrorState.NEW if known.first_at >= new_since else ErrorState.OPEN


def _refusals(guild_id: str, period: Period) -> Script[list[Refusal]]:
    rows = yield Query(_REFUSALS, bounds(period) | {"guild_id": (yield from stored_id(guild_id))})
    texts = yield from texts_of(id_ for row in rows for id_ in row[:2] if id_ is not None)
    return [
        Refusal(
            command=texts[command],
            lacks=None if lacks is None else texts[lacks],
            error_message=message,
            n=int(n),
            last_at=moment(last_ms),
        )
        for command, lacks, _, message, n, last_ms in rows
    ]


def _recent(period: Period, limit: int) -> Script[list[RecentError]]:
    return [
        RecentError(
            id=error_id(group.fingerprint),
            source=group.source,
            what=group.what,
            outcome=group.outcome,
            error_type=group.error_type,
            last_at=last_at,
        )
        for group, last_at in (yield from recent_groups(period, limit))
    ]


def _muted(now_ms: int) -> Script[frozenset[int]]:
    return frozenset(fingerprint for (fingerprint,) in (yield Query(_MUTED, {"now": now_ms})))
