"""A user's words for a slash command, checked and typed as Discord's own client does it."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import discord

from botmon_cog.testing.channels import LoopbackChannel
from botmon_cog.testing.commands import nearest
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.messages import SeenAttachment, SeenMessage, Upload
from botmon_cog.testing.roles import LoopbackRole

if TYPE_CHECKING:
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

STRING, INTEGER, BOOLEAN, USER, CHANNEL, ROLE, MENTIONABLE, NUMBER, ATTACHMENT = range(3, 12)
_LARGEST_INTEGER = 2**53
_LONGEST_STRING = 6000
_WORDS = {
    STRING: "a string",
    INTEGER: "an integer",
    BOOLEAN: "True or False",
    USER: "a user",
    CHANNEL: "a channel",
    ROLE: "a role",
    MENTIONABLE: "a user or a role",
    NUMBER: "a number",
    ATTACHMENT: "an Upload",
}


class Resolver:
    """Turns people, channels, roles and files into ids, and keeps Discord's `resolved` data about them."""

    def __init__(self, world: World, channel: LoopbackChannel) -> None:
        self._world = world
        self._channel = channel
        self.resolved: dict[str, Payload] = {}

    def user(self, user: LoopbackUser) -> str:
        self._keep("users", user.id, user.payload())
        guild = self._channel.guild
        if guild is not None and user.id in guild.memberships:
            member = guild.memberships[user.id].payload()
            self._keep("members", user.id, member | {"permissions": str(user.permissions_in(self._channel).value)})
        return str(user.id)

    def channel(self, channel: LoopbackChannel) -> str:
        permissions = self._world.bot.permissions_in(channel)
        self._keep("channels", channel.id, channel.payload() | {"permissions": str(permissions.value)})
        return str(channel.id)

    def role(self, role: LoopbackRole) -> str:
        self._keep("roles", role.id, role.payload())
        return str(role.id)

    def message(self, message: SeenMessage) -> str:
        self._keep("messages", message.id, message.body)
        return str(message.id)

    def attachment(self, file: Upload | SeenAttachment | discord.File) -> str:
        if isinstance(file, discord.File):
            file = Upload(file.filename, file.fp.read())
        if isinstance(file, Upload):
            file = self._world.keep_file(self._channel, file.filename, file.bytes)
        self._keep("attachments", file.id, file.payload() | {"ephemeral": True})
        return str(file.id)

    def mentionable(self, target: Any, kind: int) -> str | None:
        """The id of a user, channel or role of the kind that the option or select takes; None: it is another thing."""
        from botmon_cog.testing.people import LoopbackUser  # noqa: PLC0415  # people act through this module

        if isinstance(target, LoopbackUser) and kind in (USER, MENTIONABLE):
            return self.user(target)
        if isinstance(target, LoopbackRole) and kind in (ROLE, MENTIONABLE):
            return self.role(target)
        if isinstance(target, LoopbackChannel) and kind == CHANNEL:
            return self.channel(target)
        return self._by_id(getattr(target, "id", None), kind)

    def _by_id(self, target_id: int | None, kind: int) -> str | None:
        # A test may hold discord.py's own object instead of ours: the id says who is meant.
        if target_id is None:
            return None
        if kind in (USER, MENTIONABLE) and target_id in self._world.users:
            return self.user(self._world.users[target_id])
        if kind == CHANNEL and target_id in self._world.channels:
            return self.channel(self._world.channels[target_id])
        if kind in (ROLE, MENTIONABLE) and self._channel.guild is not None:
            for role in (self._channel.guild.everyone, *self._channel.guild.roles):
                if role.id == target_id:
                    return self.role(role)
        return None

    def _keep(self, kind: str, key: int, body: Payload) -> None:
        self.resolved.setdefault(kind, {})[str(key)] = body


def type_options(schema: Iterable[Payload], given: dict[str, Any], resolver: Resolver) -> list[Payload]:
    """The `options` of an interaction; LookupError, TypeError or ValueError where Discord's client would not send."""
    by_name = {option["name"]: option for option in schema}
    for name in given:
        if name not in by_name:
            raise LookupError(f"the command has no option {name!r}{nearest(name, by_name)}")
    missing = [name for name, option in by_name.items() if option.get("required") and given.get(name) is None]
    if missing:
        raise ValueError(f"the command needs a value for {', '.join(missing)}")
    return [
        {"name": name, "type": option["type"], "value": _typed(option, given[name], resolver)}
        for name, option in by_name.items()
        if given.get(name) is not None
    ]


def type_loosely(schema: Iterable[Payload], given: dict[str, Any], focused: str, resolver: Resolver) -> list[Payload]:
    """As `type_options`, while the user still types: the focused value is sent as it is, nothing is required."""
    by_name = {option["name"]: option for option in schema}
    for name in (focused, *given):
        if name not in by_name:
            raise LookupError(f"the command has no option {name!r}{nearest(name, by_name)}")
    if not by_name[focused].get("autocomplete"):
        raise LookupError(f"the option {focused!r} has no autocompletion")
    options: list[Payload] = []
    for name, option in by_name.items():
        if name == focused:
            options.append({"name": name, "type": option["type"], "value": given.get(name, ""), "focused": True})
        elif given.get(name) is not None:
            options.append({"name": name, "type": option["type"], "value": _typed(option, given[name], resolver)})
    return options


def _typed(option: Payload, value: Any, resolver: Resolver) -> Any:
    kind: int = option["type"]
    name: str = option["name"]
    if option.get("choices"):
        return _chosen(option, value)
    if kind in (STRING, INTEGER, BOOLEAN, NUMBER):
        if not _fits(kind, value):
            raise TypeError(f"the option {name!r} takes {_WORDS[kind]}, not {value!r}")
        _check_range(option, value)
        return value
    if kind == ATTACHMENT:
        if not isinstance(value, (Upload, SeenAttachment, discord.File)):
            raise TypeError(f"the option {name!r} takes {_WORDS[kind]}, not {value!r}")
        return resolver.attachment(value)
    found = resolver.mentionable(value, kind)
    if found is None:
        raise TypeError(f"the option {name!r} takes {_WORDS[kind]}, not {value!r}")
    wanted = option.get("channel_types")
    if kind == CHANNEL and wanted and resolver.resolved["channels"][found]["type"] not in wanted:
        raise ValueError(f"the option {name!r} takes channels of the types {wanted} only")
    return found


def _fits(kind: int, value: object) -> bool:
    if kind == STRING:
        return isinstance(value, str)
    if kind == BOOLEAN:
        return isinstance(value, bool)
    numeric = (int,) if kind == INTEGER else (int, float)
    return isinstance(value, numeric) and not isinstance(value, bool)


def _chosen(option: Payload, value: Any) -> Any:
    choices: list[Payload] = option["choices"]
    for choice in choices:
        if value in (choice["value"], choice["name"]):
            return choice["value"]
    offered = ", ".join(repr(choice["name"]) for choice in itertools.islice(choices, 25))
    raise ValueError(f"the option {option['name']!r} takes one of {offered}, not {value!r}")


def _check_range(option: Payload, value: Any) -> None:
    kind, name = option["type"], option["name"]
    if kind == BOOLEAN:
        return
    if kind == STRING:
        measured, low, high = len(value), option.get("min_length", 1), option.get("max_length", _LONGEST_STRING)
        unit = " characters"
    else:
        measured, unit = value, ""
        low, high = option.get("min_value", -_LARGEST_INTEGER), option.get("max_value", _LARGEST_INTEGER)
    if not low <= measured <= high:
        raise ValueError(f"the option {name!r} takes {low} to {high}{unit}, not {measured}")
