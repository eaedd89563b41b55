"""`[commands] prefix = true`: !health, !stats and !perf for bots without slash commands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import CommandsConfig
from botmon_cog.testing import LoopbackChannel, LoopbackUser, SeenMessage
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.test_commands import text_of
from tests.test_own_commands import recordings


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def prefix_bot(**options: Any) -> commands.Bot:
    bot = make_bot(**options)
    bot.botmon_config = make_config(commands=CommandsConfig(prefix=True))

    @bot.command()
    async def play(context: commands.Context, song: str) -> None:
        await context.send(f"playing {song}")

    return bot


async def ask(rig: Rig, who: LoopbackUser, where: LoopbackChannel, typed: str) -> SeenMessage:
    await who.send(where, typed)
    return await where.next_message()


async def ask_in_vain(rig: Rig, who: LoopbackUser, where: LoopbackChannel, typed: str) -> None:
    """Nothing is said; that a check refused it is on record."""
    found, said = recordings(rig), len(where.messages)
    await who.send(where, typed)
    await until(lambda: bool(found))
    assert [invocation.error_type for invocation in found] == ["CheckFailure"]
    assert len(where.messages) == said + 1, "only what was typed"


def taken(bot: commands.Bot) -> str:
    return "\n".join(cog_of(bot).commands.missing)


async def test_nothing_is_there_unless_asked_for() -> None:
    async with running(make_bot()) as rig:
        assert rig.bot.all_commands == {}


async def test_admin_gets_a_reply_about_this_server() -> None:
    async with running(prefix_bot()) as rig:
        channel, admin = rig.discord.channel, rig.discord.admin
        await cog_of(rig.bot).system.command_log.record(999, 5, "elsewhere", duration=1.0)
        await ask(rig, rig.discord.user, channel, "!play x")
        await rig.rows()
        found = recordings(rig)
        message = await ask(rig, admin, channel, "!stats")
        assert "play" in text_of(message.embeds[0])
        assert "elsewhere" not in text_of(message.embeds[0])
        assert message.body["message_reference"]["message_id"] == channel.messages[-2].body["id"]
        for typed in ("!stats today", "!stats monthly", "!perf", "!perf play"):
            message = await ask(rig, admin, channel, typed)
            assert "play" in text_of(message.embeds[0]), typed
            assert "elsewhere" not in text_of(message.embeds[0])
        assert "Healthy" in text_of((await ask(rig, admin, channel, "!health")).embeds[0])
        await until(lambda: len(found) == 6)
        assert {(invocation.kind, invocation.outcome, invocation.is_own) for invocation in found} == {
            ("prefix", "ok", True)
        }


async def test_others_get_no_answer() -> None:
    async with running(prefix_bot()) as rig:
        user, admin, channel = rig.discord.user, rig.discord.admin, rig.discord.channel
        other_admin = rig.discord.add_user("Other admin")
        rig.discord.add_guild("Elsewhere", members=[other_admin]).set_permissions(
            other_admin, discord.Permissions.all()
        )
        rig.discord.guild.add_member(other_admin)
        await until(lambda: rig.bot.get_guild(rig.discord.guild.id).get_member(other_admin.id) is not None)
        for typed in ("!health", "!stats weekly", "!stats nonsense", "!perf play"):
            await ask_in_vain(rig, user, channel, typed)
            await ask_in_vain(rig, other_admin, channel, typed)
            await ask_in_vain(rig, admin, admin.dm_channel, typed)


async def test_owners_details_stay_in_direct_messages() -> None:
    async with running(prefix_bot()) as rig:
        owner, channel = rig.discord.owner, rig.discord.channel
        system = cog_of(rig.bot).system
        system.sources.broken = lambda: ("the port 8081 is in use",)
        await system.command_log.record(999, 5, "elsewhere", duration=1.0)
        await rig.rows()
        assert "elsewhere" not in text_of((await ask(rig, owner, channel, "!stats")).embeds[0])
        here = text_of((await ask(rig, owner, channel, "!health")).embeds[0])
        assert "0 commands" in here.replace("\xa0", " ")
        assert "8081" not in here
        assert "feature" not in here
        assert "elsewhere" in text_of((await ask(rig, owner, owner.dm_channel, "!stats")).embeds[0])
        assert "elsewhere" in text_of((await ask(rig, owner, owner.dm_channel, "!perf")).embeds[0])
        private = text_of((await ask(rig, owner, owner.dm_channel, "!health")).embeds[0])
        assert "1 command" in private.replace("\xa0", " ")
        assert "8081" in private


async def test_wrong_period_is_answered_with_the_right_ones(caplog: pytest.LogCaptureFixture) -> None:
    async with running(prefix_bot()) as rig:
        found = recordings(rig)
        message = await ask(rig, rig.discord.admin, rig.discord.channel, "!stats yearly")
        assert "`!stats weekly`" in text_of(message.embeds[0])
        await until(lambda: bool(found))
        assert found[0].outcome == "user_error"
    assert "Ignoring exception" not in caplog.text


async def test_without_permission_to_embed_it_says_so() -> None:
    async with running(prefix_bot()) as rig:
        rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True, send_messages=True))
        await until(
            lambda: (
                not rig.bot.get_channel(rig.discord.channel.id)
                .permissions_for(rig.bot.get_guild(rig.discord.guild.id).me)
                .embed_links
            )
        )
        message = await ask(rig, rig.discord.admin, rig.discord.channel, "!health")
        assert "embed links" in message.content


async def test_fault_of_ours_is_answered_and_is_no_matter_of_the_hosts_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async with running(prefix_bot()) as rig:

        async def broken(*_: Any) -> Any:
            raise RuntimeError("in the report")

        monkeypatch.setattr(cog_of(rig.bot).system.statistics, "report", broken)
        found = recordings(rig)
        message = await ask(rig, rig.discord.admin, rig.discord.channel, "!stats")
        assert "went wrong" in text_of(message.embeds[0])
        await until(lambda: bool(found))
        assert found[0].outcome == "error"
        assert not [r for r in caplog.records if r.name.startswith("discord.ext")]


# -- names -------------------------------------------------------------------------------------------------------------


def host_adds(bot: commands.Bot, kind: str) -> str:
    """A prefix command of the host's that has our name; returns what a user types to use it."""

    async def mine(context: commands.Context) -> None:
        await context.send("the host's")

    if kind == "alias":
        bot.add_command(commands.Command(mine, name="numbers", aliases=["stats"]))
    elif kind == "group":
        bot.add_command(commands.Group(mine, name="stats", invoke_without_command=True))
    elif kind == "hybrid":
        bot.add_command(commands.HybridCommand(mine, name="stats"))
    else:
        bot.add_command(commands.Command(mine, name="stats"))
    return "!stats"


KINDS = ["command", "alias", "group", "hybrid"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("when", ["before", "later"])
async def test_name_of_the_host_is_the_hosts(kind: str, when: str, caplog: pytest.LogCaptureFixture) -> None:
    bot = prefix_bot()
    if when == "before":
        host_adds(bot, kind)
    async with running(bot) as rig:
        if when == "later":
            host_adds(bot, kind)
        message = await ask(rig, rig.discord.user, rig.discord.channel, "!stats")
        assert message.content == "the host's"
        assert '[commands] stats = "botstats"' in taken(bot)
        assert "its own prefix command stats" in caplog.text
        assert (await ask(rig, rig.discord.admin, rig.discord.channel, "!perf")).embeds
        kept = {name for name in bot.all_commands if name not in {"health", "perf"}}
        await bot.unload_extension(EXTENSION)
        assert set(bot.all_commands) == kept
        assert (await ask(rig, rig.discord.user, rig.discord.channel, "!stats")).content == "the host's"


async def test_cog_of_the_hosts_that_comes_later_loads_whole() -> None:
    class Numbers(commands.Cog):
        @commands.command()
        async def health(self, context: commands.Context) -> None:
            await context.send("the host's")

        @commands.command()
        async def perf(self, context: commands.Context) -> None:
            await context.send("the host's")

    bot = prefix_bot(case_insensitive=True)
    async with running(bot) as rig:
        await bot.add_cog(Numbers())
        for typed in ("!health", "!PERF"):
            assert (await ask(rig, rig.discord.user, rig.discord.channel, typed)).content == "the host's"
        assert (await ask(rig, rig.discord.admin, rig.discord.channel, "!Stats")).embeds


async def test_names_are_those_of_the_configuration_and_nothing_stays_after_unload() -> None:
    bot = prefix_bot()
    bot.botmon_config = make_config(commands=CommandsConfig(prefix=True, health="wellness", perf=""))
    async with running(bot) as rig:
        assert set(bot.all_commands) == {"play", "wellness", "stats"}
        assert (await ask(rig, rig.discord.admin, rig.discord.channel, "!wellness")).embeds
        for _ in range(3):
            await bot.reload_extension(EXTENSION)
        await bot.unload_extension(EXTENSION)
        assert set(bot.all_commands) == {"play"}
        assert "add_command" not in vars(bot)


async def test_help_shows_them_to_those_who_may_use_them() -> None:
    bot = prefix_bot()
    bot.help_command = commands.MinimalHelpCommand()
    async with running(bot) as rig:
        shown = await ask(rig, rig.discord.user, rig.discord.channel, "!help")
        assert "stats" not in text_of_help(shown)
        shown = await ask(rig, rig.discord.admin, rig.discord.channel, "!help")
        assert "stats" in text_of_help(shown)


def text_of_help(message: SeenMessage) -> str:
    return message.content
