"""Guilds, their channels, roles and members, as a test changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import discord

from botmon_cog.testing import bot_membership, granting, guild_payloads
from botmon_cog.testing import permissions as rights
from botmon_cog.testing.channels import CATEGORY, TEXT, VOICE, LoopbackChannel
from botmon_cog.testing.custom_emojis import CustomEmoji
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent
from botmon_cog.testing.memberships import Membership
from botmon_cog.testing.roles import LoopbackRole

if TYPE_CHECKING:
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

__all__ = ["LoopbackGuild", "LoopbackRole", "Membership", "new_guild"]


@dataclass(slots=True, eq=False)
class LoopbackGuild:
    """A guild that the bot is in; make one with `LoopbackDiscord.add_guild`."""

    world: World = field(repr=False)
    id: int
    name: str
    owner: LoopbackUser = field(repr=False)
    everyone: LoopbackRole = field(repr=False)
    joined_at: str = field(repr=False)
    roles: list[LoopbackRole] = field(default_factory=list[LoopbackRole], repr=False)
    channels: list[LoopbackChannel] = field(default_factory=list[LoopbackChannel], repr=False)
    """Without threads."""
    memberships: dict[int, Membership] = field(default_factory=dict[int, Membership], repr=False)
    bans: dict[int, str | None] = field(default_factory=dict[int, "str | None"], repr=False)
    """User id -> reason."""
    has_bot: bool = True

    @property
    def channel(self) -> LoopbackChannel:
        """The first text channel, "general" unless it was deleted; LookupError without one."""
        found = next((channel for channel in self.channels if channel.kind == TEXT), None)
        if found is None:
            raise LookupError(f"{self.name} has no text channel")
        return found

    @property
    def members(self) -> list[LoopbackUser]:
        return [membership.user for membership in self.memberships.values()]

    @property
    def emojis(self) -> list[CustomEmoji]:
        return [emoji for emoji in self.world.custom_emojis.values() if emoji.guild is self]

    @property
    def threads(self) -> list[LoopbackChannel]:
        """Of all channels, archived ones too."""
        return [c for c in self.world.channels.values() if c.guild is self and c.thread is not None]

    @property
    def active_threads(self) -> list[LoopbackChannel]:
        return [channel for channel in self.threads if channel.thread and not channel.thread.archived]

    @property
    def bot_role(self) -> LoopbackRole:
        """The role that came with the bot."""
        return next(role for role in self.roles if role.bot_id is not None)

    def roles_of(self, user: LoopbackUser) -> list[LoopbackRole]:
        membership = self.memberships.get(user.id)
        held = set(membership.role_ids) if membership else set[int]()
        return [role for role in self.roles if role.id in held]

    def rank_of(self, user: LoopbackUser) -> tuple[int, int]:
        """Of the user's highest role; see `LoopbackRole.rank`."""
        return max(role.rank for role in (self.everyone, *self.roles_of(user)))

    # Channels.

    def add_text_channel(self, name: str, *, category: LoopbackChannel | None = None) -> LoopbackChannel:
        return self.add_channel(name, TEXT, category)

    def add_voice_channel(self, name: str, *, category: LoopbackChannel | None = None) -> LoopbackChannel:
        return self.add_channel(name, VOICE, category)

    def add_category(self, name: str) -> LoopbackChannel:
        return self.add_channel(name, CATEGORY)

    def add_channel(self, name: str, kind: int, category: LoopbackChannel | None = None) -> LoopbackChannel:
        """`kind` is Discord's number of the channel type; permissions are those of the category."""
        channel = LoopbackChannel(
            self.world, self.world.ids.next(), name, kind, guild=self, parent=category, position=len(self.channels)
        )
        if category is not None:
            channel.overwrites = dict(category.overwrites)
        self.keep_channel(channel)
        return channel

    def keep_channel(self, channel: LoopbackChannel) -> None:
        self.channels.append(channel)
        self.world.channels[channel.id] = channel
        self.tell("CHANNEL_CREATE", channel.payload())

    def remove_channel(self, channel: LoopbackChannel) -> None:
        """Delete a channel or thread; what stands in a category stays, those in a voice channel have to leave it."""
        for thread in [thread for thread in self.threads if thread.parent is channel]:
            self.world.forget_channel(thread)
        for membership in self.memberships.values():
            if membership.voice_channel is channel:
                self.world.move_in_voice(self, membership.user, None)
        body = channel.payload()
        if channel.thread is not None:
            keys = ("id", "guild_id", "parent_id", "type")
            self.world.forget_channel(channel)
            self.tell("THREAD_DELETE", {key: body[key] for key in keys})
            return
        self.channels.remove(channel)
        self.world.forget_channel(channel)
        self.tell("CHANNEL_DELETE", body)
        for child in [child for child in self.channels if child.parent is channel]:
            child.parent = None
            self.world.tell_channel(child)

    # Roles.

    def add_role(
        self, name: str, permissions: discord.Permissions | None = None, *, above_bot: bool = False
    ) -> LoopbackRole:
        """A new role, below that of the bot unless `above_bot`: then the bot cannot touch it or who has it."""
        position = self.bot_role.position + 1 if above_bot else 1
        role = LoopbackRole(self.world.ids.next(), name, permissions or discord.Permissions.none(), position)
        self.keep_role(role)
        return role

    def keep_role(self, role: LoopbackRole) -> None:
        self.roles.append(role)
        self.tell("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": role.payload()})

    def tell_role(self, role: LoopbackRole) -> None:
        self.tell("GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": role.payload()})

    def remove_role(self, role: LoopbackRole) -> None:
        self.roles.remove(role)
        for membership in self.memberships.values():
            if role.id in membership.role_ids:
                membership.role_ids.remove(role.id)
        for channel in self.channels:
            channel.overwrites.pop(role.id, None)
        self.tell("GUILD_ROLE_DELETE", {"guild_id": str(self.id), "role_id": str(role.id)})

    # Members.

    def add_member(self, user: LoopbackUser, permissions: discord.Permissions | None = None) -> LoopbackUser:
        """Let a user join; with `permissions` the user has exactly these, else what @everyone has."""
        if user.id not in self.memberships:
            self.memberships[user.id] = Membership(user, self.world.now_iso())
            members_role = next((role for role in self.roles if role.name == "Members"), None)
            if members_role is not None and not user.is_bot:
                self.memberships[user.id].role_ids.append(members_role.id)
            self.tell(
                "GUILD_MEMBER_ADD",
                {"guild_id": str(self.id), **self.member_payload(user)},
                needs=Intent.GUILD_MEMBERS,
            )
        if permissions is not None:
            self.set_permissions(user, permissions)
        return user

    def remove_member(self, user: LoopbackUser) -> None:
        """The user leaves or is thrown out; LookupError where it is no member."""
        membership = self.membership_of(user)
        if membership.voice_channel is not None:
            self.world.move_in_voice(self, user, None)
        del self.memberships[user.id]
        body: Payload = {"guild_id": str(self.id), "user": user.payload()}
        self.tell("GUILD_MEMBER_REMOVE", body, needs=Intent.GUILD_MEMBERS)

    def membership_of(self, user: LoopbackUser) -> Membership:
        membership = self.memberships.get(user.id)
        if membership is None:
            raise LookupError(f"{user.name} is not a member of {self.name}")
        return membership

    def ban(self, user: LoopbackUser, reason: str | None = None) -> None:
        if user.id in self.bans:
            return
        self.bans[user.id] = reason
        body: Payload = {"guild_id": str(self.id), "user": user.payload()}
        self.tell("GUILD_BAN_ADD", body, needs=Intent.GUILD_MODERATION)
        if user.id in self.memberships:
            self.remove_member(user)

    def unban(self, user: LoopbackUser) -> None:
        """LookupError where the user is not banned."""
        if user.id not in self.bans:
            raise LookupError(f"{user.name} is not banned from {self.name}")
        del self.bans[user.id]
        body: Payload = {"guild_id": str(self.id), "user": user.payload()}
        self.tell("GUILD_BAN_REMOVE", body, needs=Intent.GUILD_MODERATION)

    def give_role(self, user: LoopbackUser, role: LoopbackRole) -> None:
        membership = self.membership_of(user)
        if role.id not in membership.role_ids:
            membership.role_ids.append(role.id)
            self.tell_member(user)

    def take_role(self, user: LoopbackUser, role: LoopbackRole) -> None:
        membership = self.membership_of(user)
        if role.id in membership.role_ids:
            membership.role_ids.remove(role.id)
            self.tell_member(user)

    def set_permissions(self, user: LoopbackUser, permissions: discord.Permissions) -> None:
        """Give a member exactly these permissions, through a role of its own."""
        granting.set_permissions(self, user, permissions)

    def set_bot_permissions(self, permissions: discord.Permissions) -> None:
        """What the bot may do in this guild from now on; without one that a request needs, REST answers 50013."""
        granting.set_bot_permissions(self, permissions)

    def add_bot_permissions(self, permissions: discord.Permissions) -> None:
        """Give the bot these beside what it has."""
        granting.set_bot_permissions(self, self.bot_role.permissions | permissions)

    def remove_bot(self) -> None:
        """Throw the bot out: GUILD_DELETE, and 50001 or 10004 from then on."""
        bot_membership.remove_bot(self)

    def add_bot(self) -> None:
        """Invite the bot again after `remove_bot`."""
        bot_membership.add_bot(self)

    def begin_outage(self) -> None:
        """GUILD_DELETE with `unavailable`: the bot is still a member, but sees and hears nothing of the guild."""
        bot_membership.begin_outage(self)

    def end_outage(self) -> None:
        """The guild is back: GUILD_CREATE with all that changed meanwhile."""
        bot_membership.end_outage(self)

    # As Discord's JSON, and to the bot.

    def member_payload(self, user: LoopbackUser) -> Payload:
        return {"user": user.payload(), **self.memberships[user.id].payload()}

    def rest_payload(self) -> Payload:
        return guild_payloads.full(self)

    def create_payload(self, intents: int) -> Payload:
        return guild_payloads.create(self, intents)

    def tell_member(self, user: LoopbackUser) -> None:
        """The bot hears of its own changes even without the intent for members."""
        body = {"guild_id": str(self.id), **self.member_payload(user)}
        self.tell("GUILD_MEMBER_UPDATE", body, needs=Intent.GUILDS if user.is_bot else Intent.GUILD_MEMBERS)

    def tell_emojis(self) -> None:
        body: Payload = {"guild_id": str(self.id), "emojis": [emoji.payload() for emoji in self.emojis]}
        self.tell("GUILD_EMOJIS_UPDATE", body, needs=Intent.GUILD_EXPRESSIONS)

    def tell(self, event: str, body: Payload, *, needs: int = Intent.GUILDS) -> None:
        if self.has_bot and self.id in self.world.guilds:
            self.world.hub.dispatch(event, body, guild_id=self.id, needs=needs)


def new_guild(world: World, name: str, owner: LoopbackUser, *, shard_id: int) -> LoopbackGuild:
    guild_id = world.ids.next_for_shard(shard_id, world.shard_count)
    everyone = LoopbackRole(guild_id, "@everyone", rights.EVERYONE, 0)
    guild = LoopbackGuild(world, guild_id, name, owner, everyone, world.now_iso())
    bot_role = guild.add_role(world.bot.name, rights.BOT)
    bot_role.bot_id = world.bot.id
    guild.add_member(owner)
    guild.add_member(world.bot)
    guild.memberships[world.bot.id].role_ids.append(bot_role.id)
    guild.add_text_channel("general")
    return guild
