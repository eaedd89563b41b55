"""A button, a select menu or a modal while somebody's use of it is open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

import discord
from discord.ext import commands

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.observer.delays import LeastDelay, delay_of
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.opened import OpenInteraction, annotated, names_in

_BUTTON = discord.ComponentType.button.value


class OpenComponent(OpenInteraction, kw_only=True):
    """One use of a component.

    Attributes:
        name: as it is recorded.
        is_called: its callback was called, so no check said no.
        is_own: it is one of ours.
    """

    name: str
    is_called: bool = False
    is_own: bool = False

    @property
    def command(self) -> str:
        return self.name

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        return self.interaction.user.id, self.interaction.guild_id, None

    def typed(self) -> Iterable[object]:
        data: Mapping[str, Any] = self.interaction.data or {}
        return [*_values(data), *names_in(data.get("resolved"))]


def kind_of(interaction: AnyInteraction) -> Kind:
    if interaction.type is discord.InteractionType.modal_submit:
        return Kind.MODAL
    data: Mapping[str, Any] = interaction.data or {}
    return Kind.BUTTON if data.get("component_type") == _BUTTON else Kind.SELECT


def make_component_record(
    bot: commands.Bot, delays: LeastDelay
) -> Callable[[OpenComponent, Outcome, float | None], Invocation]:
    """Returns the `make` of a bot's components."""

    def record(opened: OpenComponent, outcome: Outcome, ended_s: float | None) -> Invocation:
        interaction = opened.interaction
        guild_id, channel, user = interaction.guild_id, interaction.channel, interaction.user
        delay_s = delay_of(interaction.id, opened.started_s)
        delays.note(delay_s)
        shard_count = bot.shard_count
        invocation = Invocation(
            kind=opened.kind,
            command=opened.name[:LONGEST_NAME],
            outcome=outcome,
            started_at=opened.started_at,
            duration_s=None if ended_s is None or not opened.is_watched else ended_s - opened.received_s,
            response_s=opened.response_s,
            gateway_delay_s=max(delay_s, 0.0),
            guild_id=guild_id,
            guild_name=user.guild.name or None if isinstance(user, discord.Member) else None,
            channel_id=None if channel is None else channel.id,
            user_id=user.id,
            username=user.name,
            shard_id=(guild_id >> 22) % shard_count if shard_count and guild_id else 0,
            discord_id=interaction.id,
            is_own=opened.is_own,
        )
        return invocation if opened.told is None else annotated(invocation, opened.told, opened.typed())

    return record


def _values(of: Any) -> Iterable[object]:
    """What somebody chose or typed, wherever it stands in the interaction's data."""
    if isinstance(of, dict):
        for key, value in cast("dict[str, Any]", of).items():
            if key == "value":
                yield value
            elif key == "values":
                yield from value
            else:
                yield from _values(value)
    elif isinstance(of, list):
        for item in cast("list[Any]", of):
            yield from _values(item)
