"""What a bot on discord.py hears when Discord refuses, and that its gateway outlives it."""

from __future__ import annotations

import io
from collections.abc import Awaitable

import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord
from tests.loopback_client import where

TWENTY = "😀😁😂😃😄😅😆😇😈😉😊😋😌😍😎😏😐😑😒😓"


@pytest.fixture
async def discord_():
    async with LoopbackDiscord() as loopback:
        yield loopback


@pytest.fixture
async def bot(discord_: LoopbackDiscord):
    bot = commands.Bot("!", intents=discord.Intents.all())

    @bot.command()
    async def alive(ctx: commands.Context[commands.Bot]) -> None:
        await ctx.send("alive")

    async with discord_.running(bot):
        yield bot
        assert discord_.check_requests() == []


@pytest.fixture
async def channel(discord_: LoopbackDiscord, bot: commands.Bot) -> discord.TextChannel:
    found = bot.get_channel(discord_.channel.id)
    assert isinstance(found, discord.TextChannel)
    return found


async def refusal(request: Awaitable[object]) -> tuple[int, int, str]:
    with pytest.raises(discord.HTTPException) as caught:
        await request
    return caught.value.status, caught.value.code, caught.value.text


async def test_a_time_that_is_none_never_reaches_the_gateway(
    discord_: LoopbackDiscord, bot: commands.Bot, channel: discord.TextChannel
):
    body = {"embeds": [{"title": "t", "timestamp": "yesterday"}]}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    status, code, text = await refusal(bot.http.request(route, json=body))
    assert (status, code) == (400, 50035)
    assert "embeds.0.timestamp: Could not parse yesterday. Should be ISO8601." in text
    assert where(discord_.requests[-1].response["errors"]) == {"embeds.0.timestamp": "DATE_TIME_TYPE_PARSE"}
    await discord_.user.send(discord_.channel, "!alive")
    assert (await discord_.channel.next_message()).content == "alive"


@pytest.mark.parametrize(
    "given", ["2026-10-09T14:30:00+02:00", "2026-10-09T12:30:00Z", "2026-10-09T12:30:00", "20261009T123000Z"]
)
async def test_times_and_colours_arrive_in_one_form(bot: commands.Bot, channel: discord.TextChannel, given: str):
    body = {"embeds": [{"title": "t", "timestamp": given, "color": "255", "fields": [{"name": "n", "value": "v"}]}]}
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    answer = await bot.http.request(route, json=body)
    assert answer["embeds"][0]["timestamp"] == "2026-10-09T12:30:00+00:00"
    embed = (await channel.fetch_message(answer["id"])).embeds[0]
    assert embed.colour == discord.Colour(255)
    assert embed.timestamp == discord.utils.parse_time("2026-10-09T12:30:00+00:00")
    assert embed.fields[0].inline is False


async def test_a_view_with_more_to_choose_than_there_is(channel: discord.TextChannel):
    view = discord.ui.View()
    view.add_item(discord.ui.Select(options=[discord.SelectOption(label="only")], max_values=2))
    status, code, text = await refusal(channel.send("x", view=view))
    assert (status, code) == (400, 50035)
    assert "In components.0.components.0.options: Must be 2 or more in length." in text


async def test_11_files(discord_: LoopbackDiscord, bot: commands.Bot, channel: discord.TextChannel):
    files = [discord.File(io.BytesIO(b"x"), f"{n}.txt") for n in range(11)]
    status, code, text = await refusal(channel.send(files=files))
    assert (status, code) == (400, 50035)
    assert "In attachments: Must be 10 or fewer in length." in text
    # Without a list of them in the body:
    form = [
        {"name": f"files[{n}]", "value": io.BytesIO(b"x"), "filename": f"{n}.txt", "content_type": "text/plain"}
        for n in range(11)
    ]
    route = discord.http.Route("POST", "/channels/{channel_id}/messages", channel_id=channel.id)
    status, code, text = await refusal(bot.http.request(route, form=form))
    assert (status, code) == (400, 30015)
    assert text == "Maximum number of attachments in a message reached (10)"
    sent = await channel.send(files=[discord.File(io.BytesIO(b"x"), f"{n}.txt") for n in range(10)])
    assert len(sent.attachments) == 10


async def test_the_21st_reaction(discord_: LoopbackDiscord, channel: discord.TextChannel):
    message = await channel.send("x")
    seen = discord_.channel.messages[-1]
    for emoji in TWENTY:
        await discord_.user.react(seen, emoji)
    assert await refusal(message.add_reaction("👍")) == (403, 30010, "Maximum number of reactions reached (20)")
    await message.add_reaction(TWENTY[0])
    shown = seen.body["reactions"]
    assert len(shown) == 20
    assert (shown[0]["count"], shown[0]["me"]) == (2, True)


@pytest.mark.parametrize("emoji", ["▲", "1", ":smile:", "👍👍", "blob:80351110224678912"])
async def test_reactions_that_are_no_emoji(discord_: LoopbackDiscord, channel: discord.TextChannel, emoji: str):
    message = await channel.send("x")
    assert await refusal(message.add_reaction(emoji)) == (400, 10014, "Unknown Emoji")
    assert discord_.channel.messages[-1].body["reactions"] == []


async def test_custom_emojis_are_known_where_the_bot_may_use_them(
    discord_: LoopbackDiscord, channel: discord.TextChannel
):
    message = await channel.send("x")
    elsewhere = discord_.add_guild("Elsewhere")
    own, foreign = discord_.add_emoji("own", discord_.guild), discord_.add_emoji("foreign", elsewhere)
    of_application = discord_.add_emoji("app")
    for emoji in (own, foreign, of_application):
        await message.add_reaction(str(emoji))
        view = discord.ui.View()
        view.add_item(discord.ui.Button(emoji=str(emoji)))
        await channel.send(view=view)
    assert [r["emoji"]["name"] for r in discord_.channel.messages[0].body["reactions"]] == ["own", "foreign", "app"]
    held = discord_.bot_user.permissions_in(discord_.channel)
    held.update(external_emojis=False)
    discord_.guild.set_bot_permissions(held)
    again = await channel.send("y")
    assert (await refusal(again.add_reaction(str(foreign))))[:2] == (400, 10014)
    await again.add_reaction(str(own))
    await again.add_reaction(str(of_application))
    elsewhere.remove_bot()
    view = discord.ui.View()
    view.add_item(discord.ui.Button(emoji=str(foreign)))
    status, code, text = await refusal(channel.send(view=view))
    assert (status, code) == (400, 50035)
    assert "In components.0.components.0.emoji.id: Invalid emoji" in text


async def test_joining_a_reaction_needs_no_permission_to_add_one(
    discord_: LoopbackDiscord, channel: discord.TextChannel
):
    message = await channel.send("x")
    held = discord_.bot_user.permissions_in(discord_.channel)
    held.update(add_reactions=False)
    discord_.guild.set_bot_permissions(held)
    await discord_.user.react(discord_.channel.messages[-1], "👍")
    await message.add_reaction("👍")
    assert (await refusal(message.add_reaction("👎")))[:2] == (403, 50013)


async def test_no_direct_messages_without_a_guild_in_common(discord_: LoopbackDiscord, bot: commands.Bot):
    stranger = discord_.add_user("stranger")
    user = await bot.fetch_user(stranger.id)
    words = "Cannot send messages to this user due to having no mutual guilds"
    assert await refusal(user.send("hello")) == (403, 50278, words)
    discord_.guild.add_member(stranger)
    await user.send("hello")
    assert (await stranger.next_dm()).content == "hello"
    discord_.faults.close_dms(stranger)
    assert (await refusal(user.send("hello")))[:2] == (403, 50007)
    discord_.faults.open_dms(stranger)
    discord_.guild.remove_member(stranger)
    assert (await refusal(user.send("hello")))[:2] == (403, 50278)


async def test_blank_answers_to_interactions_can_be_given_again(discord_: LoopbackDiscord, bot: commands.Bot):
    refused: list[tuple[int, int, str]] = []

    @bot.tree.command(description="Says nothing, then something")
    async def blank(interaction: discord.Interaction) -> None:
        refused.append(await refusal(interaction.response.send_message(" ")))
        refused.append(await refusal(interaction.response.send_message("x" * 2001)))
        await interaction.response.send_message("something")

    await bot.tree.sync()
    assert (await discord_.user.slash(discord_.channel, "blank")).message.content == "something"
    assert [code for _, code, _ in refused] == [50006, 50035]
    assert "In data.content: Must be 2000 or fewer in length." in refused[1][2]


@pytest.mark.skipif(not hasattr(discord.ui, "LayoutView"), reason="discord.py before 2.6 has no components v2")
async def test_a_layout_without_an_accessory_and_one_that_is_sound(channel: discord.TextChannel):
    view = discord.ui.LayoutView()
    view.add_item(discord.ui.TextDisplay("x" * 2000))
    view.add_item(discord.ui.Container(discord.ui.TextDisplay("y" * 2000)))
    sent = await channel.send(view=view)
    view.add_item(discord.ui.TextDisplay("z"))
    status, code, text = await refusal(sent.edit(view=view))
    assert (status, code) == (400, 50035)
    assert "In components: Components displayable text size exceeds maximum size of 4000" in text
    assert (await refusal(sent.edit(content="x")))[:2] == (400, 50035)
