"""Servers that the bot joins and leaves; an outage of Discord's is neither."""

from __future__ import annotations

import discord
import pytest

from botmon_cog.config import RecordConfig
from botmon_cog.domain.models import GuildMembership
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.recorded import Recorded


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(monkeypatch)


def tell(rig: Rig, event: str, **body: object) -> None:
    """Send an event of the guild's to the bot, as Discord does."""
    guild = rig.discord.guild
    rig.discord.world.hub.dispatch(event, {"id": str(guild.id), **body}, guild_id=guild.id)


async def test_join_and_leave_are_recorded_with_what_is_known(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        guild = rig.discord.add_guild("New Home")
        await until(lambda: bot.get_guild(guild.id) is not None)
        (joined,) = recorded.all(GuildMembership)
        assert joined == GuildMembership(
            change="joined",
            occurred_at=joined.occurred_at,
            guild_id=guild.id,
            guild_name="New Home",
            member_count=len(guild.members),
            locale="en-US",
        )
        await rig.clock.advance(3600)
        guild.remove_bot()
        await until(lambda: bot.get_guild(guild.id) is None)
        _, left = recorded.all(GuildMembership)
        assert (left.change, left.guild_id, left.guild_name) == ("left", guild.id, "New Home")
        assert (left.occurred_at - joined.occurred_at).total_seconds() == 3600
        assert left.member_count == joined.member_count
        assert await cog_of(bot).system.flush() is None
        assert cog_of(bot).system.failures.n == 0


async def test_servers_that_are_there_at_the_start_are_not_joined(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        assert bot.guilds
        available = bot.wait_for("guild_available")
        await rig.discord.invalidate_session(resumable=False)  # everything comes anew
        await available
        assert recorded.all(GuildMembership) == []


async def test_outage_is_neither_a_leave_nor_a_join(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        guild = bot.guilds[0]
        tell(rig, "GUILD_DELETE", unavailable=True)
        await until(lambda: guild.unavailable)
        available = bot.wait_for("guild_available")
        tell(rig, "GUILD_CREATE", **rig.discord.guild.create_payload(0) | {"unavailable": False})
        await available
        assert recorded.all(GuildMembership) == []


async def test_leaving_during_an_outage_is_a_leave(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        guild = bot.guilds[0]
        tell(rig, "GUILD_DELETE", unavailable=True)
        await until(lambda: guild.unavailable)
        tell(rig, "GUILD_DELETE")
        await until(lambda: not bot.guilds)
        (left,) = recorded.all(GuildMembership)
        assert (left.change, left.guild_name, left.locale) == ("left", guild.name, "en-US")


async def test_server_that_was_never_there_has_neither_name_nor_locale(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        bot._connection._add_guild_from_data({"id": "5", "unavailable": True})  # as READY tells of it in an outage
        rig.discord.world.hub.dispatch("GUILD_DELETE", {"id": "5"}, guild_id=rig.discord.guild.id)
        await until(lambda: bot.get_guild(5) is None)
        (left,) = recorded.all(GuildMembership)
        assert (left.guild_id, left.guild_name, left.member_count, left.locale) == (5, None, None, None)


async def test_locale_is_as_discord_writes_it(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        guild = rig.discord.guild
        body = guild.create_payload(0) | {"id": "6", "preferred_locale": "pt-BR"}
        rig.discord.world.hub.dispatch("GUILD_CREATE", body, guild_id=guild.id)
        body = guild.create_payload(0) | {"id": "7", "preferred_locale": "tlh"}  # one that discord.py does not know
        rig.discord.world.hub.dispatch("GUILD_CREATE", body, guild_id=guild.id)
        await until(lambda: len(recorded.all(GuildMembership)) == 2)
        assert [joined.locale for joined in recorded.all(GuildMembership)] == ["pt-BR", "tlh"]


async def test_ignored_servers_are_left_out(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot, load=False) as rig:
        bot.botmon_config = make_config(record=RecordConfig(ignore_guilds=(rig.discord.guild.id,)))
        await bot.load_extension(EXTENSION)
        rig.discord.guild.remove_bot()
        await until(lambda: not bot.guilds)
        assert recorded.all(GuildMembership) == []


async def test_can_be_switched_off(recorded: Recorded) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(record=RecordConfig(servers=False))
    async with running(bot) as rig:
        rig.discord.guild.remove_bot()
        await until(lambda: not bot.guilds)
        assert recorded.all(GuildMembership) == []


async def test_nothing_is_heard_once_the_extension_is_gone(recorded: Recorded) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        await bot.unload_extension(EXTENSION)
        assert "guild_join" not in bot._listeners
        assert "guild_remove" not in bot._listeners
        removed: list[discord.Guild] = []
        bot.add_listener(_noting(removed), "on_guild_remove")
        rig.discord.guild.remove_bot()
        await until(lambda: bool(removed))
        assert recorded.all(GuildMembership) == []


def _noting(removed: list[discord.Guild]):
    async def on_guild_remove(guild: discord.Guild) -> None:
        removed.append(guild)

    return on_guild_remove
