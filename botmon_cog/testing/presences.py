"""Who is online and what they do: what bots with the intent for presences see of people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import discord

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import Intent

if TYPE_CHECKING:
    from botmon_cog.testing.guilds import LoopbackGuild
    from botmon_cog.testing.people import LoopbackUser


def payload(user: LoopbackUser) -> Payload:
    """As in GUILD_CREATE; who is invisible looks offline to everybody else."""
    is_shown = user.status not in (discord.Status.offline, discord.Status.invisible)
    status = user.status.value if is_shown else "offline"
    created_ms = int(user.world.clock.now().timestamp() * 1000)
    activities: list[Payload] = []
    if user.activity is not None and is_shown:
        activities = [{"id": f"{user.id:x}", "created_at": created_ms, **user.activity.to_dict()}]
    return {
        "user": {"id": str(user.id)},
        "status": status,
        "activities": activities,
        "client_status": {"desktop": status} if is_shown else {},
    }


def of_bot(given: Payload | None) -> Payload | None:
    """As a client sets it when it identifies, where discord.py still calls the one activity `game`."""
    if given is None or "game" not in given:
        return given
    game: Payload | None = given["game"]
    kept = {key: value for key, value in given.items() if key != "game"}
    return {**kept, "activities": [] if game is None else [game]}


def of_members(guild: LoopbackGuild) -> list[Payload]:
    """Of those that are not offline."""
    found = (payload(user) for user in guild.members if not user.is_bot)
    return [presence for presence in found if presence["status"] != "offline"]


def tell(user: LoopbackUser) -> None:
    """PRESENCE_UPDATE in each guild that the user is in."""
    for guild in user.world.guilds.values():
        if user.id in guild.memberships:
            body: Payload = {**payload(user), "guild_id": str(guild.id)}
            guild.tell("PRESENCE_UPDATE", body, needs=Intent.GUILD_PRESENCES)
