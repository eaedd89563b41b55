"""/botmon alerts: what is wrong now, what was sent, and muting. The owners' alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Literal, get_args

import discord
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.config import ComponentName
from botmon_cog.discord_ui.responder import AnyInteraction, Responder
from botmon_cog.domain import text
from botmon_cog.domain.alerts import EVERYTHING, SHARED, Mute
from botmon_cog.errors import StorageError

Span = Literal["1 h", "4 h", "24 h", "7 days"]
"""Choices of the `for` option."""
Minutes = app_commands.Range[int, 1, 43_200]

_MINUTES: dict[Span, int] = {"1 h": 60, "4 h": 240, "24 h": 1_440, "7 days": 10_080}
_EVERYTHING = "everything"
_KINDS = (*get_args(ComponentName), "rule")
"""What the keys of alerts begin with."""
_MOST_MESSAGES = 100
_HISTORY = timedelta(days=30)
_MOST_CHOICES = 25
_LONGEST_CHOICE = 100


def alerts_group(responder: Responder, name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="Active alerts, messages sent, and mutes")
    for add in (_add_list, _add_mute, _add_unmute, _add_history):
        add(group, responder)
    return group


def _add_list(group: app_commands.Group, responder: Responder) -> None:
    @group.command(name="list", description="Active alerts and mutes")
    async def list_(interaction: AnyInteraction) -> None:
        async def draw() -> discord.Embed:
            return embeds.alerts_list(await responder.system.alerts.overview())

        await responder.answer_owner(interaction, draw)

    del list_


def _add_mute(group: app_commands.Group, responder: Responder) -> None:
    @group.command(description="Send nothing about it for a while")
    @app_commands.rename(span="for")
    @app_commands.describe(
        what="An alert's name, or `everything`", span="How long (1 h)", minutes="How long, in minutes instead"
    )
    async def mute(interaction: AnyInteraction, what: str, span: Span = "1 h", minutes: Minutes | None = None) -> None:
        async def draw() -> discord.Embed:
            key = _key(what)
            if key != EVERYTHING and key.partition(".")[0] not in _KINDS:
                return embeds.short_embed("Nothing muted", f"No alert is called {text.inline_code(what)}.")
            now, by = responder.system.clock.now(), str(interaction.user.id)
            until = now + timedelta(minutes=minutes or _MINUTES[span])
            await responder.system.alerts.mute(_names(responder, key), until, by)
            return embeds.muted(Mute(scope=SHARED, key=key, until=until, by=by, made_at=now))

        await responder.answer_owner(interaction, draw)

    @mute.autocomplete("what")
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        async def names() -> list[str]:
            overview = await responder.system.alerts.overview()
            return [_EVERYTHING, *(each.key for each in (*overview.firing, *overview.pending)), *_KINDS[:-1]]

        return await _choices(responder, interaction, current, names)

    del complete


def _add_unmute(group: app_commands.Group, responder: Responder) -> None:
    @group.command(description="Send messages about it again")
    @app_commands.describe(what="What is muted")
    async def unmute(interaction: AnyInteraction, what: str) -> None:
        async def draw() -> discord.Embed:
            key = _key(what)
            was_muted = await responder.system.alerts.unmute(_names(responder, key))
            return embeds.unmuted(key, was_muted=was_muted)

        await responder.answer_owner(interaction, draw)

    @unmute.autocomplete("what")
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        async def names() -> list[str]:
            return [_name(mute.key) for mute in (await responder.system.alerts.overview()).mutes]

        return await _choices(responder, interaction, current, names)

    del complete


def _add_history(group: app_commands.Group, responder: Responder) -> None:
    @group.command(description="Messages sent in the last 30 days")
    async def history(interaction: AnyInteraction) -> None:
        async def draw() -> discord.Embed:
            now = responder.system.clock.now()
            return embeds.alerts_history(await responder.system.alerts.history(now - _HISTORY, _MOST_MESSAGES))

        await responder.answer_owner(interaction, draw)

    del history


async def _choices(
    responder: Responder, interaction: AnyInteraction, current: str, names: Callable[[], Awaitable[list[str]]]
) -> list[app_commands.Choice[str]]:
    """Those names that hold what was typed; none for anybody but the owners."""
    if not await responder.bot.is_owner(interaction.user):
        return []
    try:
        known = dict.fromkeys(await names())
    except StorageError as error:
        responder.system.failures.note("completing an alert's name", error)
        return []
    fitting = [name for name in known if current.lower() in name.lower() and len(name) <= _LONGEST_CHOICE]
    return [app_commands.Choice(name=name, value=name) for name in fitting[:_MOST_CHOICES]]


def _key(what: str) -> str:
    return EVERYTHING if what.strip().lower() == _EVERYTHING else what.strip()


def _names(responder: Responder, key: str) -> list[tuple[str, str]]:
    """With the scopes that are this process's to see."""
    return [(SHARED, key), (responder.system.instance, key)]


def _name(key: str) -> str:
    return _EVERYTHING if key == EVERYTHING else key
