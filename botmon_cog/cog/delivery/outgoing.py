"""A notice as it is sent: drawn for Discord, in words for everything else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import discord
import msgspec

from botmon_cog.cog import embeds
from botmon_cog.domain.alerts import Notice

MakeView = Callable[[Notice], discord.ui.View]
"""Notice -> the buttons under it."""


class ForDiscord(Protocol):
    """Anything that Discord can show."""

    def for_discord(self) -> dict[str, Any]:
        """The arguments of `Messageable.send`, to be used once."""
        ...


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """One message to the owners."""

    notice: Notice
    is_repeat: bool
    make_view: MakeView
    errors_command: str | None = None
    """What shows errors in Discord; None: nothing does."""

    def for_discord(self) -> dict[str, Any]:
        """The arguments of `Messageable.send`, to be used once: each message has a view of its own."""
        arguments: dict[str, Any] = {
            "embed": embeds.notice(self.notice, is_repeat=self.is_repeat, errors_command=self.errors_command),
            "allowed_mentions": discord.AllowedMentions.none(),
        }
        if self.notice.message_id:
            arguments["view"] = self.make_view(self.notice)
        return arguments

    @property
    def title(self) -> str:
        """What is the matter, in one line without markup."""
        return self._words[0]

    @property
    def body(self) -> str:
        """Since when, why, and what to do."""
        return self._words[2]

    @property
    def _words(self) -> tuple[str, str, str]:
        words = embeds.plain(self.notice, is_repeat=self.is_repeat, errors_command=self.errors_command)
        return words.partition("\n")
