"""/health, /stats and /perf as an admin, an owner and a stranger see them, over real sockets."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import CommandsConfig
from tests.harness import Rig, cog_of, make_bot, make_config, running

ADMIN = discord.Permissions(manage_guild=True, view_channel=True, use_application_commands=True)


def text_of(embed: dict[str, Any]) -> str:
    """All that a person reads in an embed."""
    parts = [embed.get("title"), embed.get("description"), (embed.get("footer") or {}).get("text")]
    parts += [part for field in embed.get("fields", ()) for part in (field["name"], field["value"])]
    return "\n".join(part for part in parts if part)


def music_bot() -> commands.Bot:
    bot = make_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction, query: str) -> None:
        await interaction.response.send_message(f"playing {query}")

    @bot.tree.command(name="shuffle", description="s")
    async def shuffle(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("shuffled")
        raise ValueError("no queue")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


async def ask(rig: Rig, who: Any, where: Any, name: str, /, **options: object) -> str:
    """Ask, check that only the asker saw the answer, and return what it says."""
    answer = await who.slash(where, name, **options)
    assert answer.deferred, "it must defer before any query"
    assert answer.message.ephemeral
    assert len(answer.messages) == 1
    return text_of(answer.message.embeds[0])


async def test_every_answer_is_there_for_an_admin() -> None:
    async with running(music_bot()) as rig:
        user, channel = rig.discord.user, rig.discord.channel
        for song in ("one", "two", "three"):
            await user.slash(channel, "play", query=song)
        await user.slash(channel, "shuffle")
        await rig.rows()
        admin = rig.discord.admin
        assert "Healthy" in await ask(rig, admin, channel, "health")
        weekly = await ask(rig, admin, channel, "stats weekly")
        assert "play" in weekly
        assert "shuffle" in weekly
        assert rig.discord.guild.name in weekly
        assert "play" in await ask(rig, admin, channel, "stats today")
        assert "play" in await ask(rig, admin, channel, "stats monthly")
        assert "play" in await ask(rig, admin, channel, "perf")
        one = await ask(rig, admin, channel, "perf", command="play", period="24 hours")
        assert "play" in one
        assert "shuffle" not in one
        details = await ask(rig, admin, channel, "health", view="details")
        assert "play" in details
        assert "memory" not in details.lower(), "the machine is the owners' business"
        owner = rig.discord.owner
        assert "Memory" in await ask(rig, owner, owner.dm_channel, "health", view="details")


async def test_empty_states_say_what_will_appear() -> None:
    async with running(music_bot()) as rig:
        for command in ("stats today", "stats weekly", "stats monthly", "perf"):
            # Only our own commands have run so far, so a guild that has seen none is asked.
            other = rig.discord.add_guild(f"A new place for {command}", members=[rig.discord.admin])
            rig.discord.admin.set_permissions(other, ADMIN)
            channel = other.add_text_channel("general")
            async with asyncio.timeout(10):
                while rig.bot.get_channel(channel.id) is None:
                    await asyncio.sleep(0)
            said = await ask(rig, rig.discord.admin, channel, command)
            assert "as soon as somebody uses a command" in said, said


EVERY_COMMAND = ("health", "stats weekly", "perf", "botmon alerts list")
HIDDEN, ANSWER, REFUSAL, ALL_SERVERS = "hidden", "answer", "refusal", "all servers"
MATRIX = {
    "member": (HIDDEN, HIDDEN, HIDDEN, HIDDEN),
    "admin": (ANSWER, ANSWER, ANSWER, HIDDEN),
    "administrator": (ANSWER, ANSWER, ANSWER, REFUSAL),
    "other server's admin": (HIDDEN, HIDDEN, HIDDEN, HIDDEN),
    "member whom the server allowed": (ANSWER, ANSWER, ANSWER, REFUSAL),
    "owner": (ANSWER, ANSWER, ANSWER, ALL_SERVERS),
    "member in a DM": (REFUSAL, REFUSAL, REFUSAL, REFUSAL),
    "admin in a DM": (REFUSAL, REFUSAL, REFUSAL, REFUSAL),
    "owner in a DM": (ALL_SERVERS, ALL_SERVERS, ALL_SERVERS, ALL_SERVERS),
}
"""What each person gets of each command."""


@pytest.mark.parametrize("person", MATRIX)
async def test_who_gets_what(person: str) -> None:
    async with running(music_bot()) as rig:
        system = cog_of(rig.bot).system
        await system.command_log.record(999, 5, "elsewhere", guild_name="Another place", duration=1.0)
        await system.command_log.record(rig.discord.guild.id, 5, "local", duration=1.0)
        await rig.rows()
        who = await as_person(rig, person)
        where = who.dm_channel if "DM" in person else rig.discord.channel
        for command, expected in zip(EVERY_COMMAND, MATRIX[person], strict=True):
            assert await what_comes(rig, who, where, command) == expected, command


async def as_person(rig: Rig, person: str) -> Any:
    guild = rig.discord.guild
    if person.startswith("owner"):
        rig.discord.owner.set_permissions(guild, discord.Permissions.all())
        return rig.discord.owner
    if person.startswith("other"):
        other = rig.discord.add_user("Other admin")
        rig.discord.add_guild("Elsewhere", members=[other]).set_permissions(other, discord.Permissions.all())
        return guild.add_member(other)
    if person == "administrator":
        rig.discord.admin.set_permissions(guild, discord.Permissions.all())
    if "allowed" in person:
        let_everybody_in(rig)
    return rig.discord.admin if person.startswith("admin") else rig.discord.user


def let_everybody_in(rig: Rig) -> None:
    """As a server's admins can in its settings under Integrations. The bot sees only who then uses a command."""
    for command in rig.discord.world.commands.scope(None).values():
        command["default_member_permissions"] = None


async def what_comes(rig: Rig, who: Any, where: Any, command: str) -> str:
    try:
        answer = await who.slash(where, command)
    except PermissionError:
        return HIDDEN
    assert answer.message.ephemeral
    said = text_of(answer.message.embeds[0])
    if answer.message.embeds[0]["title"].startswith("For "):
        assert "elsewhere" not in said
        return REFUSAL
    if command.startswith("botmon"):
        return ALL_SERVERS
    if command == "health":
        return ALL_SERVERS if "2 commands" in said.replace("\xa0", " ") else ANSWER
    assert "local" in said
    return ALL_SERVERS if "elsewhere" in said else ANSWER


@pytest.mark.parametrize("command", ["health", "stats weekly", "perf"])
async def test_member_is_refused_where_the_host_took_the_permission_away(command: str) -> None:
    """Discord's fence is down, so that it says nothing of who was let in."""
    async with running(music_bot()) as rig:
        for ours in rig.bot.tree.get_commands():
            ours.default_permissions = None
        await rig.bot.tree.sync()
        await cog_of(rig.bot).system.command_log.record(rig.discord.guild.id, 5, "play", duration=1.0)
        await rig.rows()
        user, channel = rig.discord.user, rig.discord.channel
        said = await ask(rig, user, channel, command)
        assert "may manage this server" in said
        assert "play" not in said
        assert await user.autocomplete(channel, "perf", focused="command", value="p") == []
        assert "may manage this server" not in await ask(rig, rig.discord.admin, channel, command)
        assert "may manage this server" not in await ask(rig, rig.discord.owner, channel, command)


async def test_administrator_who_is_no_owner_is_told_what_they_can_use() -> None:
    bot = music_bot()
    bot.botmon_config = make_config(commands=CommandsConfig(stats="numbers", perf=""))
    async with running(bot) as rig:
        admin = rig.discord.admin
        admin.set_permissions(rig.discord.guild, discord.Permissions.all())
        for where, place in (
            (rig.discord.channel, "In this server"),
            (admin.dm_channel, "In a server that you manage"),
        ):
            said = await ask(rig, admin, where, "botmon alerts list")
            assert "only the bot's owners get an answer" in said
            assert place in said
            assert "`/health`" in said
            assert "`/numbers weekly`" in said
            assert "perf" not in said


async def test_an_admin_sees_their_own_guild_only() -> None:
    async with running(music_bot()) as rig:
        admin, channel = rig.discord.admin, rig.discord.channel
        await rig.discord.user.slash(channel, "play", query="a song")
        system = cog_of(rig.bot).system
        await system.command_log.record(999, 5, "elsewhere", guild_name="Another place", duration=1.0)
        await system.statistics.song_played(999, 600)
        await rig.rows()
        for command in ("health", "stats today", "stats weekly", "stats monthly", "perf"):
            said = await ask(rig, admin, channel, command)
            assert "elsewhere" not in said
            assert "Another place" not in said
            assert "10 min" not in said
        said = await ask(rig, admin, channel, "perf", command="elsewhere")
        assert "1.0 s" not in said
        assert await admin.autocomplete(channel, "perf", focused="command", value="else") == []
        for command in ("health", "stats weekly", "perf"):
            refused = await ask(rig, admin, channel, command, scope="all guilds")
            assert "owner" in refused
            assert "elsewhere" not in refused


@pytest.mark.parametrize("team", [False, True])
async def test_an_owner_may_ask_for_all_servers_and_in_a_dm(team: bool) -> None:
    async with running(music_bot(), team=team) as rig:
        await cog_of(rig.bot).system.command_log.record(999, 5, "elsewhere", duration=1.0)
        owner, channel = rig.discord.owner, rig.discord.channel
        owner.set_permissions(rig.discord.guild, ADMIN)
        assert "elsewhere" not in await ask(rig, owner, channel, "stats weekly")
        assert "elsewhere" in await ask(rig, owner, channel, "stats weekly", scope="all guilds")
        assert "elsewhere" in await ask(rig, owner, owner.dm_channel, "stats weekly")
        assert "elsewhere" in await ask(rig, owner, owner.dm_channel, "perf")
        assert [
            c["value"] for c in await owner.autocomplete(owner.dm_channel, "perf", focused="command", value="/els")
        ] == ["elsewhere"]
        stranger = rig.discord.admin
        assert "owner" in await ask(rig, stranger, stranger.dm_channel, "stats weekly")
        assert await stranger.autocomplete(stranger.dm_channel, "perf", focused="command", value="e") == []


async def test_autocomplete_offers_the_guilds_own_commands_nearest_first() -> None:
    async with running(music_bot()) as rig:
        logger = cog_of(rig.bot).system.command_log
        for name in ("play", "music play", "skip", "p" * 101, *(f"play {n}" for n in range(30))):
            await logger.record(rig.discord.guild.id, 5, name)
        await rig.rows()
        offered = await rig.discord.admin.autocomplete(rig.discord.channel, "perf", focused="command", value="Pla")
        names = [choice["value"] for choice in offered]
        assert len(names) == 25
        assert names[0] == "play"
        assert "skip" not in names


async def test_a_locked_database_gives_a_sentence_and_the_row_comes_later(tmp_path: Path) -> None:
    bot = music_bot()
    bot.botmon_config = make_config(url=str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        system = cog_of(bot).system
        await system.store.engine.close()
        (tmp_path / "bot.db").rename(tmp_path / "away.db")
        (tmp_path / "bot.db").symlink_to("bot.db")  # a loop, which nobody can follow
        said = await ask(rig, rig.discord.admin, rig.discord.channel, "stats weekly")
        assert "does not answer" in said
        for options in ({}, {"view": "details"}):
            said = await ask(rig, rig.discord.admin, rig.discord.channel, "health", **options)
            assert "its owner has something to look at" in said
            assert "can't be read right now" in said, "what is counted in memory is of all servers"
            assert "database" not in said
        await system.command_log.record(rig.discord.guild.id, 5, "play")
        (tmp_path / "bot.db").unlink()
        (tmp_path / "away.db").rename(tmp_path / "bot.db")
        await rig.clock.advance(60)
        assert [r.command for r in await rig.rows()] == ["play"]
        await bot.unload_extension("botmon_cog")
    db = sqlite3.connect(tmp_path / "bot.db")
    assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert db.execute("SELECT SUM(is_own), COUNT(*) FROM invocations").fetchone() == (3, 4), (
        "our own are logged as well"
    )
    db.close()


async def test_very_long_names_break_no_limit() -> None:
    async with running(music_bot()) as rig:
        logger = cog_of(rig.bot).system.command_log
        for number in range(60):
            name = f"group-{number} " + "`*_~|<@1>" * 12
            for _ in range(3):
                await logger.record(
                    rig.discord.guild.id,
                    number,
                    name[:100],
                    guild_name="G" * 100,
                    duration=9.0,
                    success=number % 2 == 0,
                )
        await rig.rows()
        for command in ("health", "stats today", "stats weekly", "stats monthly", "perf"):
            assert await ask(rig, rig.discord.admin, rig.discord.channel, command)
