"""What erasing changes: each a short transaction, which may be repeated."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from botmon_cog.domain.anonymous import anonymous, without_guild
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.rollup import NO_GUILD
from botmon_cog.domain.settings import Settings
from botmon_cog.privacy.finding import Key
from botmon_cog.privacy.mentions import Mentions
from botmon_cog.privacy.subject import Subject
from botmon_cog.store import schema
from botmon_cog.store.columns import LogTable, Table
from botmon_cog.store.script import Exclude, Execute, Insert, Query, Recall, Row, Script, Session

_AT_ONCE = 200
"""Rows that one statement names."""
_HOURS_AT_ONCE = 100

_INTENTS = "SELECT token, seqs FROM @host_intents"
_RUN_IDS = "SELECT id, token FROM @runs"
_DROP_HOUR = "DELETE FROM @guild_hourly WHERE hour = :hour AND guild_id = :guild_id"
_SETTINGS = "SELECT scope, data, by FROM @settings"
_PUT_SETTINGS = "UPDATE @settings SET data = :data, by = :by WHERE scope = :scope"

_TEXTS: Mapping[Table, Sequence[str]] = {
    schema.ERROR_GROUPS: ("error_message", "traceback"),
    schema.BACKGROUND_FAILURES: ("error_message",),
    schema.ALERTS: ("reason", "told", "held_back"),
    schema.ALERT_MESSAGES: ("news", "result"),
}
"""Texts about errors besides those in the log's invocations."""
_SIGNED = {schema.ALERT_MUTES: "by", schema.ERROR_MARKS: "by"}
_OF_GUILDS = {
    schema.GUILDS: "guild_id",
    schema.SETTINGS: "scope",
    schema.POSTS: "scope",
    schema.HOST_DAYS: "guild_id",
    schema.SONG_TITLES: "guild_id",
}
_JSON_INVOCATIONS = {schema.ANSWERED_ELSEWHERE: "invocation", schema.HOST_WAITING: "invocation"}


# -- the log -----------------------------------------------------------------------------------------------------------


def clear_rows(table: LogTable, subject: Subject, keys: Sequence[Key], young_ms: int) -> Script[tuple[int, int]]:
    """Take them out of their rows: how many were changed, and how many have to wait for a mirror to finish with them.

    `young_ms`: what began since then may yet be told of by another process, and so keeps its interaction's id.
    """
    yield Exclude()  # no roll-up counts them as theirs any more from here on
    mirrored = yield from _being_mirrored() if table is schema.INVOCATIONS else _nothing()
    ready = [key for key in keys if key not in mirrored]
    changed = 0
    for run_id, seqs in _by_run(ready):
        names = {f"seq_{n}": seq for n, seq in enumerate(seqs)}
        statement = (
            f"UPDATE @{table.name} SET {subject.changes[table]} WHERE run_id = :run_id AND {subject.condition} "  # noqa: S608 (names)
            f"AND seq IN ({', '.join(f':{name}' for name in names)})"
        )
        values: dict[str, Any] = {"run_id": run_id, **names, **subject.values}
        if ":young_ms" in statement:
            values["young_ms"] = young_ms
        changed += yield Execute(statement, values)
    return changed, len(keys) - len(ready)


def _nothing() -> Script[set[Key]]:
    yield from ()
    return set()


def _being_mirrored() -> Script[set[Key]]:
    """Rows that are on their way into a host's table: whether they came there is told by what they hold now."""
    intents = yield Query(_INTENTS)
    if not intents:
        return set()
    run_ids = {token: run_id for run_id, token in (yield Query(_RUN_IDS))}
    return {
        (run_ids[token], seq)
        for token, seqs in intents
        if token in run_ids
        for seq in msgspec.json.decode(seqs, type=list[int])
    }


def _by_run(keys: Iterable[Key]) -> Iterable[tuple[int, Sequence[int]]]:
    runs: dict[int, list[int]] = {}
    for run_id, seq in keys:
        runs.setdefault(run_id, []).append(seq)
    for run_id, seqs in runs.items():
        for start in range(0, len(seqs), _AT_ONCE):
            yield run_id, seqs[start : start + _AT_ONCE]


def clear_mentions(mentions: Mentions, keys: Sequence[Key]) -> Script[int]:
    """Take them out of the texts of these invocations; returns how many were changed."""
    changed = 0
    for run_id, seq in keys:
        values = {"run_id": run_id, "seq": seq}
        where = "run_id = :run_id AND seq = :seq"
        rows = yield Query(f"SELECT parameters, details, error_message FROM @invocations WHERE {where}", values)  # noqa: S608
        for parameters, details, error_message in rows:
            new = {
                "parameters": _changed(parameters, mentions.without_ids),
                "details": _changed(details, mentions.without_ids),
                "error_message": _changed(error_message, mentions.without),
            }
            changed += yield from _put("invocations", new, where, values)
    return changed


def _changed(text: str | None, change: Callable[[str], str]) -> str | None:
    """The text that is to stand there; None: it is as it should be."""
    if text is None:
        return None
    new = change(text)
    return None if new == text else new


def _put(table: str, new: Mapping[str, str | None], where: str, values: Mapping[str, Any]) -> Script[int]:
    given = {column: text for column, text in new.items() if text is not None}
    if not given:
        return 0
    columns = ", ".join(f"{column} = :{column}" for column in given)
    return (yield Execute(f"UPDATE @{table} SET {columns} WHERE {where}", {**values, **given}))  # noqa: S608 (names)


# -- what is counted ---------------------------------------------------------------------------------------------------


def days_of(subject: Subject) -> Script[list[int]]:
    """On which they were among the people, or had counts of their own."""
    of_people = f"SELECT DISTINCT day FROM @people WHERE {subject.condition}"  # noqa: S608 (names)
    found = {day for (day,) in (yield Query(of_people, subject.values))}
    if subject.is_guilds:
        ((first, last),) = yield Query("SELECT MIN(day), MAX(day) FROM @rollups")
        for day in range(first, last + 1) if first is not None else ():
            query = f"SELECT 1 FROM @rollups WHERE day = :day AND {subject.condition_on('scope')} LIMIT 1"  # noqa: S608
            if (yield Query(query, {"day": day, **subject.values})):
                found.add(day)
    return sorted(found)


def drop_day(subject: Subject, day: int) -> Script[int]:
    """Remove their part of a day; returns how many rows went."""
    yield Exclude()
    values = {"day": day, **subject.values}
    n: int = yield Execute(f"DELETE FROM @people WHERE day = :day AND {subject.condition}", values)  # noqa: S608 (names)
    if subject.is_guilds:
        n += yield Execute(f"DELETE FROM @rollups WHERE day = :day AND {subject.condition_on('scope')}", values)  # noqa: S608
    return n


def move_hours(subject: Subject) -> Script[int]:
    """Let some hours of servers be nobody's: what the whole bot did stays. Returns how many; 0: none is left."""
    yield Exclude()
    columns = ", ".join(schema.GUILD_HOURLY.columns)
    query = f"SELECT {columns} FROM @guild_hourly WHERE {subject.condition} LIMIT {_HOURS_AT_ONCE}"  # noqa: S608 (names)
    rows: Sequence[Row] = yield Query(query, subject.values)
    sums: dict[int, list[int]] = {}
    for hour, guild_id, *counts in rows:
        known = sums.setdefault(hour, [0] * len(counts))
        for n, count in enumerate(counts):
            known[n] += count
        yield Execute(_DROP_HOUR, {"hour": hour, "guild_id": guild_id})
    if sums:
        yield Insert(schema.GUILD_HOURLY, [(hour, NO_GUILD, *counts) for hour, counts in sorted(sums.items())], "add")
    return len(rows)


# -- everything else ---------------------------------------------------------------------------------------------------


def clear_texts(mentions: Mentions) -> Script[int]:
    """Take them out of what is kept of errors and alerts; returns how many rows were changed."""
    changed = 0
    patterns = {f"word_{n}": pattern for n, pattern in enumerate(mentions.patterns)}
    if not patterns:
        return 0
    for table, columns in _TEXTS.items():
        some = " OR ".join(f"{column} LIKE :{name} ESCAPE '|'" for name in patterns for column in columns)
        key = ", ".join(table.key)
        rows = yield Query(f"SELECT {key}, {', '.join(columns)} FROM @{table.name} WHERE {some}", patterns)  # noqa: S608
        where = " AND ".join(f"{column} = :key_{column}" for column in table.key)
        for row in rows:
            values = {f"key_{column}": value for column, value in zip(table.key, row, strict=False)}
            texts = dict(zip(columns, row[len(table.key) :], strict=True))
            new = {column: _changed(text, mentions.without) for column, text in texts.items()}
            changed += yield from _put(table.name, new, where, values)
    return changed


def clear_kept_aside(subject: Subject) -> Script[int]:
    """Take them out of invocations that wait to become rows, or to be found in the log."""
    ids = {str(id_) for id_ in subject.ids}
    changed = 0
    for table, column in _JSON_INVOCATIONS.items():
        key = ", ".join(table.key)
        where = " AND ".join(f"{name} = :key_{name}" for name in table.key)
        for *found, text in (yield Query(f"SELECT {key}, {column} FROM @{table.name}")):  # noqa: S608 (names)
            invocation = msgspec.json.decode(text, type=Invocation)
            if str(getattr(invocation, subject.column)) in ids:
                new = without_guild(invocation) if subject.is_guilds else anonymous(invocation)
                values = {f"key_{name}": value for name, value in zip(table.key, found, strict=True)}
                changed += yield from _put(table.name, {column: msgspec.json.encode(new).decode()}, where, values)
    return changed


def clear_signatures(subject: Subject) -> Script[int]:
    """Take people out of what they set, muted and marked: it holds on, and nobody did it."""
    changed = 0
    names = {f"by_{n}": str(id_) for n, id_ in enumerate(sorted(subject.ids))}
    given = ", ".join(f":{name}" for name in names)
    for table, column in _SIGNED.items():
        statement = f"UPDATE @{table.name} SET {column} = '' WHERE {column} IN ({given})"  # noqa: S608 (names)
        changed += yield Execute(statement, names)
    for scope, data, by in (yield Query(_SETTINGS)):
        settings = msgspec.json.decode(data, type=Settings)
        new = settings
        if settings.report_by in subject.ids:
            new = msgspec.structs.replace(new, report_by=None)
        if settings.log_by in subject.ids:
            new = msgspec.structs.replace(new, log_by=None)
        signed = "" if by in names.values() else by
        if new is not settings or signed != by:
            values: dict[str, Any] = {"scope": scope, "by": signed, "data": msgspec.json.encode(new).decode()}
            changed += yield Execute(_PUT_SETTINGS, values)
    return changed


def drop_guilds(subject: Subject) -> Script[int]:
    """Remove what is kept of servers besides counts: names, settings, posts, and what their bots' hosts counted.

    That the bot joined and left them stays, under a number that is no server's.
    """
    session: Session = yield Recall()
    changed: int = 0
    for table, column in _OF_GUILDS.items():
        statement = f"DELETE FROM @{table.name} WHERE {subject.condition_on(column)}"  # noqa: S608 (names)
        changed += yield Execute(statement, subject.values)
    for guild_id in subject.ids:
        session.guild_names.pop(guild_id, None)
        values = {"guild_id": guild_id, "alias": secrets.randbits(62) | 1 << 61}
        changed += yield Execute("UPDATE @guild_memberships SET guild_id = :alias WHERE guild_id = :guild_id", values)
    return changed
