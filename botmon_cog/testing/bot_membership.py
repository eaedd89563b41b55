"""A guild that the bot comes into, is thrown out of, or loses sight of in an outage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild


def remove_bot(guild: LoopbackGuild) -> None:
    guild.world.hub.dispatch("GUILD_DELETE", {"id": str(guild.id)}, guild_id=guild.id, needs=Intent.GUILDS)
    guild.has_bot = False
    guild.memberships.pop(guild.world.bot.id, None)


def add_bot(guild: LoopbackGuild) -> None:
    if guild.has_bot:
        raise LookupError(f"the bot is in {guild.name} already")
    guild.add_member(guild.world.bot)
    guild.memberships[guild.world.bot.id].role_ids += [role.id for role in guild.roles if role.bot_id is not None]
    guild.has_bot = True
    guild.world.announce_guild(guild)


def begin_outage(guild: LoopbackGuild) -> None:
    hub = guild.world.hub
    hub.dispatch("GUILD_DELETE", {"id": str(guild.id), "unavailable": True}, guild_id=guild.id, needs=Intent.GUILDS)
    hub.guilds_down.add(guild.id)


def end_outage(guild: LoopbackGuild) -> None:
    hub = guild.world.hub
    if guild.id not in hub.guilds_down:
        raise LookupError(f"{guild.name} is in no outage")
    hub.guilds_down.discard(guild.id)

    def payload(intents: int) -> dict[str, object]:
        return {**guild.create_payload(intents), "unavailable": False}

    hub.dispatch("GUILD_CREATE", payload, guild_id=guild.id, needs=Intent.GUILDS)


def check_up(guild: LoopbackGuild | None) -> None:
    """LookupError in an outage: nobody can do anything in the guild then."""
    if guild is not None and guild.id in guild.world.hub.guilds_down:
        raise LookupError(f"{guild.name} is in an outage: nobody can do anything there")
