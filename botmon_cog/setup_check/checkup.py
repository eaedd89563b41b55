"""The whole check of a running bot."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord
from discord.ext import commands

from botmon_cog.discord_ui.discord_errors import in_words
from botmon_cog.domain.settings import Settings
from botmon_cog.errors import StorageError
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.setup_check.commands_at_discord import SyncState, known_elsewhere, sync_states
from botmon_cog.setup_check.discord_clock import check_clock
from botmon_cog.setup_check.findings import Finding, fine, warning, wrong
from botmon_cog.setup_check.machine import (
    check_configuration,
    check_missing,
    check_processes,
    check_store,
    check_versions,
)

_NEEDED = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "embed_links": "Embed Links",
}
_TRANSIENT = (discord.DiscordException, OSError, TimeoutError)


async def check_up(
    bot: commands.Bot, system: MonitoringSystem, interaction: discord.Interaction[Any], names: Sequence[str]
) -> list[Finding]:
    """Look at everything that the bot can see of its own set-up, in the server where that was asked for.

    `names`: our commands'. Raises nothing: what can't be looked at is a finding.
    """
    age_s = (system.clock.now() - interaction.created_at).total_seconds()
    sources = system.sources
    return [
        *check_intents(bot, names),
        *await check_commands(bot),
        *check_ways(system),
        *await _check_channels(bot, system, interaction.guild),
        *await check_clock(bot.http, system.clock, age_s),
        *await check_store(system.store.engine, system.config),
        *_check_rows(system),
        *await _check_fleet(system),
        *check_missing(sources.broken()),
        *[warning("monitor.hint", words=words) for words in sources.hints()],
        *check_versions(),
        *check_configuration(),
    ]


def check_intents(bot: commands.Bot, names: Sequence[str]) -> list[Finding]:
    """`names`: our own commands', which are nobody's reason to read messages."""
    found: list[Finding] = [] if bot.intents.guilds else [wrong("intents.no_guilds")]
    own = {*names, "help"}
    prefixed = [c for c in bot.commands if c.name not in own and not isinstance(c, commands.HybridCommand)]
    n = len([c for c in prefixed if not isinstance(c, commands.HybridGroup)])
    if bot.intents.message_content:
        return [*found, fine("intents.content", commands=n)]
    is_by_mention = getattr(bot, "command_prefix", None) is commands.when_mentioned
    return [*found, wrong("intents.no_content", commands=n)] if n and not is_by_mention else found


async def check_commands(bot: commands.Bot) -> list[Finding]:
    """Whether Discord knows the commands that the code has."""
    try:
        states = await sync_states(bot)
    except _TRANSIENT as error:
        return [warning("commands.unknown", error=in_words(error))]
    elsewhere = known_elsewhere(states)
    found = [_not_synced(bot, state, elsewhere) for state in states if not state.is_synced]
    return found or [fine("commands.synced", commands=len({name for state in states for name in state.known}))]


def _not_synced(bot: commands.Bot, state: SyncState, elsewhere: set[str]) -> Finding:
    if state.guild_id is None and elsewhere.issuperset(state.missing) and not (state.stale or state.changed):
        return warning("commands.local", names=state.missing)
    guild = None if state.guild_id is None else bot.get_guild(state.guild_id)
    return wrong(
        "commands.not_synced",
        where="" if guild is None else f" in {guild.name}",
        missing=state.missing,
        stale=state.stale,
        changed=state.changed,
    )


def check_ways(system: MonitoringSystem) -> list[Finding]:
    """How the owners are told."""
    alerts = system.config.alerts
    if not alerts.enabled:
        return [warning("alerts.off")]
    if not (alerts.dm or alerts.channel_id or alerts.webhook or alerts.notify):
        return [wrong("alerts.no_way")]
    closed = system.sources.unreachable()
    return [wrong("alerts.unreachable", reasons=closed)] if closed else [fine("alerts.fine")]


async def _check_channels(bot: commands.Bot, system: MonitoringSystem, guild: discord.Guild | None) -> list[Finding]:
    """The channels that we are to write to: the owners', and those of the server where this is asked."""
    wanted: list[tuple[int, str]] = []
    if system.config.alerts.channel_id:
        wanted.append((system.config.alerts.channel_id, "alerts"))
    if guild is not None:
        try:
            settings = await system.settings.of(guild.id)
        except StorageError:  # told by then
            settings = Settings()
        if settings.report_channel_id is not None:
            wanted.append((settings.report_channel_id, "the weekly report"))
        if settings.log_channel_id is not None:
            wanted.append((settings.log_channel_id, "the log of commands"))
    return [found for channel_id, purpose in wanted if (found := check_channel(bot, channel_id, purpose)) is not None]


def check_channel(bot: commands.Bot, channel_id: int, purpose: str) -> Finding | None:
    """What hinders the bot from posting there; None if nothing does."""
    channel = bot.get_channel(channel_id)
    if not isinstance(channel, discord.abc.GuildChannel | discord.Thread):
        return wrong("channel.gone", channel_id=channel_id, purpose=purpose)
    permissions = channel.permissions_for(channel.guild.me)
    lacks = [name for key, name in _NEEDED.items() if not getattr(permissions, key)]
    return wrong("channel.cannot_post", channel=f"#{channel.name}", purpose=purpose, lacks=lacks) if lacks else None


def _check_rows(system: MonitoringSystem) -> list[Finding]:
    """What is not stored yet, or never will be, and what of ours failed."""
    writer, failures = system.writer, system.failures
    found: list[Finding] = []
    if writer.dropped:
        found.append(wrong("store.dropped", rows=writer.dropped))
    if writer.spooled:
        found.append(warning("store.waiting", rows=writer.spooled))
    if failures.n:
        found.append(warning("monitor.failed", n=failures.n, last=str(failures.last)))
    return found


async def _check_fleet(system: MonitoringSystem) -> list[Finding]:
    return check_processes((await system.fleet.report()).processes)
