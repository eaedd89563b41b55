"""Events without whoever they are of: what is left counts, and tells of nobody."""

from __future__ import annotations

from typing import TypeVar

from msgspec.structs import replace

from botmon_cog.domain.models import (
    AnsweredElsewhere,
    CountedCommand,
    Event,
    GuildMembership,
    Invocation,
    MetricSample,
    MusicEvent,
)
from botmon_cog.domain.rollup import NO_GUILD

E = TypeVar("E", bound=Event)


def anonymous(event: E) -> E:
    """The same event without the person, and without all that could tell who it was.

    An interaction keeps its id, by which a second process's row of it is known as the same. A message's id does not
    stay: by it, whoever has access to the channel finds the message.
    """
    if isinstance(event, Invocation):
        return replace(
            event,
            user_id=None,
            username=None,
            channel_id=None,
            discord_id=event.discord_id if event.kind.is_interaction else None,
            parameters=None,
            details=None,
            error_message=None,
        )
    if isinstance(event, MusicEvent | CountedCommand | MetricSample):
        return replace(event, user_id=None)
    if isinstance(event, AnsweredElsewhere):
        return replace(event, invocation=anonymous(event.invocation))
    return event


def without_guild(event: E) -> E:
    """Likewise without the server that it happened in. That a server was joined or left is left as it is."""
    event = anonymous(event)
    if isinstance(event, Invocation):
        return replace(event, guild_id=None, guild_name=None, shard_id=0)
    if isinstance(event, MusicEvent):
        event = replace(event, title=None)
    if isinstance(event, MusicEvent | CountedCommand):
        return replace(event, guild_id=NO_GUILD, shard_id=0)
    if isinstance(event, MetricSample):
        return replace(event, guild_id=None, shard_id=0)
    if isinstance(event, AnsweredElsewhere):
        return replace(event, invocation=without_guild(event.invocation))
    if isinstance(event, GuildMembership):
        return replace(event, guild_name=None)
    return event
