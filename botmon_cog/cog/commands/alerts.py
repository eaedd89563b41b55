"""/alerts: what is wrong now, what was told, and keeping quiet about it for a while. The owners' alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Literal, get_args

import discord
import msgspec
from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.desk import AnyInteraction, Desk
from botmon_cog.config import ComponentName
from botmon_cog.domain import text
from botmon_cog.domain.alerts import EVERYTHING, SHARED, AlertsOverview, Mute
from botmon_cog.errors import StorageError

Span = Literal["1 h", "4 h", "24 h", "7 days"]
"""Choices of the `for` option."""
Minutes = app_commands.Range[int, 1, 43_200]

_MINUTES: dict[Span, int] = {"1 h": 60, "4 h": 240, "24 h": 1_440, "7 days": 10_080}
_EVERYTHING = "everything"
_KINDS = (*get_args(ComponentName), "rule")
"""What the keys of alerts begin with."""
_MOST_MESSAGES = 20
_HISTORY = timedelta(days=30)
_MOST_CHOICES = 25
_LONGEST_CHOICE = 100


def alerts_group(desk: Desk, name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="What is wrong, and who is told of it")
    for add in (_add_list, _add_mute, _add_unmute, _add_history):
        add(group, desk)
    return group


def _add_list(group: app_commands.Group, desk: Desk) -> None:
    @group.command(name="list", description="What is wrong now, and what is muted")
    async def list_(interaction: AnyInteraction) -> None:
        async def draw() -> discord.Embed:
            overview = await desk.system.alerts.overview()
            return _draw_list(msgspec.structs.replace(overview, mutes=_distinct(overview.mutes)))

        await desk.answer_owner(interaction, draw)

    del list_


def _add_mute(group: app_commands.Group, desk: Desk) -> None:
    @group.command(description="Tell nothing of it for a while")
    @app_commands.rename(span="for")
    @app_commands.describe(
        what="An alert's name, or `everything`", span="How long (1 h)", minutes="How long, in minutes instead"
    )
    async def mute(interaction: AnyInteraction, what: str, span: Span = "1 h", minutes: Minutes | None = None) -> None:
        async def draw() -> discord.Embed:
            key = _key(what)
            if key != EVERYTHING and key.partition(".")[0] not in _KINDS:
                return embeds.notice("Nothing muted", f"No alert is called {text.inline_code(what)}.")
            until = desk.system.clock.now() + timedelta(minutes=minutes or _MINUTES[span])
            await desk.system.alerts.mute(_names(desk, key), until, str(interaction.user.id))
            return embeds.notice(
                f"🔕 Muted: {_name(key)}",
                f"Until {discord.utils.format_dt(until, 'f')}. What is not well then is told then.",
            )

        await desk.answer_owner(interaction, draw)

    @mute.autocomplete("what")
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        async def names() -> list[str]:
            overview = await desk.system.alerts.overview()
            return [_EVERYTHING, *(alert.key for alert in (*overview.firing, *overview.pending)), *_KINDS[:-1]]

        return await _choices(desk, interaction, current, names)

    del complete


def _add_unmute(group: app_commands.Group, desk: Desk) -> None:
    @group.command(description="Tell of it again")
    @app_commands.describe(what="What is muted")
    async def unmute(interaction: AnyInteraction, what: str) -> None:
        async def draw() -> discord.Embed:
            key = _key(what)
            if await desk.system.alerts.unmute(_names(desk, key)):
                return embeds.notice(
                    f"🔔 Not muted any more: {_name(key)}", "What is not well is told at the next check."
                )
            return embeds.notice("Nothing changed", f"{text.inline_code(what)} is not muted.")

        await desk.answer_owner(interaction, draw)

    @unmute.autocomplete("what")
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        async def names() -> list[str]:
            return [_name(mute.key) for mute in (await desk.system.alerts.overview()).mutes]

        return await _choices(desk, interaction, current, names)

    del complete


def _add_history(group: app_commands.Group, desk: Desk) -> None:
    @group.command(description="What was told, when, and to whom")
    async def history(interaction: AnyInteraction) -> None:
        async def draw() -> discord.Embed:
            lines = [
                f"{discord.utils.format_dt(m.made_at, 'f')} {m.news.kind}: {text.plain(m.news.items[0].reason)}"
                for m in await desk.system.alerts.history(desk.system.clock.now() - _HISTORY, _MOST_MESSAGES)
            ]
            return embeds.notice("What was told", "\n".join(lines) or "Nothing yet.")

        await desk.answer_owner(interaction, draw)

    del history


async def _choices(
    desk: Desk, interaction: AnyInteraction, current: str, names: Callable[[], Awaitable[list[str]]]
) -> list[app_commands.Choice[str]]:
    """Those names that hold what was typed; none for anybody but the owners."""
    if not await desk.bot.is_owner(interaction.user):
        return []
    try:
        known = dict.fromkeys(await names())
    except StorageError as error:
        desk.system.failures.note("completing an alert's name", error)
        return []
    fitting = [name for name in known if current.lower() in name.lower() and len(name) <= _LONGEST_CHOICE]
    return [app_commands.Choice(name=name, value=name) for name in fitting[:_MOST_CHOICES]]


def _key(what: str) -> str:
    return EVERYTHING if what.strip().lower() == _EVERYTHING else what.strip()


def _names(desk: Desk, key: str) -> list[tuple[str, str]]:
    """With the scopes that are this process's to see."""
    return [(SHARED, key), (desk.system.instance, key)]


def _distinct(mutes: Iterable[Mute]) -> tuple[Mute, ...]:
    """One of each key: `mute` sets it in both scopes."""
    latest: dict[str, Mute] = {}
    for mute in sorted(mutes, key=lambda mute: mute.until):
        latest[mute.key] = mute
    return tuple(latest.values())


def _name(key: str) -> str:
    return _EVERYTHING if key == EVERYTHING else key


def _draw_list(overview: AlertsOverview) -> discord.Embed:
    lines = [
        f"{text.status_emoji(a.severity)} {text.plain(a.reason)}, since {discord.utils.format_dt(a.since, 'R')}"
        for a in overview.firing
    ]
    lines += [
        f"🔕 {text.plain(_name(mute.key))} until {discord.utils.format_dt(mute.until, 'f')}" for mute in overview.mutes
    ]
    return embeds.notice("Alerts", "\n".join(lines) or "Nothing is wrong, and nothing is muted.")
