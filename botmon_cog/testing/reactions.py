"""Who reacted to a message with what, and the events of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing.emojis import GivenEmoji
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

_INTENTS = (Intent.GUILD_REACTIONS, Intent.DIRECT_REACTIONS)


def key_of(emoji: GivenEmoji) -> str:
    """What tells emojis apart: the id of a custom one, whatever it is called, or the characters."""
    return str(emoji.id) if emoji.id is not None else emoji.name


def reactors(message: SeenMessage, emoji: GivenEmoji) -> list[LoopbackUser]:
    """Who reacted with this emoji, the first one first."""
    return message.reactors.get(key_of(emoji), [])


def add(world: World, user: LoopbackUser, message: SeenMessage, emoji: GivenEmoji) -> None:
    """Nothing happens where this user has reacted with it already."""
    users = message.reactors.setdefault(key_of(emoji), [])
    if user in users:
        return
    users.append(user)
    body = _event(user, message, emoji)
    guild = message.channel.guild
    if guild is not None and user.id in guild.memberships:
        body["member"] = guild.member_payload(user)
    if message.author is not None:
        body["message_author_id"] = str(message.author.id)
    _show(world, message, emoji)
    world.tell_channel_event("MESSAGE_REACTION_ADD", message.channel, body, *_INTENTS)


def remove(world: World, user: LoopbackUser, message: SeenMessage, emoji: GivenEmoji) -> None:
    """Nothing happens where this user has not reacted with it."""
    users = reactors(message, emoji)
    if user not in users:
        return
    users.remove(user)
    _show(world, message, emoji)
    world.tell_channel_event("MESSAGE_REACTION_REMOVE", message.channel, _event(user, message, emoji), *_INTENTS)


def clear(world: World, message: SeenMessage, emoji: GivenEmoji | None = None) -> None:
    """Take away all reactions with this emoji; None: all reactions."""
    body: Payload = {"channel_id": str(message.channel.id), "message_id": str(message.id)}
    if emoji is None:
        message.reactors.clear()
        message.body["reactions"] = []
        world.tell_channel_event("MESSAGE_REACTION_REMOVE_ALL", message.channel, body, *_INTENTS)
    elif message.reactors.pop(key_of(emoji), []):
        _show(world, message, emoji)
        body["emoji"] = emoji.payload()
        world.tell_channel_event("MESSAGE_REACTION_REMOVE_EMOJI", message.channel, body, *_INTENTS)


def _show(world: World, message: SeenMessage, emoji: GivenEmoji) -> None:
    """Bring what the message shows of this emoji up to date."""
    shown: list[Payload] = message.body["reactions"]
    users = reactors(message, emoji)
    key = key_of(emoji)
    found = next((r for r in shown if key in (r["emoji"]["id"], r["emoji"]["name"])), None)
    if found is None:
        found = Payload(emoji=emoji.payload(), me_burst=False, burst_colors=[])
        shown.append(found)
    found |= {
        "count": len(users),
        "count_details": {"burst": 0, "normal": len(users)},
        "me": world.bot in users,
    }
    if not users:
        shown.remove(found)
        message.reactors.pop(key, None)


def _event(user: LoopbackUser, message: SeenMessage, emoji: GivenEmoji) -> Payload:
    return {
        "user_id": str(user.id),
        "channel_id": str(message.channel.id),
        "message_id": str(message.id),
        "emoji": emoji.payload(),
        "burst": False,
        "type": 0,
    }
