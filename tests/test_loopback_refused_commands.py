"""What Discord refuses in commands and modals: the place in the body, and the code."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback_client import Client, connected, row, where

TEXT = {"type": 10, "content": "x"}
BUTTON = {"type": 2, "style": 1, "label": "b", "custom_id": "b"}
COMMAND = {"name": "c", "description": "d"}
OPTION = {"type": 3, "name": "o", "description": "d"}
SUBCOMMAND = {"type": 1, "name": "s", "description": "d"}
GROUP = {"type": 2, "name": "g", "description": "d", "options": [SUBCOMMAND]}


@pytest.fixture
async def client():
    async with connected() as client:
        yield client


COMMANDS: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "group in a group": (
        {"options": [{**GROUP, "options": [GROUP]}]},
        {"options.0.options.0": "UNION_TYPE_CHOICES"},
    ),
    "subcommand in a subcommand": (
        {"options": [{**SUBCOMMAND, "options": [SUBCOMMAND]}]},
        {"options.0.options.0": "UNION_TYPE_CHOICES"},
    ),
    "option in a group": ({"options": [{**GROUP, "options": [OPTION]}]}, {"options.0.options.0": "UNION_TYPE_CHOICES"}),
    "option beside a subcommand": (
        {"options": [OPTION, SUBCOMMAND]},
        {"options.1": "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID"},
    ),
    "unknown type": ({"options": [{**OPTION, "type": 12}]}, {"options.0": "UNION_TYPE_CHOICES"}),
    "permissions in words": (
        {"default_member_permissions": "manage_guild"},
        {"default_member_permissions": "NUMBER_TYPE_COERCE"},
    ),
    "permissions below zero": ({"default_member_permissions": "-1"}, {"default_member_permissions": "NUMBER_TYPE_MIN"}),
    "options that are no list": ({"options": {}}, {"options": "LIST_TYPE_CONVERT"}),
}


@pytest.mark.parametrize("what", COMMANDS)
async def test_commands_are_refused_with_place_and_code(client: Client, what: str):
    body, expected = COMMANDS[what]
    status, answer = await client.call("POST", client.commands, COMMAND | body)
    assert (status, answer["code"]) == (400, 50035)
    assert where(answer["errors"]) == expected
    status, answer = await client.call("PUT", client.commands, [{**COMMAND, "name": "fine"}, COMMAND | body])
    assert where(answer["errors"]) == {f"1.{path}": code for path, code in expected.items()}
    assert (await client.call("GET", client.commands, None))[1] == []


async def test_groups_at_full_depth_and_digits_for_permissions_pass(client: Client):
    options = [{**GROUP, "options": [{**SUBCOMMAND, "options": [OPTION]}]}, SUBCOMMAND]
    body = {**COMMAND, "options": options, "default_member_permissions": "32"}
    assert (await client.call("POST", client.commands, body))[0] == 201
    status, answer = await client.call("PUT", client.commands, [COMMAND, "x"])
    assert (status, where(answer["errors"])) == (400, {"1": "MODEL_TYPE_CONVERT"})


async def test_modals_hold_only_what_belongs_in_them(client: Client):
    loopback = client.loopback
    await client.call("POST", client.commands, COMMAND)
    await loopback.user.slash(loopback.channel, "c", wait=False)
    interaction = list(loopback.world.interactions.values())[-1]
    components = [
        row(BUTTON),
        TEXT,
        {"type": 18, "label": "x" * 46, "component": TEXT},
        {"type": 17, "components": [TEXT]},
    ]
    modal = {"custom_id": "m", "title": "t", "components": components}
    address = f"/interactions/{interaction.id}/{interaction.token}/callback"
    status, answer = await client.call("POST", address, {"type": 9, "data": modal})
    assert status == 400
    assert where(answer["errors"]) == {
        "data.components.0.components.0": "UNION_TYPE_CHOICES",
        "data.components.2.label": "BASE_TYPE_BAD_LENGTH",
        "data.components.2.component": "UNION_TYPE_CHOICES",
        "data.components.3": "UNION_TYPE_CHOICES",
    }
