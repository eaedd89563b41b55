"""Guilds as Discord's JSON: what REST answers, and what a session gets to know."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import presences
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild

_LARGE = 250
"""Above this number of members discord.py is told that it does not see them all."""


def partial(guild: LoopbackGuild) -> Payload:
    """As in invites and previews."""
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "splash": None,
        "banner": None,
        "description": None,
        "features": [],
        "verification_level": 0,
        "vanity_url_code": None,
        "nsfw_level": 0,
        "premium_subscription_count": 0,
    }


def full(guild: LoopbackGuild) -> Payload:
    n = len(guild.memberships)
    return {
        **partial(guild),
        "discovery_splash": None,
        "owner_id": str(guild.owner.id),
        "afk_channel_id": None,
        "afk_timeout": 300,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "roles": [guild.everyone.payload(), *(role.payload() for role in guild.roles)],
        "emojis": [emoji.payload() for emoji in guild.emojis],
        "stickers": [],
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "max_members": 500000,
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "approximate_member_count": n,
        "approximate_presence_count": n,
    }


def create(guild: LoopbackGuild, intents: int) -> Payload:
    """GUILD_CREATE as a session with these intents gets it: without presences only the bot and those in voice."""
    sees_all = intents & Intent.GUILD_MEMBERS and intents & Intent.GUILD_PRESENCES
    bot = guild.world.bot
    members = guild.memberships.values()
    in_voice = [m for m in members if m.voice_channel is not None]
    shown = [m for m in members if sees_all or m.user is bot or m.voice_channel is not None]
    threads = [thread for thread in guild.active_threads if bot.permissions_in(thread).view_channel]
    return {
        **full(guild),
        "joined_at": guild.joined_at,
        "large": len(members) > _LARGE,
        "member_count": len(members),
        "voice_states": [m.voice_state(guild.id) for m in in_voice] if intents & Intent.VOICE_STATES else [],
        "members": [guild.member_payload(m.user) for m in shown],
        "channels": [channel.payload() for channel in guild.channels],
        "threads": [thread.payload() for thread in threads],
        "presences": presences.of_members(guild) if intents & Intent.GUILD_PRESENCES else [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
