"""Threads: begun, joined, left, listed; `rest.channels` edits and deletes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botmon_cog.testing import errors, threads
from botmon_cog.testing.channels import ANNOUNCEMENT, FORUM, MEDIA, TEXT, LoopbackChannel
from botmon_cog.testing.form_checks import as_time
from botmon_cog.testing.rest import bodies
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.rights import require
from botmon_cog.testing.rest.sending import new_message
from botmon_cog.testing.rest.thread_edits import LONGEST_SLOWMODE_S, auto_archive
from botmon_cog.testing.threads import ANNOUNCEMENT_THREAD, PRIVATE_THREAD, PUBLIC_THREAD

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild

_DEFAULT_ARCHIVE_MINUTES = 1440
_THREAD_CREATED, _THREAD_STARTER = 18, 21
"""Types of the messages that Discord writes itself."""


def begin_from_message(call: Call) -> Reply:
    guild, channel = call.guild_channel()
    message = call.message()
    if channel.kind not in (TEXT, ANNOUNCEMENT):
        raise errors.wrong_channel_type()
    require(call, channel, "create_public_threads")
    if message.id in call.world.channels:
        raise errors.thread_exists_already()
    kind = ANNOUNCEMENT_THREAD if channel.kind == ANNOUNCEMENT else PUBLIC_THREAD
    thread = _new_thread(call, channel, kind, thread_id=message.id)
    threads.begin(channel, thread, message)
    starter = call.world.make_message(thread, call.world.bot, {}, [])
    starter.body |= {"type": _THREAD_STARTER, "referenced_message": message.body}
    starter.body["message_reference"] = _reference(guild, channel, message.id)
    call.world.post(starter)
    return Reply(201, thread.payload())


def begin(call: Call) -> Reply:
    guild, channel = call.guild_channel()
    if channel.kind in (FORUM, MEDIA):
        return _begin_post(call, channel)
    if channel.kind not in (TEXT, ANNOUNCEMENT):
        raise errors.wrong_channel_type()
    kind = call.body.get("type", PRIVATE_THREAD)
    allowed = (ANNOUNCEMENT_THREAD,) if channel.kind == ANNOUNCEMENT else (PUBLIC_THREAD, PRIVATE_THREAD)
    if kind not in allowed:
        raise bodies.fault("type", "BASE_TYPE_CHOICES", f"Value must be one of {allowed}.")
    require(call, channel, "create_private_threads" if kind == PRIVATE_THREAD else "create_public_threads")
    thread = _new_thread(call, channel, kind)
    threads.begin(channel, thread)
    if kind != PRIVATE_THREAD:
        notice = call.world.make_message(channel, call.world.bot, {"content": thread.name}, [])
        notice.body |= {"type": _THREAD_CREATED, "message_reference": _reference(guild, thread)}
        call.world.post(notice)
    return Reply(201, thread.payload())


def _begin_post(call: Call, channel: LoopbackChannel) -> Reply:
    """A post of a forum is a thread with its first message, which has the thread's id."""
    require(call, channel, "send_messages")
    if call.body.get("message") is None:
        raise bodies.fault("message", "BASE_TYPE_REQUIRED", "This field is required")
    thread = _new_thread(call, channel, PUBLIC_THREAD)
    state = threads.state_of(thread)
    state.applied_tags = bodies.ids(call.body, "applied_tags")
    message = new_message(call, thread, call.world.bot, call.body["message"], at=("message",))
    message.id = thread.id
    message.body["id"] = str(thread.id)
    threads.begin(channel, thread)
    call.world.post(message)
    return Reply(201, {**thread.payload(), "message": message.body})


def _new_thread(call: Call, channel: LoopbackChannel, kind: int, thread_id: int | None = None) -> LoopbackChannel:
    body = call.body
    name = bodies.required_name(body, 1, 100)
    thread = channel.new_thread(name, call.world.bot, kind, thread_id=thread_id)
    state = threads.state_of(thread)
    state.auto_archive_minutes = auto_archive(body, _DEFAULT_ARCHIVE_MINUTES)
    state.invitable = body.get("invitable") is not False
    if body.get("rate_limit_per_user"):
        slowmode_s = bodies.integer(body["rate_limit_per_user"], 0, LONGEST_SLOWMODE_S, "rate_limit_per_user")
        thread.settings["rate_limit_per_user"] = slowmode_s
    return thread


def _reference(guild: LoopbackGuild, channel: LoopbackChannel, message_id: int | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"type": 0, "channel_id": str(channel.id), "guild_id": str(guild.id)}
    return body if message_id is None else body | {"message_id": str(message_id)}


# Members.


def _thread(call: Call, *, is_change: bool = False) -> LoopbackChannel:
    channel = call.channel()
    if channel.thread is None:
        raise errors.wrong_channel_type()
    if is_change and channel.thread.archived:
        raise errors.thread_is_archived()
    return channel


def join(call: Call) -> Reply:
    threads.join(_thread(call, is_change=True), call.world.bot)
    return NO_CONTENT


def leave(call: Call) -> Reply:
    threads.leave(_thread(call, is_change=True), call.world.bot)
    return NO_CONTENT


def add(call: Call) -> Reply:
    thread = _thread(call, is_change=True)
    state, bot, user = threads.state_of(thread), call.world.bot, call.user()
    require(call, thread, "send_messages")
    if thread.guild is None or user.id not in thread.guild.memberships:
        raise errors.unknown_member()
    is_closed = thread.kind == PRIVATE_THREAD and not state.invitable and state.owner is not bot
    if is_closed:
        require(call, thread, "manage_threads")
    if thread.parent is not None and not user.permissions_in(thread.parent).view_channel:
        raise errors.missing_access()
    threads.join(thread, user)
    return NO_CONTENT


def remove(call: Call) -> Reply:
    thread = _thread(call, is_change=True)
    is_own_private = thread.kind == PRIVATE_THREAD and threads.state_of(thread).owner is call.world.bot
    if not is_own_private:
        require(call, thread, "manage_threads")
    threads.leave(thread, call.user())
    return NO_CONTENT


def members(call: Call) -> Reply:
    thread = _thread(call)
    return Reply(200, [threads.member_payload(thread, user_id) for user_id in threads.state_of(thread).joined])


def member(call: Call) -> Reply:
    thread = _thread(call)
    user_id = call.world.bot.id if call.parameters["user_id"] == "@me" else call.id("user_id")
    if user_id not in threads.state_of(thread).joined:
        raise errors.unknown_member()
    return Reply(200, threads.member_payload(thread, user_id))


# Lists.


def active(call: Call) -> Reply:
    found = [t for t in call.guild().active_threads if call.world.bot.permissions_in(t).view_channel]
    return Reply(200, _with_members(call, found))


def archived_public(call: Call) -> Reply:
    return _archived(call, lambda thread: thread.kind != PRIVATE_THREAD)


def archived_private(call: Call) -> Reply:
    require(call, call.channel(), "manage_threads")
    return _archived(call, lambda thread: thread.kind == PRIVATE_THREAD)


def archived_private_joined(call: Call) -> Reply:
    bot_id = call.world.bot.id
    return _archived(call, lambda thread: thread.kind == PRIVATE_THREAD and bot_id in threads.state_of(thread).joined)


def _archived(call: Call, is_wanted: Callable[[LoopbackChannel], bool]) -> Reply:
    """Those that were archived last come first."""
    channel = call.channel()
    require(call, channel, "read_message_history")
    found = [t for t in channel.threads if threads.state_of(t).archived and is_wanted(t)]
    if "before" in call.query:
        before = as_time(call.query["before"])
        found = [t for t in found if before is None or (as_time(threads.state_of(t).archived_at) or before) < before]
    found.sort(key=lambda t: (threads.state_of(t).archived_at, t.id), reverse=True)
    limit = bodies.limit(call.query, 50, 100)
    return Reply(200, _with_members(call, found[:limit]) | {"has_more": len(found) > limit})


def _with_members(call: Call, found: list[LoopbackChannel]) -> dict[str, Any]:
    bot_id = call.world.bot.id
    mine = [threads.member_payload(t, bot_id) for t in found if bot_id in threads.state_of(t).joined]
    return {"threads": [thread.payload() for thread in found], "members": mine}


_OF_CHANNEL = "/channels/{channel_id}"
_MEMBERS = _OF_CHANNEL + "/thread-members"
ROUTES = [
    Route("POST", _OF_CHANNEL + "/messages/{message_id}/threads", begin_from_message),
    Route("POST", _OF_CHANNEL + "/threads", begin),
    Route("GET", _OF_CHANNEL + "/threads/archived/public", archived_public),
    Route("GET", _OF_CHANNEL + "/threads/archived/private", archived_private),
    Route("GET", _OF_CHANNEL + "/users/@me/threads/archived/private", archived_private_joined),
    Route("GET", "/guilds/{guild_id}/threads/active", active),
    Route("GET", _MEMBERS, members),
    Route("PUT", _MEMBERS + "/@me", join),
    Route("DELETE", _MEMBERS + "/@me", leave),
    Route("GET", _MEMBERS + "/{user_id}", member),
    Route("PUT", _MEMBERS + "/{user_id}", add),
    Route("DELETE", _MEMBERS + "/{user_id}", remove),
]
