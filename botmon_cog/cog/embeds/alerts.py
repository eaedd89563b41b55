"""`/botmon alerts`: active alerts, mutes, messages sent, and the answers to changes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import discord

from botmon_cog.cog.embeds.reasons import one_line
from botmon_cog.discord_ui.parts import GREEN, NEUTRAL, at, clamp, headed, more, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.alerts import (
    EVERYTHING,
    SHARED,
    Alert,
    AlertMessage,
    AlertsOverview,
    Mute,
    NoticeItem,
    silences,
)
from botmon_cog.health.words import recovered

_MOST_FIRING = 8
_MOST_PENDING = 5
_MOST_MUTES = 5
_MOST_MESSAGES = 10
_MARKS = {"sent": "", "due": "⏳ ", "failed": "❌ "}
_LEGEND = {"due": "⏳ on its way", "failed": "❌ reached nobody"}
_WORDS = {"fired": "alert", "worsened": "worse", "still": "reminder", "recovered": "over"}


def alerts_list(overview: AlertsOverview) -> discord.Embed:
    """What is on, what might soon be, and what is held back."""
    firing, pending, mutes = overview.firing, overview.pending, overview.mutes
    embed = discord.Embed(title=_title(firing), colour=status_colour(firing[0].severity) if firing else GREEN)
    elsewhere = Counter(alert.key for alert in overview.elsewhere)
    counts = [0 if alert.scope == SHARED else 1 + elsewhere[alert.key] for alert in firing]
    lines = [_firing(alert, mutes, n) for alert, n in zip(firing[:_MOST_FIRING], counts, strict=False)] + more(
        firing, _MOST_FIRING
    )
    if not lines:
        lines = ["Problems that last long enough to be sent appear here, with the name to mute them by."]
    if overview.maintenance_until is not None:
        lines.insert(
            0, f"🔧 Maintenance until {at(overview.maintenance_until, 'f')}: anything still wrong then will be sent."
        )
    embed.description = "\n".join(lines)
    if pending:
        lines = [
            f"{text.status_emoji(each.severity)} {one_line(each.reason)}, began {at(each.since, 'R')}"
            for each in pending[:_MOST_PENDING]
        ]
        embed.add_field(name="Not sent yet", value="\n".join(lines + more(pending, _MOST_PENDING)), inline=False)
    if mutes:
        named = list({mute.key: mute for mute in mutes}.values())  # a key may be muted in more than one scope
        lines = [f"{_key(mute.key)} until {at(mute.until, 'f')}{_by(mute)}" for mute in named[:_MOST_MUTES]]
        embed.add_field(name="🔕 Muted", value="\n".join(lines + more(named, _MOST_MUTES)), inline=False)
    return clamp(embed)


def alerts_history(messages: Sequence[AlertMessage]) -> discord.Embed:
    """The messages sent, newest first, and how each reached the owners."""
    embed = discord.Embed(title="Messages sent", colour=NEUTRAL)
    if not messages:
        embed.title = "No messages sent yet"
        embed.description = "Alerts, reminders and recoveries appear here, with how they were delivered."
        return clamp(embed)
    is_named = len({message.instance for message in messages}) > 1
    lines = [_message(message, is_named=is_named) for message in messages[:_MOST_MESSAGES]]
    embed.description = "\n".join(lines + more(messages, _MOST_MESSAGES))
    states = {message.state for message in messages[:_MOST_MESSAGES]}
    embed.set_footer(text=" · ".join(words for state, words in _LEGEND.items() if state in states) or None)
    return clamp(embed)


def muted(mute: Mute) -> discord.Embed:
    """That a mute was set."""
    what = "All alerts are" if mute.key == EVERYTHING else f"{_key(mute.key)} is"
    words = f"{what} muted until {at(mute.until, 'f')} ({at(mute.until, 'R')})."
    after = "Anything still wrong then will be sent. `/botmon alerts unmute` ends it sooner."
    return clamp(discord.Embed(title="🔕 Muted", description=f"{words}\n{after}", colour=NEUTRAL))


def unmuted(key: str, *, was_muted: bool) -> discord.Embed:
    """That a mute has ended, or that there was none."""
    if was_muted:
        title, words = "🔔 Unmuted", "Anything wrong now will be sent with the next check."
    else:
        title, words = "Nothing to unmute", "The list of alerts shows what is muted."
    return clamp(discord.Embed(title=f"{title}: {_key(key)}", description=words, colour=NEUTRAL))


def _title(firing: Sequence[Alert]) -> str:
    if not firing:
        return "🟢 No active alerts"
    n = len(firing)
    return f"{text.status_emoji(firing[0].severity)} {text.count(n)} active {text.plural(n, 'alert', 'alerts')}"


def _firing(alert: Alert, mutes: Sequence[Mute], n: int) -> str:
    """`n`: of how many processes."""
    notes = [f"began {at(alert.since, 'R')}"]
    if n > 1:
        notes.append(f"in {text.count(n)} processes")
    if any(silences(mute, alert) for mute in mutes):
        notes.append("🔕 muted")
    what = f"{text.status_emoji(alert.severity)} {one_line(alert.reason)}"
    return f"{what}\n-# {text.inline_code(alert.key, 60)} · {' · '.join(notes)}"


def _key(key: str) -> str:
    return "all alerts" if key == EVERYTHING else text.inline_code(key, 60)


def _by(mute: Mute) -> str:
    return f", by <@{mute.by}>" if mute.by.isdecimal() else ""


def _message(message: AlertMessage, *, is_named: bool) -> str:
    first, *rest = message.notice.items
    is_over = first.change == "recovered"
    emoji = text.status_emoji("healthy" if is_over else first.severity)
    what = _over(first) if is_over else one_line(first.reason)
    notes = [f"{_MARKS[message.state]}{_WORDS[first.change]} {at(message.made_at, 'R')}"]
    if is_named:
        notes.append(text.plain(message.instance, 40))
    if message.result:
        notes.append(text.plain(message.result, 80))
    if message.is_repeat:
        notes.append("may have come twice")
    return f"{emoji} {what}{f', and {text.count(len(rest))} more' if rest else ''}\n-# {' · '.join(notes)}"


def _over(item: NoticeItem) -> str:
    return text.plain(headed(recovered(item.reason)))
