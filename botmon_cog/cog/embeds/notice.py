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
from botmon_cog.discord_ui.markup import DISCORD, PLAIN, Markup
from botmon_cog.discord_ui.parts import GREEN, clamp, headed, sentence, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.alerts import Notice, NoticeItem, covers
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


def notice(notice: Notice, *, is_repeat: bool = False, errors_command: str | None = None) -> discord.Embed:
    """One message to the owners.

    `is_repeat`: it may have been sent before. `errors_command` shows errors (`/botmon errors`); None: nothing does.
    """
    message = _compose(notice, DISCORD, errors_command, is_repeat=is_repeat)
    embed = discord.Embed(
        title=message.title,
        description="\n".join(message.lines),
        colour=GREEN if notice.kind == "recovery" else status_colour(notice.items[0].severity),
    )
    for name, value in message.fields:
        embed.add_field(name=name, value=value, inline=False)
    embed.set_footer(text=message.footer)
    return clamp(embed)


def plain(notice: Notice, *, is_repeat: bool = False, errors_command: str | None = None) -> str:
    """The same without Discord's markup: the title in the first line, then the rest."""
    message = _compose(notice, PLAIN, errors_command, is_repeat=is_repeat)
    fields = [f"{name}:\n{value}" if "\n" in value else f"{name}: {value}" for name, value in message.fields]
    return "\n".join([message.title, *message.lines, *fields, message.footer])


def _compose(notice: Notice, markup: Markup, errors_command: str | None, *, is_repeat: bool) -> _Message:
    first, *rest = notice.items
    lines = _many(notice, markup) if rest else _one(first, notice, markup)
    if notice.kind == "recovery":
        lines += _losses(notice, markup)
        if not rest:
            lines.append(markup.small(f"It was: {_was(first, markup)}"))
    if notice.held_back:
        why = " and ".join(_HELD_BACK.get(each, each) for each in notice.held_back)
        lines.append(markup.small(f"Held back {markup.words(why)}, sent now."))
    if is_repeat:
        lines.append(markup.small("May have been sent before: the process that was sending it was killed."))
    if notice.told_by:
        lines.append(markup.small(f"May come once from each {notice.told_by}: they can't agree without the database."))
    return _Message(
        title=_title(notice, markup),
        lines=lines,
        fields=[] if notice.kind == "recovery" else list(_fields(notice, markup, errors_command)),
        footer=_footer(notice),
    )


# -- the headline ------------------------------------------------------------------------------------------------------


def _title(notice: Notice, markup: Markup) -> str:
    first, n = notice.items[0], len(notice.items)
    emoji = _GOOD if notice.kind == "recovery" else text.status_emoji(first.severity)
    what = markup.words(_headline(first), LONGEST_WHAT)
    if n == 1:
        verdict = _verdict(first, notice.made_at)
        return f"{emoji} {verdict}: {what}" if verdict else f"{emoji} {what}"
    if notice.kind == "recovery":
        return f"{emoji} {text.count(n)} alerts are over: {what}, and more"
    still = "Still " if notice.kind == "reminder" else ""
    return f"{emoji} {still}{text.count(n)} alerts, the gravest: {what}"


def _headline(item: NoticeItem) -> str:
    if item.change == "recovered":
        return recovered(item.reason)
    return failing_headline(item.reason) if is_one_failing(item.reason) else words_of(item.reason).what


def _verdict(item: NoticeItem, now: datetime) -> str:
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


def _lasted(item: NoticeItem, now: datetime) -> str:
    return text.duration(((item.ended_at or now) - item.since).total_seconds())


# -- one ---------------------------------------------------------------------------------------------------------------


def _one(item: NoticeItem, notice: Notice, markup: Markup) -> list[str]:
    if item.change != "recovered":
        told = failing_lines if is_one_failing(item.reason) else _since_lines
        return [*told(item, notice.made_at, markup), *_relapses(item, markup)]
    ended_at = item.ended_at or notice.made_at
    is_short = ended_at - item.since < _WORTH_A_SPAN
    span = (
        "" if is_short else f" ({markup.clock(item.since, notice.made_at)} to {markup.clock(ended_at, notice.made_at)})"
    )
    return [f"It lasted {markup.strong(_lasted(item, notice.made_at))}{span}.", *_relapses(item, markup)]


def _was(item: NoticeItem, markup: Markup) -> str:
    words = words_of(item.reason)
    detail = detail_of(words, markup=markup)
    return markup.words(words.what) + (f" ({detail})" if detail else "")


def _since_lines(item: NoticeItem, now: datetime, markup: Markup) -> list[str]:
    return [_since(item.since, now, markup)]


def _since(moment: datetime, now: datetime, markup: Markup) -> str:
    return f"Since {markup.clock(moment, now)}, {markup.ago(moment, now)}"


def _relapses(item: NoticeItem, markup: Markup) -> list[str]:
    if not item.relapses:
        return []
    return [f"The trouble came back {markup.strong(_times(item.relapses))}, soon after it looked well."]


def _times(n: int) -> str:
    return "once" if n == 1 else f"{text.count(n)} times"


# -- several -----------------------------------------------------------------------------------------------------------


def _many(notice: Notice, markup: Markup) -> list[str]:
    shown, rest = notice.items[:_MOST_ITEMS], notice.items[_MOST_ITEMS:]
    began = [item.since for item in notice.items]
    is_together = notice.kind == "alert" and max(began) - min(began) <= _TOGETHER
    lines = [_since(min(began), notice.made_at, markup)] if is_together else []
    lines += [_line(item, notice.made_at, markup, is_dated=not is_together) for item in shown]
    if rest:
        lines.append(f"and {text.count(len(rest))} more{_kinds(rest, notice)}")
    return lines


def _kinds(items: Sequence[NoticeItem], notice: Notice) -> str:
    """` (🔴 2, 🟡 38)`; nothing for what is over."""
    if notice.kind == "recovery":
        return ""
    found = Counter(text.status_emoji(item.severity) for item in items)
    return f" ({', '.join(f'{emoji} {text.count(n)}' for emoji, n in found.items())})"


def _line(item: NoticeItem, now: datetime, markup: Markup, *, is_dated: bool) -> str:
    again = f", came back {_times(item.relapses)}" if item.relapses else ""
    if item.change == "recovered":
        return f"{_GOOD} {markup.words(headed(recovered(item.reason)))}, after {_lasted(item, now)}{again}"
    words = f"{text.status_emoji(item.severity)} {one_line(item.reason, markup)}"
    if item.change == "worsened":
        words += ", worse than before"
    if item.change == "still":
        words += f", for {_lasted(item, now)}"
    elif is_dated:
        words += f", {markup.ago(item.since, now)}"
    return words + again


# -- under it ----------------------------------------------------------------------------------------------------------


def _fields(notice: Notice, markup: Markup, errors_command: str | None) -> Iterator[tuple[str, str]]:
    first, *rest = notice.items
    is_one = not rest and is_one_failing(first.reason)
    why = None if rest or is_one else behind(first.reason, markup)
    if why is not None:
        yield "Why", why
    if not rest:
        yield from cause_fields(first, markup)
    remedies = _remedies(notice.items, markup)
    if remedies:
        yield "What to do", "\n".join(remedies)
    words = "" if is_one else trouble_of(first.reason).meanwhile
    if first.key.partition(".")[0] == "database" or notice.waiting or notice.lost:
        words += f" {sentence(rows_wait(notice.waiting, notice.lost, notice.spooled, markup))}"
    if words:
        yield "Meanwhile", words.strip()
    if not rest:
        yield from change_field(first, notice.made_at, markup, errors_command)


def _remedies(items: Sequence[NoticeItem], markup: Markup) -> list[str]:
    """Those of the gravest few, each once, and each with its component's name where there are several alerts."""
    found: dict[str, str] = {}
    for item in items:
        remedy = words_of(item.reason).remedy
        if remedy is not None and len(found) < _MOST_REMEDIES and not _leads_to_traceback(item):
            component, _, rest = item.key.partition(".")
            found.setdefault(remedy, _NAMES.get(component) or rest or component)
    if len(items) == 1:
        return [markup.words(remedy, _LONGEST_REMEDY) for remedy in found]
    return [
        f"{markup.strong(markup.words(name, 60) + ':')} {markup.words(remedy, 250)}" for remedy, name in found.items()
    ]


def _leads_to_traceback(item: NoticeItem) -> bool:
    error = None if item.cause is None else item.cause.error
    return error is not None and error.error_type is not None


def _losses(notice: Notice, markup: Markup) -> list[str]:
    """What became of the rows, where the trouble was about rows."""
    if not (notice.waiting or notice.lost or any(_is_about_rows(item) for item in notice.items)):
        return []
    rows = text.plural(notice.waiting, "row is", "rows are")
    late = f" {text.count(notice.waiting)} {rows} still being written." if notice.waiting else ""
    if not notice.lost:
        return [f"Nothing was lost.{late}"]
    lost = markup.strong(f"{text.count(notice.lost)} {text.plural(notice.lost, 'row was', 'rows were')} lost")
    return [f"{lost}.{late}"]


def _is_about_rows(item: NoticeItem) -> bool:
    return any(covers(key, item.key) for key in _ABOUT_ROWS)


def _footer(notice: Notice) -> str:
    parts = [text.fit(text.clean(notice.instance), 80) or text.NONE]
    if notice.next_reminder_at is not None:
        parts.append(f"next reminder in {text.duration((notice.next_reminder_at - notice.made_at).total_seconds())}")
    return " · ".join(parts)
