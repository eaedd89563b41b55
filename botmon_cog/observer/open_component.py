"""A button, a select menu or a modal while somebody's use of it is open."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import discord

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.opened import OpenInteraction, names_in

_BUTTON = discord.ComponentType.button.value


class OpenComponent(OpenInteraction, kw_only=True):
    """One use of a component.

    Attributes:
        is_called: its callback was called, so no check said no.
    """

    is_called: bool = False

    @property
    def subject(self) -> tuple[int, int | None, Any]:
        return self.interaction.user.id, self.interaction.guild_id, None

    def typed(self) -> Iterable[object]:
        data: Mapping[str, Any] = self.interaction.data or {}
        return [*_values(data), *names_in(data.get("resolved"))]

    def invocation(self, outcome: Outcome, ended_s: float | None) -> Invocation:
        return super().invocation(outcome, ended_s if self.is_watched else None)


def kind_of(interaction: AnyInteraction) -> Kind:
    if interaction.type is discord.InteractionType.modal_submit:
        return Kind.MODAL
    data: Mapping[str, Any] = interaction.data or {}
    return Kind.BUTTON if data.get("component_type") == _BUTTON else Kind.SELECT


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
