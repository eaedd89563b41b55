"""The beginning of an interaction's invocation: what is known by then is read once, for its row and for a crash."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.privacy import names_json, parameters_json
from botmon_cog.observer.delays import DISCORD_EPOCH_S, LeastDelay
from botmon_cog.observer.kept_open import KeptOpen
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommand, Options
from botmon_cog.observer.opened import OpenInteraction, option_values, shard_of
from botmon_cog.store.queue.open_file import NOWHERE

Opened = TypeVar("Opened", bound=OpenInteraction)
Find = Callable[[AnyInteraction], tuple[KnownCommand, Options | None]]
"""Returns what is known of an interaction's command or component, and the options that Discord sent."""

_NAME = itemgetter("name")


def make_open_one(
    of: type[Opened],
    find: Find,
    open_ones: dict[AnyInteraction | None, OpenInteraction],
    bot: commands.Bot,
    clock: Clock,
    privacy: PrivacyConfig,
    delays: LeastDelay,
    kept: KeptOpen,
) -> Callable[[AnyInteraction], Opened]:
    """Returns what opens an interaction that has arrived.

    A closure, and in it nothing called or looked up that need not be: the task of the command is made only after that.
    `delays` hears how long each was under way.
    """
    now, monotonic, note_delay, keep = clock.now, clock.monotonic, delays.note, kept.add
    is_ignored, has_people, unrecorded = kept.is_ignored, kept.is_ignored.has_people, kept.unrecorded
    parameters_of = _names if privacy.log_parameters == "names" else partial(_parameters, privacy=privacy)

    def open_one(interaction: AnyInteraction) -> Opened:
        started_at, received_s = now(), monotonic()
        started_s = started_at.timestamp()
        known, options = find(interaction)
        user: Any = interaction.user  # a member in a guild: its own `guild` is the interaction's, and nearer
        discord_id, user_id = interaction.id, user.id
        guild_id, channel = interaction.guild_id, interaction.channel
        channel_id = None if channel is None else channel.id
        shard_id = 0 if bot.shard_count is None else shard_of(guild_id, bot.shard_count)
        delay_s = started_s - (discord_id >> 22) / 1000 - DISCORD_EPOCH_S
        note_delay(delay_s)
        origin = (
            delay_s if delay_s > 0 else 0.0,
            guild_id,
            None if guild_id is None else user.guild.name or None,  # of one that the bot is not in
            channel_id,
            user_id,
            user.name,
            shard_id,
            discord_id,
            parameters_of(options) if options else None,
        )
        opened = of(started_at, started_s, received_s, interaction, origin, known, options, known.is_plain)
        open_ones[interaction] = opened
        if not (known.is_ignored or (has_people and is_ignored(user_id, guild_id, None))):
            if unrecorded and user_id in unrecorded:
                user_id = channel_id = 0
            opened.slot = keep(
                NOWHERE, started_s, discord_id, user_id, guild_id or 0, channel_id or 0, shard_id, known.what
            )
        return opened

    return open_one


def _names(options: Options) -> str:
    """As `_parameters` where only names are kept, which is the default: without looking at the values."""
    return names_json(tuple(map(_NAME, options)))


def _parameters(options: Options, privacy: PrivacyConfig) -> str | None:
    return parameters_json(option_values(options), privacy)
