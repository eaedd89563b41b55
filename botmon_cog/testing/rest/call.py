"""One REST request on its way to its route, and the answer on its way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from botmon_cog.testing import errors
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.messages import SeenAttachment

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.memberships import Membership
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.roles import LoopbackRole
    from botmon_cog.testing.world import World

FILE_LIMIT_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: Any = None


NO_CONTENT = Reply(204)


@dataclass(slots=True)
class Call:
    world: World
    parameters: dict[str, str]
    query: dict[str, str]
    json: Any
    files: dict[int, tuple[str, bytes]] = field(default_factory=dict[int, tuple[str, bytes]])
    """Index in the form -> file name and content."""
    reason: str | None = None
    """For the guild's audit log."""

    @property
    def body(self) -> Payload:
        """The JSON object that was sent; an empty one where there was none."""
        if self.json is None:
            return {}
        if not isinstance(self.json, dict):
            raise errors.invalid_form([((), "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")])
        return self.json  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # JSON from outside

    @property
    def items(self) -> list[Payload]:
        """The JSON list of objects that was sent."""
        given: object = self.json
        if not isinstance(given, list):
            raise errors.invalid_form([((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")])
        found = cast("list[Any]", given)
        for index, item in enumerate(found):
            if not isinstance(item, dict):
                text = "Only dictionaries may be used in a ModelType"
                raise errors.invalid_form([((index,), "MODEL_TYPE_CONVERT", text)])
        return found

    def id(self, name: str) -> int:
        text = self.parameters[name]
        if not text.isdigit():
            raise errors.invalid_form([((name,), "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')])
        return int(text)

    def channel(self) -> LoopbackChannel:
        channel = self.world.channels.get(self.id("channel_id"))
        if channel is None:
            raise errors.unknown_channel()
        if channel.guild is not None and (
            not channel.guild.has_bot or not self.world.bot.permissions_in(channel).view_channel
        ):
            raise errors.missing_access()
        return channel

    def guild(self) -> LoopbackGuild:
        guild = self.world.guilds.get(self.id("guild_id"))
        if guild is None or not guild.has_bot:
            raise errors.unknown_guild()
        return guild

    def guild_channel(self) -> tuple[LoopbackGuild, LoopbackChannel]:
        """The channel of the path, and its guild; 50003 for direct messages."""
        channel = self.channel()
        if channel.guild is None:
            raise errors.not_in_dms()
        return channel.guild, channel

    def role(self, guild: LoopbackGuild) -> LoopbackRole:
        role_id = self.id("role_id")
        found = next((role for role in (guild.everyone, *guild.roles) if role.id == role_id), None)
        if found is None:
            raise errors.unknown_role()
        return found

    def membership(self, guild: LoopbackGuild) -> Membership:
        """Of the user of the path, "@me" included."""
        is_bot = self.parameters.get("user_id") in (None, "@me")
        membership = guild.memberships.get((self.world.bot if is_bot else self.user()).id)
        if membership is None:
            raise errors.unknown_member()
        return membership

    def user(self) -> LoopbackUser:
        user = self.world.users.get(self.id("user_id"))
        if user is None:
            raise errors.unknown_user()
        return user

    def message(self) -> SeenMessage:
        """The message of the path, in the channel of the path; ephemeral ones cannot be reached this way."""
        channel, message = self.channel(), self.world.messages.get(self.id("message_id"))
        if message is None or message.channel is not channel or message.visible_to is not None:
            raise errors.unknown_message()
        return message

    def message_to_change(self) -> SeenMessage:
        """The same, unless it is in an archived thread, where nothing changes any more."""
        message = self.message()
        if message.channel.thread is not None and message.channel.thread.archived:
            raise errors.thread_is_archived()
        return message

    def knows_emoji(self, emoji_id: int) -> bool:
        """Whether the bot may use this custom emoji: it is the application's, or of a guild that the bot is in."""
        emoji = self.world.custom_emojis.get(emoji_id)
        return emoji is not None and (emoji.guild is None or emoji.guild.has_bot)

    def attachments(self, channel: LoopbackChannel, body: Payload) -> list[SeenAttachment]:
        """Keep the uploaded files, with the descriptions that `attachments` gives them."""
        if any(len(data) > FILE_LIMIT_BYTES for _, data in self.files.values()):
            raise errors.too_large()
        listed: list[Payload] = body.get("attachments") or []
        told = {str(entry.get("id")): entry for entry in listed}
        return [
            self.world.keep_file(
                channel,
                told.get(str(index), {}).get("filename") or filename,
                data,
                told.get(str(index), {}).get("description"),
            )
            for index, (filename, data) in sorted(self.files.items())
        ]


Handler = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    template: str
    handler: Handler
    needs_token: bool = True

    def pattern(self) -> re.Pattern[str]:
        return re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.template))
