"""One report, on its way into a server's channel or to the owners."""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

import discord
from discord.ext import commands

from botmon_cog.discord_ui.channels import lacking, text_channel
from botmon_cog.discord_ui.discord_errors import UNREACHED, in_words, is_worth_retrying
from botmon_cog.discord_ui.parts import YELLOW, clamp
from botmon_cog.domain import text
from botmon_cog.posting.drawing import DrawnReport
from botmon_cog.store.posts import PostKey, PostState

_NONCE_BYTES = 12


class Sent(NamedTuple):
    """What became of it. `words`: where it went, or why it did not, for who set it up."""

    state: PostState
    words: str


async def post(guild: discord.Guild, channel_id: int | None, drawn: DrawnReport, nonce: str) -> Sent:
    """Post in a server's channel, with its picture where the bot may attach files.

    Of messages with one nonce, sent within minutes, Discord keeps the first.
    """
    channel = text_channel(guild, channel_id)
    if channel is None:
        return Sent("failed", "the channel is gone, or the bot does not see it")
    if missing := lacking(channel):
        return Sent("failed", f"the bot lacks {missing} in {channel.mention}")
    try:
        await channel.send(**_content(channel, drawn), nonce=nonce, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHED as error:
        state = "due" if is_worth_retrying(error) else "failed"
        return Sent(state, f"Discord said in {channel.mention}: {in_words(error)}")
    return Sent("sent", f"posted in {channel.mention}")


def _content(channel: discord.TextChannel, drawn: DrawnReport) -> dict[str, Any]:
    picture = drawn.picture
    if picture is None or not channel.permissions_for(channel.guild.me).attach_files:
        return {"embed": drawn.embed}
    return {"embed": picture.show_in(drawn.embed), "file": picture.file()}


def nonce_of(key: PostKey) -> str:
    """The same in every process that posts this report: at most 25 characters, as Discord wants it."""
    words = f"{key.kind} {key.scope} {key.due_at.timestamp():.0f}"
    return hashlib.blake2b(words.encode(), digest_size=_NONCE_BYTES).hexdigest()


class Summary(NamedTuple):
    """A report to the bot's owners."""

    embed: discord.Embed

    def for_discord(self) -> dict[str, Any]:
        """The arguments of `Messageable.send`."""
        return {"embed": self.embed, "allowed_mentions": discord.AllowedMentions.none()}


async def tell(bot: commands.Bot, user_id: int, embed: discord.Embed) -> bool:
    """By DM; whether it arrived."""
    try:
        user = bot.get_user(user_id) or await bot.fetch_user(user_id)
        await user.send(embed=embed, allowed_mentions=discord.AllowedMentions.none())
    except UNREACHED:
        return False
    return True


def not_posted(guild: discord.Guild, why: str, stats: str) -> discord.Embed:
    """To who set the report up: what is missing, and how to mend it."""
    name = text.plain(guild.name, 100)
    lines = [
        f"The weekly report that you set up in **{name}** could not be posted: {why}.",
        "",
        "**What to do**",
        f"Give the bot that permission in the channel's settings, or choose another one there: `/{stats} settings`.",
        "",
        f"-# It is tried again next week. To have the last one now: `/{stats} settings`, **Send one now**.",
    ]
    embed = discord.Embed(title="🟡 A weekly report was not posted", description="\n".join(lines), colour=YELLOW)
    return clamp(embed)
