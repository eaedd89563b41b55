"""Answers buttons and menus: of every message that was ever sent, for who may press them now."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self, cast

import discord
from discord.ext import commands

from botmon_cog.cog import embeds
from botmon_cog.cog.commands.health import health_embed
from botmon_cog.cog.views.buttons import MUTES, HealthView, health_buttons, notice_buttons
from botmon_cog.cog.views.error_list_handler import ErrorListHandler
from botmon_cog.discord_ui.buttons import PREFIX, ComponentHandler
from botmon_cog.discord_ui.discord_errors import UNREACHED, is_too_late
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder
from botmon_cog.domain.alerts import Notice
from botmon_cog.errors import StorageError

_log = logging.getLogger(__name__)

_DETACH_TIMEOUT_S = 5.0

Item = discord.ui.Button[Any] | discord.ui.Select[Any]
AnyItem = discord.ui.DynamicItem[Item]

_AWAY = "The database does not answer, so this could not be looked up. Try again in a minute."
_WRONG = "That went wrong. The bot's log has the details; nothing else is affected."
_UNKNOWN = "That button belongs to another version of this bot's monitor. Buttons of new messages work."
_NOT_YOURS = "Only people who may manage this server, and the bot's owners, can see that."
_FORGOTTEN = "What that message was about is no longer on record. A newer message can be muted."
_OWNERS_ONLY = "Only the bot's owners can mute alerts."


class ComponentRouter:
    """The one listener for all our buttons and menus. They carry no state but their custom id, and never time out."""

    def __init__(self, bot: commands.Bot, responder: Responder, handlers: Mapping[str, ComponentHandler]) -> None:
        """`handlers`: the features', by the first word of their custom ids."""
        self._bot = bot
        self._responder = responder
        self._handlers = {"errors": ErrorListHandler(responder).answer, **handlers}
        self._answering: set[asyncio.Task[None]] = set()
        self._item = _item(self)

    def attach(self) -> None:
        self._bot.add_dynamic_items(self._item)

    async def detach(self) -> None:
        """Return when none is being answered any more: who still waits after 5 s gets no answer."""
        self._bot.remove_dynamic_items(self._item)
        if self._answering:
            _, waiting = await asyncio.wait(self._answering, timeout=_DETACH_TIMEOUT_S)
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def take(self, interaction: AnyInteraction, custom_id: str) -> None:
        """Answer in a task of ours, so that unloading can wait for it."""
        task = asyncio.ensure_future(self._answer(interaction, custom_id))
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)
        await task

    async def _answer(self, interaction: AnyInteraction, custom_id: str) -> None:
        """A press that nobody answers reads "This interaction failed"."""
        try:
            await self._route(interaction, custom_id)
        except Exception as error:  # noqa: BLE001 (the edge: discord.py would only log it)
            if is_too_late(error):
                _log.debug("a press was not answered: %s", error)
                return
            self._responder.system.failures.note("answering a button", error)
            with suppress(*UNREACHED):  # it may be too late for any answer
                await refuse(interaction, _AWAY if isinstance(error, StorageError) else _WRONG)

    async def _route(self, interaction: AnyInteraction, custom_id: str) -> None:
        match custom_id.removeprefix(PREFIX).split(":"):
            case ["show"]:
                await self._show(interaction)
            case ["health", "glance" | "details" | "history" as view, "here" | "all" as scope]:
                await self._health(interaction, view, is_all=scope == "all")
            case ["mute", minutes, message_id] if minutes in {str(known) for known in MUTES.values()}:
                await self._mute(interaction, message_id, int(minutes))
            case ["unmute", message_id]:
                await self._unmute(interaction, message_id)
            case [feature, *words] if feature in self._handlers and await self._handlers[feature](interaction, words):
                pass
            case _:
                await refuse(interaction, _UNKNOWN)

    async def _show(self, interaction: AnyInteraction) -> None:
        """The health, beside the notice."""
        await interaction.response.defer(ephemeral=interaction.guild_id is not None, thinking=True)
        guild_id = None if await self._bot.is_owner(interaction.user) else str(interaction.guild_id)
        if await self._responder.may_press(interaction, guild_id):
            await self._draw_health(interaction, "glance", guild_id)
        else:
            await interaction.edit_original_response(embed=embeds.short_embed("Not done", _NOT_YOURS))

    async def _health(self, interaction: AnyInteraction, view: HealthView, *, is_all: bool) -> None:
        """Another view of the health, or a new look, in the same message."""
        await interaction.response.defer()
        guild_id = None if is_all else str(interaction.guild_id)
        if await self._responder.may_press(interaction, guild_id):
            await self._draw_health(interaction, view, guild_id)
        else:
            await refuse(interaction, _NOT_YOURS)

    async def _draw_health(self, interaction: AnyInteraction, view: HealthView, guild_id: str | None) -> None:
        async def seen() -> Answer:
            is_owner = await self._bot.is_owner(interaction.user)
            embed = await health_embed(self._responder, guild_id, view, is_owner=is_owner)
            has_calendar = is_owner and self._responder.charts.can_draw
            return Answer(embed, health_buttons(view, guild_id, has_calendar=has_calendar))

        answer = await self._responder.attempt(seen)
        buttons = answer.view or health_buttons(view, guild_id)
        await interaction.edit_original_response(embed=answer.embed, view=buttons, attachments=[])

    async def _mute(self, interaction: AnyInteraction, message_id: str, minutes: int) -> None:
        notice = await self._notice(interaction, message_id)
        if notice is not None:
            until = self._responder.system.clock.now() + timedelta(minutes=minutes)
            await self._responder.system.alerts.mute(_names(notice), until, str(interaction.user.id))
            words = f"🔕 Muted until {discord.utils.format_dt(until, 'f')}. Anything still wrong then will be sent."
            await interaction.edit_original_response(content=words, view=notice_buttons(notice, is_muted=True))

    async def _unmute(self, interaction: AnyInteraction, message_id: str) -> None:
        notice = await self._notice(interaction, message_id)
        if notice is not None:
            await self._responder.system.alerts.unmute(_names(notice))
            await interaction.edit_original_response(content="🔔 No longer muted.", view=notice_buttons(notice))

    async def _notice(self, interaction: AnyInteraction, message_id: str) -> Notice | None:
        """What a message said; None where that is refused, which is said."""
        await interaction.response.defer()
        if not await self._bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return None
        message = await self._responder.system.alerts.message(message_id)
        if message is None:
            await refuse(interaction, _FORGOTTEN)
            return None
        return message.notice


def _names(notice: Notice) -> set[tuple[str, str]]:
    """The scopes and keys that it is about."""
    return {(item.scope, item.key) for item in notice.items}


def _item(router: ComponentRouter) -> type[AnyItem]:
    """A class of its own for each bot: discord.py makes an object of it for each press."""

    class BotMonItem(discord.ui.DynamicItem[Item], template=rf"{PREFIX}.*"):
        @classmethod
        async def from_custom_id(cls, interaction: AnyInteraction, item: discord.ui.Item[Any], match: Any, /) -> Self:
            del interaction, match
            return cls(cast("Item", item))

        async def callback(self, interaction: AnyInteraction) -> None:
            await router.take(interaction, self.custom_id)

    return BotMonItem
