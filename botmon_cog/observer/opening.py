"""The beginning of an interaction's invocation: what is known by then is read once, for its row and for a crash."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TypeVar

from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.domain.ended import Origin
from botmon_cog.observer.kept_open import KeptOpen, without_person
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommand
from botmon_cog.observer.opened import OpenInteraction
from botmon_cog.observer.rows import Rows, shard_of
from botmon_cog.store.queue.open_file import NOWHERE

Opened = TypeVar("Opened", bound=OpenInteraction)
Find = Callable[[AnyInteraction], KnownCommand]
"""Returns what is known of an interaction's command or component."""

_origin_in_guild: Callable[[AnyInteraction], Origin] = attrgetter("id", "user.id", "user.guild.id", "channel.id")
"""The user is a member there."""


def make_open_one(
    of: type[Opened],
    find: Find,
    open_ones: dict[AnyInteraction | None, OpenInteraction],
    bot: commands.Bot,
    clock: Clock,
    rows: Rows,
    kept: KeptOpen,
) -> Callable[[AnyInteraction], Opened]:
    """Returns what opens an interaction that has arrived.

    A closure, and in it nothing called or looked up that need not be: the task of the command is made only after that.
    """
    epoch_s, monotonic, keep = clock.epoch_s, clock.monotonic, kept.add
    is_ignored, has_people, unrecorded = kept.is_ignored, kept.is_ignored.has_people, kept.unrecorded

    def open_one(interaction: AnyInteraction) -> Opened:
        started_s, received_s = epoch_s(), monotonic()
        try:
            origin = _origin_in_guild(interaction)
        except AttributeError:
            origin = _origin_anywhere(interaction)
        known = find(interaction)
        if known.is_ignored or (has_people and is_ignored(origin[1], interaction.guild_id, None)):
            slot = NOWHERE
        else:
            slot = keep(
                started_s,
                without_person(origin) if unrecorded and origin[1] in unrecorded else origin,
                0 if bot.shard_count is None else shard_of(origin[2], bot.shard_count),
                known.what,
            )
        opened = of(started_s, received_s, known.is_plain, slot, interaction, origin, known, rows)
        open_ones[interaction] = opened
        return opened

    return open_one


def _origin_anywhere(interaction: AnyInteraction) -> Origin:
    """The same of one from a direct message, or from a channel that nobody knows."""
    channel = interaction.channel
    return interaction.id, interaction.user.id, interaction.guild_id or 0, 0 if channel is None else channel.id
