"""What Discord refuses in messages: the place in the body, the code, and the words of it."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from tests.loopback_client import Client, connected, row, where

V2 = 1 << 15
TEXT = {"type": 10, "content": "x"}
BUTTON = {"type": 2, "style": 1, "label": "b", "custom_id": "b"}
LINK = {"type": 2, "style": 5, "label": "l"}
THUMBNAIL = {"type": 11, "media": {"url": "https://example.org/a.png"}}
ITEM = {"media": {"url": "https://example.org/a.png"}}
SECTION = {"type": 9, "components": [TEXT], "accessory": THUMBNAIL}
BLOB = {"id": "80351110224678912", "name": "blob"}


def select(of: int = 2, **keys: Any) -> dict[str, Any]:
    listed = [{"label": str(n), "value": str(n)} for n in range(of)]
    return {"type": 3, "custom_id": "s", "options": listed, **keys}


def container(*components: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"type": 17, "components": list(components), **keys}


def gallery(items: int) -> dict[str, Any]:
    return {"type": 12, "items": [ITEM] * items}


def embed(**parts: Any) -> dict[str, Any]:
    return {"embeds": [{"title": "t", **parts}]}


def shown(*components: dict[str, Any]) -> dict[str, Any]:
    return {"components": list(components)}


def v2(*components: dict[str, Any]) -> dict[str, Any]:
    return {"flags": V2, "components": list(components)}


def mentions(**lists: Any) -> dict[str, Any]:
    return {"content": "x", "allowed_mentions": lists}


FIRST = "components.0"
IN_ROW = "components.0.components.0"
REFUSED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "timestamp in words": (embed(timestamp="yesterday"), {"embeds.0.timestamp": "DATE_TIME_TYPE_PARSE"}),
    "timestamp as a number": (embed(timestamp=1500218461229), {"embeds.0.timestamp": "DATE_TIME_TYPE_PARSE"}),
    "colour too large": (embed(color=0x1000000), {"embeds.0.color": "NUMBER_TYPE_MAX"}),
    "colour below zero": (embed(color=-1), {"embeds.0.color": "NUMBER_TYPE_MIN"}),
    "colour as a word": (embed(color="#ff0000"), {"embeds.0.color": "NUMBER_TYPE_COERCE"}),
    "address without a scheme": (embed(url="example.org"), {"embeds.0.url": "URL_TYPE_INVALID_URL"}),
    "address of one's own machine": (embed(url="http://localhost:80"), {"embeds.0.url": "URL_TYPE_INVALID_URL"}),
    "address with a blank": (embed(url="https://a.org/a b"), {"embeds.0.url": "URL_TYPE_INVALID_URL"}),
    "address of another scheme": (embed(url="ftp://a.org"), {"embeds.0.url": "URL_TYPE_INVALID_SCHEME"}),
    "address of 2,049": (embed(url="https://a.org/" + "x" * 2035), {"embeds.0.url": "BASE_TYPE_MAX_LENGTH"}),
    "icon of the footer": (
        embed(footer={"text": "f", "icon_url": "x"}),
        {"embeds.0.footer.icon_url": "URL_TYPE_INVALID_URL"},
    ),
    "embed that is none": ({"embeds": ["x"]}, {"embeds.0": "MODEL_TYPE_CONVERT"}),
    "embeds that are no list": ({"embeds": "x"}, {"embeds": "LIST_TYPE_CONVERT"}),
    "11 attachments": (
        {"content": "x", "attachments": [{"id": n} for n in range(11)]},
        {"attachments": "BASE_TYPE_MAX_LENGTH"},
    ),
    "parse with users": (
        mentions(parse=["users"], users=["1"]),
        {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
    ),
    "parse with roles": (
        mentions(parse=["roles"], roles=["1"]),
        {"allowed_mentions": "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"},
    ),
    "parse of nothing known": (mentions(parse=["all"]), {"allowed_mentions.parse.0": "BASE_TYPE_CHOICES"}),
    "users twice": (mentions(users=["1", "1"]), {"allowed_mentions.users.1": "SET_TYPE_ALREADY_CONTAINS_VALUE"}),
    "101 users": (mentions(users=[str(n) for n in range(101)]), {"allowed_mentions.users": "BASE_TYPE_MAX_LENGTH"}),
    "max_values over the options": (
        shown(row(select(2, max_values=3))),
        {f"{IN_ROW}.options": "BASE_TYPE_MIN_LENGTH"},
    ),
    "min_values over the options": (
        shown(row(select(2, min_values=3, max_values=2))),
        {f"{IN_ROW}.min_values": "NUMBER_TYPE_MAX"},
    ),
    "max_values of 26": (shown(row(select(2, max_values=26))), {f"{IN_ROW}.max_values": "NUMBER_TYPE_MAX"}),
    "max_values of 0": (shown(row(select(2, max_values=0))), {f"{IN_ROW}.max_values": "NUMBER_TYPE_MIN"}),
    "more defaults than max_values": (
        shown(row(select(0, options=[{"label": x, "value": x, "default": True} for x in "ab"]))),
        {f"{IN_ROW}.options": "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES"},
    ),
    "button with a character that is no emoji": (
        shown(row({**BUTTON, "emoji": {"id": None, "name": "▲"}})),
        {f"{IN_ROW}.emoji.name": "COMPONENT_INVALID_EMOJI"},
    ),
    "button with an unknown custom emoji": (
        shown(row({**BUTTON, "emoji": BLOB})),
        {f"{IN_ROW}.emoji.id": "COMPONENT_INVALID_EMOJI"},
    ),
    "option with a short name for an emoji": (
        shown(row(select(0, options=[{"label": "a", "value": "a", "emoji": {"name": ":smile:"}}]))),
        {f"{IN_ROW}.options.0.emoji.name": "COMPONENT_INVALID_EMOJI"},
    ),
    "link to nowhere": (shown(row({**LINK, "url": "nowhere"})), {f"{IN_ROW}.url": "URL_TYPE_INVALID_URL"}),
    "link of another scheme": (
        shown(row({**LINK, "url": "steam://run"})),
        {f"{IN_ROW}.url": "URL_TYPE_INVALID_SCHEME"},
    ),
    "link that can be pressed": (
        shown(row({**LINK, "url": "https://a.org", "custom_id": "x"})),
        {
            f"{IN_ROW}.custom_id": "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
            f"{IN_ROW}.url": "BUTTON_COMPONENT_CUSTOM_ID_URL_MUTUALLY_EXCLUSIVE",
        },
    ),
    "button beside a select": (
        shown(row(select(), BUTTON)),
        {"components.0.components.1": "COMPONENT_LAYOUT_WIDTH_EXCEEDED"},
    ),
    "row in a row": (shown(row(row(BUTTON))), {IN_ROW: "UNION_TYPE_CHOICES"}),
    "button outside a row": (v2(BUTTON), {FIRST: "UNION_TYPE_CHOICES"}),
    "button in a container": (v2(container(BUTTON)), {IN_ROW: "UNION_TYPE_CHOICES"}),
    "container in a container": (v2(container(container(TEXT))), {IN_ROW: "UNION_TYPE_CHOICES"}),
    "container without anything": (v2(container()), {f"{FIRST}.components": "BASE_TYPE_BAD_LENGTH"}),
    "container of a colour too large": (
        v2(container(TEXT, accent_color=0x1000000)),
        {f"{FIRST}.accent_color": "NUMBER_TYPE_MAX"},
    ),
    "section without accessory": (
        v2({"type": 9, "components": [TEXT]}),
        {f"{FIRST}.accessory": "BASE_TYPE_REQUIRED"},
    ),
    "section of four texts": (
        v2({**SECTION, "components": [TEXT] * 4}),
        {f"{FIRST}.components": "BASE_TYPE_BAD_LENGTH"},
    ),
    "text as an accessory": (v2({**SECTION, "accessory": TEXT}), {f"{FIRST}.accessory": "UNION_TYPE_CHOICES"}),
    "accessory deep inside": (
        v2(container({**SECTION, "accessory": {**BUTTON, "label": "x" * 81}})),
        {f"{IN_ROW}.accessory.label": "BASE_TYPE_MAX_LENGTH"},
    ),
    "gallery of 0": (v2(gallery(0)), {f"{FIRST}.items": "BASE_TYPE_BAD_LENGTH"}),
    "gallery of 11": (v2(gallery(11)), {f"{FIRST}.items": "BASE_TYPE_BAD_LENGTH"}),
    "picture of no address": (
        v2({"type": 12, "items": [{"media": {"url": "x"}}]}),
        {f"{FIRST}.items.0.media.url": "URL_TYPE_INVALID_URL"},
    ),
    "file that is not uploaded": (
        v2({"type": 13, "file": {"url": "https://a.org/a.txt"}}),
        {f"{FIRST}.file.url": "URL_TYPE_INVALID_SCHEME"},
    ),
    "4,001 characters in two texts": (
        v2({**TEXT, "content": "x" * 4000}, container(TEXT)),
        {"components": "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"},
    ),
    "4,001 characters in one text": (
        v2({**TEXT, "content": "x" * 4001}),
        {f"{FIRST}.content": "BASE_TYPE_BAD_LENGTH"},
    ),
    "41 components with those inside": (
        v2(*[SECTION] * 13, container(TEXT)),
        {"components": "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED"},
    ),
}
TAKEN: dict[str, dict[str, Any]] = {
    "times and colours": embed(timestamp="2026-10-09T12:00:00Z", color=0xFFFFFF),
    "pictures": embed(image={"url": "attachment://a.png"}, thumbnail={"url": "https://1.2.3.4/a.png"}),
    "mentions": mentions(parse=["users"], users=[], roles=["1"], replied_user=False),
    "emojis": shown(row({**BUTTON, "label": None, "emoji": {"id": None, "name": "👍🏽"}})),
    "links": shown(row({**LINK, "url": "discord://-/channels/@me"})),
    "selects": shown(row(select(25, min_values=0, max_values=25))),
    "deep": v2(container(SECTION, gallery(10), row(BUTTON), {"type": 14, "spacing": 2}, accent_color=0)),
    "4,000 characters": v2({**TEXT, "content": "x" * 3999}, container(TEXT)),
    "40 components": v2(*[SECTION] * 13, TEXT),
}


@pytest.fixture
async def client():
    async with connected() as client:
        yield client


@pytest.mark.parametrize("what", REFUSED)
async def test_refused_with_place_and_code(client: Client, what: str):
    body, expected = REFUSED[what]
    status, answer = await client.send(body)
    assert (status, answer["code"], answer["message"]) == (400, 50035, "Invalid Form Body")
    assert where(answer["errors"]) == expected
    assert client.loopback.channel.messages == []


@pytest.mark.parametrize("what", TAKEN)
async def test_taken_at_the_limit(client: Client, what: str):
    status, answer = await client.send(TAKEN[what])
    assert status == 200, answer


async def test_the_words_are_discords(client: Client):
    async def words(body: dict[str, Any], *path: str) -> str:
        node = (await client.send(body))[1]["errors"]
        for step in path:
            node = node[step]
        return node["_errors"][0]["message"]

    assert await words(embed(timestamp="x"), "embeds", "0", "timestamp") == "Could not parse x. Should be ISO8601."
    largest = "int value should be less than or equal to 16777215."
    assert await words(embed(color=1 << 24), "embeds", "0", "color") == largest
    exclusive = 'parse:["users"] and users: [ids...] are mutually exclusive.'
    assert await words(mentions(parse=["users"], users=["1"]), "allowed_mentions") == exclusive
    types = 'Value of field "type" must be one of (1, 9, 10, 12, 13, 14).'
    assert await words(v2(container(BUTTON)), "components", "0", "components", "0") == types
    assert await words(shown(TEXT), "components", "0") == 'Value of field "type" must be one of (1,).'
    too_much = "Components displayable text size exceeds maximum size of 4000"
    assert await words(v2({**TEXT, "content": "x" * 4000}, TEXT), "components") == too_much
    assert await words(v2(*[TEXT] * 41), "components") == "Total number of components cannot exceed 40"


@pytest.mark.parametrize("content", [" ", "\n\t ", "\u3000"])
async def test_blank_content_is_an_empty_message(client: Client, content: str):
    status, answer = await client.send({"content": content})
    assert (status, answer["code"], answer["message"]) == (400, 50006, "Cannot send an empty message")
    status, made = await client.send({"content": "x"})
    assert status == 200
    one = f"/channels/{client.loopback.channel.id}/messages/{made['id']}"
    status, answer = await client.call("PATCH", one, {"content": content})
    assert (status, answer["code"]) == (400, 50006)
    assert client.loopback.channel.messages[-1].content == "x"


async def test_edits_and_webhooks_are_held_to_the_same_limits(client: Client):
    _, made = await client.send({"content": "x"})
    channel = f"/channels/{client.loopback.channel.id}"
    status, answer = await client.call("PATCH", f"{channel}/messages/{made['id']}", embed(timestamp="x"))
    assert (status, where(answer["errors"])) == (400, {"embeds.0.timestamp": "DATE_TIME_TYPE_PARSE"})
    client.loopback.guild.set_bot_permissions(discord.Permissions.all())
    _, webhook = await client.call("POST", f"{channel}/webhooks", {"name": "hook"})
    status, answer = await client.call("POST", f"/webhooks/{webhook['id']}/{webhook['token']}", embed(color=-1))
    assert (status, where(answer["errors"])) == (400, {"embeds.0.color": "NUMBER_TYPE_MIN"})
