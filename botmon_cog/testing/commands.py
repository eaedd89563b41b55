"""The commands that the application has registered, and which of them a user's client lists."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import discord

from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.snowflake import SnowflakeFactory

CHAT_INPUT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, SUBCOMMAND_GROUP = 1, 2
IN_GUILD, IN_BOT_DM = 0, 1


@dataclass(slots=True)
class CommandBook:
    application_id: int
    ids: SnowflakeFactory
    _scopes: dict[int | None, dict[int, Payload]] = field(default_factory=dict[int | None, dict[int, Payload]])

    def scope(self, guild_id: int | None) -> dict[int, Payload]:
        """The commands of one guild, or (None) the global ones, by id."""
        return self._scopes.setdefault(guild_id, {})

    def put(self, guild_id: int | None, body: Payload, *, command_id: int | None = None) -> tuple[Payload, bool]:
        """Register a command; one of the same name and type is replaced and keeps its id. Also: whether it is new."""
        scope = self.scope(guild_id)
        kind = body.get("type", CHAT_INPUT)
        if command_id is None:
            same = (c for c in scope.values() if c["name"] == body["name"] and c["type"] == kind)
            found = next(same, None)
            command_id = int(found["id"]) if found else None
        is_new = command_id is None
        command_id = command_id or self.ids.next()
        permissions = body.get("default_member_permissions")
        command: Payload = {
            "id": str(command_id),
            "application_id": str(self.application_id),
            "version": str(self.ids.next()),
            "type": kind,
            "name": body["name"],
            "name_localizations": body.get("name_localizations"),
            "description": body.get("description", ""),
            "description_localizations": body.get("description_localizations"),
            "default_member_permissions": None if permissions is None else str(permissions),
            "nsfw": bool(body.get("nsfw")),
            "integration_types": body.get("integration_types") or [0],
        }
        if body.get("options"):
            command["options"] = body["options"]
        if guild_id is None:
            command["dm_permission"] = body.get("dm_permission", True) is not False
            command["contexts"] = body.get("contexts")
        else:
            command["guild_id"] = str(guild_id)
        scope[command_id] = command
        return command, is_new

    def replace_all(self, guild_id: int | None, bodies: list[Payload]) -> list[Payload]:
        commands = [self.put(guild_id, body)[0] for body in bodies]
        kept = {int(command["id"]) for command in commands}
        scope = self.scope(guild_id)
        for command_id in set(scope) - kept:
            del scope[command_id]
        return commands

    def find(self, name: str, kind: int, user: LoopbackUser, channel: LoopbackChannel) -> Payload:
        """The command as this user's client would offer it here.

        LookupError where it is not registered, PermissionError where it is hidden from this user.
        """
        listed = dict[str, Payload]()
        for guild_id in (None, channel.guild.id) if channel.guild else (None,):
            listed |= {c["name"]: c for c in self.scope(guild_id).values() if c["type"] == kind}
        shown = f"/{name}" if kind == CHAT_INPUT else repr(name)
        if name not in listed:
            raise LookupError(f"no command {shown} is registered{nearest(name, listed)}")
        command = listed[name]
        reason = _why_hidden(command, user, channel)
        if reason is not None:
            raise PermissionError(f"{user.name} cannot see {shown}: {reason}")
        return command


def nearest(name: str, names: object) -> str:
    """A hint for a message about an unknown name."""
    known = sorted(str(n) for n in names) if isinstance(names, (dict, list, set)) else []  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]  # names of any kind
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"; the nearest is {close[0]!r}" if close else "; none is registered (was the tree synced?)"


def descend(command: Payload, path: list[str]) -> list[Payload]:
    """The command and the (group and) subcommand that the path names; LookupError where there is none."""
    levels = [command]
    for name in path:
        below = {o["name"]: o for o in levels[-1].get("options", []) if o["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP)}
        if name not in below:
            raise LookupError(f"/{command['name']} has no subcommand {name!r}{nearest(name, below)}")
        levels.append(below[name])
    below = [o["name"] for o in levels[-1].get("options", []) if o["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP)]
    if below:
        raise LookupError(f"/{' '.join([command['name'], *path])} needs one of its subcommands: {', '.join(below)}")
    return levels


def _why_hidden(command: Payload, user: LoopbackUser, channel: LoopbackChannel) -> str | None:
    contexts = command.get("contexts")
    if channel.guild is None:
        allowed = command.get("dm_permission", True) if contexts is None else IN_BOT_DM in contexts
        return None if allowed else "it is not offered in direct messages"
    if contexts is not None and IN_GUILD not in contexts:
        return "it is not offered in guilds"
    held = user.permissions_in(channel)
    return None if held.administrator else _why_not_allowed(command, held, channel)


def _why_not_allowed(command: Payload, held: discord.Permissions, channel: LoopbackChannel) -> str | None:
    needed = command["default_member_permissions"]
    reason = None
    if not held.view_channel:
        reason = f"they cannot see #{channel.name}"
    elif not held.use_application_commands:
        reason = "they may not use application commands here"
    elif command["nsfw"] and not channel.is_nsfw:
        reason = "it is age-restricted and the channel is not"
    elif needed is not None and int(needed) == 0:
        reason = "it is for administrators only"
    elif needed is not None and int(needed) & ~held.value:
        missing = discord.Permissions(int(needed) & ~held.value)
        reason = f"they lack {', '.join(name for name, is_missing in missing if is_missing)}"
    return reason
