"""What the owners are told: that something is wrong, still is, or is over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog.embeds.cause_words import (
    cause_fields,
    change_field,
    failing_headline,
    failing_lines,
    is_one_failing,
)
from botmon_cog.cog.embeds.reasons import LONGEST_WHAT, behind, detail_of, one_line, rows_wait
from botmon_cog.discord_ui.parts import GREEN, clamp, headed, sentence, status_colour
from botmon_cog.discord_ui.pens import DISCORD, PLAIN, Pen
from botmon_cog.domain import text
from botmon_cog.domain.alerts import News, NewsItem, covers
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.words import recovered, trouble_of, words_of

_MOST_ITEMS = 6
_MOST_REMEDIES = 2
_LONGEST_REMEDY = 500
_TOGETHER = timedelta(minutes=2)
_WORTH_A_SPAN = timedelta(minutes=1)
_GOOD = text.status_emoji("healthy")
_WORDS = {"critical": "Unhealthy", "warning": "Degraded"}
_ABOUT_ROWS = ("database", "monitor.spool", "monitor.lost")
_NAMES = {component.name: component.title for component in COMPONENTS}
_HELD_BACK = {
    "muted": "while muted",
    "maintenance": "during maintenance",
    "crowded": "by the limit of messages per hour",
}


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    lines: list[str]
    fields: list[tuple[str, str]]
    footer: str


def news(news: News, *, is_repeat: bool = False, errors_command: str | None = None) -> discord.Embed:
    """One message to the owners.

    `is_repeat`: it may have been sent before. `errors_command` shows errors (`/botmon errors`); None: nothing does.
    """
    message = _compose(news, DISCORD, errors_command, is_repeat=is_repeat)
    embed = discord.Embed(
        title=message.title,
        description="\n".join(message.lines),
        colour=GREEN if news.kind == "recovery" else status_colour(news.items[0].severity),
    )
    for name, value in message.fields:
        embed.add_field(name=name, value=value, inline=False)
    embed.set_footer(text=message.footer)
    return clamp(embed)


def plain(news: News, *, is_repeat: bool = False, errors_command: str | None = None) -> str:
    """The same without Discord's markup: the title in the first line, then the rest."""
    message = _compose(news, PLAIN, errors_command, is_repeat=is_repeat)
    fields = [f"{name}:\n{value}" if "\n" in value else f"{name}: {value}" for name, value in message.fields]
    return "\n".join([message.title, *message.lines, *fields, message.footer])


def _compose(news: News, pen: Pen, errors_command: str | None, *, is_repeat: bool) -> _Message:
    first, *rest = news.items
    lines = _many(news, pen) if rest else _one(first, news, pen)
    if news.kind == "recovery":
        lines += _losses(news, pen)
        if not rest:
            lines.append(pen.small(f"It was: {_was(first, pen)}"))
    if news.held_back:
        why = " and ".join(_HELD_BACK.get(each, each) for each in news.held_back)
        lines.append(pen.small(f"Held back {pen.words(why)}, sent now."))
    if is_repeat:
        lines.append(pen.small("May have been sent before: the process that was sending it was killed."))
    if news.told_by:
        lines.append(pen.small(f"May come once from each {news.told_by}: they can't agree without the database."))
    return _Message(
        title=_title(news, pen),
        lines=lines,
        fields=[] if news.kind == "recovery" else list(_fields(news, pen, errors_command)),
        footer=_footer(news),
    )


# -- the headline ------------------------------------------------------------------------------------------------------


def _title(news: News, pen: Pen) -> str:
    first, n = news.items[0], len(news.items)
    emoji = _GOOD if news.kind == "recovery" else text.status_emoji(first.severity)
    what = pen.words(_headline(first), LONGEST_WHAT)
    if n == 1:
        verdict = _verdict(first, news.made_at)
        return f"{emoji} {verdict}: {what}" if verdict else f"{emoji} {what}"
    if news.kind == "recovery":
        return f"{emoji} {text.count(n)} alerts are over: {what}, and more"
    still = "Still " if news.kind == "reminder" else ""
    return f"{emoji} {still}{text.count(n)} alerts, the gravest: {what}"


def _headline(item: NewsItem) -> str:
    if item.change == "recovered":
        return recovered(item.reason)
    return failing_headline(item.reason) if is_one_failing(item.reason) else words_of(item.reason).what


def _verdict(item: NewsItem, now: datetime) -> str:
    """A rule's alert, and that of one command, is no verdict on the bot."""
    is_one = is_one_failing(item.reason)
    word = None if is_one or item.key.startswith("rule.") else _WORDS[item.severity]
    if item.change == "recovered":
        return "Recovered"
    if item.change == "worsened":
        return f"Worse, now {word.lower()}" if word else "Worse"
    if item.change == "still":
        return f"Still {word.lower()}, for {_lasted(item, now)}" if word else f"Still, for {_lasted(item, now)}"
    return word or ("" if is_one else "Alert")


def _lasted(item: NewsItem, now: datetime) -> str:
    return text.duration(((item.ended_at or now) - item.since).total_seconds())


# -- one ---------------------------------------------------------------------------------------------------------------


def _one(item: NewsItem, news: News, pen: Pen) -> list[str]:
    if item.change != "recovered":
        told = failing_lines if is_one_failing(item.reason) else _since_lines
        return [*told(item, news.made_at, pen), *_relapses(item, pen)]
    ended_at = item.ended_at or news.made_at
    is_short = ended_at - item.since < _WORTH_A_SPAN
    span = "" if is_short else f" ({pen.clock(item.since, news.made_at)} to {pen.clock(ended_at, news.made_at)})"
    return [f"It lasted {pen.strong(_lasted(item, news.made_at))}{span}.", *_relapses(item, pen)]


def _was(item: NewsItem, pen: Pen) -> str:
    words = words_of(item.reason)
    detail = detail_of(words, pen=pen)
    return pen.words(words.what) + (f" ({detail})" if detail else "")


def _since_lines(item: NewsItem, now: datetime, pen: Pen) -> list[str]:
    return [_since(item.since, now, pen)]


def _since(moment: datetime, now: datetime, pen: Pen) -> str:
    return f"Since {pen.clock(moment, now)}, {pen.ago(moment, now)}"


def _relapses(item: NewsItem, pen: Pen) -> list[str]:
    if not item.relapses:
        return []
    return [f"The trouble came back {pen.strong(_times(item.relapses))}, soon after it looked well."]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{text.count(n)} times"


# -- several -----------------------------------------------------------------------------------------------------------


def _many(news: News, pen: Pen) -> list[str]:
    shown, rest = news.items[:_MOST_ITEMS], news.items[_MOST_ITEMS:]
    began = [item.since for item in news.items]
    is_together = news.kind == "alert" and max(began) - min(began) <= _TOGETHER
    lines = [_since(min(began), news.made_at, pen)] if is_together else []
    lines += [_line(item, news.made_at, pen, is_dated=not is_together) for item in shown]
    if rest:
        lines.append(f"and {text.count(len(rest))} more{_kinds(rest, news)}")
    return lines


def _kinds(items: Sequence[NewsItem], news: News) -> str:
    """` (🔴 2, 🟡 38)`; nothing for what is over."""
    if news.kind == "recovery":
        return ""
    found = Counter(text.status_emoji(item.severity) for item in items)
    return f" ({', '.join(f'{emoji} {text.count(n)}' for emoji, n in found.items())})"


def _line(item: NewsItem, now: datetime, pen: Pen, *, is_dated: bool) -> str:
    again = f", came back {_times(item.relapses)}" if item.relapses else ""
    if item.change == "recovered":
        return f"{_GOOD} {pen.words(headed(recovered(item.reason)))}, after {_lasted(item, now)}{again}"
    words = f"{text.status_emoji(item.severity)} {one_line(item.reason, pen)}"
    if item.change == "worsened":
        words += ", worse than before"
    if item.change == "still":
        words += f", for {_lasted(item, now)}"
    elif is_dated:
        words += f", {pen.ago(item.since, now)}"
    return words + again


# -- under it ----------------------------------------------------------------------------------------------------------


def _fields(news: News, pen: Pen, errors_command: str | None) -> Iterator[tuple[str, str]]:
    first, *rest = news.items
    is_one = not rest and is_one_failing(first.reason)
    why = None if rest or is_one else behind(first.reason, pen)
    if why is not None:
        yield "Why", why
    if not rest:
        yield from cause_fields(first, pen)
    remedies = _remedies(news.items, pen)
    if remedies:
        yield "What to do", "\n".join(remedies)
    words = "" if is_one else trouble_of(first.reason).meanwhile
    if first.key.partition(".")[0] == "database" or news.waiting or news.lost:
        words += f" {sentence(rows_wait(news.waiting, news.lost, news.spooled, pen))}"
    if words:
        yield "Meanwhile", words.strip()
    if not rest:
        yield from change_field(first, news.made_at, pen, errors_command)


def _remedies(items: Sequence[NewsItem], pen: Pen) -> list[str]:
    """Those of the gravest few, each once, and each with its component's name where there are several alerts."""
    found: dict[str, str] = {}
    for item in items:
        remedy = words_of(item.reason).remedy
        if remedy is not None and len(found) < _MOST_REMEDIES and not _leads_to_traceback(item):
            component, _, rest = item.key.partition(".")
            found.setdefault(remedy, _NAMES.get(component) or rest or component)
    if len(items) == 1:
        return [pen.words(remedy, _LONGEST_REMEDY) for remedy in found]
    return [f"{pen.strong(pen.words(name, 60) + ':')} {pen.words(remedy, 250)}" for remedy, name in found.items()]


def _leads_to_traceback(item: NewsItem) -> bool:
    error = None if item.cause is None else item.cause.error
    return error is not None and error.error_type is not None


def _losses(news: News, pen: Pen) -> list[str]:
    """What became of the rows, where the trouble was about rows."""
    if not (news.waiting or news.lost or any(_is_about_rows(item) for item in news.items)):
        return []
    rows = text.plural(news.waiting, "row is", "rows are")
    late = f" {text.count(news.waiting)} {rows} still being written." if news.waiting else ""
    if not news.lost:
        return [f"Nothing was lost.{late}"]
    lost = pen.strong(f"{text.count(news.lost)} {text.plural(news.lost, 'row was', 'rows were')} lost")
    return [f"{lost}.{late}"]


def _is_about_rows(item: NewsItem) -> bool:
    return any(covers(key, item.key) for key in _ABOUT_ROWS)


def _footer(news: News) -> str:
    parts = [text.fit(text.clean(news.instance), 80) or text.NONE]
    if news.next_reminder_at is not None:
        parts.append(f"next reminder in {text.duration((news.next_reminder_at - news.made_at).total_seconds())}")
    return " · ".join(parts)
