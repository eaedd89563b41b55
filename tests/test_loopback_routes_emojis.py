"""REST: emojis of the application and of a guild, and what the CDN holds."""

from __future__ import annotations

import discord
import pytest

from botmon_cog.testing.pictures import DOT
from tests.routes_rig import moderating, refused

GIF = b"GIF89a" + bytes(20)


async def test_emojis_of_the_application():
    async with moderating(administrator=False) as rig:
        bot = rig.bot
        made = await bot.create_application_emoji(name="ok_1", image=DOT)
        assert str(made) == f"<:ok_1:{made.id}>"
        assert [e.name for e in await bot.fetch_application_emojis()] == ["ok_1"]
        fetched = await bot.fetch_application_emoji(made.id)
        assert await fetched.read() == DOT
        assert fetched.user.id == bot.user.id
        edited = await fetched.edit(name="ok_2")
        assert edited.name == "ok_2"
        assert rig.loopback.world.custom_emojis[made.id].name == "ok_2"
        message = await rig.channel.send(str(edited))
        await message.add_reaction(edited)
        assert rig.loopback.channel.messages[0].body["reactions"][0]["emoji"]["id"] == str(made.id)
        await edited.delete()
        assert await bot.fetch_application_emojis() == []
        await refused(bot.fetch_application_emoji(made.id), 404, 10014)
        with pytest.raises(discord.NotFound):
            await edited.read()


@pytest.mark.parametrize(
    ("name", "image"), [("x", DOT), ("a-b", DOT), ("n" * 33, DOT), ("big", DOT + bytes(256 * 1024))]
)
async def test_emojis_that_discord_refuses(name: str, image: bytes):
    async with moderating() as rig:
        await refused(rig.bot.create_application_emoji(name=name, image=image), 400, 50035)
        await refused(rig.guild.create_custom_emoji(name=name, image=image), 400, 50035)


async def test_a_name_is_taken_once_and_images_are_pictures():
    async with moderating() as rig:
        await rig.bot.create_application_emoji(name="same", image=DOT)
        await refused(rig.bot.create_application_emoji(name="same", image=DOT), 400, 50035)
        await refused(rig.bot.http.create_application_emoji(rig.bot.application_id, "ab", "no picture"), 400, 50035)
        await refused(rig.bot.http.get_application_emojis(5), 403, 50001)


async def test_emojis_of_a_guild_and_the_cache():
    async with moderating() as rig:
        guild = rig.guild
        made = await guild.create_custom_emoji(name="party", image=GIF, reason="fun")
        await rig.loopback.settled()
        assert [(e.name, e.animated) for e in guild.emojis] == [("party", True)]
        assert await made.read() == GIF
        await made.edit(name="rave")
        await rig.loopback.settled()
        assert rig.bot.get_emoji(made.id).name == "rave"
        assert (await guild.fetch_emoji(made.id)).user.id == rig.bot.user.id
        theirs = rig.loopback.add_emoji("theirs", rig.loopback.guild)
        await rig.loopback.settled()
        assert [e.name for e in await guild.fetch_emojis()] == ["rave", "theirs"]
        await rig.bot.get_emoji(made.id).delete()
        await rig.loopback.settled()
        assert [e.id for e in guild.emojis] == [theirs.id]
        assert rig.names().count("guild_emojis_update") == 4
        await refused(guild.fetch_emoji(made.id), 404, 10014)


async def test_emojis_of_a_guild_need_a_permission():
    async with moderating() as rig:
        theirs = rig.loopback.add_emoji("theirs", rig.loopback.guild)
        await rig.only(create_expressions=True)
        own = await rig.guild.create_custom_emoji(name="own", image=DOT)
        await own.edit(name="own2")
        await refused(rig.bot.get_emoji(theirs.id).delete(), 403, 50013)
        await rig.only(send_messages=True)
        await refused(rig.guild.create_custom_emoji(name="ab", image=DOT), 403, 50013)
        await refused(own.delete(), 403, 50013)


async def test_a_guild_has_room_for_fifty_of_a_kind():
    async with moderating() as rig:
        for n in range(50):
            rig.loopback.add_emoji(f"e{n}", rig.loopback.guild)
        await refused(rig.guild.create_custom_emoji(name="more", image=DOT), 400, 30008)
        assert await rig.guild.create_custom_emoji(name="more", image=GIF)


async def test_pictures_of_users_are_read_from_the_cdn():
    async with moderating() as rig:
        loopback = rig.loopback
        loopback.user.set_avatar(DOT)
        user = await rig.bot.fetch_user(loopback.user.id)
        assert await user.avatar.read() == DOT
        assert await user.avatar.with_size(64).with_format("webp").read() == DOT
        default = (await rig.bot.fetch_user(loopback.admin.id)).display_avatar
        assert (await default.read()).startswith(b"\x89PNG")
        await rig.bot.user.edit(username="Robbie", avatar=GIF)
        await loopback.settled()
        assert (rig.bot.user.name, rig.bot.user.avatar.is_animated()) == ("Robbie", True)
        assert await rig.bot.user.avatar.read() == GIF
        with pytest.raises(discord.NotFound):
            await rig.bot.http.get_from_cdn(f"{discord.Asset.BASE}/avatars/1/nothing.png")
    assert discord.Asset.BASE == "https://cdn.discordapp.com"
