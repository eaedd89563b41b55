"""What the log tells of error groups: how often each failed within a period, whom it hit, and what it is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from botmon_cog.domain.models import BackgroundFailures, ErrorGroup, ErrorMark, ErrorSource, Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.store.columns import Column, LogTable
from botmon_cog.store.labels import stored_id, texts_of
from botmon_cog.store.records import fields, label_ids, milliseconds, moment
from botmon_cog.store.schema import BACKGROUND_FAILURES, ERROR_GROUPS, ERROR_MARKS, INVOCATIONS
from botmon_cog.store.script import Lookup, Query, Row, Script

HAS_GROUP = "fingerprint > 0"
"""It says more than IS NOT NULL, so that both engines read the index of the failures alone."""
IN_PERIOD = "started_ms >= :since AND started_ms < :until"
_ONE = "fingerprint = :fingerprint"

# Both read nothing but an index, once: also what is outside the period, for the first and the last failure of all.
_INVOCATIONS = f"""
SELECT fingerprint, SUM(CASE WHEN {IN_PERIOD} THEN 1 ELSE 0 END),
       COUNT(DISTINCT CASE WHEN {IN_PERIOD} THEN user_id END), COUNT(DISTINCT CASE WHEN {IN_PERIOD} THEN guild_id END),
       MIN(started_ms), MAX(started_ms)
FROM @invocations WHERE {{of}} GROUP BY fingerprint
"""  # noqa: S608 (text of ours)
_BACKGROUND = f"""
SELECT fingerprint, SUM(CASE WHEN {IN_PERIOD} THEN n ELSE 0 END), 0, 0, MIN(started_ms), MAX(started_ms)
FROM @background_failures WHERE {{of}} GROUP BY fingerprint
"""  # noqa: S608 (text of ours)

# Not through the index of all invocations by time: the one of the failures alone is far smaller.
_LATEST = " UNION ALL ".join(
    f"""
SELECT fingerprint, MAX(started_ms) AS last_ms FROM @{table.name}
WHERE {HAS_GROUP} AND +started_ms >= :since AND +started_ms < :until GROUP BY fingerprint
"""  # noqa: S608 (names)
    for table in (INVOCATIONS, BACKGROUND_FAILURES)
)
_RECENT = f"""
SELECT fingerprint, MAX(last_ms) FROM ({_LATEST}) AS latest GROUP BY fingerprint ORDER BY 2 DESC, 1 LIMIT :limit
"""  # noqa: S608 (text of ours)


def _newest(table: LogTable, *names: str) -> tuple[tuple[Column, ...], str]:
    """These columns of the newest failure of each group that has no row of its own."""
    columns = tuple(column for column in table.of if column.field in names)
    found = ", ".join(f"i.{column.name}" for column in columns)
    query = f"""
SELECT {", ".join(column.name for column in columns)} FROM (
    SELECT {found}, ROW_NUMBER() OVER (PARTITION BY i.fingerprint ORDER BY i.started_ms DESC, i.run_id, i.seq) AS back
    FROM @{table.name} AS i
    WHERE i.{{of}} AND NOT EXISTS (SELECT 1 FROM @error_groups AS g WHERE g.fingerprint = i.fingerprint)
) AS newest WHERE back = 1
"""  # noqa: S608 (names)
    return columns, query


_TOLD = ("fingerprint", "error_type", "error_message")
_INVOKED, _NEWEST_INVOKED = _newest(INVOCATIONS, *_TOLD, "kind", "command", "outcome", "started_at", "is_own")
_RAISED, _NEWEST_RAISED = _newest(BACKGROUND_FAILURES, *_TOLD, "kind", "place", "started_at")
_GROUP = tuple(column for column in ERROR_GROUPS.of if column.field != "traceback")
"""A list of groups does without the largest."""
_MARKS = tuple(column.name for column in ERROR_MARKS.of)


@dataclass(frozen=True, slots=True)
class Tally:
    """How often one group failed.

    Attributes:
        n: within the period, as `people` and `guilds`.
        first_ms: of all, as `last_ms`.
    """

    n: int
    people: int
    guilds: int
    first_ms: int
    last_ms: int

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            n=self.n + other.n,
            people=self.people + other.people,
            guilds=self.guilds + other.guilds,
            first_ms=min(self.first_ms, other.first_ms),
            last_ms=max(self.last_ms, other.last_ms),
        )


@dataclass(frozen=True, slots=True)
class Known:
    """All that is stored of one group.

    Attributes:
        mark: empty if the owners said nothing.
    """

    group: ErrorGroup
    tally: Tally
    mark: ErrorMark

    @property
    def first_at(self) -> datetime:
        return min(self.group.first_at, moment(self.tally.first_ms))

    @property
    def last_at(self) -> datetime:
        return moment(self.tally.last_ms)


def known_groups(period: Period, guild_id: str | None = None) -> Script[list[Known]]:
    """All groups that failed within a period; with `guild_id`, what failed there."""
    values = bounds(period)
    of = HAS_GROUP
    if guild_id is not None:
        values["guild_id"] = yield from stored_id(guild_id)
        of += " AND guild_id = :guild_id"
    tallies = _added({}, (yield Query(_INVOCATIONS.replace("{of}", of), values)))
    if guild_id is None:  # what runs in the background runs for no server
        tallies = _added(tallies, (yield Query(_BACKGROUND.replace("{of}", of), values)))
    tallies = {fingerprint: tally for fingerprint, tally in tallies.items() if tally.n}
    groups = yield from _groups(tallies)
    marks = yield from _marks(tallies)
    return [
        Known(groups[fingerprint], tally, marks.get(fingerprint) or ErrorMark(fingerprint=fingerprint))
        for fingerprint, tally in tallies.items()
        if fingerprint in groups
    ]


def known_group(fingerprint: int, period: Period) -> Script[Known | None]:
    """One group with its traceback, also if it did not fail within the period. None: nobody knows it."""
    values = bounds(period) | {"fingerprint": fingerprint}
    tallies: dict[int, Tally] = {}
    for query in (_INVOCATIONS, _BACKGROUND):
        tallies = _added(tallies, (yield Query(query.replace("{of}", _ONE), values)))
    rows = yield Lookup(ERROR_GROUPS, [(fingerprint,)], [column.name for column in ERROR_GROUPS.of])
    group = ErrorGroup(**fields(ERROR_GROUPS.of, rows[0])) if rows else None
    if group is None:
        group = (yield from _groups_of_failures(_ONE, {"fingerprint": fingerprint})).get(fingerprint)
    if group is None:
        return None
    first_ms = milliseconds(group.first_at)
    tally = tallies.get(fingerprint) or Tally(0, 0, 0, first_ms, first_ms)
    marks = yield from _marks([fingerprint])
    return Known(group, tally, marks.get(fingerprint) or ErrorMark(fingerprint=fingerprint))


def recent_groups(period: Period, limit: int) -> Script[list[tuple[ErrorGroup, datetime]]]:
    """The groups that failed within a period, and when they did so last; the latest first."""
    latest = yield Query(_RECENT, bounds(period) | {"limit": limit})
    groups = yield from _groups(fingerprint for fingerprint, _ in latest)
    return [(groups[fingerprint], moment(ms)) for fingerprint, ms in latest if fingerprint in groups]


def bounds(period: Period) -> dict[str, Any]:
    """A period as the values of a query."""
    return {"since": milliseconds(period.start), "until": milliseconds(period.end)}


def _added(tallies: Mapping[int, Tally], rows: Iterable[Row]) -> dict[int, Tally]:
    found = dict(tallies)
    for fingerprint, *counts in rows:
        tally = Tally(*map(int, counts))
        before = found.get(fingerprint)
        found[fingerprint] = tally if before is None else before + tally
    return found


def _groups(fingerprints: Iterable[int]) -> Script[dict[int, ErrorGroup]]:
    """By fingerprint, without their tracebacks."""
    wanted = set(fingerprints)
    keys = [(fingerprint,) for fingerprint in sorted(wanted)]
    rows = yield Lookup(ERROR_GROUPS, keys, [column.name for column in _GROUP])
    groups = [ErrorGroup(**fields(_GROUP, row)) for row in rows]
    found = {group.fingerprint: group for group in groups}
    if len(found) < len(wanted):
        found |= yield from _groups_of_failures(HAS_GROUP, {})
    return found


def _groups_of_failures(of: str, values: Mapping[str, Any]) -> Script[dict[int, ErrorGroup]]:
    """What can be told of groups without a row, which an older process left or retention removed."""
    found: dict[int, ErrorGroup] = {}
    for told in (yield from _read(_RAISED, _NEWEST_RAISED.replace("{of}", of), values)):
        failures = BackgroundFailures(**told)
        found[told["fingerprint"]] = _group_of(failures, ErrorSource.of(failures.kind), failures.place)
    for told in (yield from _read(_INVOKED, _NEWEST_INVOKED.replace("{of}", of), values)):
        failed = Invocation(**told)
        found[told["fingerprint"]] = _group_of(failed, failed.source, failed.command)
    return found


def _group_of(failed: Invocation | BackgroundFailures, source: ErrorSource, what: str) -> ErrorGroup:
    return ErrorGroup(
        fingerprint=failed.fingerprint or 0,
        first_at=failed.started_at,
        source=source,
        what=what,
        outcome=failed.outcome if isinstance(failed, Invocation) else Outcome.ERROR,
        error_type=failed.error_type,
        error_message=failed.error_message,
    )


def _read(columns: tuple[Column, ...], query: str, values: Mapping[str, Any]) -> Script[list[dict[str, Any]]]:
    rows = yield Query(query, values)
    texts = yield from texts_of(label_ids(columns, rows))
    return [fields(columns, row, texts) for row in rows]


def _marks(fingerprints: Iterable[int]) -> Script[dict[int, ErrorMark]]:
    rows = yield Lookup(ERROR_MARKS, [(fingerprint,) for fingerprint in sorted(fingerprints)], _MARKS)
    marks = [ErrorMark(**fields(ERROR_MARKS.of, row)) for row in rows]
    return {mark.fingerprint: mark for mark in marks}
