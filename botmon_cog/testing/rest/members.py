"""Members of a guild: found, edited, timed out, moved in voice, given roles, thrown out."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from botmon_cog.testing import errors
from botmon_cog.testing.form_checks import as_time
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.memberships import Membership
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require_above, require_above_role, require_in_guild, require_may_remove
from botmon_cog.testing.roles import LoopbackRole

LONGEST_TIMEOUT = timedelta(days=28)
_NICK_CHARACTERS = 32
_PAGE = 1000


def get(call: Call) -> Reply:
    guild = call.guild()
    return Reply(200, guild.member_payload(call.membership(guild).user))


def listing(call: Call) -> Reply:
    guild = call.guild()
    after, limit = bodies.snowflake(call.query.get("after", 0), "after"), bodies.limit(call.query, 1, _PAGE)
    shown = sorted((m for m in guild.members if m.id > after), key=lambda m: m.id)[:limit]
    return Reply(200, [guild.member_payload(user) for user in shown])


def search(call: Call) -> Reply:
    guild = call.guild()
    query, limit = call.query.get("query", "").casefold(), bodies.limit(call.query, 1, _PAGE)
    found = [m.user for m in guild.memberships.values() if (m.nick or m.user.display_name).casefold().startswith(query)]
    return Reply(200, [guild.member_payload(user) for user in found[:limit]])


def edit(call: Call) -> Reply:
    guild = call.guild()
    member = call.membership(guild)
    changes = [_EDITS[key](call, guild, member, value) for key, value in call.body.items() if key in _EDITS]
    before = member.payload()
    for change in changes:
        change()
    if member.payload() != before:
        guild.tell_member(member.user)
    return Reply(200, guild.member_payload(member.user))


def edit_oneself(call: Call) -> Reply:
    guild = call.guild()
    member = call.membership(guild)
    if "nick" in call.body:
        require_in_guild(call, guild, "change_nickname")
        member.nick = _nick(call.body["nick"])
        guild.tell_member(member.user)
    return Reply(200, guild.member_payload(member.user))


# Each of these checks one key of a body and returns what then changes: nothing may change if another key is refused.
Change = Callable[[], None]


def _nick(value: Any) -> str | None:
    return bodies.name(value, 0, _NICK_CHARACTERS, "nick") or None if value is not None else None


def _edit_nick(call: Call, guild: LoopbackGuild, member: Membership, value: Any) -> Change:
    require_in_guild(call, guild, "change_nickname" if member.user is call.world.bot else "manage_nicknames")
    require_above(call, guild, member.user)
    nick = _nick(value)

    def change() -> None:
        member.nick = nick

    return change


def _edit_roles(call: Call, guild: LoopbackGuild, member: Membership, value: Any) -> Change:
    require_in_guild(call, guild, "manage_roles")
    wanted = bodies.ids({"roles": value}, "roles")
    known = {role.id: role for role in guild.roles}
    if any(role_id not in known for role_id in wanted):
        raise errors.unknown_role()
    for role_id in set(wanted) ^ set(member.role_ids):
        _require_assignable(call, guild, known[role_id])

    def change() -> None:
        member.role_ids = list(dict.fromkeys(wanted))

    return change


def _edit_timeout(call: Call, guild: LoopbackGuild, member: Membership, value: Any) -> Change:
    require_in_guild(call, guild, "moderate_members")
    require_above(call, guild, member.user)
    until = as_time(value)
    key = "communication_disabled_until"
    if value is not None:
        if until is None:
            raise bodies.fault(key, "DATE_TIME_TYPE_PARSE", f"Could not parse {value}. Should be ISO8601.")
        if until > call.world.clock.now() + LONGEST_TIMEOUT:
            text = "Timeout cannot be longer than 28 days."
            raise bodies.fault(key, "BASE_TYPE_MAX_VALUE", text)
        if member.user.permissions_in(guild).administrator:
            raise errors.missing_permissions()

    def change() -> None:
        member.timed_out_until = until

    return change


def _edit_voice_channel(call: Call, guild: LoopbackGuild, member: Membership, value: Any) -> Change:
    require_in_guild(call, guild, "move_members")
    if member.voice_channel is None:
        raise errors.not_in_voice()
    channel = None
    if value is not None:
        channel = call.world.channels.get(bodies.snowflake(value, "channel_id"))
        if channel is None or channel.guild is not guild:
            raise errors.unknown_channel()
        if not channel.is_voice:
            raise errors.wrong_channel_type()

    def change() -> None:
        if member.voice_channel is not channel:
            call.world.move_in_voice(guild, member.user, channel)

    return change


def _edit_voice_flag(key: str, permission: str) -> Callable[[Call, LoopbackGuild, Membership, Any], Change]:
    def edit_flag(call: Call, guild: LoopbackGuild, member: Membership, value: Any) -> Change:
        require_in_guild(call, guild, permission)
        if member.voice_channel is None:
            raise errors.not_in_voice()

        def change() -> None:
            setattr(member, key, bool(value))
            call.world.move_in_voice(guild, member.user, member.voice_channel)

        return change

    return edit_flag


_EDITS: dict[str, Callable[[Call, LoopbackGuild, Membership, Any], Change]] = {
    "nick": _edit_nick,
    "roles": _edit_roles,
    "communication_disabled_until": _edit_timeout,
    "channel_id": _edit_voice_channel,
    "mute": _edit_voice_flag("mute", "mute_members"),
    "deaf": _edit_voice_flag("deaf", "deafen_members"),
}


def _require_assignable(call: Call, guild: LoopbackGuild, role: LoopbackRole) -> None:
    if role is guild.everyone:
        raise errors.invalid_role()
    if role.bot_id is not None:
        raise errors.missing_permissions()
    require_above_role(call, guild, role)


def _role_to_change(call: Call) -> tuple[LoopbackGuild, Membership, LoopbackRole]:
    guild = call.guild()
    member = call.membership(guild)
    role = call.role(guild)
    require_in_guild(call, guild, "manage_roles")
    _require_assignable(call, guild, role)
    return guild, member, role


def give_role(call: Call) -> Reply:
    guild, member, role = _role_to_change(call)
    guild.give_role(member.user, role)
    return NO_CONTENT


def take_role(call: Call) -> Reply:
    guild, member, role = _role_to_change(call)
    guild.take_role(member.user, role)
    return NO_CONTENT


def kick(call: Call) -> Reply:
    guild = call.guild()
    member = call.membership(guild)
    require_in_guild(call, guild, "kick_members")
    require_may_remove(call, guild, member.user)
    guild.remove_member(member.user)
    return NO_CONTENT


def voice_state(call: Call) -> Reply:
    guild = call.guild()
    member = call.membership(guild)
    if member.voice_channel is None:
        raise errors.unknown_voice_state()
    return Reply(200, member.voice_state(guild.id))


_ALL = "/guilds/{guild_id}/members"
_ONE = _ALL + "/{user_id}"
ROUTES = [
    Route("GET", _ALL, listing),
    Route("GET", _ALL + "/search", search),
    Route("PATCH", _ALL + "/@me", edit_oneself),
    Route("GET", _ONE, get),
    Route("PATCH", _ONE, edit),
    Route("DELETE", _ONE, kick),
    Route("PUT", _ONE + "/roles/{role_id}", give_role),
    Route("DELETE", _ONE + "/roles/{role_id}", take_role),
    Route("GET", "/guilds/{guild_id}/voice-states/@me", voice_state),
    Route("GET", "/guilds/{guild_id}/voice-states/{user_id}", voice_state),
]
