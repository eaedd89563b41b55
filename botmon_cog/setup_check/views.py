"""/botmon check, and the buttons under it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import app_commands

from botmon_cog.discord_ui.buttons import ComponentHandler, row, view_of
from botmon_cog.discord_ui.parts import short_embed
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, SlashCommand
from botmon_cog.domain.alerts import Notice, NoticeItem, Sent
from botmon_cog.domain.reasons import Reason
from botmon_cog.installed import installed_version
from botmon_cog.setup_check.checkup import check_up
from botmon_cog.setup_check.commands_at_discord import SyncState, sync_states
from botmon_cog.setup_check.embed import check_embed, sync_embed
from botmon_cog.setup_check.findings import Finding

TryOut = Callable[[Notice], Awaitable[Sequence[Sent]]]
"""Sends a notice in every way there is; returns what became of each."""

FEATURE = "check"
"""The first word of the custom ids."""
_AGAIN = {"Check again": f"{FEATURE}:again"}
_TO_SYNC = ("commands.not_synced", "commands.local")
_OWNERS_ONLY = "Only the bot's owners can check and sync it."
_STATES = {"told": "✅", "refused": "❌", "failed": "⚠️"}
_TEST = "a test: this is how the monitor reaches you when something breaks"


def check_command(responder: Responder, name: str) -> SlashCommand:
    async def check(interaction: AnyInteraction) -> None:
        await responder.answer_owner(interaction, lambda: _checked(responder, interaction))

    return app_commands.Command(name=name, description="Is everything set up as it should be?", callback=check)


async def _checked(responder: Responder, interaction: AnyInteraction) -> Answer:
    findings = await check_up(responder.bot, responder.system, interaction, [*responder.names().values()])
    return Answer(check_embed(findings, installed_version()), _buttons(findings))


def _buttons(findings: Sequence[Finding]) -> discord.ui.View:
    buttons = {"Sync now": f"{FEATURE}:sync"} if any(each.what in _TO_SYNC for each in findings) else {}
    return view_of(row(buttons | {"Send me a test alert": f"{FEATURE}:test"} | _AGAIN))


def check_handler(responder: Responder, try_out: TryOut) -> ComponentHandler:
    """Answers the buttons. Whether somebody is an owner is asked at each press."""

    async def answer(interaction: AnyInteraction, words: Sequence[str]) -> bool:
        acts: dict[tuple[str, ...], Callable[[], Awaitable[Answer]]] = {
            ("again",): lambda: _checked(responder, interaction),
            ("sync",): lambda: _before_sync(responder),
            ("sync", "yes"): lambda: _synced(responder, interaction),
            ("test",): lambda: _tested(responder, try_out),
        }
        act = acts.get(tuple(words))
        if act is None:
            return False
        await interaction.response.defer()
        if not await responder.bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return True
        drawn = await responder.attempt(act)
        await interaction.edit_original_response(embed=drawn.embed, view=drawn.view)
        return True

    return answer


# -- syncing -----------------------------------------------------------------------------------------------------------


async def _before_sync(responder: Responder) -> Answer:
    """Say what would change, and ask."""
    states = [(_place(responder, state), state) for state in await sync_states(responder.bot)]
    if all(state.is_synced for _, state in states):
        return Answer(sync_embed(states), view_of(row(_AGAIN)))
    return Answer(sync_embed(states), view_of(row({"Yes, sync": f"{FEATURE}:sync:yes"} | {"No": f"{FEATURE}:again"})))


async def _synced(responder: Responder, interaction: AnyInteraction) -> Answer:
    """Sync where something differs now, and check again."""
    tree: app_commands.CommandTree[Any] = responder.bot.tree
    for state in await sync_states(responder.bot):
        if not state.is_synced:
            await tree.sync(guild=None if state.guild_id is None else discord.Object(state.guild_id))
    return await _checked(responder, interaction)


def _place(responder: Responder, state: SyncState) -> str:
    if state.guild_id is None:
        return ""
    guild = responder.bot.get_guild(state.guild_id)
    return f" in {guild.name if guild is not None else state.guild_id}"


# -- a test alert ------------------------------------------------------------------------------------------------------


async def _tested(responder: Responder, try_out: TryOut) -> Answer:
    """Send one in every way, and say what became of it in each."""
    system = responder.system
    now = system.clock.now()
    reason = Reason.of("rule.broken", metric="test", message=_TEST)
    item = NoticeItem(
        scope=system.instance, key="rule.test", change="fired", severity="warning", reason=reason, since=now
    )
    tried = await try_out(Notice(kind="alert", items=(item,), instance=system.instance, made_at=now))
    lines = [f"{_STATES[sent.state]} {sent.words}" for sent in tried]
    said = "\n".join(lines) or "There is no way to reach you: see `[alerts]` in the configuration."
    return Answer(short_embed("A test alert was sent", said), view_of(row(_AGAIN)))
