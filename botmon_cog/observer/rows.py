"""The rows of interactions, made of what was taken of them."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from discord.ext import commands

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.anonymous import anonymous
from botmon_cog.domain.ended import EndedCommand, Origin
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.privacy import names_json, parameters_json
from botmon_cog.observer.delays import LeastDelay, delay_of
from botmon_cog.observer.known_commands import SUB_COMMANDS, Options, path

_NAME = itemgetter("name")


class Rows:
    """Makes those of one bot, in any thread."""

    def __init__(
        self, bot: commands.Bot, privacy: PrivacyConfig, unrecorded: AbstractSet[int | str], delays: LeastDelay
    ) -> None:
        """`unrecorded`: ids of people who are left out of what is recorded. May change at any time.

        `delays` hears how long each was under way.
        """
        self._bot = bot
        self._privacy = privacy
        self._unrecorded = unrecorded
        self._note_delay = delays.note

    def row(
        self,
        kind: Kind,
        command: str,
        outcome: Outcome,
        started_s: float,
        duration_s: float | None,
        response_s: float | None,
        origin: Origin,
        user: Any,
        options: Options | None,
    ) -> Invocation:
        """`started_s`: since 1970. `user`: in a guild a member. `options`: as Discord sent them."""
        discord_id, user_id, guild_id, channel_id = origin
        delay_s = delay_of(discord_id, started_s)
        self._note_delay(delay_s)
        return Invocation(
            kind,
            command,
            outcome,
            datetime.fromtimestamp(started_s, UTC),
            duration_s,
            response_s,
            delay_s if delay_s > 0 else 0.0,
            guild_id or None,
            user.guild.name or None if guild_id else None,  # empty: of one that the bot is not in
            channel_id or None,
            user_id,
            user.name,
            0 if self._bot.shard_count is None else shard_of(guild_id, self._bot.shard_count),
            discord_id,
            self._parameters(options) if options else None,
        )

    def of_ended(self, ended: EndedCommand, user: Any, options: Options | None) -> Invocation:
        """The row of a command that ended well."""
        row = self.row(
            ended.kind,
            ended.command,
            ended.outcome,
            ended.started_s,
            ended.duration_s,
            ended.response_s,
            ended.origin,
            user,
            options,
        )
        return anonymous(row) if row.user_id in self._unrecorded else row

    def _parameters(self, options: Options) -> str | None:
        try:
            if options[0]["type"] in SUB_COMMANDS:
                _, options = path("", options)
            if self._privacy.log_parameters == "names":  # the default: without looking at the values
                return names_json(tuple(map(_NAME, options))) if options else None
            return parameters_json(option_values(options), self._privacy)
        except (AttributeError, KeyError, TypeError, ValueError):  # not as Discord sends them; the row has to be stored
            return None


def option_values(options: Options) -> dict[str, Any]:
    """Option names and values."""
    return {option["name"]: option.get("value") for option in options}


def shard_of(guild_id: int | None, shard_count: int | None) -> int:
    """0 of a direct message, and in a bot without shards."""
    return (guild_id >> 22) % shard_count if shard_count and guild_id else 0


def moment_of(epoch_s: float) -> datetime:
    """Seconds since 1970 as an aware UTC moment."""
    return datetime.fromtimestamp(epoch_s, UTC)
