"""Follow-ups to interactions, and plain webhooks: both live below /webhooks/{id}/{token}."""

from __future__ import annotations

from botmon_cog.testing import errors
from botmon_cog.testing.channels import LoopbackChannel
from botmon_cog.testing.interactions import TOKEN_VALID_S, OpenInteraction, has_expired
from botmon_cog.testing.limits import EPHEMERAL
from botmon_cog.testing.messages import SeenMessage
from botmon_cog.testing.plain_webhooks import Webhook
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.channel_webhooks import change, forget
from botmon_cog.testing.rest.interactions import belong_to, tell_of_edit
from botmon_cog.testing.rest.sending import edit_message, new_message


def _owner(call: Call) -> OpenInteraction | Webhook:
    """The interaction or webhook that the id and the token stand for."""
    world, token = call.world, call.parameters["token"]
    webhook_id = call.id("webhook_id")
    if webhook_id == world.bot.id:
        interaction = world.interactions_by_token.get(token)
        if interaction is None or world.clock.monotonic() - interaction.opened_at_s >= TOKEN_VALID_S:
            raise errors.invalid_webhook_token()
        if interaction.callback_type is None or has_expired(world, interaction):
            # Discord makes the webhook with the first callback.
            raise errors.unknown_webhook()
        return interaction
    webhook = world.webhooks.get(webhook_id)
    if webhook is None:
        raise errors.unknown_webhook()
    if webhook.token != token:
        raise errors.invalid_webhook_token()
    return webhook


def _message(call: Call, owner: OpenInteraction | Webhook) -> SeenMessage:
    name = call.parameters["message_id"]
    if name == "@original":
        message = owner.original if isinstance(owner, OpenInteraction) else None
    else:
        message = call.world.messages.get(call.id("message_id"))
        if message is not None and not _owns(owner, message):
            message = None
    if message is None or message.deleted:
        raise errors.unknown_message()
    return message


def _owns(owner: OpenInteraction | Webhook, message: SeenMessage) -> bool:
    if isinstance(owner, OpenInteraction):
        return message.interaction_id == owner.id or message is owner.source
    return message.body.get("webhook_id") == str(owner.id)


def execute(call: Call) -> Reply:
    owner = _owner(call)
    if isinstance(owner, OpenInteraction):
        return Reply(200, _follow_up(call, owner).body)
    if not owner.channel.guild or not owner.channel.guild.has_bot:
        raise errors.unknown_webhook()
    message = new_message(call, _channel(call, owner), None, call.body)
    message.body["webhook_id"] = str(owner.id)
    message.body["author"] = {
        "id": str(owner.id),
        "username": call.body.get("username") or owner.name,
        "discriminator": "0000",
        "avatar": owner.avatar,
        "bot": True,
        "global_name": None,
    }
    call.world.post(message)
    return Reply(200, message.body) if call.query.get("wait", "").lower() in ("1", "true") else NO_CONTENT


def _channel(call: Call, webhook: Webhook) -> LoopbackChannel:
    """The webhook's own channel, or the thread in it that the query names."""
    if "thread_id" not in call.query:
        return webhook.channel
    thread = call.world.channels.get(bodies.snowflake(call.query["thread_id"], "thread_id"))
    if thread is None or thread.parent is not webhook.channel:
        raise errors.unknown_channel()
    return thread


def _follow_up(call: Call, interaction: OpenInteraction) -> SeenMessage:
    if interaction.is_unfollowed_defer and interaction.original is not None and not interaction.original.deleted:
        # The first follow-up fills the deferred message, whose visibility was settled by the defer.
        message = interaction.original
        edit_message(call, message, call.body)
        interaction.is_unfollowed_defer = False
        interaction.answer.saw(message)
        return message
    message = new_message(call, interaction.channel, call.world.bot, call.body)
    belong_to(message, interaction, is_ephemeral=bool(message.flags & EPHEMERAL))
    if interaction.original is not None:
        message.body["message_reference"] = {
            "channel_id": str(interaction.channel.id),
            "message_id": str(interaction.original.id),
        }
    call.world.post(message)
    interaction.answer.saw(message)
    return message


def get_webhook(call: Call) -> Reply:
    owner = _owner(call)
    if isinstance(owner, OpenInteraction):
        raise errors.unknown_webhook()
    return Reply(200, owner.payload())


def delete_webhook(call: Call) -> Reply:
    owner = _owner(call)
    if isinstance(owner, OpenInteraction):
        raise errors.unknown_webhook()
    forget(call, owner)
    return NO_CONTENT


def edit_webhook(call: Call) -> Reply:
    owner = _owner(call)
    if isinstance(owner, OpenInteraction):
        raise errors.unknown_webhook()
    change(call, owner)
    return Reply(200, owner.payload())


def get_message(call: Call) -> Reply:
    return Reply(200, _message(call, _owner(call)).body)


def patch_message(call: Call) -> Reply:
    owner = _owner(call)
    message = _message(call, owner)
    edit_message(call, message, call.body)
    if isinstance(owner, OpenInteraction):
        if message is owner.original:
            owner.is_unfollowed_defer = False
        tell_of_edit(owner, message)
    return Reply(200, message.body)


def delete_message(call: Call) -> Reply:
    owner = _owner(call)
    message = _message(call, owner)
    was_pending = message.is_loading
    call.world.delete_message(message)
    if isinstance(owner, OpenInteraction) and was_pending:
        owner.is_unfollowed_defer = False
        owner.answer.withdraw()
    return NO_CONTENT


_ONE = "/webhooks/{webhook_id}/{token}/messages/{message_id}"
ROUTES = [
    Route("POST", "/webhooks/{webhook_id}/{token}", execute, needs_token=False),
    Route("GET", "/webhooks/{webhook_id}/{token}", get_webhook, needs_token=False),
    Route("PATCH", "/webhooks/{webhook_id}/{token}", edit_webhook, needs_token=False),
    Route("DELETE", "/webhooks/{webhook_id}/{token}", delete_webhook, needs_token=False),
    Route("GET", _ONE, get_message, needs_token=False),
    Route("PATCH", _ONE, patch_message, needs_token=False),
    Route("DELETE", _ONE, delete_message, needs_token=False),
]
