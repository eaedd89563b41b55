"""What `/privacy` says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import discord

from botmon_cog.config import Config
from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.discord_ui.parts import GREEN, NEUTRAL, at, clamp
from botmon_cog.discord_ui.responder import Answer
from botmon_cog.domain import text
from botmon_cog.privacy.person import About

ABOUT, COPY, ASK, ERASE, STOP, RESUME = (
    "privacy",
    "privacy:copy",
    "privacy:erase",
    "privacy:erase:yes",
    "privacy:stop",
    "privacy:resume",
)
_TITLE = "What this bot's monitor knows about you"
_COUNTED_AS_ANYBODY = "What you do is counted as anybody's: no name, no ID, no arguments."
_GOES = (
    "**Goes, for good:** your name and ID in every entry, what you typed, the days on which you used commands, "
    "mentions of you in error reports."
)
_STAYS = "**Stays:** how often each command was used and how long it took. Nobody can tell any more that it was you."
_SUMS = "Erasing keeps the counts of each server, without you"


def about_answer(about: About, config: Config) -> Answer:
    """What is stored, and what can be done about it."""
    lines = [_counts(about), "", _each(config), *_how_long(about, config)] if about.has_any else [_nothing(about)]
    if about.unrecorded_since is not None:
        since = at(about.unrecorded_since, "D")
        lines += ["", f"🔕 **You are not recorded** since {since}. {_COUNTED_AS_ANYBODY}"]
    embed = discord.Embed(title=_TITLE, description="\n".join(lines), colour=NEUTRAL)
    if about.has_any:
        embed.set_footer(text=_SUMS)
    return Answer(clamp(embed), _buttons(about))


def _counts(about: About) -> str:
    counts = [
        f"**{text.count(n)}** {text.plural(n, one, many)}"
        for n, one, many in (
            (about.commands, "command", "commands"),
            (about.components, "button or form", "buttons and forms"),
            (about.others, "other entry", "other entries"),
        )
        if n
    ] or [f"**{text.count(about.days)}** {text.plural(about.days, 'day', 'days')} with commands"]
    first = ", ".join(counts[:-1])
    words = f"{first} and {counts[-1]}" if first else counts[-1]
    if about.first_at is not None:
        words += f" since {at(about.first_at, 'D')}"
    if about.servers:
        words += f" in {text.count(about.servers)} {text.plural(about.servers, 'server', 'servers')}"
    return f"{words}."


def _each(config: Config) -> str:
    kept = {
        "none": "No arguments, no messages.",
        "names": "Which options you used, not what you typed. No messages.",
        "all": "What you typed into options, except for secrets. No messages.",
    }[config.privacy.log_parameters]
    return f"**Of each:** which, when, where, how long it took, whether it worked, and your name as it was then. {kept}"


def _how_long(about: About, config: Config) -> list[str]:
    raw, people = config.retention.raw_days, config.retention.people_days
    words = f"**{text.count(raw)} days**, then they go by themselves" if raw else "until you erase them"
    if about.days:
        until = f"{text.count(max(people, raw))} days" if people and raw else "until you erase it"
        words += f". On which days you used commands ({text.count(about.days)} so far): {until}"
    return [f"**How long:** {words}."]


def _nothing(about: About) -> str:
    if about.unrecorded_since is not None:
        return "Nothing that names you."
    return (
        "Nothing yet. When you use a command, this is noted: which, when, where, how long it took, whether it worked, "
        "and your name."
    )


def _buttons(about: About) -> discord.ui.View:
    labels: dict[str, str] = {}
    if about.has_any:
        labels |= {"Send me a copy": COPY, "Erase mine": ASK}
    labels |= {"Don't record me": STOP} if about.unrecorded_since is None else {"Record me again": RESUME}
    return view_of(row(labels))


def ask_answer(about: About) -> Answer:
    """Before anything is erased: what goes, and what stays."""
    lines = [_GOES, _STAYS]
    if about.unrecorded_since is None:
        lines += ["", "-# What you do afterwards is recorded again, unless you also choose Don't record me."]
    embed = discord.Embed(title="Erase everything about you?", description="\n".join(lines), colour=NEUTRAL)
    buttons = row({"Yes, erase mine": ERASE, "Keep it": ABOUT})
    buttons[0].style = discord.ButtonStyle.danger
    return Answer(clamp(embed), view_of(buttons))


def erasing_answer() -> Answer:
    return Answer(clamp(discord.Embed(title="Erasing…", description="This can take a minute.", colour=NEUTRAL)))


def erased_answer(changed: Mapping[str, int], about: About) -> Answer:
    """When it is done."""
    n = changed.get("invocations", 0)
    entries = f"**{text.count(n)}** {text.plural(n, 'entry tells', 'entries tell')} of nobody now. " if n else ""
    words = [f"{entries}Nothing here names you any more."]
    if about.unrecorded_since is None:
        words.append("-# What you do from now on is recorded again, unless you choose Don't record me.")
    embed = discord.Embed(title="✅ Erased", description="\n".join(words), colour=GREEN)
    labels = {"Don't record me": STOP} if about.unrecorded_since is None else {}
    return Answer(clamp(embed), view_of(row(labels | {"Show what is stored": ABOUT})))


def copy_caption(left_out: int) -> str:
    words = "Everything that this bot's monitor stores about you, as JSON."
    if left_out:
        n = text.count(left_out)
        words += (
            f" The oldest {n} {text.plural(left_out, 'entry', 'entries')} did not fit; the bot's owner can export them."
        )
    return words


def file_name(user_id: int, now: datetime) -> str:
    return f"botmon-{user_id}-{now:%Y-%m-%d}.json"


COPY_SENT = "The copy is in your direct messages."
DM_CLOSED = (
    "I can't send you direct messages. Allow them in this server's Privacy Settings, or use this command in a direct "
    "message with me."
)
BUSY = "Your last request is still being worked on. Try again in a minute."
"""Somebody presses again and again."""
