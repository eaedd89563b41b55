"""What the owners are told: that something is wrong, still is, or is over; and short notices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import discord
import msgspec

from botmon_cog.cog.embeds.components import NAMES, meanwhile, recovered
from botmon_cog.cog.embeds.parts import GREEN, NEUTRAL, clamp, headed, sentence, status_colour
from botmon_cog.cog.embeds.pens import DISCORD, PLAIN, Pen
from botmon_cog.cog.embeds.reasons import LONGEST_WHAT, behind, one_line, rest_of, rows_wait, split
from botmon_cog.domain import text
from botmon_cog.domain.alerts import News, NewsItem, covers

_MOST_ITEMS = 6
_MOST_REMEDIES = 2
_LONGEST_REMEDY = 500
_TOGETHER = timedelta(minutes=2)
_WORTH_A_SPAN = timedelta(minutes=1)
_GOOD = text.status_emoji("healthy")
_WORDS = {"critical": "Unhealthy", "warning": "Degraded"}
_ABOUT_ROWS = ("database", "monitor.spool", "monitor.lost")


class _Message(msgspec.Struct, frozen=True, kw_only=True):
    title: str
    lines: list[str]
    fields: list[tuple[str, str]]
    footer: str


def news(news: News, *, is_repeat: bool = False) -> discord.Embed:
    """One message to the owners. `is_repeat`: it may have been sent before."""
    message = _compose(news, DISCORD, is_repeat=is_repeat)
    embed = discord.Embed(
        title=message.title,
        description="\n".join(message.lines),
        colour=GREEN if news.kind == "recovery" else status_colour(news.items[0].severity),
    )
    for name, value in message.fields:
        embed.add_field(name=name, value=value, inline=False)
    embed.set_footer(text=message.footer)
    return clamp(embed)


def plain(news: News, *, is_repeat: bool = False) -> str:
    """The same without Discord's markup: the title in the first line, then the rest."""
    message = _compose(news, PLAIN, is_repeat=is_repeat)
    fields = [f"{name}:\n{value}" if "\n" in value else f"{name}: {value}" for name, value in message.fields]
    return "\n".join([message.title, *message.lines, *fields, message.footer])


def notice(title: str, words: str) -> discord.Embed:
    """Something to say that is no verdict."""
    return clamp(discord.Embed(title=title, description=words, colour=NEUTRAL))


def _compose(news: News, pen: Pen, *, is_repeat: bool) -> _Message:
    first, *rest = news.items
    lines = _many(news, pen) if rest else _one(first, news, pen)
    if news.kind == "recovery":
        lines += _losses(news, pen)
        if not rest:
            lines.append(pen.small(f"It was: {_was(first, pen)}"))
    if news.held_back:
        lines.append(pen.small(f"Held back {pen.words(news.held_back)}, and told now."))
    if is_repeat:
        lines.append(pen.small("May have been sent before: the process that was sending it was killed."))
    return _Message(
        title=_title(news, pen),
        lines=lines,
        fields=[] if news.kind == "recovery" else list(_fields(news, pen)),
        footer=_footer(news),
    )


# -- the headline ------------------------------------------------------------------------------------------------------


def _title(news: News, pen: Pen) -> str:
    first, n = news.items[0], len(news.items)
    emoji = _GOOD if news.kind == "recovery" else text.status_emoji(first.severity)
    what = pen.words(recovered(first.key) if first.change == "recovered" else split(first.reason).what, LONGEST_WHAT)
    if n == 1:
        return f"{emoji} {_verdict(first, news.made_at)}: {what}"
    if news.kind == "recovery":
        return f"{emoji} {text.count(n)} alerts are over: {what}, and more"
    still = "Still " if news.kind == "reminder" else ""
    return f"{emoji} {still}{text.count(n)} alerts, the gravest: {what}"


def _verdict(item: NewsItem, now: datetime) -> str:
    """A rule's alert is no verdict on the bot."""
    word = None if item.key.startswith("rule.") else _WORDS[item.severity]
    if item.change == "recovered":
        return "Recovered"
    if item.change == "worsened":
        return f"Worse, now {word.lower()}" if word else "Worse"
    if item.change == "still":
        return f"Still {word.lower()}, for {_lasted(item, now)}" if word else f"Still, for {_lasted(item, now)}"
    return word or "Alert"


def _lasted(item: NewsItem, now: datetime) -> str:
    return text.duration(((item.ended_at or now) - item.since).total_seconds())


# -- one ---------------------------------------------------------------------------------------------------------------


def _one(item: NewsItem, news: News, pen: Pen) -> list[str]:
    if item.change != "recovered":
        return [_since(item.since, news.made_at, pen), *_relapses(item, pen)]
    ended_at = item.ended_at or news.made_at
    is_short = ended_at - item.since < _WORTH_A_SPAN
    span = "" if is_short else f" ({pen.clock(item.since, news.made_at)} to {pen.clock(ended_at, news.made_at)})"
    return [f"It lasted {pen.strong(_lasted(item, news.made_at))}{span}.", *_relapses(item, pen)]


def _was(item: NewsItem, pen: Pen) -> str:
    reason = split(item.reason)
    rest = rest_of(reason, pen=pen)
    return pen.words(reason.what) + (f" ({rest})" if rest else "")


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
        return f"{_GOOD} {pen.words(headed(recovered(item.key)))}, after {_lasted(item, now)}{again}"
    words = f"{text.status_emoji(item.severity)} {one_line(item.reason, pen)}"
    if item.change == "worsened":
        words += ", worse than before"
    if item.change == "still":
        words += f", for {_lasted(item, now)}"
    elif is_dated:
        words += f", {pen.ago(item.since, now)}"
    return words + again


# -- under it ----------------------------------------------------------------------------------------------------------


def _fields(news: News, pen: Pen) -> Iterator[tuple[str, str]]:
    first, *rest = news.items
    why = None if rest else behind(first.reason, pen)
    if why is not None:
        yield "Why", why
    if rest and (remedies := _remedies(news.items, pen)):
        yield "What to do", "\n".join(remedies)
    elif first.remedy:
        yield "What to do", pen.words(first.remedy, _LONGEST_REMEDY)
    words = meanwhile(first.key)
    if first.key.partition(".")[0] == "database" or news.waiting or news.lost:
        words += f" {sentence(rows_wait(news.waiting, news.lost, news.spooled, pen))}"
    yield "Meanwhile", words


def _remedies(items: Sequence[NewsItem], pen: Pen) -> list[str]:
    """Those of the gravest few, each once."""
    found: dict[str, str] = {}
    for item in items:
        if item.remedy and len(found) < _MOST_REMEDIES:
            component, _, rest = item.key.partition(".")
            found.setdefault(item.remedy, NAMES.get(component) or rest or component)
    return [f"{pen.strong(pen.words(name, 60) + ':')} {pen.words(remedy, 250)}" for remedy, name in found.items()]


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
