"""Webhooks of channels, made and managed by the bot; what is sent through them is in `rest.webhooks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import errors, pictures
from botmon_cog.testing.channels import ANNOUNCEMENT, FORUM, STAGE, TEXT, VOICE
from botmon_cog.testing.hub import Intent
from botmon_cog.testing.plain_webhooks import Webhook
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require, require_in_guild

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel

_MOST_WEBHOOKS = 15
_NAME_CHARACTERS = 80
_LARGEST_AVATAR_BYTES = 10 * 1024 * 1024
_KINDS = (TEXT, VOICE, ANNOUNCEMENT, STAGE, FORUM)


def create(call: Call) -> Reply:
    _, channel = call.guild_channel()
    require(call, channel, "manage_webhooks")
    if channel.kind not in _KINDS:
        raise errors.wrong_channel_type()
    name = bodies.required_name(call.body, 1, _NAME_CHARACTERS)
    if sum(webhook.channel is channel for webhook in call.world.webhooks.values()) >= _MOST_WEBHOOKS:
        raise errors.too_many(30007, "webhooks", _MOST_WEBHOOKS)
    webhook = call.world.add_webhook(channel, name)
    webhook.creator = call.world.bot
    _set_avatar(call, webhook)
    _tell(channel)
    return Reply(200, webhook.payload())


def of_channel(call: Call) -> Reply:
    _, channel = call.guild_channel()
    require(call, channel, "manage_webhooks")
    return Reply(200, [webhook.payload() for webhook in call.world.webhooks.values() if webhook.channel is channel])


def of_guild(call: Call) -> Reply:
    guild = call.guild()
    require_in_guild(call, guild, "manage_webhooks")
    return Reply(200, [w.payload() for w in call.world.webhooks.values() if w.channel.guild is guild])


def _found(call: Call) -> Webhook:
    webhook = call.world.webhooks.get(call.id("webhook_id"))
    if webhook is None or webhook.channel.guild is None or not webhook.channel.guild.has_bot:
        raise errors.unknown_webhook()
    require(call, webhook.channel, "manage_webhooks")
    return webhook


def get(call: Call) -> Reply:
    return Reply(200, _found(call).payload())


def edit(call: Call) -> Reply:
    webhook = _found(call)
    channel = webhook.channel
    if call.body.get("channel_id") is not None:
        moved_to = call.world.channels.get(bodies.snowflake(call.body["channel_id"], "channel_id"))
        if moved_to is None or moved_to.guild is not channel.guild:
            raise errors.unknown_channel()
        require(call, moved_to, "manage_webhooks")
        channel = moved_to
    change(call, webhook)
    was_in, webhook.channel = webhook.channel, channel
    for each in {was_in.id: was_in, channel.id: channel}.values():
        _tell(each)
    return Reply(200, webhook.payload())


def delete(call: Call) -> Reply:
    forget(call, _found(call))
    return NO_CONTENT


def change(call: Call, webhook: Webhook) -> None:
    """Its name and picture, which its token alone allows."""
    if call.body.get("name") is not None:
        webhook.name = bodies.name(call.body["name"], 1, _NAME_CHARACTERS)
    if "avatar" in call.body:
        _set_avatar(call, webhook)


def forget(call: Call, webhook: Webhook) -> None:
    del call.world.webhooks[webhook.id]
    _tell(webhook.channel)


def _set_avatar(call: Call, webhook: Webhook) -> None:
    given = call.body.get("avatar")
    data = None if given is None else bodies.image(given, "avatar", _LARGEST_AVATAR_BYTES)
    webhook.avatar = None if data is None else pictures.keep(call.world, f"avatars/{webhook.id}", data)


def _tell(channel: LoopbackChannel) -> None:
    if channel.guild is not None:
        body = {"guild_id": str(channel.guild.id), "channel_id": str(channel.id)}
        channel.guild.tell("WEBHOOKS_UPDATE", body, needs=Intent.GUILD_WEBHOOKS)


ROUTES = [
    Route("POST", "/channels/{channel_id}/webhooks", create),
    Route("GET", "/channels/{channel_id}/webhooks", of_channel),
    Route("GET", "/guilds/{guild_id}/webhooks", of_guild),
    Route("GET", "/webhooks/{webhook_id}", get),
    Route("PATCH", "/webhooks/{webhook_id}", edit),
    Route("DELETE", "/webhooks/{webhook_id}", delete),
]
