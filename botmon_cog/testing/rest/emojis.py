"""Emojis with a picture: the application's, and those of a guild."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from botmon_cog.testing import custom_emojis, errors
from botmon_cog.testing.custom_emojis import CustomEmoji
from botmon_cog.testing.pictures import is_animated
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require_in_guild

if TYPE_CHECKING:
    from botmon_cog.testing.errors import Payload
    from botmon_cog.testing.guilds import LoopbackGuild

_LARGEST_IMAGE_BYTES = 256 * 1024
_MOST_OF_APPLICATION = 2000
_MOST_OF_A_KIND = 50
"""Still ones, and as many animated ones, in a guild without boosts."""


def _application(call: Call) -> None:
    if call.id("application_id") != call.world.bot.id:
        raise errors.missing_access()


def _home(call: Call, *permissions: str) -> LoopbackGuild | None:
    """The guild of the path, where the bot needs one of the permissions; None: the application."""
    if "application_id" in call.parameters:
        _application(call)
        return None
    guild = call.guild()
    held = call.world.bot.permissions_in(guild)
    if permissions and not any(getattr(held, name) for name in permissions):
        raise errors.missing_permissions()
    return guild


def _of(call: Call, guild: LoopbackGuild | None) -> list[CustomEmoji]:
    return [emoji for emoji in call.world.custom_emojis.values() if emoji.guild is guild]


def _found(call: Call, guild: LoopbackGuild | None) -> CustomEmoji:
    emoji = call.world.custom_emojis.get(call.id("emoji_id"))
    if emoji is None or emoji.guild is not guild:
        raise errors.unknown_emoji()
    return emoji


def _name(call: Call, guild: LoopbackGuild | None, but: CustomEmoji | None = None) -> str:
    name = bodies.required_name(call.body, 2, 32)
    if re.fullmatch(r"\w+", name, re.ASCII) is None:
        raise bodies.fault("name", "STRING_TYPE_REGEX", "String value did not match validation regex.")
    if guild is None and any(emoji.name == name and emoji is not but for emoji in _of(call, None)):
        raise bodies.fault("name", "APPLICATION_EMOJI_NAME_ALREADY_TAKEN", "This emoji name is already taken")
    return name


def _changed(guild: LoopbackGuild | None) -> None:
    if guild is not None:
        guild.tell_emojis()


def listing(call: Call) -> Reply:
    guild = _home(call)
    found: list[Payload] = [emoji.payload() for emoji in _of(call, guild)]
    return Reply(200, found if guild is not None else {"items": found})


def get(call: Call) -> Reply:
    return Reply(200, _found(call, _home(call)).payload())


def create(call: Call) -> Reply:
    guild = _home(call, "create_expressions", "manage_expressions")
    name = _name(call, guild)
    if call.body.get("image") is None:
        raise bodies.fault("image", "BASE_TYPE_REQUIRED", "This field is required")
    image = bodies.image(call.body["image"], "image", _LARGEST_IMAGE_BYTES)
    others = _of(call, guild)
    if guild is None and len(others) >= _MOST_OF_APPLICATION:
        raise errors.too_many(30008, "emojis", _MOST_OF_APPLICATION)
    alike = [emoji for emoji in others if emoji.animated == is_animated(image)]
    if guild is not None and len(alike) >= _MOST_OF_A_KIND:
        if is_animated(image):
            raise errors.too_many(30018, "animated emojis", _MOST_OF_A_KIND)
        raise errors.too_many(30008, "emojis", _MOST_OF_A_KIND)
    role_ids = _role_ids(call, guild)
    emoji = custom_emojis.add(call.world, name, image, call.world.bot, guild)
    emoji.role_ids = role_ids
    _changed(guild)
    return Reply(201, emoji.payload())


def edit(call: Call) -> Reply:
    guild = _home(call)
    emoji = _found(call, guild)
    _require_change(call, guild, emoji)
    if call.body.get("name") is not None:
        emoji.name = _name(call, guild, emoji)
    if call.body.get("roles") is not None:
        emoji.role_ids = _role_ids(call, guild)
    _changed(guild)
    return Reply(200, emoji.payload())


def delete(call: Call) -> Reply:
    guild = _home(call)
    emoji = _found(call, guild)
    _require_change(call, guild, emoji)
    custom_emojis.forget(call.world, emoji)
    _changed(guild)
    return NO_CONTENT


def _require_change(call: Call, guild: LoopbackGuild | None, emoji: CustomEmoji) -> None:
    """Who may only create emojis may change its own."""
    if guild is not None:
        held = call.world.bot.permissions_in(guild)
        is_own = emoji.creator is call.world.bot and held.create_expressions
        if not is_own:
            require_in_guild(call, guild, "manage_expressions")


def _role_ids(call: Call, guild: LoopbackGuild | None) -> list[int]:
    if guild is None:
        return []
    given = bodies.ids(call.body, "roles")
    if any(role_id not in {role.id for role in guild.roles} for role_id in given):
        raise errors.unknown_role()
    return given


Handlers = tuple[tuple[str, str, Callable[[Call], Reply]], ...]
_HANDLERS: Handlers = (
    ("GET", "", listing),
    ("POST", "", create),
    ("GET", "/{emoji_id}", get),
    ("PATCH", "/{emoji_id}", edit),
    ("DELETE", "/{emoji_id}", delete),
)
ROUTES = [
    Route(method, base + rest, handler)
    for base in ("/applications/{application_id}/emojis", "/guilds/{guild_id}/emojis")
    for method, rest, handler in _HANDLERS
]
