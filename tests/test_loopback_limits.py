"""Discord's limits, held by the server with Discord's own errors."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loopback_client import Client, connected, row, where

OPTION = {"type": 3, "name": "o", "description": "d"}
COMMAND = {"name": "c", "description": "d"}
BUTTON = {"type": 2, "style": 1, "label": "b", "custom_id": "b"}


@pytest.fixture
async def client():
    async with connected() as client:
        yield client


def embed(**parts: Any) -> dict[str, Any]:
    return {"embeds": [parts]}


def field(name: str = "n", value: str = "v") -> dict[str, str]:
    return {"name": name, "value": value}


MESSAGES = [
    ({"content": "x" * 2001}, {"content": "BASE_TYPE_MAX_LENGTH"}),
    ({"embeds": [{"title": "x"}] * 11}, {"embeds": "BASE_TYPE_MAX_LENGTH"}),
    (embed(title="x" * 257), {"embeds.0.title": "BASE_TYPE_MAX_LENGTH"}),
    (embed(description="x" * 4097), {"embeds.0.description": "BASE_TYPE_MAX_LENGTH"}),
    (embed(footer={"text": "x" * 2049}), {"embeds.0.footer.text": "BASE_TYPE_MAX_LENGTH"}),
    (embed(author={"name": "x" * 257}), {"embeds.0.author.name": "BASE_TYPE_MAX_LENGTH"}),
    (embed(fields=[field()] * 26), {"embeds.0.fields": "BASE_TYPE_MAX_LENGTH"}),
    (embed(fields=[field("x" * 257)]), {"embeds.0.fields.0.name": "BASE_TYPE_MAX_LENGTH"}),
    (embed(fields=[field(), field("n", "x" * 1025)]), {"embeds.0.fields.1.value": "BASE_TYPE_MAX_LENGTH"}),
    (embed(fields=[field("", "v")]), {"embeds.0.fields.0.name": "BASE_TYPE_REQUIRED"}),
    (embed(fields=[field("n", " ")]), {"embeds.0.fields.0.value": "BASE_TYPE_REQUIRED"}),
    (embed(title="x", image={"url": "nowhere"}), {"embeds.0.image.url": "URL_TYPE_INVALID_URL"}),
    ({"embeds": [{"description": "x" * 3001}] * 2}, {"embeds": "MAX_EMBED_SIZE_EXCEEDED"}),
    ({"components": [row({**BUTTON, "custom_id": str(n)}) for n in range(6)]}, {"components": "BASE_TYPE_MAX_LENGTH"}),
    (
        {"components": [row(*({**BUTTON, "custom_id": str(n)} for n in range(6)))]},
        {"components.0.components": "BASE_TYPE_BAD_LENGTH"},
    ),
    (
        {"components": [row(BUTTON), row(BUTTON)]},
        {"components.1.components.0.custom_id": "COMPONENT_CUSTOM_ID_DUPLICATED"},
    ),
    (
        {"components": [row({**BUTTON, "custom_id": "x" * 101})]},
        {"components.0.components.0.custom_id": "BASE_TYPE_BAD_LENGTH"},
    ),
    (
        {"components": [row({**BUTTON, "label": "x" * 81})]},
        {"components.0.components.0.label": "BASE_TYPE_MAX_LENGTH"},
    ),
    (
        {
            "components": [
                row({"type": 3, "custom_id": "s", "options": [{"label": str(n), "value": str(n)} for n in range(26)]})
            ]
        },
        {"components.0.components.0.options": "BASE_TYPE_BAD_LENGTH"},
    ),
    (
        {"flags": 1 << 15, "content": "x", "components": [{"type": 10, "content": "x"}]},
        {"content": "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"},
    ),
    ({"components": [{"type": 10, "content": "x"}]}, {"components.0": "UNION_TYPE_CHOICES"}),
]


@pytest.mark.parametrize(("body", "expected"), MESSAGES, ids=lambda value: next(iter(value)))
async def test_a_message_beyond_a_limit_is_50035_with_the_place(client: Client, body, expected):
    status, answer = await client.send(body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    assert where(answer["errors"]) == expected


async def test_a_message_at_every_limit_passes(client: Client):
    select = {"type": 3, "custom_id": "s", "options": [{"label": "x" * 100, "value": str(n)} for n in range(25)]}
    rows = [row(*({**BUTTON, "label": "x" * 80, "custom_id": f"{r}{n}"} for n in range(5))) for r in range(4)]
    fields = [field("n" * 10, "v" * 10)] * 25
    body = {
        "content": "x" * 2000,
        "embeds": [{"title": "t" * 256, "description": "d" * 4096, "fields": fields}] + [{"title": "x"}] * 9,
        "components": [*rows, row(select)],
    }
    status, _ = await client.send(body)
    assert status == 200


@pytest.mark.parametrize("body", [{}, {"content": ""}, {"embeds": []}])
async def test_an_empty_message_is_50006(client: Client, body):
    status, answer = await client.send(body)
    assert (status, answer["code"]) == (400, 50006)


COMMANDS = [
    ({**COMMAND, "name": "Big"}, {"name": "APPLICATION_COMMAND_INVALID_NAME"}),
    ({**COMMAND, "name": "a b"}, {"name": "STRING_TYPE_REGEX"}),
    ({**COMMAND, "name": "x" * 33}, {"name": "BASE_TYPE_BAD_LENGTH"}),
    ({**COMMAND, "description": ""}, {"description": "BASE_TYPE_REQUIRED"}),
    ({**COMMAND, "description": "x" * 101}, {"description": "BASE_TYPE_BAD_LENGTH"}),
    ({**COMMAND, "options": [{**OPTION, "name": f"o{n}"} for n in range(26)]}, {"options": "BASE_TYPE_MAX_LENGTH"}),
    ({**COMMAND, "options": [OPTION, OPTION]}, {"options.1.name": "APPLICATION_COMMAND_OPTIONS_NAME_INVALID"}),
    (
        {**COMMAND, "options": [OPTION, {**OPTION, "name": "p", "required": True}]},
        {"options.1.required": "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID"},
    ),
    (
        {**COMMAND, "options": [{**OPTION, "choices": [{"name": str(n), "value": str(n)} for n in range(26)]}]},
        {"options.0.choices": "BASE_TYPE_MAX_LENGTH"},
    ),
    (
        {
            **COMMAND,
            "options": [
                {**OPTION, "name": f"o{n}", "choices": [{"name": f"{c}" * 20, "value": "v" * 100} for c in "abcd"]}
                for n in range(20)
            ],
        },
        {"": "APPLICATION_COMMAND_TOO_LARGE"},
    ),
    (
        {"type": 2, "name": "Menu", "description": "x"},
        {"description": "APPLICATION_COMMAND_CONTEXT_MENU_DESCRIPTION_NOT_ALLOWED"},
    ),
]


@pytest.mark.parametrize(("body", "expected"), COMMANDS, ids=lambda value: next(iter(value)))
async def test_a_command_beyond_a_limit_is_50035_with_the_place(client: Client, body, expected):
    status, answer = await client.call("POST", client.commands, body)
    assert (status, answer["code"]) == (400, 50035)
    assert where(answer["errors"]) == expected
    status, answer = await client.call("PUT", client.commands, [COMMAND, {**body, "name": body["name"] + "x"}])
    assert status == 400
    assert all(path.startswith("1") for path in where(answer["errors"]))


async def test_a_set_of_commands_holds_100_and_no_name_twice(client: Client):
    status, answer = await client.call("PUT", client.commands, [COMMAND, COMMAND])
    assert (status, where(answer["errors"])) == (400, {"1.name": "APPLICATION_COMMANDS_DUPLICATE_NAME"})
    many = [{**COMMAND, "name": f"c{n}"} for n in range(101)]
    assert (await client.call("PUT", client.commands, many))[0] == 400
    assert (await client.call("PUT", client.commands, many[:100]))[0] == 200
    status, answer = await client.call("POST", client.commands, many[100])
    assert (status, answer["code"]) == (400, 30032)


async def test_commands_are_created_changed_and_deleted_one_by_one(client: Client):
    status, made = await client.call("POST", client.commands, {**COMMAND, "default_member_permissions": 32})
    assert (status, made["default_member_permissions"]) == (201, "32")
    status, again = await client.call("POST", client.commands, {**COMMAND, "description": "other"})
    assert (status, again["id"], again["description"]) == (200, made["id"], "other")
    one = f"{client.commands}/{made['id']}"
    assert (await client.call("PATCH", one, {"name": "renamed"}))[1]["name"] == "renamed"
    assert [c["name"] for c in (await client.call("GET", client.commands, None))[1]] == ["renamed"]
    in_guild = f"/applications/{client.loopback.bot_user.id}/guilds/{client.loopback.guild.id}/commands"
    assert (await client.call("PUT", in_guild, [COMMAND]))[1][0]["guild_id"] == str(client.loopback.guild.id)
    assert (await client.call("DELETE", one, None))[0] == 204
    status, answer = await client.call("GET", one, None)
    assert (status, answer["code"]) == (404, 10063)
    assert (await client.loopback.user.slash(client.loopback.channel, "c", wait=False)).failed is None
    with pytest.raises(LookupError):
        await client.loopback.user.slash(client.loopback.channel, "renamed")


@pytest.mark.parametrize("name", ["größe", "命令", "คำสั่ง", "आदेश", "it's-a_name9"])
async def test_names_in_other_scripts_pass(client: Client, name: str):
    assert (await client.call("POST", client.commands, {**COMMAND, "name": name}))[0] == 201


async def callback(client: Client, body: Any, query: str = "") -> tuple[int, Any]:
    loopback = client.loopback
    await client.call("POST", client.commands, COMMAND)
    await loopback.user.slash(loopback.channel, "c", wait=False)
    interaction = list(loopback.world.interactions.values())[-1]
    return await client.call("POST", f"/interactions/{interaction.id}/{interaction.token}/callback{query}", body)


async def test_callbacks_keep_the_limits_and_can_be_tried_again(client: Client):
    status, answer = await callback(client, {"type": 4, "data": {"content": "x" * 2001}})
    assert (status, where(answer["errors"])) == (400, {"data.content": "BASE_TYPE_MAX_LENGTH"})
    assert client.loopback.interactions_open == 1
    status, answer = await callback(
        client, {"type": 9, "data": {"custom_id": "m", "title": "x" * 46, "components": []}}
    )
    assert where(answer["errors"]) == {"data.title": "BASE_TYPE_BAD_LENGTH", "data.components": "BASE_TYPE_BAD_LENGTH"}
    status, answer = await callback(client, {"type": 8, "data": {"choices": []}})
    assert (status, where(answer["errors"])) == (400, {"type": "BASE_TYPE_CHOICES"})


async def test_with_response_returns_the_resource(client: Client):
    assert await callback(client, {"type": 4, "data": {"content": "x"}}) == (204, None)
    status, answer = await callback(client, {"type": 4, "data": {"content": "x", "flags": 64}}, "?with_response=true")
    assert status == 200
    assert answer["resource"]["message"]["content"] == "x"
    assert answer["interaction"]["response_message_ephemeral"] is True
    assert answer["interaction"]["response_message_id"] == answer["resource"]["message"]["id"]


async def test_unknown_interactions_tokens_and_originals(client: Client):
    status, answer = await client.call("POST", "/interactions/1/token/callback", {"type": 5})
    assert (status, answer["code"]) == (404, 10062)
    base = f"/webhooks/{client.loopback.bot_user.id}"
    status, answer = await client.call("POST", f"{base}/token", {"content": "x"})
    assert (status, answer["code"]) == (401, 50027)
    await callback(client, {"type": 1})
    interaction = list(client.loopback.world.interactions.values())[-1]
    status, answer = await client.call("GET", f"{base}/{interaction.token}/messages/@original", None)
    assert (status, answer["code"]) == (404, 10008)
