"""Threads: what they have beyond a channel, who is in them, and the events of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser

ANNOUNCEMENT_THREAD, PUBLIC_THREAD, PRIVATE_THREAD = 10, 11, 12
HAS_THREAD = 1 << 5
"""Flag of a message that a thread was begun from."""


@dataclass(slots=True, eq=False)
class ThreadState:
    owner: LoopbackUser
    created_at: str
    archived_at: str
    """Time of the last change of `archived`, ISO 8601."""
    archived: bool = False
    locked: bool = False
    invitable: bool = True
    """Of a private thread: whether members without `manage_threads` may add others."""
    auto_archive_minutes: int = 1440
    applied_tags: list[int] = field(default_factory=list[int])
    joined: dict[int, str] = field(default_factory=dict[int, str])
    """User id -> since when, ISO 8601."""

    def payload(self, kind: int) -> Payload:
        body: Payload = {
            "archived": self.archived,
            "locked": self.locked,
            "auto_archive_duration": self.auto_archive_minutes,
            "archive_timestamp": self.archived_at,
            "create_timestamp": self.created_at,
        }
        if kind == PRIVATE_THREAD:
            body["invitable"] = self.invitable
        return body


def state_of(thread: LoopbackChannel) -> ThreadState:
    if thread.thread is None:
        raise LookupError(f"{thread.name} is no thread")
    return thread.thread


def member_payload(thread: LoopbackChannel, user_id: int) -> Payload:
    since = state_of(thread).joined[user_id]
    return {"id": str(thread.id), "user_id": str(user_id), "join_timestamp": since, "flags": 1}


def begin(
    parent: LoopbackChannel,
    thread: LoopbackChannel,
    starter: SeenMessage | None = None,
) -> None:
    """Open a thread that was just made; its owner is its first member."""
    world, state = parent.world, state_of(thread)
    state.joined[state.owner.id] = world.now_iso()
    world.channels[thread.id] = thread
    if starter is not None:
        starter.body["flags"] |= HAS_THREAD
        starter.body["thread"] = thread.payload()
    if parent.guild is not None and world.bot.permissions_in(thread).view_channel:
        parent.guild.tell("THREAD_CREATE", {**thread.payload(), "newly_created": True})
    if starter is not None:
        world.message_was_edited(starter)


def join(thread: LoopbackChannel, user: LoopbackUser) -> None:
    """Nothing happens where the user is in it already."""
    state = state_of(thread)
    if user.id in state.joined or thread.guild is None:
        return
    was_seen = thread.world.bot.permissions_in(thread).view_channel
    state.joined[user.id] = thread.world.now_iso()
    if not was_seen and user is thread.world.bot:
        thread.guild.tell("THREAD_CREATE", thread.payload())
    member = member_payload(thread, user.id)
    member["member"] = thread.guild.member_payload(user)
    _tell_members(thread, user, {"added_members": [member]})


def leave(thread: LoopbackChannel, user: LoopbackUser) -> None:
    """Nothing happens where the user is not in it."""
    if state_of(thread).joined.pop(user.id, None) is not None:
        _tell_members(thread, user, {"removed_member_ids": [str(user.id)]})


def set_archived(thread: LoopbackChannel, *, archived: bool) -> None:
    state = state_of(thread)
    if state.archived != archived:
        state.archived = archived
        state.archived_at = thread.world.now_iso()


def tell(thread: LoopbackChannel) -> None:
    """THREAD_UPDATE, to a bot that can see the thread."""
    if thread.guild is not None and thread.world.bot.permissions_in(thread).view_channel:
        thread.guild.tell("THREAD_UPDATE", thread.payload())


def was_written_in(thread: LoopbackChannel, author: LoopbackUser | None) -> None:
    """A message opens an archived thread again, and its author becomes a member."""
    if state_of(thread).archived:
        set_archived(thread, archived=False)
        tell(thread)
    if author is not None:
        join(thread, author)


def _tell_members(thread: LoopbackChannel, user: LoopbackUser, change: Payload) -> None:
    if thread.guild is None:
        return
    body: Payload = {
        "id": str(thread.id),
        "guild_id": str(thread.guild.id),
        "member_count": len(state_of(thread).joined),
        **change,
    }
    # Of itself a bot hears without the intent for members.
    needs = Intent.GUILDS if user is thread.world.bot else Intent.GUILD_MEMBERS
    thread.guild.tell("THREAD_MEMBERS_UPDATE", body, needs=needs)
