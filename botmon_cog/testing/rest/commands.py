"""Registering application commands, globally and per guild."""

from __future__ import annotations

from typing import Any

from botmon_cog.testing import errors
from botmon_cog.testing.command_limits import COMMANDS_OF_A_KIND, check_command, check_commands
from botmon_cog.testing.commands import CHAT_INPUT
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route


def _scope(call: Call) -> int | None:
    if call.id("application_id") != call.world.bot.id:
        raise errors.missing_access()
    if "guild_id" not in call.parameters:
        return None
    guild = call.world.guilds.get(call.id("guild_id"))
    if guild is None or not guild.has_bot:
        raise errors.missing_access()
    return guild.id


def _found(call: Call) -> Payload:
    command = call.world.commands.scope(_scope(call)).get(call.id("command_id"))
    if command is None:
        raise errors.unknown_command()
    return command


def listing(call: Call) -> Reply:
    return Reply(200, list(call.world.commands.scope(_scope(call)).values()))


def replace_all(call: Call) -> Reply:
    scope = _scope(call)
    bodies: Any = call.json
    if not isinstance(bodies, list):
        raise errors.invalid_form([((), "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")])
    faults = check_commands(bodies)  # pyright: ignore[reportUnknownArgumentType]  # JSON from outside
    if faults:
        raise errors.invalid_form(faults)
    return Reply(200, call.world.commands.replace_all(scope, bodies))  # pyright: ignore[reportUnknownArgumentType]  # the same


def create(call: Call) -> Reply:
    scope = _scope(call)
    faults = check_command(call.body)
    if faults:
        raise errors.invalid_form(faults)
    kind: int = call.body.get("type", CHAT_INPUT)
    others = [c for c in call.world.commands.scope(scope).values() if c["type"] == kind]
    is_known = any(c["name"] == call.body["name"] for c in others)
    if not is_known and len(others) >= COMMANDS_OF_A_KIND[kind]:
        raise errors.DiscordError(
            400, 30032, f"Maximum number of application commands reached ({COMMANDS_OF_A_KIND[kind]})."
        )
    command, is_new = call.world.commands.put(scope, call.body)
    return Reply(201 if is_new else 200, command)


def get(call: Call) -> Reply:
    return Reply(200, _found(call))


def patch(call: Call) -> Reply:
    command = _found(call)
    changed: Payload = {**command, **call.body, "type": command["type"]}
    faults = check_command(changed)
    if faults:
        raise errors.invalid_form(faults)
    return Reply(200, call.world.commands.put(_scope(call), changed, command_id=int(command["id"]))[0])


def delete(call: Call) -> Reply:
    command = _found(call)
    del call.world.commands.scope(_scope(call))[int(command["id"])]
    return NO_CONTENT


_GLOBAL = "/applications/{application_id}/commands"
_GUILD = "/applications/{application_id}/guilds/{guild_id}/commands"
ROUTES = [
    route
    for base in (_GLOBAL, _GUILD)
    for route in (
        Route("GET", base, listing),
        Route("PUT", base, replace_all),
        Route("POST", base, create),
        Route("GET", base + "/{command_id}", get),
        Route("PATCH", base + "/{command_id}", patch),
        Route("DELETE", base + "/{command_id}", delete),
    )
]
