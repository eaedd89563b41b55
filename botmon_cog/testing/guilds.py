"""Guilds, their channels, roles and members, as Discord's payloads and as a test changes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import discord

from botmon_cog.testing import permissions as rights
from botmon_cog.testing.channels import LoopbackChannel
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

TEXT, VOICE = 0, 2


@dataclass(slots=True, eq=False)
class LoopbackRole:
    id: int
    name: str
    permissions: discord.Permissions
    position: int
    bot_id: int | None = None
    """Set where the role came with the bot and cannot be given to others."""

    def payload(self) -> Payload:
        body: Payload = {
            "id": str(self.id),
            "name": self.name,
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "position": self.position,
            "permissions": str(self.permissions.value),
            "managed": self.bot_id is not None,
            "mentionable": False,
            "flags": 0,
        }
        if self.bot_id is not None:
            body["tags"] = {"bot_id": str(self.bot_id)}
        return body


@dataclass(slots=True, eq=False)
class Membership:
    user: LoopbackUser
    joined_at: str
    role_ids: list[int] = field(default_factory=list[int])
    voice_channel: LoopbackChannel | None = None


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
    memberships: dict[int, Membership] = field(default_factory=dict[int, Membership], repr=False)
    has_bot: bool = True

    @property
    def members(self) -> list[LoopbackUser]:
        return [membership.user for membership in self.memberships.values()]

    def roles_of(self, user: LoopbackUser) -> list[LoopbackRole]:
        membership = self.memberships.get(user.id)
        held = set(membership.role_ids) if membership else set[int]()
        return [role for role in self.roles if role.id in held]

    def add_text_channel(self, name: str) -> LoopbackChannel:
        return self._add_channel(name, TEXT)

    def add_voice_channel(self, name: str) -> LoopbackChannel:
        return self._add_channel(name, VOICE)

    def add_role(self, name: str, permissions: discord.Permissions | None = None) -> LoopbackRole:
        role = LoopbackRole(self.world.ids.next(), name, permissions or discord.Permissions.none(), len(self.roles))
        self.roles.append(role)
        self._tell("GUILD_ROLE_CREATE", {"guild_id": str(self.id), "role": role.payload()})
        return role

    def add_member(self, user: LoopbackUser, permissions: discord.Permissions | None = None) -> LoopbackUser:
        """Let a user join; with `permissions` the user has exactly these, else what @everyone has."""
        if user.id not in self.memberships:
            self.memberships[user.id] = Membership(user, self.world.now_iso())
            members_role = next((role for role in self.roles if role.name == "Members"), None)
            if members_role is not None and not user.is_bot:
                self.memberships[user.id].role_ids.append(members_role.id)
            self._tell(
                "GUILD_MEMBER_ADD",
                {"guild_id": str(self.id), **self.member_payload(user)},
                needs=Intent.GUILD_MEMBERS,
            )
        if permissions is not None:
            self.set_permissions(user, permissions)
        return user

    def remove_member(self, user: LoopbackUser) -> None:
        del self.memberships[user.id]
        body: Payload = {"guild_id": str(self.id), "user": user.payload()}
        self._tell("GUILD_MEMBER_REMOVE", body, needs=Intent.GUILD_MEMBERS)

    def give_role(self, user: LoopbackUser, role: LoopbackRole) -> None:
        self.memberships[user.id].role_ids.append(role.id)
        self._tell_member(user)

    def set_permissions(self, user: LoopbackUser, permissions: discord.Permissions) -> None:
        """Give a member exactly these permissions, through a role of its own."""
        membership = self.memberships.get(user.id)
        if membership is None:
            raise LookupError(f"{user.name} is not a member of {self.name}")
        if self.everyone.permissions.value & ~permissions.value:
            self._take_from_everyone()
        own_name = f"Permissions of {user.name}"
        role = next((r for r in self.roles if r.name == own_name), None) or self.add_role(own_name)
        role.permissions = permissions
        kept = [r.id for r in self.roles_of(user) if r.name == own_name or r.bot_id is not None]
        membership.role_ids = kept if role.id in kept else [*kept, role.id]
        self._tell("GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": role.payload()})
        self._tell_member(user)

    def set_bot_permissions(self, permissions: discord.Permissions) -> None:
        """What the bot may do in this guild from now on; without one that a request needs, REST answers 50013."""
        if self.everyone.permissions.value & ~permissions.value:
            self._take_from_everyone()
        role = next(role for role in self.roles if role.bot_id is not None)
        role.permissions = permissions
        self._tell("GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": role.payload()})

    def remove_bot(self) -> None:
        """Throw the bot out: GUILD_DELETE, and 50001 or 10004 from then on."""
        self._tell("GUILD_DELETE", {"id": str(self.id)})
        self.has_bot = False
        self.memberships.pop(self.world.bot.id, None)

    def member_payload(self, user: LoopbackUser) -> Payload:
        membership = self.memberships[user.id]
        return {"user": user.payload(), **self.bare_member_payload(membership)}

    def bare_member_payload(self, membership: Membership) -> Payload:
        return {
            "nick": None,
            "avatar": None,
            "banner": None,
            "roles": [str(role_id) for role_id in membership.role_ids],
            "joined_at": membership.joined_at,
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None,
        }

    def voice_state_payload(self, membership: Membership) -> Payload:
        channel = membership.voice_channel
        return {
            "guild_id": str(self.id),
            "channel_id": str(channel.id) if channel else None,
            "user_id": str(membership.user.id),
            "member": self.member_payload(membership.user),
            "session_id": f"voice{membership.user.id:x}",
            "deaf": False,
            "mute": False,
            "self_deaf": False,
            "self_mute": False,
            "self_video": False,
            "suppress": False,
            "request_to_speak_timestamp": None,
        }

    def rest_payload(self) -> Payload:
        return {
            "id": str(self.id),
            "name": self.name,
            "icon": None,
            "splash": None,
            "discovery_splash": None,
            "owner_id": str(self.owner.id),
            "afk_channel_id": None,
            "afk_timeout": 300,
            "verification_level": 0,
            "default_message_notifications": 0,
            "explicit_content_filter": 0,
            "roles": [self.everyone.payload(), *(role.payload() for role in self.roles)],
            "emojis": [],
            "stickers": [],
            "features": [],
            "mfa_level": 0,
            "application_id": None,
            "system_channel_id": None,
            "system_channel_flags": 0,
            "rules_channel_id": None,
            "max_members": 500000,
            "vanity_url_code": None,
            "description": None,
            "banner": None,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "preferred_locale": "en-US",
            "public_updates_channel_id": None,
            "nsfw_level": 0,
            "premium_progress_bar_enabled": False,
            "approximate_member_count": len(self.memberships),
            "approximate_presence_count": len(self.memberships),
        }

    def create_payload(self, intents: int) -> Payload:
        """GUILD_CREATE as a session with these intents gets it: without presences only the bot and those in voice."""
        sees_all = intents & Intent.GUILD_MEMBERS and intents & Intent.GUILD_PRESENCES
        in_voice = [m for m in self.memberships.values() if m.voice_channel is not None]
        shown = [
            m for m in self.memberships.values() if sees_all or m.user is self.world.bot or m.voice_channel is not None
        ]
        return {
            **self.rest_payload(),
            "joined_at": self.joined_at,
            "large": len(self.memberships) > 250,  # noqa: PLR2004  # discord.py's large_threshold
            "member_count": len(self.memberships),
            "voice_states": [self.voice_state_payload(m) for m in in_voice] if intents & Intent.VOICE_STATES else [],
            "members": [self.member_payload(m.user) for m in shown],
            "channels": [channel.payload() for channel in self.channels],
            "threads": [],
            "presences": [],
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
        }

    def _add_channel(self, name: str, kind: Literal[0, 2]) -> LoopbackChannel:
        channel = LoopbackChannel(
            self.world, self.world.ids.next(), name, kind, guild=self, position=len(self.channels)
        )
        self.channels.append(channel)
        self.world.channels[channel.id] = channel
        self._tell("CHANNEL_CREATE", channel.payload())
        return channel

    def _take_from_everyone(self) -> None:
        """Roles can only add, so what one member is to lack must come to the others by a role."""
        if any(role.name == "Members" for role in self.roles):
            return
        members = self.add_role("Members", self.everyone.permissions)
        self.everyone.permissions = discord.Permissions.none()
        self._tell("GUILD_ROLE_UPDATE", {"guild_id": str(self.id), "role": self.everyone.payload()})
        for membership in self.memberships.values():
            if not membership.user.is_bot:
                self.give_role(membership.user, members)

    def _tell_member(self, user: LoopbackUser) -> None:
        body = {"guild_id": str(self.id), **self.member_payload(user)}
        self._tell("GUILD_MEMBER_UPDATE", body, needs=Intent.GUILD_MEMBERS)

    def _tell(self, event: str, body: Payload, *, needs: int = Intent.GUILDS) -> None:
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
    return guild
