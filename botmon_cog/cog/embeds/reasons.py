"""Reasons as people read them: what is wrong, what is behind it, and what waits meanwhile."""

from __future__ import annotations

from botmon_cog.discord_ui.markup import DISCORD, Markup
from botmon_cog.discord_ui.parts import headed
from botmon_cog.domain import text
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import HealthReport
from botmon_cog.health.component import Words
from botmon_cog.health.words import words_of

LONGEST_WHAT = 90
_LINE_CHARS = 90
_LONGEST_WHY = 400
_WORTH_SHOWING = 40


def detail_of(words: Words, max_chars: int = 200, markup: Markup = DISCORD) -> str | None:
    if words.detail is None:
        return None
    return markup.code(words.detail, max_chars) if words.is_code else markup.words(words.detail, max_chars)


def behind(reason: Reason, markup: Markup = DISCORD) -> str | None:
    """What a headline leaves out of a reason: its detail, and all of it where it is too long for a headline."""
    words = words_of(reason)
    detail = detail_of(words, markup=markup)
    if len(words.what) <= LONGEST_WHAT:
        return detail
    what = markup.words(headed(words.what), _LONGEST_WHY)
    return what if detail is None else f"{what}: {detail}"


def one_line(reason: Reason, markup: Markup = DISCORD) -> str:
    """A reason with its capital, cut to what is one line, or two on a phone."""
    words = words_of(reason)
    what = markup.words(headed(words.what.strip()), _LINE_CHARS)
    detail = detail_of(words, max(_LINE_CHARS - len(what), _WORTH_SHOWING), markup)
    if detail is None:
        return what
    return f"{what}: {detail}" if words.is_code else f"{what} ({detail})"


def others(report: HealthReport) -> list[str]:
    """A line for everything that is not well beside the verdict's own reason, the gravest first."""
    found = [(each.severity, each.reason) for each in (*report.problems[1:], *report.rules)]
    found.sort(key=lambda each: each[0] != "critical")
    found += [(each.status, each.unread) for each in report.components.values() if each.unread is not None]
    told = report.reason
    return [f"{text.status_emoji(status)} {one_line(reason)}" for status, reason in found if reason != told]


def watched(report: HealthReport) -> list[str]:
    """A line for everything that is below its limits and worth the owners' eye."""
    return [f"👀 {one_line(reason)}" for component in report.components.values() for reason in component.watched]


def rows_wait(waiting: int, lost: int, spooled: int = 0, markup: Markup = DISCORD) -> str:
    """`214 rows wait, none is lost.` `spooled` of those that wait are on disk."""
    waits = f"{text.count(waiting)} {text.plural(waiting, 'row waits', 'rows wait')}" if waiting else "nothing waits"
    if spooled:
        waits += " on disk" if spooled >= waiting else f", {text.count(spooled)} of them on disk"
    losses = markup.strong(f"{text.count(lost)} {text.plural(lost, 'is', 'are')} lost") if lost else "none is lost"
    return f"{waits}, {losses}."
