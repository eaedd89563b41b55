"""How reasons and notices are written: in Discord's markup, and in plain text for everywhere else."""

from __future__ import annotations

from datetime import datetime, timedelta

from botmon_cog.discord_ui.parts import at
from botmon_cog.domain import text

_SAME_DAY = timedelta(hours=20)


class Markup:
    """Plain text: no markup, times in UTC."""

    def words(self, words: str, max_chars: int = 200) -> str:
        """Somebody's text."""
        return text.fit(text.clean(words), max_chars) or text.NONE

    def code(self, words: str, max_chars: int = 200) -> str:
        """Somebody's text, shown as it is."""
        return self.words(words, max_chars)

    def strong(self, words: str) -> str:
        return words

    def small(self, words: str) -> str:
        return words

    def clock(self, moment: datetime, now: datetime) -> str:
        """With the date where it is not today's."""
        return f"{moment:%H:%M} UTC" if abs(now - moment) < _SAME_DAY else f"{moment:%Y-%m-%d %H:%M} UTC"

    def ago(self, moment: datetime, now: datetime) -> str:
        return f"{text.duration((now - moment).total_seconds())} ago"


class DiscordMarkup(Markup):
    """Text that can't ping or format, and times in the reader's own zone."""

    def words(self, words: str, max_chars: int = 200) -> str:
        return text.plain(words, max_chars)

    def code(self, words: str, max_chars: int = 200) -> str:
        return text.inline_code(words, max_chars)

    def strong(self, words: str) -> str:
        return f"**{words}**"

    def small(self, words: str) -> str:
        return f"-# {words}"

    def clock(self, moment: datetime, now: datetime) -> str:
        return at(moment, "t" if abs(now - moment) < _SAME_DAY else "f")

    def ago(self, moment: datetime, now: datetime) -> str:  # noqa: ARG002 (Discord's clients know what time it is)
        return at(moment, "R")


PLAIN = Markup()
DISCORD = DiscordMarkup()
