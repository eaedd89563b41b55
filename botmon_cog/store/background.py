"""What the log tells of besides commands: failures in the background, and servers joined and left."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from botmon_cog.domain.models import BackgroundFailures, GuildMembership
from botmon_cog.domain.reports import BackgroundFailure, MembershipEntry
from botmon_cog.domain.rollup import NO_GUILD
from botmon_cog.store.columns import Form, LogTable
from botmon_cog.store.labels import texts_of
from botmon_cog.store.records import fields, label_ids, milliseconds
from botmon_cog.store.schema import BACKGROUND_FAILURES, GUILD_MEMBERSHIPS, GUILDS
from botmon_cog.store.script import Lookup, Query, Script

_AT_ONCE = timedelta(minutes=1)
"""Two processes with one token see the same within that time."""


def background_failures(since: datetime) -> Script[list[BackgroundFailure]]:
    """By place, of all processes, those that failed last first."""
    found: dict[tuple[str, str], BackgroundFailure] = {}
    for _, values in (yield from _since(BACKGROUND_FAILURES, since)):
        event = BackgroundFailures(**values)
        key = event.kind, event.place
        before = found.pop(key, None)  # the newest come last
        found[key] = BackgroundFailure(
            kind=event.kind,
            place=event.place,
            n=event.n + (0 if before is None else before.n),
            first_at=event.started_at if before is None else before.first_at,
            last_at=event.started_at,
            error_type=event.error_type,
            error_message=event.error_message,
        )
    return [*reversed(found.values())]


def guild_memberships(since: datetime) -> Script[list[MembershipEntry]]:
    """Oldest first; a change that several processes saw at about the same time is one."""
    rows = yield from _since(GUILD_MEMBERSHIPS, since)
    guilds = sorted({(stored,) for stored, _ in rows})
    names = dict((yield Lookup(GUILDS, guilds, ("guild_id", "name"))))
    found: list[MembershipEntry] = []
    latest: dict[int, GuildMembership] = {}
    for stored, values in rows:
        event, before = GuildMembership(**values), latest.get(stored)
        if before is not None and before.change is event.change and event.occurred_at - before.occurred_at <= _AT_ONCE:
            continue
        latest[stored] = event
        found.append(
            MembershipEntry(
                change=event.change,
                occurred_at=event.occurred_at,
                guild_id=str(event.guild_id),
                guild_name=names.get(stored),
                member_count=event.member_count,
                locale=event.locale,
            )
        )
    return found


def _since(table: LogTable, since: datetime) -> Script[Sequence[tuple[int, dict[str, Any]]]]:
    """(guild as the table has it, 0 without one; fields of the event) of the rows from a moment on, oldest first."""
    columns = tuple(column for column in table.of if column.form is not Form.GUILD_NAME)
    names = [column.name for column in columns]
    query = f"""
SELECT {", ".join(names)} FROM @{table.name} WHERE {table.moment} >= :since ORDER BY {table.moment}, run_id, seq
"""  # noqa: S608 (names)
    rows = yield Query(query, {"since": milliseconds(since)})
    texts = yield from texts_of(label_ids(columns, rows))
    guild = names.index("guild_id") if "guild_id" in names else None
    return [(NO_GUILD if guild is None else row[guild], fields(columns, row, texts)) for row in rows]
