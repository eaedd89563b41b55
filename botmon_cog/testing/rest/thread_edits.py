"""A thread renamed, archived, opened again, locked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing import errors, threads
from botmon_cog.testing import permissions as rights
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import Call, Reply
from botmon_cog.testing.rest.rights import require

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.errors import Payload
    from botmon_cog.testing.guilds import LoopbackGuild

AUTO_ARCHIVE_MINUTES = (60, 1440, 4320, 10080)
LONGEST_SLOWMODE_S = 21_600
_OF_THE_OWNER = {"name", "archived", "auto_archive_duration"}
"""What the thread's owner may change without `manage_threads`."""


def auto_archive(body: Payload, default: int) -> int:
    """In minutes."""
    minutes = body.get("auto_archive_duration")
    if minutes is None:
        return default
    if minutes not in AUTO_ARCHIVE_MINUTES:
        text = f"Value must be one of {AUTO_ARCHIVE_MINUTES}."
        raise bodies.fault("auto_archive_duration", "BASE_TYPE_CHOICES", text)
    return minutes


def edit(call: Call, guild: LoopbackGuild, thread: LoopbackChannel) -> Reply:
    state, body = threads.state_of(thread), call.body
    _require_allowed(call, guild, thread, body)
    is_opened = body.get("archived") is False
    if state.archived and not is_opened and body:
        raise errors.thread_is_archived()
    name = bodies.name(body["name"], 1, 100) if body.get("name") is not None else thread.name
    minutes = auto_archive(body, state.auto_archive_minutes)
    tags = state.applied_tags if body.get("applied_tags") is None else bodies.ids(body, "applied_tags")
    if body.get("rate_limit_per_user") is not None:
        slowmode_s = bodies.integer(body["rate_limit_per_user"], 0, LONGEST_SLOWMODE_S, "rate_limit_per_user")
        thread.settings["rate_limit_per_user"] = slowmode_s
    thread.name, state.auto_archive_minutes, state.applied_tags = name, minutes, tags
    if "flags" in body:
        thread.settings["flags"] = body["flags"]
    for key in ("locked", "invitable"):
        if body.get(key) is not None:
            setattr(state, key, bool(body[key]))
    if body.get("archived") is not None:
        threads.set_archived(thread, archived=bool(body["archived"]))
    threads.tell(thread)
    return Reply(200, thread.payload())


def _require_allowed(call: Call, guild: LoopbackGuild, thread: LoopbackChannel, body: Payload) -> None:
    bot, state = call.world.bot, threads.state_of(thread)
    if bot.permissions_in(thread).manage_threads:
        return
    if set(body) == {"archived"} and not body["archived"] and not state.locked and rights.may_send(thread, bot):
        return
    if state.owner is not bot or state.locked or not set(body) <= _OF_THE_OWNER:
        require(call, guild.channel if thread.parent is None else thread.parent, "manage_threads")
