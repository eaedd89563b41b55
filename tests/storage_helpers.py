"""Events with sensible defaults."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from botmon_cog.domain.alerts import Alert, AlertMessage, Notice, NoticeItem
from botmon_cog.domain.histogram import bucket_of
from botmon_cog.domain.models import (
    AnsweredElsewhere,
    AutocompleteCalls,
    BackgroundFailures,
    BackgroundKind,
    CountedCommand,
    ErrorGroup,
    ErrorSource,
    GuildMembership,
    Invocation,
    Kind,
    MembershipChange,
    MetricKind,
    MetricPoint,
    MetricSample,
    MusicEvent,
    MusicEventType,
)
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import Period
from botmon_cog.domain.rollup import day_of
from botmon_cog.store.labels import label_ids_of
from botmon_cog.store.schema import HOST_DAYS
from botmon_cog.store.script import Insert, Script
from botmon_cog.store.store import Store

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
EVER = Period(name="ever", start=datetime(2000, 1, 1, tzinfo=UTC), end=datetime(2100, 1, 1, tzinfo=UTC))

_ids = count(1)


def invocation(**fields: Any) -> Invocation:
    """One successful `/play` in guild 1 at noon."""
    defaults: dict[str, Any] = {
        "kind": Kind.SLASH,
        "command": "play",
        "outcome": Outcome.OK,
        "started_at": NOON,
        "guild_id": "1",
        "user_id": "10",
    }
    return Invocation(**defaults | fields)


def music(**fields: Any) -> MusicEvent:
    """One song played in guild 1 at noon."""
    defaults: dict[str, Any] = {
        "type": MusicEventType.SONG_PLAYED,
        "occurred_at": NOON,
        "guild_id": "1",
    }
    return MusicEvent(**defaults | fields)


def counted_command(**fields: Any) -> CountedCommand:
    """One command of user 10 in guild 1 at noon, which the host only counted."""
    defaults: dict[str, Any] = {
        "occurred_at": NOON,
        "guild_id": "1",
        "user_id": "10",
    }
    return CountedCommand(**defaults | fields)


def sample(**fields: Any) -> MetricSample:
    """One voice connect of 1.5 s at noon, in no guild."""
    defaults: dict[str, Any] = {
        "name": "voice_connect",
        "occurred_at": NOON,
        "value": 1.5,
    }
    return MetricSample(**defaults | fields)


def point(**fields: Any) -> MetricPoint:
    """Three songs were queued in the minute before noon."""
    defaults: dict[str, Any] = {
        "name": "songs_queued",
        "labels": "",
        "kind": MetricKind.COUNTER,
        "unit": "",
        "occurred_at": NOON,
        "n": 3,
        "total": 3.0,
    }
    return MetricPoint(**defaults | fields)


def autocompletion(**fields: Any) -> AutocompleteCalls:
    """Three completions of `/play` in the minute of noon, two of them of about 10 ms, one that failed after 1 s."""
    defaults: dict[str, Any] = {
        "command": "play",
        "started_at": NOON,
        "n": 3,
        "failed": 1,
        "durations": ((bucket_of(0.01), 2), (bucket_of(1.0), 1)),
    }
    return AutocompleteCalls(**defaults | fields)


def background_failure(**fields: Any) -> BackgroundFailures:
    """`Music.on_message` raised once in the minute of noon."""
    defaults: dict[str, Any] = {
        "kind": BackgroundKind.LISTENER,
        "place": "Music.on_message",
        "started_at": NOON,
        "error_type": "KeyError",
        "error_message": "song",
    }
    return BackgroundFailures(**defaults | fields)


def error_group(fingerprint: int, **fields: Any) -> ErrorGroup:
    """`/lyrics` raised `ValueError: API key wrong` at noon for the first time."""
    defaults: dict[str, Any] = {
        "first_at": NOON,
        "source": ErrorSource.COMMAND,
        "what": "lyrics",
        "outcome": Outcome.ERROR,
        "error_type": "ValueError",
        "error_message": "API key wrong",
        "file": "cogs/lyrics.py",
        "line": 48,
        "function": "Lyrics.fetch",
        "traceback": "Traceback\n  …",
        "version": "9c1d",
    }
    return ErrorGroup(fingerprint=fingerprint, **defaults | fields)


def membership(**fields: Any) -> GuildMembership:
    """The bot joined guild 1, `Home`, at noon."""
    defaults: dict[str, Any] = {
        "change": MembershipChange.JOINED,
        "occurred_at": NOON,
        "guild_id": 1,
        "guild_name": "Home",
        "member_count": 42,
        "locale": "en-US",
    }
    return GuildMembership(**defaults | fields)


def elsewhere(**fields: Any) -> AnsweredElsewhere:
    """Another process has answered a `/play` of noon."""
    defaults: dict[str, Any] = {"discord_id": 1_000, "received_at": NOON}
    wanted = defaults | fields
    told = {
        "started_at": wanted["received_at"],
        "discord_id": wanted["discord_id"],
        "guild_name": "Home",
        "outcome": Outcome.UNANSWERED,
    }
    return AnsweredElsewhere(**{"invocation": invocation(**told)} | wanted)


def host_day(when: datetime, guild_id: str, *, source_id: int = 1, **counts: int) -> Script[None]:
    """Keep what a host counted itself on the day of `when`."""
    label = None if guild_id.isdecimal() else (yield from label_ids_of([guild_id]))[guild_id]
    values = {"source_id": source_id, "day": day_of(when), "guild_id": int(guild_id) if label is None else -label}
    yield Insert(HOST_DAYS, [tuple({**dict.fromkeys(HOST_DAYS.columns, 0), **values, **counts}.values())], "replace")


FULL_MEMORY = Reason.of("memory.full", used_percent=96.0, used_bytes=960, limit_bytes=1_000)


def alert(**fields: Any) -> Alert:
    """The memory of instance `test` is critical since noon, and nobody knows yet."""
    defaults: dict[str, Any] = {
        "scope": "test",
        "key": "memory",
        "state": "firing",
        "severity": "critical",
        "reason": FULL_MEMORY,
        "since": NOON,
        "seen_at": NOON,
    }
    return Alert(**defaults | fields)


def message(notice: dict[str, Any] | None = None, **fields: Any) -> AlertMessage:
    """A notice of that alert for the application 9, made at noon and due. `notice`: other fields of `Notice`."""
    item = NoticeItem(scope="test", key="memory", change="fired", severity="critical", reason=FULL_MEMORY, since=NOON)
    told: dict[str, Any] = {"kind": "alert", "items": (item,), "instance": "test", "made_at": NOON}
    defaults: dict[str, Any] = {
        "message_id": f"message-{next(_ids)}",
        "instance": "test",
        "audience": "9",
        "notice": Notice(**told | (notice or {})),
        "made_at": NOON,
    }
    return AlertMessage(**defaults | fields)


def period(start: datetime, hours: float) -> Period:
    return Period(name="test", start=start, end=start + timedelta(hours=hours))


def threads() -> list[threading.Thread]:
    """Those of ours that run."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("botmon")]


async def count_of(store: Store) -> int:
    """How many commands it holds, rolled up."""
    await store.rollups.catch_up()
    return sum(counts.n for counts in (await store.reports.counted(None, EVER)).command_counts())


def make(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as db, db:
        for statement in statements:
            db.execute(statement)
    return path


def rows(path: Path | str, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()
