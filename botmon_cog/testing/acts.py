"""What users do to messages: write, change and delete them, react and take a reaction back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import permissions as rights
from botmon_cog.testing import reactions
from botmon_cog.testing.bot_membership import check_up
from botmon_cog.testing.emojis import GivenEmoji

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser

_MOST_DIFFERENT_REACTIONS = 20


def check_can_reply(user: LoopbackUser, channel: LoopbackChannel, message: SeenMessage) -> None:
    """LookupError where the message is gone, is ephemeral, or stands in another channel."""
    _check_seen(user, message)
    if message.visible_to is not None:
        raise LookupError("nobody can reply to an ephemeral message")
    if message.channel is not channel:
        raise LookupError(f"the message stands in {message.channel.name}, not in {channel.name}")


def start_typing(user: LoopbackUser, channel: LoopbackChannel) -> None:
    check_can_see(user, channel)
    if not rights.may_send(channel, user):
        raise PermissionError(f"{user.name} may not write in #{channel.name}")
    user.world.tell_of_typing(user, channel)


def edit(user: LoopbackUser, message: SeenMessage, content: str) -> None:
    _check_seen(user, message)
    if message.author is not user:
        raise PermissionError(f"{user.name} may not edit a message of somebody else")
    if not content and not message.attachments:
        raise ValueError("a message without text cannot be sent")
    world = user.world
    message.edit({"content": content}, message.attachments, world.now_iso())
    message.body["mentions"] = world.mentions_in(content)
    world.message_was_edited(message)


def delete(user: LoopbackUser, message: SeenMessage) -> None:
    _check_seen(user, message)
    channel = message.channel
    is_moderator = channel.guild is not None and user.permissions_in(channel).manage_messages
    if message.author is not user and not is_moderator:
        raise PermissionError(f"{user.name} may not delete a message of somebody else in {channel.name}")
    user.world.delete_message(message)


def react(user: LoopbackUser, message: SeenMessage, text: str) -> None:
    _check_reactable(user, message)
    emoji = GivenEmoji.from_text(text)
    if not reactions.reactors(message, emoji):
        if message.channel.guild is not None and not user.permissions_in(message.channel).add_reactions:
            raise PermissionError(f"{user.name} may not add reactions in {message.channel.name}")
        if len(message.reactors) >= _MOST_DIFFERENT_REACTIONS:
            raise ValueError(f"a message takes {_MOST_DIFFERENT_REACTIONS} different reactions at most")
    reactions.add(user.world, user, message, emoji)


def take_back_reaction(user: LoopbackUser, message: SeenMessage, text: str) -> None:
    _check_reactable(user, message)
    emoji = GivenEmoji.from_text(text)
    if user not in reactions.reactors(message, emoji):
        raise LookupError(f"{user.name} has not reacted with {text}")
    reactions.remove(user.world, user, message, emoji)


def _check_reactable(user: LoopbackUser, message: SeenMessage) -> None:
    _check_seen(user, message)
    if message.visible_to is not None:
        raise LookupError("nobody can react to an ephemeral message")


def _check_seen(user: LoopbackUser, message: SeenMessage) -> None:
    if message.deleted:
        raise LookupError("the message was deleted")
    if message.visible_to not in (None, user):
        raise LookupError(f"{user.name} cannot see this message: it is ephemeral")
    check_can_see(user, message.channel)


def check_can_see(user: LoopbackUser, channel: LoopbackChannel) -> None:
    """LookupError in direct messages of others, in a guild the user is not in, and while that is in an outage."""
    check_up(channel.guild)
    if channel.guild is None:
        if channel.recipient is not user:
            raise LookupError(f"{user.name} is not in {channel.name}")
    elif user.id not in channel.guild.memberships:
        raise LookupError(f"{user.name} is not a member of {channel.guild.name}")
    elif not user.permissions_in(channel).view_channel:
        raise PermissionError(f"{user.name} cannot see {channel.name}")
