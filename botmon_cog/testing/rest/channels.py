"""Channels of a guild: made, edited, moved, deleted; threads are edited and deleted by the same routes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botmon_cog.testing import errors
from botmon_cog.testing.channels import (
    ANNOUNCEMENT,
    CATEGORY,
    FORUM,
    MEDIA,
    STAGE,
    TEXT,
    VOICE,
    LoopbackChannel,
)
from botmon_cog.testing.rest import bodies, overwrites, thread_edits
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require, require_in_guild

if TYPE_CHECKING:
    from botmon_cog.testing.errors import Payload
    from botmon_cog.testing.guilds import LoopbackGuild

_MOST_CHANNELS = 500
_MOST_IN_CATEGORY = 50
_NAME_CHARACTERS = 100
_LONGEST_SLOWMODE_S = 21_600
_KINDS = (TEXT, VOICE, CATEGORY, ANNOUNCEMENT, STAGE, FORUM, MEDIA)
_PLAIN_NAMES = (VOICE, CATEGORY, STAGE)
"""Channels whose names keep capitals and spaces."""
_TOPIC_CHARACTERS = {FORUM: 4096, MEDIA: 4096}
_SETTINGS = {
    "topic",
    "rate_limit_per_user",
    "bitrate",
    "user_limit",
    "rtc_region",
    "video_quality_mode",
    "default_auto_archive_duration",
    "default_thread_rate_limit_per_user",
    "default_reaction_emoji",
    "default_sort_order",
    "default_forum_layout",
    "available_tags",
    "flags",
}


def get(call: Call) -> Reply:
    return Reply(200, call.channel().payload())


def listing(call: Call) -> Reply:
    return Reply(200, [channel.payload() for channel in call.guild().channels])


def create(call: Call) -> Reply:
    guild, body = call.guild(), call.body
    require_in_guild(call, guild, "manage_channels")
    if len(guild.channels) >= _MOST_CHANNELS:
        raise errors.too_many(30013, "guild channels", _MOST_CHANNELS)
    kind = body.get("type") or TEXT
    if kind not in _KINDS:
        raise bodies.fault("type", "BASE_TYPE_CHOICES", f"Value must be one of {_KINDS}.")
    name = _shown_name(bodies.required_name(body, 1, _NAME_CHARACTERS), kind)
    parent = _category(guild, body.get("parent_id"), kind)
    channel = LoopbackChannel(
        call.world, call.world.ids.next(), name, kind, guild=guild, parent=parent, position=len(guild.channels)
    )
    given: list[Payload] | None = body.get("permission_overwrites")
    if given:
        channel.overwrites = overwrites.checked(call, guild, given)
    elif parent is not None:
        channel.overwrites = dict(parent.overwrites)
    _set_plain(call, channel, body)
    guild.keep_channel(channel)
    return Reply(201, channel.payload())


def edit(call: Call) -> Reply:
    guild, channel = call.guild_channel()
    if channel.thread is not None:
        return thread_edits.edit(call, guild, channel)
    require(call, channel, "manage_channels")
    body = call.body
    parent = _category(guild, body["parent_id"], channel.kind) if "parent_id" in body else channel.parent
    new_name = bodies.name(body["name"], 1, _NAME_CHARACTERS) if body.get("name") is not None else None
    given: list[Payload] | None = body.get("permission_overwrites")
    if given is not None:
        require(call, channel, "manage_roles")
    new_overwrites = channel.overwrites if given is None else overwrites.checked(call, guild, given)
    _set_plain(call, channel, body)
    channel.parent, channel.overwrites = parent, new_overwrites
    if new_name is not None:
        channel.name = _shown_name(new_name, channel.kind)
    call.world.tell_channel(channel)
    return Reply(200, channel.payload())


def move(call: Call) -> Reply:
    """Positions and categories of several channels at once; an event for each that really moved."""
    guild = call.guild()
    require_in_guild(call, guild, "manage_channels")
    known = {channel.id: channel for channel in guild.channels}
    moves: list[tuple[LoopbackChannel, int, LoopbackChannel | None, bool]] = []
    for index, item in enumerate(call.items):
        channel = known.get(bodies.snowflake(item.get("id"), (index, "id")))
        if channel is None:
            raise errors.unknown_channel()
        position = bodies.integer(item.get("position") or 0, 0, _MOST_CHANNELS, (index, "position"))
        parent = _category(guild, item["parent_id"], channel.kind) if "parent_id" in item else channel.parent
        moves.append(
            (
                channel,
                channel.position if item.get("position") is None else position,
                parent,
                bool(item.get("lock_permissions")),
            )
        )
    for channel, position, parent, is_synced in moves:
        before = channel.payload()
        channel.position, channel.parent = position, parent
        if is_synced and parent is not None:
            channel.overwrites = dict(parent.overwrites)
        if channel.payload() != before:
            call.world.tell_channel(channel)
    return NO_CONTENT


def delete(call: Call) -> Reply:
    channel = call.channel()
    if channel.guild is None:
        # Closing direct messages hides them, for the bot only.
        return Reply(200, channel.payload())
    require(call, channel, "manage_channels" if channel.thread is None else "manage_threads")
    body = channel.payload()
    channel.guild.remove_channel(channel)
    return Reply(200, body)


def _category(guild: LoopbackGuild, given: Any, kind: int) -> LoopbackChannel | None:
    if given is None:
        return None
    parent_id = bodies.snowflake(given, "parent_id")
    parent = next((c for c in guild.channels if c.id == parent_id and c.kind == CATEGORY), None)
    if parent is None or kind == CATEGORY:
        raise bodies.fault("parent_id", "CHANNEL_PARENT_INVALID", "Category does not exist")
    if sum(channel.parent is parent for channel in guild.channels) >= _MOST_IN_CATEGORY:
        text = f"Maximum number of channels in category reached ({_MOST_IN_CATEGORY})"
        raise bodies.fault("parent_id", "CHANNEL_PARENT_MAX_CHANNELS", text)
    return parent


def _shown_name(name: str, kind: int) -> str:
    """Where people write, Discord knows neither capitals nor spaces."""
    return name if kind in _PLAIN_NAMES else "-".join(name.lower().split()) or "-"


def _set_plain(call: Call, channel: LoopbackChannel, body: Payload) -> None:
    """Whatever is a plain value; nothing is set where one of them is refused."""
    if body.get("topic") is not None:
        bodies.name(body["topic"], 0, _TOPIC_CHARACTERS.get(channel.kind, 1024), "topic")
    if body.get("rate_limit_per_user") is not None:
        bodies.integer(body["rate_limit_per_user"], 0, _LONGEST_SLOWMODE_S, "rate_limit_per_user")
    if body.get("user_limit") is not None:
        bodies.integer(body["user_limit"], 0, 99 if channel.kind == VOICE else 10_000, "user_limit")
    if body.get("bitrate") is not None:
        bodies.integer(body["bitrate"], 8000, 96_000, "bitrate")
    if body.get("position") is not None:
        channel.position = bodies.integer(body["position"], 0, _MOST_CHANNELS, "position")
    if body.get("nsfw") is not None:
        channel.is_nsfw = bool(body["nsfw"])
    channel.settings |= {key: body[key] for key in _SETTINGS if key in body}
    if channel.kind in (FORUM, MEDIA):
        tags: list[Payload] = channel.settings.get("available_tags") or []
        channel.settings["available_tags"] = [
            {
                "emoji_id": None,
                "emoji_name": None,
                "moderated": False,
                **tag,
                "id": str(tag.get("id") or call.world.ids.next()),
            }
            for tag in tags
        ]


ROUTES = [
    Route("GET", "/guilds/{guild_id}/channels", listing),
    Route("POST", "/guilds/{guild_id}/channels", create),
    Route("PATCH", "/guilds/{guild_id}/channels", move),
    Route("GET", "/channels/{channel_id}", get),
    Route("PATCH", "/channels/{channel_id}", edit),
    Route("DELETE", "/channels/{channel_id}", delete),
]
