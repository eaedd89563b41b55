"""The bot's application as its owner set it up: flags, intents that are switched on, the team."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.hub import PRIVILEGED, Intent

if TYPE_CHECKING:
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

_TEAM = (("admin", "Team Admin"), ("developer", "Team Developer"), ("read_only", "Team Reader"))
_HAS_GLOBAL_COMMANDS = 1 << 23
# As for a bot in fewer than 100 guilds, which needs no verification for them.
_LIMITED_FLAGS = {
    Intent.GUILD_PRESENCES: 1 << 13,
    Intent.GUILD_MEMBERS: 1 << 15,
    Intent.MESSAGE_CONTENT: 1 << 19,
}


def privileged_intents(switched_on: bool | Collection[str]) -> Intent:
    """All (True), none (False) or the named ones of "members", "presences" and "message_content"."""
    names = PRIVILEGED if switched_on is True else switched_on or ()
    unknown = [name for name in names if name not in PRIVILEGED]
    if unknown or isinstance(names, str):
        given = names if isinstance(names, str) else unknown[0]
        raise ValueError(f"privileged_intents takes True, False or a set of {sorted(PRIVILEGED)}, not {given!r}")
    intents = Intent.NONE
    for name in names:
        intents |= PRIVILEGED[name]
    return intents


def flags(intents: Intent) -> int:
    """The application's flags where these privileged intents are switched on."""
    return _HAS_GLOBAL_COMMANDS | sum(flag for intent, flag in _LIMITED_FLAGS.items() if intent in intents)


def new_application(world: World, owner: LoopbackUser) -> Payload:
    return {
        "id": str(world.bot.id),
        "name": world.bot.name,
        "description": "",
        "icon": None,
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": world.application_flags,
        "owner": owner.payload(),
        "team": None,
        "bot": world.bot.payload(),
        "integration_types_config": {"0": {}},
        "approximate_guild_count": 1,
    }


def give_to_team(world: World, owner: LoopbackUser) -> list[LoopbackUser]:
    """Let a team own the application; its members, of whom `owner` is the first."""
    members = [owner, *(world.add_user(name) for _, name in _TEAM)]
    team_id = str(world.ids.next())
    roles = ["admin", *(role for role, _ in _TEAM)]
    # In the name of a team, the application's owner is an account that stands for the team.
    world.application["owner"] = {**owner.payload(), "id": team_id, "username": f"team{team_id}"}
    world.application["team"] = {
        "id": team_id,
        "icon": None,
        "name": "Loopback Team",
        "owner_user_id": str(owner.id),
        "members": [
            {
                "membership_state": 2,
                "permissions": ["*"],
                "role": role,
                "team_id": team_id,
                "user": member.payload(),
            }
            for role, member in zip(roles, members, strict=True)
        ],
    }
    return members
