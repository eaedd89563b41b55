"""What is behind a verdict about a command: the error, its place, whom it hits, where its time goes, what changed."""

from __future__ import annotations

from botmon_cog.cog.embeds.failing import whom
from botmon_cog.discord_ui.parts import at
from botmon_cog.domain import text
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError

_LONGEST_ERROR, _LONGEST_PLACE, _LONGEST_VERSION = 90, 60, 20


def root_cause_lines(cause: Cause, errors_command: str | None) -> list[str]:
    """For owners only. `errors_command`: what has the traceback, `/botmon errors`; None if there is no such command."""
    error, changed = cause.error, _changed(cause.change)
    if cause.times is not None:
        first, all_ = text.duration(cause.times.response_s), text.duration(cause.times.duration_s)
        return [f"Its first answer comes after **{first}**, all is done after **{all_}** (p95).", changed]
    if error is None:
        return ["Its cause is not known yet.", changed]
    found = [_raised(error), f"{text.count(error.n)}x", _place(error)]
    lines = [" · ".join(filter(None, found)), f"Hits {whom(error)}. {changed}"]
    if errors_command is not None:
        opening = text.inline_code(f"{errors_command} id:{error.error_id}")
        lines.append(f"**What to do:** {opening} has the traceback.")
    return lines


def _raised(error: CommonError) -> str:
    if error.error_type is None:
        return text.plain(error.ended)
    message = f": {error.message}" if error.message else ""
    return text.inline_code(error.error_type + message, _LONGEST_ERROR)


def _place(error: CommonError) -> str | None:
    """`cogs/lyrics.py:31 in fetch`."""
    if error.file is None:
        return None
    line = "" if error.line is None else f":{error.line}"
    function = "" if error.function is None else f" in {error.function}"
    return text.code_name(f"{error.file}{line}{function}", _LONGEST_PLACE)


def _changed(change: Change | None) -> str:
    """`Before it: restarted 15:29, version 3f2a → 9c1d; until then 0.4 % failed.`"""
    if change is None:
        return "What changed before it is not known."
    items = [] if change.restarted_at is None else [f"restarted {at(change.restarted_at, 't')}"]
    if change.version is not None:
        before = "" if change.version_before is None else f"{text.plain(change.version_before, _LONGEST_VERSION)} → "
        items.append(f"version {before}{text.plain(change.version, _LONGEST_VERSION)}")
    told = f"Before it: {', '.join(items)}" if items else "No restart and no new version before it"
    share = change.faults_before / change.calls_before if change.calls_before else None
    return f"{told}; until then {text.percent(share)} failed." if share is not None else f"{told}."
