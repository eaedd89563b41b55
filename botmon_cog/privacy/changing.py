"""What erasing changes: each a short transaction, which may be repeated."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from botmon_cog.domain.anonymous import anonymous, without_guild
from botmon_cog.domain.inventory import CommandNames
from botmon_cog.domain.models import Invocation
from botmon_cog.domain.rollup import NO_GUILD
from botmon_cog.domain.settings import Settings
from botmon_cog.privacy.change import Change, Changes, made
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
_COMMANDS = "SELECT id, commands FROM @runs WHERE commands IS NOT NULL"
_TEXTS_OF_ROW = "SELECT parameters, details, error_message FROM @invocations WHERE run_id = :run_id AND seq = :seq"

_TEXTS: Mapping[Table, Sequence[str]] = {
    schema.ERROR_GROUPS: ("error_message", "traceback"),
    schema.BACKGROUND_FAILURES: ("error_message",),
    schema.ALERTS: ("reason", "told", "held_back"),
    schema.ALERT_MESSAGES: ("notice", "result"),
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


def mentions_in(mentions: Mentions, keys: Sequence[Key]) -> Changes:
    """Take them out of the texts of these invocations."""
    found: list[Change] = []
    for run_id, seq in keys:
        values = {"run_id": run_id, "seq": seq}
        for parameters, details, error_message in (yield Query(_TEXTS_OF_ROW, values)):
            new = {
                "parameters": _changed(parameters, mentions.without_ids),
                "details": _changed(details, mentions.without_ids),
                "error_message": _changed(error_message, mentions.without),
            }
            found += _changes_of(schema.INVOCATIONS, "run_id = :run_id AND seq = :seq", values, new)
    return found


def _changed(text: str | None, change: Callable[[str], str]) -> str | None:
    """The text that is to stand there; None: it is as it should be."""
    if text is None:
        return None
    new = change(text)
    return None if new == text else new


def _changes_of(table: Table, where: str, values: Mapping[str, Any], new: Mapping[str, str | None]) -> Sequence[Change]:
    given = {column: text for column, text in new.items() if text is not None}
    return [Change(table, where, values, given)] if given else []


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


def parts_of_day(subject: Subject, day: int) -> Changes:
    """Remove their part of a day."""
    yield from ()
    values = {"day": day, **subject.values}
    found = [Change(schema.PEOPLE, f"day = :day AND {subject.condition}", values)]
    if subject.is_guilds:
        found.append(Change(schema.ROLLUPS, f"day = :day AND {subject.condition_on('scope')}", values))
    return found


def drop_day(subject: Subject, day: int) -> Script[int]:
    """Remove their part of a day; returns how many rows went."""
    yield Exclude()
    return (yield from made(parts_of_day(subject, day)))


def hours_of(subject: Subject) -> Changes:
    """What `move_hours` moves."""
    yield from ()
    return [Change(schema.GUILD_HOURLY, subject.condition, subject.values)]


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


def texts(mentions: Mentions) -> Changes:
    """Take them out of what is kept of errors and alerts."""
    found: list[Change] = []
    patterns = {f"word_{n}": pattern for n, pattern in enumerate(mentions.patterns)}
    for table, columns in _TEXTS.items() if patterns else ():
        some = " OR ".join(f"{column} LIKE :{name} ESCAPE '|'" for name in patterns for column in columns)
        key = ", ".join(table.key)
        rows = yield Query(f"SELECT {key}, {', '.join(columns)} FROM @{table.name} WHERE {some}", patterns)  # noqa: S608
        for row in rows:
            where, values = _at(table, row)
            of_row = dict(zip(columns, row[len(table.key) :], strict=True))
            new = {column: _changed(text, mentions.without) for column, text in of_row.items()}
            found += _changes_of(table, where, values, new)
    return found


def _at(table: Table, row: Row) -> tuple[str, dict[str, Any]]:
    """The condition for one row, which begins with its key."""
    where = " AND ".join(f"{column} = :key_{column}" for column in table.key)
    return where, {f"key_{column}": value for column, value in zip(table.key, row, strict=False)}


def kept_aside(subject: Subject) -> Changes:
    """Take them out of invocations that wait to become rows, or to be found in the log."""
    ids = {str(id_) for id_ in subject.ids}
    found: list[Change] = []
    for table, column in _JSON_INVOCATIONS.items():
        key = ", ".join(table.key)
        for *row, text in (yield Query(f"SELECT {key}, {column} FROM @{table.name}")):  # noqa: S608 (names)
            invocation = msgspec.json.decode(text, type=Invocation)
            if str(getattr(invocation, subject.column)) in ids:
                new = without_guild(invocation) if subject.is_guilds else anonymous(invocation)
                where, values = _at(table, tuple(row))
                found.append(Change(table, where, values, {column: _json(new)}))
    return found


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def signatures(subject: Subject) -> Changes:
    """Take people out of what they set, muted and marked: it holds on, and nobody did it."""
    names = {f"by_{n}": str(id_) for n, id_ in enumerate(sorted(subject.ids))}
    given = ", ".join(f":{name}" for name in names)
    found = [Change(table, f"{column} IN ({given})", names, {column: ""}) for table, column in _SIGNED.items()]
    for scope, data, by in (yield Query(_SETTINGS)):
        settings = msgspec.json.decode(data, type=Settings)
        new = settings
        if settings.report_by in subject.ids:
            new = msgspec.structs.replace(new, report_by=None)
        if settings.log_by in subject.ids:
            new = msgspec.structs.replace(new, log_by=None)
        signed = "" if by in names.values() else by
        if new is not settings or signed != by:
            found.append(
                Change(schema.SETTINGS, "scope = :scope", {"scope": scope}, {"by": signed, "data": _json(new)})
            )
    return found


def rest_of_guilds(subject: Subject) -> Changes:
    """Remove what is kept of servers besides counts: names, settings, posts, commands of their own, what hosts counted.

    That the bot joined and left them stays, under a number that is no server's.
    """
    found = [Change(table, subject.condition_on(column), subject.values) for table, column in _OF_GUILDS.items()]
    for guild_id in subject.ids:
        alias = secrets.randbits(62) | 1 << 61
        values = {"guild_id": guild_id}
        found.append(Change(schema.GUILD_MEMBERSHIPS, "guild_id = :guild_id", values, {"guild_id": alias}))
    for run_id, data in (yield Query(_COMMANDS)):
        names = msgspec.json.decode(data, type=CommandNames)
        others = {guild_id: of_guild for guild_id, of_guild in names.in_servers.items() if guild_id not in subject.ids}
        if len(others) < len(names.in_servers):
            new = {"commands": _json(msgspec.structs.replace(names, in_servers=others))}
            found.append(Change(schema.RUNS, "id = :run_id", {"run_id": run_id}, new))
    return found


def drop_guilds(subject: Subject) -> Script[int]:
    """The same, done; returns how many rows were changed or removed."""
    session: Session = yield Recall()
    for guild_id in subject.ids:
        session.guild_names.pop(guild_id, None)
    return (yield from made(rest_of_guilds(subject)))
