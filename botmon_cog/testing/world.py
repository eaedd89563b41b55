"""All that this Discord holds, and what happens in it apart from the bot's own requests."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from botmon_cog.testing import acts, reactions, threads
from botmon_cog.testing import permissions as rights
from botmon_cog.testing.application import flags, privileged_intents
from botmon_cog.testing.channels import DM, LoopbackChannel
from botmon_cog.testing.commands import CommandBook
from botmon_cog.testing.custom_emojis import CustomEmoji
from botmon_cog.testing.emojis import GivenEmoji
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.faults import Faults
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.hub import Hub, Intent
from botmon_cog.testing.invites import Invite
from botmon_cog.testing.messages import SeenAttachment, SeenMessage, Upload
from botmon_cog.testing.people import LoopbackUser, new_user_name
from botmon_cog.testing.plain_webhooks import Webhook
from botmon_cog.testing.settling import Settling
from botmon_cog.testing.snowflake import SnowflakeFactory

if TYPE_CHECKING:
    from botmon_cog.clock import Clock
    from botmon_cog.testing.answers import Answer
    from botmon_cog.testing.interactions import OpenInteraction
    from botmon_cog.testing.recording import RecordedRequest


class World:
    def __init__(self, clock: Clock, *, shard_count: int, name: str) -> None:
        self.clock = clock
        self.shard_count = shard_count
        self.ids = SnowflakeFactory(clock)
        self.hub = Hub()
        self.settling = Settling(self.hub)
        self.faults = Faults()
        self.users: dict[int, LoopbackUser] = {}
        self.guilds: dict[int, LoopbackGuild] = {}
        self.channels: dict[int, LoopbackChannel] = {}
        self.messages: dict[int, SeenMessage] = {}
        self.files: dict[int, SeenAttachment] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.custom_emojis: dict[int, CustomEmoji] = {}
        """Of all guilds, and the application's own."""
        self.invites: dict[str, Invite] = {}
        self.cdn: dict[str, bytes] = {}
        """Path without its ending -> content, as "emojis/123"."""
        self.not_imitated: list[str] = []
        """Requests to routes that are not imitated, by name: "PUT /guilds/{id}/onboarding"."""
        self.interactions: dict[int, OpenInteraction] = {}
        self.interactions_by_token: dict[str, OpenInteraction] = {}
        self.requests: list[RecordedRequest] = []
        self.bot = self.add_user(name, is_bot=True)
        self.commands = CommandBook(self.bot.id, self.ids)
        self.token = f"loopback.{self.bot.id}.{secrets.token_urlsafe(24)}"
        self.application: Payload = {}
        self.privileged_intents = privileged_intents(switched_on=True)
        self.clock_ahead = timedelta()
        """How far Discord's clock is ahead of `clock`, as the `Date` of its answers says."""
        self.heartbeat_interval_s = 41.25
        self.base_url = self.gateway_url = ""

    @property
    def application_flags(self) -> int:
        return flags(self.privileged_intents)

    def now_iso(self) -> str:
        return self.clock.now().isoformat()

    def add_user(self, name: str, *, is_bot: bool = False) -> LoopbackUser:
        """A bot keeps its name; of a person's, the display name, an unused user name in lower case is made."""
        if is_bot:
            user = LoopbackUser(self, self.ids.next(), name, is_bot=True)
        else:
            taken = {user.name for user in self.users.values()}
            user = LoopbackUser(self, self.ids.next(), new_user_name(name, taken), global_name=name)
        self.users[user.id] = user
        return user

    def announce_guild(self, guild: LoopbackGuild) -> None:
        """The bot joins a guild; sessions that are connected hear of it."""
        self.guilds[guild.id] = guild
        self.hub.dispatch("GUILD_CREATE", guild.create_payload, guild_id=guild.id, needs=Intent.GUILDS)

    def tell_channel(self, channel: LoopbackChannel) -> None:
        if channel.thread is not None:
            threads.tell(channel)
        elif channel.guild is not None:
            self.hub.dispatch("CHANNEL_UPDATE", channel.payload(), guild_id=channel.guild.id, needs=Intent.GUILDS)

    def forget_channel(self, channel: LoopbackChannel) -> None:
        """With its messages, its webhooks and its invites."""
        del self.channels[channel.id]
        for message in channel.messages:
            message.deleted = True
            self.messages.pop(message.id, None)
        for webhook in [webhook for webhook in self.webhooks.values() if webhook.channel is channel]:
            del self.webhooks[webhook.id]
        for invite in [invite for invite in self.invites.values() if invite.channel is channel]:
            del self.invites[invite.code]

    def open_dm(self, user: LoopbackUser) -> LoopbackChannel:
        channel = LoopbackChannel(self, self.ids.next(), f"direct messages of {user.name}", DM, recipient=user)
        self.channels[channel.id] = channel
        return channel

    def add_webhook(self, channel: LoopbackChannel, name: str) -> Webhook:
        webhook = Webhook(self.ids.next(), secrets.token_urlsafe(48), channel, name)
        self.webhooks[webhook.id] = webhook
        return webhook

    def interaction_of(self, answer: Answer) -> OpenInteraction:
        return next(interaction for interaction in self.interactions.values() if interaction.answer is answer)

    def keep_file(
        self, channel: LoopbackChannel, filename: str, data: bytes, description: str | None = None
    ) -> SeenAttachment:
        file_id = self.ids.next()
        url = f"{self.base_url.removesuffix('/api/v10')}/attachments/{channel.id}/{file_id}/{filename}"
        self.files[file_id] = SeenAttachment(file_id, filename, data, url, description)
        return self.files[file_id]

    # Messages.

    def say(
        self,
        user: LoopbackUser,
        channel: LoopbackChannel,
        content: str,
        files: Iterable[Upload] = (),
        reply_to: SeenMessage | None = None,
    ) -> SeenMessage:
        acts.check_can_see(user, channel)
        if not rights.may_send(channel, user):
            raise PermissionError(f"{user.name} may not write in #{channel.name}")
        attachments = [self.keep_file(channel, file.filename, file.bytes) for file in files]
        message = self.make_message(channel, user, {"content": content}, attachments)
        if reply_to is not None:
            message.make_reply(reply_to.id, reply_to)
            author = reply_to.author
            if author not in (None, user) and not _mentions(author, content):
                message.body["mentions"].append(author.payload())
        self.post(message)
        return message

    def make_message(
        self,
        channel: LoopbackChannel,
        author: LoopbackUser | None,
        given: Payload,
        attachments: list[SeenAttachment],
    ) -> SeenMessage:
        body: Payload = {
            "id": str(self.ids.next()),
            "channel_id": str(channel.id),
            "type": 0,
            "author": author.payload() if author else None,
            "content": given.get("content") or "",
            "timestamp": self.now_iso(),
            "edited_timestamp": None,
            "tts": bool(given.get("tts")),
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "attachments": [attachment.payload() for attachment in attachments],
            "embeds": given.get("embeds") or [],
            "components": given.get("components") or [],
            "reactions": [],
            "pinned": False,
            "flags": given.get("flags") or 0,
        }
        body["mentions"] = self.mentions_in(body["content"])
        if channel.guild is not None:
            roles = channel.guild.roles
            body["mention_roles"] = [str(role.id) for role in roles if role.mention in body["content"]]
        if given.get("nonce") is not None:
            body["nonce"] = given["nonce"]
        return SeenMessage(int(body["id"]), channel, author, body, attachments)

    def mentions_in(self, content: str) -> list[Payload]:
        return [user.payload() for user in self.users.values() if _mentions(user, content)]

    def post(self, message: SeenMessage) -> None:
        self.messages[message.id] = message
        if message.visible_to is not None:
            return
        if message.channel.thread is not None:
            threads.was_written_in(message.channel, message.author)
        message.channel.log.append(message)
        self._tell_of_message("MESSAGE_CREATE", message)
        message.channel.changes.notify()

    def message_was_edited(self, message: SeenMessage) -> None:
        if message.visible_to is None:
            self._tell_of_message("MESSAGE_UPDATE", message)
            message.channel.changes.notify()

    def delete_message(self, message: SeenMessage) -> None:
        message.deleted = True
        self.messages.pop(message.id, None)
        message.channel.pins.pop(message.id, None)
        if message.visible_to is None:
            body: Payload = {"id": str(message.id), "channel_id": str(message.channel.id)}
            self.tell_channel_event("MESSAGE_DELETE", message.channel, body, *_MESSAGES)

    def delete_messages(self, channel: LoopbackChannel, messages: Iterable[SeenMessage]) -> None:
        """Delete several at once: one event, MESSAGE_DELETE_BULK."""
        ids: list[str] = []
        for message in messages:
            message.deleted = True
            self.messages.pop(message.id, None)
            channel.pins.pop(message.id, None)
            ids.append(str(message.id))
        if ids:
            body: Payload = {"ids": ids, "channel_id": str(channel.id)}
            self.tell_channel_event("MESSAGE_DELETE_BULK", channel, body, *_MESSAGES)

    def _tell_of_message(self, event: str, message: SeenMessage) -> None:
        channel = message.channel
        body = dict(message.body)
        if channel.guild is not None:
            body["guild_id"] = str(channel.guild.id)
            if message.author is not None and message.author.id in channel.guild.memberships:
                body["member"] = channel.guild.memberships[message.author.id].payload()
        is_open = message.author is self.bot or channel.guild is None or _mentions(self.bot, message.content)

        def as_seen(intents: int) -> Payload:
            if is_open or intents & Intent.MESSAGE_CONTENT:
                return body
            return body | {"content": "", "embeds": [], "attachments": [], "components": []}

        needs = _MESSAGES[channel.guild is None]
        self.hub.dispatch(event, as_seen, guild_id=channel.guild.id if channel.guild else None, needs=needs)

    def react(self, user: LoopbackUser, message: SeenMessage, emoji: str, *, is_added: bool = True) -> None:
        """`emoji` is a character, or a custom one as "name:id" or as it stands in a message."""
        change = reactions.add if is_added else reactions.remove
        change(self, user, message, GivenEmoji.from_text(emoji))

    def tell_of_typing(self, user: LoopbackUser, channel: LoopbackChannel) -> None:
        """Somebody types; of its own typing the bot hears, too."""
        body: Payload = {
            "channel_id": str(channel.id),
            "user_id": str(user.id),
            "timestamp": int(self.clock.now().timestamp()),
        }
        if channel.guild is not None:
            body["member"] = channel.guild.member_payload(user)
        self.tell_channel_event("TYPING_START", channel, body, Intent.GUILD_TYPING, Intent.DIRECT_TYPING)

    # Voice.

    def move_in_voice(self, guild: LoopbackGuild, user: LoopbackUser, channel: LoopbackChannel | None) -> None:
        membership = guild.memberships.get(user.id)
        if membership is None:
            raise LookupError(f"{user.name} is not a member of {guild.name}")
        membership.voice_channel = channel
        body = membership.voice_state(guild.id)
        self.hub.dispatch("VOICE_STATE_UPDATE", body, guild_id=guild.id, needs=Intent.VOICE_STATES)

    def move_bot_in_voice(self, guild_id: int, channel_id: str | None) -> None:
        guild = self.guilds.get(guild_id)
        if guild is None:
            return
        channel = None if channel_id is None else self.channels.get(int(channel_id))
        self.move_in_voice(guild, self.bot, channel)
        if channel is not None:
            server: Payload = {"guild_id": str(guild.id), "token": secrets.token_hex(8), "endpoint": "127.0.0.1:1"}
            self.hub.dispatch("VOICE_SERVER_UPDATE", server, guild_id=guild.id)

    def tell_channel_event(
        self, event: str, channel: LoopbackChannel, body: Payload, in_guild: Intent, in_dm: Intent
    ) -> None:
        if channel.guild is None:
            self.hub.dispatch(event, body, guild_id=None, needs=in_dm)
        else:
            body["guild_id"] = str(channel.guild.id)
            self.hub.dispatch(event, body, guild_id=channel.guild.id, needs=in_guild)


_MESSAGES = (Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES)


def _mentions(user: LoopbackUser, content: str) -> bool:
    return f"<@{user.id}>" in content or f"<@!{user.id}>" in content
