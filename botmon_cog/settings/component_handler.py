"""Answers what is pressed and chosen under `/stats settings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord

from botmon_cog.discord_ui.channels import lacking, text_channel
from botmon_cog.discord_ui.component_interactions import chosen, defer_in_place
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.errors import ConfigError
from botmon_cog.settings import views
from botmon_cog.settings.command import settings_answer
from botmon_cog.settings.page import Page, read_page, settings_embed
from botmon_cog.timezones import find_zone

_NOT_YOURS = "Only people who may manage this server, and the bot's owners, can change its settings."
_OWNERS_ONLY = "Only the bot's owners can change its own settings."
_ROLES = (
    "Who manages the server may always ask. Discord shows the commands to others once you allow them in the server's "
    "settings, under **Integrations**."
)
_OF_BOT = frozenset({"weekly", "monthly"})
_OF_SERVERS = frozenset({"report", "roles", "people"})

Changes = Mapping[str, Any]


class CannotSetError(Exception):
    """It stays as it is; the text says why, and what to do."""


class SettingsHandler:
    """For one bot. Who may change what is asked at each press."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    async def answer(self, interaction: AnyInteraction, words: Sequence[str]) -> bool:
        """`words`: what the custom id says after `settings:`. Returns False where it is none of ours."""
        match [*words]:
            case ["here" | "all" as scope]:
                what, state = "", None
            case ["here" | "all" as scope, "zone" | "when" | "roles" | "log" as what]:
                state = None
            case ["here" | "all" as scope, "set", what, *rest] if len(rest) <= 1 and _is_known(scope, what):
                state = rest[0] if rest else ""
            case _:
                return False
        guild_id = str(interaction.guild_id) if scope == "here" else None
        await defer_in_place(interaction)
        is_nowhere = scope == "here" and interaction.guild_id is None
        if is_nowhere or not await self._responder.may_change(interaction, guild_id):
            await refuse(interaction, _OWNERS_ONLY if guild_id is None else _NOT_YOURS)
            return True

        async def seen() -> Answer:
            if state is None:
                return await self._shown(interaction, guild_id, what)
            return await self._set(interaction, guild_id, what, state)

        answer = await self._responder.attempt(seen)
        await interaction.edit_original_response(embed=answer.embed, view=answer.view)
        return True

    async def _shown(self, interaction: AnyInteraction, guild_id: str | None, what: str) -> Answer:
        if not what:
            return await settings_answer(self._responder, guild_id)
        page = await self._page(guild_id)
        note, view = self._part(interaction, page, what)
        return Answer(settings_embed(page, note), view)

    async def _page(self, guild_id: str | None) -> Page:
        stats = self._responder.names().get("stats", "stats")
        return await read_page(self._responder.system, guild_id, await self._responder.guild_name(guild_id), stats)

    def _part(self, interaction: AnyInteraction, page: Page, what: str) -> tuple[str, discord.ui.View]:
        """A menu of its own, and what to know before one chooses."""
        if what == "zone":
            return f"Not in the list? `/{page.stats} settings timezone:` and type your city.", views.zone_view(page)
        if what == "when":
            return f"A report is about the seven days before, {page.timezone}.", views.when_view(page)
        if what == "roles":
            return _ROLES, views.roles_view(page)
        here = interaction.guild is not None
        note = "Every command is posted in that channel, a few at a time."
        if not here:
            note += f" To choose one: `/{page.stats} settings scope:all guilds` in its server."
        return note, views.log_view(page, has_channels=here)

    async def _set(self, interaction: AnyInteraction, guild_id: str | None, what: str, state: str) -> Answer:
        try:
            changes = _changes(interaction, what, state)
        except CannotSetError as error:
            return await settings_answer(self._responder, guild_id, f"⚠️ {error}")
        await self._responder.system.settings.change(guild_id, interaction.user.id, **changes)
        return await settings_answer(self._responder, guild_id)


def _is_known(scope: str, what: str) -> bool:
    return what in {"zone", "weekday", "hour", "log"} | (_OF_SERVERS if scope == "here" else _OF_BOT)


def _changes(interaction: AnyInteraction, what: str, state: str) -> Changes:  # noqa: PLR0911 (a case for each setting)
    """What a press asks for.

    Raises:
        CannotSetError: it can't be done.
    """
    values, by = chosen(interaction), interaction.user.id
    match what:
        case "weekly" | "monthly":
            return {f"{what}_summary": state == "on"}
        case "people":
            return {"people": state == "on"}
        case "roles":
            return {"role_ids": tuple(int(value) for value in values[: views.MOST_ROLES])}
        case "report" | "log" if state == "off":
            return {f"{what}_channel_id": None, f"{what}_by": by} | _SOLVED[what]
        case "report" | "log" if values:
            return {f"{what}_channel_id": _channel(interaction, int(values[0])), f"{what}_by": by} | _SOLVED[what]
        case "zone" if values:
            return {"timezone": _zone(values[0])}
        case "weekday" if values and (weekday := views.weekday_of(values[0])) is not None:
            return {"weekday": weekday}
        case "hour" if values and (hour := views.hour_of(values[0])) is not None:
            return {"hour": hour}
        case _:
            raise CannotSetError("That option is gone. Choose again.")


_SOLVED: dict[str, dict[str, Any]] = {"report": {}, "log": {"log_problem": None}}
"""What no longer holds once a channel is chosen, or none is wanted."""


def _channel(interaction: AnyInteraction, channel_id: int) -> int:
    channel = text_channel(interaction.guild, channel_id)
    if channel is None:
        raise CannotSetError("That is not a text channel of this server, or the bot can't see it. Nothing was changed.")
    if missing := lacking(channel):
        raise CannotSetError(
            f"The bot lacks {missing} in <#{channel_id}>. Nothing was changed. "
            "Give it that in the channel's permissions, then choose the channel again."
        )
    return channel_id


def _zone(name: str) -> str:
    try:
        return str(find_zone(name))
    except ConfigError as error:
        raise CannotSetError("This machine does not know that time zone. Choose another.") from error
