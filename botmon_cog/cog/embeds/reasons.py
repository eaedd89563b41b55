"""Reasons as people read them: what is wrong, what is behind it, and what waits meanwhile."""

from __future__ import annotations

import re

import msgspec

from botmon_cog.cog.embeds.parts import headed
from botmon_cog.cog.embeds.pens import DISCORD, Pen
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthReport

LONGEST_WHAT = 90
_LINE_CHARS = 90
_LONGEST_WHY = 400
_WORTH_SHOWING = 40
_BRACKET = re.compile(r"(?P<before>.*?\S) \((?P<rest>[^()]*[^()\s][^()]*)\)(?P<after>.*)", re.DOTALL)
_PLACE = re.compile(r"\.py:\d")


class Reason(msgspec.Struct, frozen=True):
    """`the database does not answer: disk I/O error` in its two parts."""

    what: str
    rest: str | None = None
    is_quote: bool = False
    """Whether `rest` came after a colon: a message of somebody else's, usually."""

    @property
    def is_code(self) -> bool:
        """Whether `rest` is to be shown as it is: a quotation, or a place in the code."""
        return self.is_quote or (self.rest is not None and _PLACE.search(self.rest) is not None)


def split(reason: str) -> Reason:
    """At the colon of `… does not answer: disk I/O error`, or round the bracket of `… failed (31 of 250)`."""
    what, _, rest = reason.partition(": ")
    if what.strip() and rest.strip():
        return Reason(what, rest, is_quote=True)
    if found := _BRACKET.fullmatch(reason):
        return Reason(found["before"] + found["after"], found["rest"])
    return Reason(reason)


def rest_of(reason: Reason, max_chars: int = 200, pen: Pen = DISCORD) -> str | None:
    """The second part."""
    if reason.rest is None:
        return None
    return pen.code(reason.rest, max_chars) if reason.is_code else pen.words(reason.rest, max_chars)


def behind(words: str, pen: Pen = DISCORD) -> str | None:
    """What a headline leaves out of a reason: its second part, or all of it where the first is too long for one."""
    reason = split(words)
    return pen.words(headed(words), _LONGEST_WHY) if len(reason.what) > LONGEST_WHAT else rest_of(reason, pen=pen)


def one_line(words: str, pen: Pen = DISCORD) -> str:
    """A reason with its capital, cut to what is one line, or two on a phone."""
    reason = split(words)
    what = pen.words(headed(reason.what.strip()), _LINE_CHARS)
    rest = rest_of(reason, max(_LINE_CHARS - len(what), _WORTH_SHOWING), pen)
    if rest is None:
        return what
    return f"{what}: {rest}" if reason.is_quote else f"{what} ({rest})"


def others(report: HealthReport) -> list[tuple[str, str]]:
    """(emoji, reason) of everything that is not well beside the verdict's own reason, the gravest first."""
    found = [(text.status_emoji(problem.severity), problem.reason) for problem in report.problems]
    told = {reason for _, reason in found} | {report.reason}
    found = [(emoji, reason) for emoji, reason in found if reason != report.reason]
    found += [
        (text.status_emoji(component.status), component.reason)
        for component in report.components.values()
        if component.reason is not None and component.reason not in told
    ]
    return sorted(found, key=lambda each: each[0] != text.status_emoji("critical"))


def rows_wait(waiting: int, lost: int, spooled: int = 0, pen: Pen = DISCORD) -> str:
    """`214 rows wait, none is lost.` `spooled` of those that wait are on disk."""
    waits = f"{text.count(waiting)} {text.plural(waiting, 'row waits', 'rows wait')}" if waiting else "nothing waits"
    if spooled:
        waits += " on disk" if spooled >= waiting else f", {text.count(spooled)} of them on disk"
    losses = pen.strong(f"{text.count(lost)} {text.plural(lost, 'is', 'are')} lost") if lost else "none is lost"
    return f"{waits}, {losses}."
