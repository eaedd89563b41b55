"""Channels that we are to write to: what is in the way."""

from __future__ import annotations

import discord

TEXT_CHANNELS = [discord.ChannelType.text, discord.ChannelType.news]
"""What can be chosen."""

_NEEDED = {"view_channel": "View Channel", "send_messages": "Send Messages", "embed_links": "Embed Links"}
"""The permissions that a message of ours takes, each of no use without those before; as Discord's client calls them."""


def text_channel(guild: discord.Guild | None, channel_id: int | None) -> discord.TextChannel | None:
    """The channel, if it is a text channel of that server and the bot knows of it."""
    channel = None if guild is None or channel_id is None else guild.get_channel(channel_id)
    return channel if isinstance(channel, discord.TextChannel) else None


def lacking(channel: discord.TextChannel) -> str | None:
    """The first permission that the bot lacks to post there, in words; None: it may.

    One, because discord.py says of a channel without it that the others are missing, too.
    """
    held = channel.permissions_for(channel.guild.me)
    return next((f"**{name}**" for key, name in _NEEDED.items() if not getattr(held, key)), None)
