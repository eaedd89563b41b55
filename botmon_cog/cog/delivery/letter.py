"""News as it is sent: drawn for Discord, in words for everything else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import discord
import msgspec

from botmon_cog.domain import text
from botmon_cog.domain.alerts import News, NewsItem

Draw = Callable[[News, bool], discord.Embed]
"""News and whether it may have been sent before -> how it looks."""
MakeView = Callable[[str], discord.ui.View | None]
"""The message's id -> the buttons under it."""

_OPENINGS = {"alert": "", "reminder": "Still:", "recovery": "Over:"}


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """One message to the owners."""

    news: News
    is_repeat: bool
    embed: discord.Embed
    make_view: MakeView

    def for_discord(self) -> dict[str, Any]:
        """The arguments of `Messageable.send`: each message has a view of its own."""
        view = self.make_view(self.news.message_id) if self.news.message_id else None
        mentions = discord.AllowedMentions.none()
        return {"embed": self.embed, "allowed_mentions": mentions} | ({"view": view} if view is not None else {})

    @property
    def title(self) -> str:
        """What is the matter, in one line without markup."""
        first, *others = self.news.items
        emoji = "🟢" if self.news.kind == "recovery" else text.status_emoji(first.severity)
        words = [emoji, _OPENINGS[self.news.kind], first.reason]
        if others:
            words.append(f"and {text.count(len(others))} more")
        if self.is_repeat:
            words.append("(perhaps told before)")
        return text.clean(" ".join(word for word in words if word))

    @property
    def body(self) -> str:
        """What happened, since when, and what to do: a paragraph for each alert."""
        return "\n\n".join([*map(_paragraph, self.news.items), text.clean(self.news.instance)])


def _paragraph(item: NewsItem) -> str:
    times = f"since {_at(item.since)}" + (f" until {_at(item.ended_at)}" if item.ended_at else "")
    remedy = f"\nWhat to do: {item.remedy}" if item.remedy and item.change != "recovered" else ""
    return f"{item.change}: {text.clean(item.reason)}, {times}{remedy}"


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
