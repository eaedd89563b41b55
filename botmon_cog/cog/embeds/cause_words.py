"""What is behind trouble with commands, as the owners are told of it: at length in a message, in short in `/health`.

What breaks, whom it hits, where the time goes, what changed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from botmon_cog.discord_ui.markup import DISCORD, Markup
from botmon_cog.discord_ui.parts import at
from botmon_cog.domain import text
from botmon_cog.domain.alerts import NoticeItem
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.reasons import Reason
from botmon_cog.health.words import trouble_of

_ONE_FAILING = "commands.one_failing"
_IN_A_ROW = 5
_FEW_CALLS = 20
"""Fewer make no share worth showing."""
_NEARLY_ALL, _HARDLY_ANY = 0.8, 0.2
_LONGEST_ERROR, _LONGEST_PLACE, _LONGEST_VERSION = 200, 120, 40
_SHORT_ERROR, _SHORT_PLACE, _SHORT_VERSION = 90, 60, 20


def is_one_failing(reason: Reason) -> bool:
    """Whether it is about one command that fails."""
    return reason.what == _ONE_FAILING


def failing_headline(reason: Reason) -> str:
    """`/lyrics fails every time`."""
    faults, calls, in_a_row = (_number(reason, name) for name in ("faults", "calls", "in_a_row"))
    often = "every time" if faults >= calls else "again and again" if in_a_row >= _IN_A_ROW else "often"
    return f"{_slash(reason.values.get('command'))} fails {often}"


def failing_lines(item: NoticeItem, now: datetime, markup: Markup) -> list[str]:
    """`25 of 25 calls in the last hour, since 15:31 (3 min ago). The other commands run on.`"""
    names = ("faults", "calls", "in_a_row", "late", "unanswered")
    faults, calls, in_a_row, late, unanswered = (_number(item.reason, name) for name in names)
    of = f"{text.count(faults)} of {text.count(calls)}"
    told = f"{markup.strong(of)} {text.plural(calls, 'call', 'calls')} in the last hour"
    if _IN_A_ROW <= in_a_row < calls:
        told = f"{markup.strong(f'{text.count(in_a_row)} times in a row')}, {of} calls in the last hour"
    told += f", since {markup.clock(item.since, now)} ({markup.ago(item.since, now)})."
    ends = ((late, "came too late for Discord"), (unanswered, "never got an answer"))
    hows = [f"{text.count(n)} {how}" for n, how in ends if n]
    return [" ".join([told, *([f"{' and '.join(hows)}."] if hows else []), trouble_of(item.reason).meanwhile])]


def cause_fields(item: NoticeItem, markup: Markup) -> Iterator[tuple[str, str]]:
    """What was found out; of a command that fails at least the type of error."""
    error = None if item.cause is None else item.cause.error
    told = item.reason.values.get("error")
    if error is not None:
        yield "What breaks", "\n".join(_breaks(error, markup))
        yield "Whom it hits", whom(error)
    elif is_one_failing(item.reason) and isinstance(told, str):
        yield "What breaks", markup.code(told, _LONGEST_ERROR)
    if item.cause is not None and item.cause.times is not None:
        yield "Where the time goes", _times(item.cause.times)


def change_field(
    item: NoticeItem, now: datetime, markup: Markup, errors_command: str | None
) -> Iterator[tuple[str, str]]:
    """What changed before it, and last the command that opens the error.

    `errors_command` shows errors (`/botmon errors`); None: nothing does.
    """
    cause = item.cause
    if cause is None or cause.change is None:
        return
    lines = [_changed(cause, cause.change, now, markup)]
    if cause.error is not None and errors_command is not None:
        lines.append(markup.small(markup.code(f"{errors_command} id:{cause.error.error_id}")))
    yield "What changed", "\n".join(lines)


def _breaks(error: CommonError, markup: Markup) -> Iterator[str]:
    n = f"{text.count(error.n)}×"  # noqa: RUF001 (times)
    raised, place = _raised(error), _place(error)
    ended = f"They {error.ended}" if raised is None else markup.code(raised, _LONGEST_ERROR)
    yield f"{ended} ·\N{NO-BREAK SPACE}{n}"
    if place is not None:
        yield markup.code(place, _LONGEST_PLACE)
    if error.others:
        yield f"and {text.count(error.others)} with other errors"


def whom(error: CommonError) -> str:
    """`14 people in 6 servers`."""
    people = f"{text.count(error.people)} {text.plural(error.people, 'person', 'people')}"
    if not error.servers:
        return f"{people}, in direct messages"
    return f"{people} in {text.count(error.servers)} {text.plural(error.servers, 'server', 'servers')}"


def _times(times: Times) -> str:
    share = times.response_s / times.duration_s if times.duration_s > 0 else 1.0
    where = "Before and after the first answer"
    if share >= _NEARLY_ALL:
        where = "Before the first answer"
    elif share <= _HARDLY_ANY:
        where = "After the first answer"
    response, duration = text.duration(times.response_s), text.duration(times.duration_s)
    return f"{where}: that comes after {response}, and all is done after {duration} (p95)."


def _changed(cause: Cause, change: Change, now: datetime, markup: Markup) -> str:
    before = "" if cause.error is None else _before(cause, change, markup)
    if change.restarted_at is None and change.version is None:
        words = "Nothing that is known: no restart, no new version in the hour before."
        words += f" Until then {before}." if before else ""
    else:
        words = _what_changed(change, now, markup) + (f"; before that {before}." if before else ".")
    return words + (" The error is new." if cause.error is not None and cause.error.is_new else "")


def _what_changed(change: Change, now: datetime, markup: Markup) -> str:
    """`The bot was restarted 7 minutes ago, version 3f2a → 9c1d`."""
    version = _version(change, markup, _LONGEST_VERSION)
    if change.restarted_at is None:
        return f"A new version began: {version}"
    restarted = (
        f"The bot was restarted {markup.clock(change.restarted_at, now)} ({markup.ago(change.restarted_at, now)})"
    )
    return restarted if version is None else f"{restarted}, version {version}"


def _before(cause: Cause, change: Change, markup: Markup) -> str:
    """`/lyrics failed in 0.4 % of calls`."""
    faults, calls = change.faults_before, change.calls_before
    who, was = ("commands", "were") if cause.command is None else (markup.words(_slash(cause.command), 60), "was")
    if not calls:
        return f"{who} {was} not used for a week"
    if not faults:
        return f"{who} never failed in {text.count(calls)} {text.plural(calls, 'call', 'calls')}"
    if calls < _FEW_CALLS:
        return f"{who} failed in {text.count(faults)} of {text.count(calls)} calls"
    return f"{who} failed in {text.percent(faults / calls)} of calls"


# -- in short ----------------------------------------------------------------------------------------------------------


def root_cause_lines(cause: Cause, errors_command: str | None) -> list[str]:
    """`errors_command`: what has the traceback, `/botmon errors`; None if there is no such command."""
    error, changed = cause.error, _changed_before(cause.change)
    if cause.times is not None:
        first, all_ = text.duration(cause.times.response_s), text.duration(cause.times.duration_s)
        return [f"Its first answer comes after **{first}**, all is done after **{all_}** (p95).", changed]
    if error is None:
        return ["Its cause is not known yet.", changed]
    raised, place = _raised(error), _place(error)
    found = [
        text.plain(error.ended) if raised is None else text.inline_code(raised, _SHORT_ERROR),
        f"{text.count(error.n)}x",
        None if place is None else text.code_name(place, _SHORT_PLACE),
    ]
    lines = [" · ".join(filter(None, found)), f"Hits {whom(error)}. {changed}"]
    if errors_command is not None:
        opening = text.inline_code(f"{errors_command} id:{error.error_id}")
        lines.append(f"**What to do:** {opening} has the traceback.")
    return lines


def _changed_before(change: Change | None) -> str:
    """`Before it: restarted 15:29, version 3f2a → 9c1d; until then 0.4 % failed.`"""
    if change is None:
        return "What changed before it is not known."
    version = _version(change, DISCORD, _SHORT_VERSION)
    items = [
        None if change.restarted_at is None else f"restarted {at(change.restarted_at, 't')}",
        None if version is None else f"version {version}",
    ]
    known = ", ".join(filter(None, items))
    told = f"Before it: {known}" if known else "No restart and no new version before it"
    share = change.faults_before / change.calls_before if change.calls_before else None
    return f"{told}; until then {text.percent(share)} failed." if share is not None else f"{told}."


# -- values ------------------------------------------------------------------------------------------------------------


def _raised(error: CommonError) -> str | None:
    """`ValueError: API key wrong`; None if nothing was raised."""
    return error.error_type and error.error_type + (f": {error.message}" if error.message else "")


def _place(error: CommonError) -> str | None:
    """`cogs/lyrics.py:31 in fetch`."""
    if error.file is None:
        return None
    line = "" if error.line is None else f":{error.line}"
    return f"{error.file}{line}" + ("" if error.function is None else f" in {error.function}")


def _version(change: Change, markup: Markup, max_chars: int) -> str | None:
    """`3f2a → 9c1d`."""
    versions = [markup.words(each, max_chars) for each in (change.version_before, change.version) if each is not None]
    return None if change.version is None else " → ".join(versions)


def _slash(command: object) -> str:
    return f"/{str(command).removeprefix('/')}"


def _number(reason: Reason, name: str) -> int:
    value = reason.values.get(name)
    return value if isinstance(value, int) else 0
