"""Users, and what they do in a guild or in direct messages with the bot."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import discord

from botmon_cog.testing import acts, granting, interacting, pictures, presences
from botmon_cog.testing import permissions as rights
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.messages import SeenMessage, Upload

if TYPE_CHECKING:
    from botmon_cog.testing.answers import Answer
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.world import World


@dataclass(slots=True, eq=False)
class LoopbackUser:
    """A person (or the bot). Acts wait for the bot's answer unless told `wait=False`."""

    world: World = field(repr=False)
    id: int
    name: str
    """The user name: unique, and in lower case unless it is a bot's."""
    is_bot: bool = False
    global_name: str | None = None
    """What the client shows instead of the user name; None for bots."""
    avatar: str | None = field(default=None, repr=False)
    """The hash of the user's picture; None: one of Discord's own."""
    status: discord.Status = field(default=discord.Status.offline, repr=False)
    activity: discord.BaseActivity | discord.Spotify | None = field(default=None, repr=False)
    _dm_channel: LoopbackChannel | None = field(default=None, repr=False)

    @property
    def display_name(self) -> str:
        """As it stands above this user's messages."""
        return self.global_name or self.name

    def has_name_like(self, query: str) -> bool:
        """Whether the user name or the display name begins with `query`, in whatever case."""
        return any(name.casefold().startswith(query.casefold()) for name in (self.name, self.display_name))

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def dm_channel(self) -> LoopbackChannel:
        """The user's direct messages with the bot; opened on first use."""
        if self._dm_channel is None:
            self._dm_channel = self.world.open_dm(self)
        return self._dm_channel

    @property
    def dms(self) -> list[SeenMessage]:
        """What the bot sent to this user directly, oldest first."""
        return [message for message in self.dm_channel.messages if message.is_from_bot]

    async def next_dm(self, timeout_s: float = 5.0) -> SeenMessage:
        """The bot's first direct message that was not returned yet; AssertionError after `timeout_s` real seconds."""
        return await self.dm_channel.next_message(timeout_s)

    def payload(self) -> Payload:
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": f"{1 + self.id % 9999:04}" if self.is_bot else "0",
            "global_name": self.global_name,
            "avatar": self.avatar,
            "avatar_decoration_data": None,
            "bot": self.is_bot,
            "system": False,
            "public_flags": 0,
        }

    def own_payload(self) -> Payload:
        """As the bot reads about itself."""
        own: Payload = {"verified": True, "mfa_enabled": True, "email": None, "flags": 0, "bio": "", "banner": None}
        return self.payload() | own

    def set_avatar(self, picture: bytes) -> None:
        """Give the user a picture, which the bot can read from the CDN; bots that are connected do not hear of it."""
        self.avatar = pictures.keep(self.world, f"avatars/{self.id}", picture)

    # Permissions.

    def permissions_in(self, place: LoopbackGuild | LoopbackChannel) -> discord.Permissions:
        if isinstance(place, LoopbackGuild):
            return rights.in_guild(place, self)
        return rights.in_channel(place, self)

    def set_permissions(self, place: LoopbackGuild | LoopbackChannel, permissions: discord.Permissions) -> None:
        """From now on this member has exactly these permissions in the guild, or in the one channel."""
        if isinstance(place, LoopbackGuild):
            place.set_permissions(self, permissions)
            return
        if place.guild is None:
            raise LookupError("direct messages have no permissions to set")
        place.overwrites[self.id] = (permissions.value, discord.Permissions.all().value & ~permissions.value)
        self.world.tell_channel(place)

    def add_permissions(self, place: LoopbackGuild | LoopbackChannel, permissions: discord.Permissions) -> None:
        """From now on this member has these, too, in the guild, or in the one channel."""
        if isinstance(place, LoopbackGuild):
            granting.add_permissions(place, self, permissions)
        else:
            self.set_permissions(place, self.permissions_in(place) | permissions)

    # Commands.

    async def slash(  # an option may be called anything, so what is ours is positional
        self,
        channel: LoopbackChannel,
        command: str,
        /,
        *,
        wait: bool = True,
        timeout_s: float = 10.0,
        **options: Any,
    ) -> Answer:
        """Use a slash command: `command` is its full name ("stats weekly"), each option a keyword argument."""
        return await _after(interacting.slash(self, channel, command, options), wait, timeout_s)

    async def autocomplete(
        self,
        channel: LoopbackChannel,
        command: str,
        /,
        *,
        focused: str,
        value: Any = "",
        timeout_s: float = 10.0,
        **options: Any,
    ) -> list[Payload]:
        """Type `value` into the option `focused`: what the bot suggests, each with `name` and `value`."""
        answer = await _after(
            interacting.autocomplete(self, channel, command, focused, value, options), True, timeout_s
        )
        if answer.choices is None:
            raise AssertionError(f"no suggestions came for {focused!r} of /{command}: {answer.describe()}")
        return answer.choices

    async def context_menu(
        self,
        channel: LoopbackChannel,
        command: str,
        target: LoopbackUser | SeenMessage,
        *,
        wait: bool = True,
        timeout_s: float = 10.0,
    ) -> Answer:
        """Right-click a user or a message and choose `command` under Apps."""
        return await _after(interacting.context_menu(self, channel, command, target), wait, timeout_s)

    # Components.

    async def click(self, message: SeenMessage, button: str, *, wait: bool = True, timeout_s: float = 10.0) -> Answer:
        """Press a button, named by its custom_id, its label or its emoji; LookupError where it cannot be pressed.

        A custom emoji is named as in a message ("<:name:id>"), by its name or its id.
        """
        return await _after(interacting.click(self, message, button), wait, timeout_s)

    async def select(
        self, message: SeenMessage, menu: str, *values: Any, wait: bool = True, timeout_s: float = 10.0
    ) -> Answer:
        """Choose in a select menu, named by its custom_id or placeholder: values or labels, users, roles, channels."""
        return await _after(interacting.select(self, message, menu, values), wait, timeout_s)

    async def submit(self, opened: Answer, /, *, wait: bool = True, timeout_s: float = 10.0, **inputs: Any) -> Answer:
        """Fill in the modal that an answer opened, by custom_id or label, and submit it."""
        return await _after(interacting.submit(self, opened, inputs), wait, timeout_s)

    # Messages, reactions, voice; LookupError where there is nothing to act on, PermissionError where it is not allowed.

    async def send(
        self, channel: LoopbackChannel, content: str = "", *files: Upload, reply_to: SeenMessage | None = None
    ) -> SeenMessage:
        """With `reply_to` an answer to that message, whose author is mentioned."""
        if reply_to is not None:
            acts.check_can_reply(self, channel, reply_to)
        return self.world.say(self, channel, content, files, reply_to)

    async def start_typing(self, channel: LoopbackChannel) -> None:
        acts.start_typing(self, channel)

    async def edit(self, message: SeenMessage, content: str) -> None:
        """Change the text of a message of one's own."""
        acts.edit(self, message, content)

    async def delete(self, message: SeenMessage) -> None:
        """A message of one's own, or with `manage_messages` anybody's in a guild."""
        acts.delete(self, message)

    async def react(self, message: SeenMessage, emoji: str) -> None:
        """`emoji` is a character, or a custom one as it stands in a message: "<:name:id>"."""
        acts.react(self, message, emoji)

    async def take_back_reaction(self, message: SeenMessage, emoji: str) -> None:
        """LookupError where this user has not reacted with it."""
        acts.take_back_reaction(self, message, emoji)

    async def set_presence(
        self, status: discord.Status, activity: discord.BaseActivity | discord.Spotify | None = None
    ) -> None:
        """Go online or offline, and show what one does: `discord.Game("Chess")`; None: nothing."""
        self.status, self.activity = status, activity
        presences.tell(self)

    async def join_voice(self, channel: LoopbackChannel) -> None:
        if channel.guild is None:
            raise LookupError(f"{channel.name} is not a voice channel of a guild")
        self.world.move_in_voice(channel.guild, self, channel)

    async def leave_voice(self, guild: LoopbackGuild) -> None:
        self.world.move_in_voice(guild, self, None)


def new_user_name(display_name: str, taken: Collection[str]) -> str:
    """A user name as Discord allows them: letters, digits, "_" and "." only, 2 to 32 of them, and not yet taken."""
    plain = unicodedata.normalize("NFKD", display_name).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9_.]+", "_", plain).strip("_")[:28].ljust(2, "_")
    numbered = (f"{name}{number}" for number in itertools.count(2))
    return next(free for free in itertools.chain([name], numbered) if free not in taken)


async def _after(answer: Answer, wait: bool, timeout_s: float) -> Answer:
    return await answer.wait(timeout_s) if wait else answer
