"""One REST request on its way to its route, and the answer on its way back."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botmon_cog.testing import errors
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.messages import SeenAttachment

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
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

    @property
    def body(self) -> Payload:
        """The JSON object that was sent; an empty one where there was none."""
        if self.json is None:
            return {}
        if not isinstance(self.json, dict):
            raise errors.invalid_form([((), "DICT_TYPE_CONVERT", "Only dictionaries may be used in a DictType")])
        return self.json  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]  # JSON from outside

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

    def user(self) -> LoopbackUser:
        user = self.world.users.get(self.id("user_id"))
        if user is None:
            raise errors.unknown_user()
        return user

    def message(self) -> SeenMessage:
        """The message of the path, in the channel of the path; ephemeral ones cannot be reached this way."""
        message = self.world.messages.get(self.id("message_id"))
        if message is None or message.channel is not self.channel() or message.visible_to is not None:
            raise errors.unknown_message()
        return message

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
