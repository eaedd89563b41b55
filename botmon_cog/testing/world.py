"""All that this Discord holds, and what happens in it apart from the bot's own requests."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botmon_cog.testing.channels import DM, LoopbackChannel
from botmon_cog.testing.commands import CommandBook
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.faults import Faults
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.hub import Hub, Intent
from botmon_cog.testing.messages import SeenAttachment, SeenMessage, Upload
from botmon_cog.testing.people import LoopbackUser
from botmon_cog.testing.snowflake import SnowflakeFactory

if TYPE_CHECKING:
    from botmon_cog.clock import Clock
    from botmon_cog.testing.answers import Answer
    from botmon_cog.testing.interactions import OpenInteraction
    from botmon_cog.testing.recording import RecordedRequest


@dataclass(slots=True, eq=False)
class Webhook:
    id: int
    token: str
    channel: LoopbackChannel
    name: str

    def payload(self, application_id: int | None = None) -> Payload:
        return {
            "id": str(self.id),
            "type": 1,
            "token": self.token,
            "channel_id": str(self.channel.id),
            "guild_id": str(self.channel.guild.id) if self.channel.guild else None,
            "name": self.name,
            "avatar": None,
            "application_id": None if application_id is None else str(application_id),
        }


class World:
    def __init__(self, clock: Clock, *, shard_count: int, name: str) -> None:
        self.clock = clock
        self.shard_count = shard_count
        self.ids = SnowflakeFactory(clock)
        self.hub = Hub()
        self.faults = Faults()
        self.users: dict[int, LoopbackUser] = {}
        self.guilds: dict[int, LoopbackGuild] = {}
        self.channels: dict[int, LoopbackChannel] = {}
        self.messages: dict[int, SeenMessage] = {}
        self.files: dict[int, SeenAttachment] = {}
        self.webhooks: dict[int, Webhook] = {}
        self.interactions: dict[int, OpenInteraction] = {}
        self.interactions_by_token: dict[str, OpenInteraction] = {}
        self.requests: list[RecordedRequest] = []
        self.bot = self.add_user(name, is_bot=True)
        self.commands = CommandBook(self.bot.id, self.ids)
        self.token = f"loopback.{self.bot.id}.{secrets.token_urlsafe(24)}"
        self.application: Payload = {}
        # Presence, members and message content granted, as for a bot in fewer than 100 guilds.
        self.application_flags = 1 << 13 | 1 << 15 | 1 << 19 | 1 << 23
        self.heartbeat_interval_s = 41.25
        self.base_url = self.gateway_url = ""

    def now_iso(self) -> str:
        return self.clock.now().isoformat()

    def add_user(self, name: str, *, is_bot: bool = False) -> LoopbackUser:
        user = LoopbackUser(self, self.ids.next(), name, is_bot)
        self.users[user.id] = user
        return user

    def announce_guild(self, guild: LoopbackGuild) -> None:
        """The bot joins a guild; sessions that are connected hear of it."""
        self.guilds[guild.id] = guild
        self.hub.dispatch("GUILD_CREATE", guild.create_payload, guild_id=guild.id, needs=Intent.GUILDS)

    def tell_channel(self, channel: LoopbackChannel) -> None:
        if channel.guild is not None:
            self.hub.dispatch("CHANNEL_UPDATE", channel.payload(), guild_id=channel.guild.id, needs=Intent.GUILDS)

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
        self, user: LoopbackUser, channel: LoopbackChannel, content: str, files: Iterable[Upload] = ()
    ) -> SeenMessage:
        if channel.guild is not None and not user.permissions_in(channel).send_messages:
            raise PermissionError(f"{user.name} may not write in #{channel.name}")
        attachments = [self.keep_file(channel, file.filename, file.bytes) for file in files]
        message = self.make_message(channel, user, {"content": content}, attachments)
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
        body["mentions"] = [user.payload() for user in self.users.values() if _mentions(user, body["content"])]
        if given.get("nonce") is not None:
            body["nonce"] = given["nonce"]
        return SeenMessage(int(body["id"]), channel, author, body, attachments)

    def post(self, message: SeenMessage) -> None:
        self.messages[message.id] = message
        if message.visible_to is not None:
            return
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
        if message.visible_to is None:
            body: Payload = {"id": str(message.id), "channel_id": str(message.channel.id)}
            self._tell_channel_event("MESSAGE_DELETE", message.channel, body, *_MESSAGES)

    def _tell_of_message(self, event: str, message: SeenMessage) -> None:
        channel = message.channel
        body = dict(message.body)
        if channel.guild is not None:
            body["guild_id"] = str(channel.guild.id)
            if message.author is not None and message.author.id in channel.guild.memberships:
                body["member"] = channel.guild.bare_member_payload(channel.guild.memberships[message.author.id])
        is_open = message.author is self.bot or channel.guild is None or _mentions(self.bot, message.content)

        def as_seen(intents: int) -> Payload:
            if is_open or intents & Intent.MESSAGE_CONTENT:
                return body
            return body | {"content": "", "embeds": [], "attachments": [], "components": []}

        needs = _MESSAGES[channel.guild is None]
        self.hub.dispatch(event, as_seen, guild_id=channel.guild.id if channel.guild else None, needs=needs)

    def react(self, user: LoopbackUser, message: SeenMessage, emoji: str, *, is_added: bool = True) -> None:
        shown = {"id": None, "name": emoji}
        reactions: list[Payload] = message.body["reactions"]
        found: Payload | None = next((reaction for reaction in reactions if reaction["emoji"] == shown), None)
        if found is None:
            reactions.append(found := Payload(emoji=shown, count=0, me=False, me_burst=False, burst_colors=[]))
        found["count"] += 1 if is_added else -1
        found["me"] = is_added if user is self.bot else found["me"]
        if found["count"] <= 0:
            reactions.remove(found)
        channel = message.channel
        body: Payload = {
            "user_id": str(user.id),
            "channel_id": str(channel.id),
            "message_id": str(message.id),
            "emoji": shown,
            "burst": False,
            "type": 0,
        }
        if is_added and channel.guild is not None and user.id in channel.guild.memberships:
            body["member"] = channel.guild.member_payload(user)
        event = "MESSAGE_REACTION_ADD" if is_added else "MESSAGE_REACTION_REMOVE"
        self._tell_channel_event(event, channel, body, *_REACTIONS)

    # Voice.

    def move_in_voice(self, guild: LoopbackGuild, user: LoopbackUser, channel: LoopbackChannel | None) -> None:
        membership = guild.memberships.get(user.id)
        if membership is None:
            raise LookupError(f"{user.name} is not a member of {guild.name}")
        membership.voice_channel = channel
        body = guild.voice_state_payload(membership)
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

    def _tell_channel_event(
        self, event: str, channel: LoopbackChannel, body: Payload, in_guild: Intent, in_dm: Intent
    ) -> None:
        if channel.guild is None:
            self.hub.dispatch(event, body, guild_id=None, needs=in_dm)
        else:
            body["guild_id"] = str(channel.guild.id)
            self.hub.dispatch(event, body, guild_id=channel.guild.id, needs=in_guild)


_MESSAGES = (Intent.GUILD_MESSAGES, Intent.DIRECT_MESSAGES)
_REACTIONS = (Intent.GUILD_REACTIONS, Intent.DIRECT_REACTIONS)


def _mentions(user: LoopbackUser, content: str) -> bool:
    return f"<@{user.id}>" in content or f"<@!{user.id}>" in content
