"""Names and room in the host's command tree: a guest's commands step aside, and the host's never notice."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.config import CommandsConfig
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.test_commands import text_of
from tests.test_own_commands import recordings

KEYS = ["health", "stats", "perf", "privacy", "botmon"]
LOGGER = "botmon_cog.cog.commands.registration"


@pytest.fixture(autouse=True)
def in_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def hosts_command(name: str) -> app_commands.Command[Any, ..., None]:
    @app_commands.command(name=name, description="the host's")
    async def command(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("the host's")

    return command


def hosts_group(name: str) -> app_commands.Group:
    group = app_commands.Group(name=name, description="the host's")
    group.add_command(hosts_command("show"))
    return group


def hosts_hybrid(name: str) -> commands.HybridCommand[Any, ..., None]:
    @commands.hybrid_command(name=name)
    async def command(context: commands.Context) -> None:
        await context.send("the host's")

    return command


def hosts_cog(name: str) -> commands.Cog:
    class Numbers(commands.Cog):
        @app_commands.command(name=name, description="the host's")
        async def slash(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_message("the host's")

    return Numbers()


def hosts_group_cog(name: str) -> commands.Cog:
    class Numbers(commands.GroupCog, name=name):
        @app_commands.command(name="show", description="the host's")
        async def show(self, interaction: discord.Interaction) -> None:
            await interaction.response.send_message("the host's")

    return Numbers()


async def add(bot: commands.Bot, kind: str, name: str) -> str:
    """As a host adds a command of that kind; returns what a user types to use it."""
    if kind == "command":
        bot.tree.add_command(hosts_command(name))
    elif kind == "override":
        bot.tree.add_command(hosts_command(name), override=True)
    elif kind == "group":
        bot.tree.add_command(hosts_group(name))
    elif kind == "hybrid":
        bot.add_command(hosts_hybrid(name))
    elif kind == "cog":
        await bot.add_cog(hosts_cog(name))
    elif kind == "group cog":
        await bot.add_cog(hosts_group_cog(name))
    elif kind == "hybrid group":

        @bot.hybrid_group(name=name, fallback="show")
        async def group(context: commands.Context) -> None:
            await context.send("the host's")

    return f"{name} show" if "group" in kind else name


EVERY_KIND = ["command", "group", "hybrid", "hybrid group", "cog", "group cog"]


def ours(bot: commands.Bot) -> dict[str, str]:
    return dict(cog_of(bot).commands.names)


def missing(bot: commands.Bot) -> str:
    return "\n".join(cog_of(bot).commands.missing)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.name == LOGGER and r.levelno == logging.WARNING]


def named(bot: commands.Bot, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        bot.tree.add_command(hosts_command(f"command-{number}"))


def renamed(**names: Any) -> Any:
    return make_config(commands=CommandsConfig(**names))


async def answer_of(rig: Rig, name: str) -> str:
    """The host's answer to somebody who may manage the server."""
    return (await rig.discord.admin.slash(rig.discord.channel, name)).message.content


async def notice_of(rig: Rig, name: str, who: Any = None, **options: Any) -> str:
    answer = await (who or rig.discord.admin).slash(rig.discord.channel, name, **options)
    assert answer.message.ephemeral
    return answer.message.embeds[0]["description"]


# -- names the host has ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", EVERY_KIND)
async def test_name_of_the_host_is_the_hosts_and_the_rest_of_ours_works(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()
    typed = await add(bot, kind, "stats")
    async with running(bot) as rig:
        assert await answer_of(rig, typed) == "the host's"
        assert ours(bot) == {key: key for key in KEYS if key != "stats"}
        (line,) = warnings(caplog)
        assert line == missing(bot)
        assert '[commands] stats = "botstats"' in line
        assert "Healthy" in (await rig.discord.admin.slash(rig.discord.channel, "health")).message.embeds[0]["title"]


@pytest.mark.parametrize("key", KEYS)
async def test_following_the_advice_gives_both(key: str, caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    bot.tree.add_command(hosts_command(key))
    async with running(bot) as rig:
        assert set(ours(bot)) == {*KEYS} - {key}
        name = missing(bot).partition(f"{key} = ")[2].split('"')[1]
        await bot.unload_extension(EXTENSION)
        bot.botmon_config = renamed(**{key: name})
        caplog.clear()
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        assert ours(bot)[key] == name
        assert warnings(caplog) == []
        assert await answer_of(rig, key) == "the host's"


async def test_health_tells_owners_and_nobody_else_what_is_missing() -> None:
    bot = make_bot()
    bot.tree.add_command(hosts_command("perf"))
    async with running(bot) as rig:
        owner, admin = rig.discord.owner, rig.discord.admin
        for who, where, is_told in ((owner, owner.dm_channel, True), (admin, rig.discord.channel, False)):
            answer = await who.slash(where, "health", view="details")
            assert ('[commands] perf = "botperf"' in text_of(answer.message.embeds[0])) is is_told


async def test_name_left_out_is_not_missing() -> None:
    bot = make_bot()
    bot.botmon_config = renamed(perf="", botmon="", privacy="")
    async with running(bot):
        assert sorted(c.name for c in bot.tree.get_commands()) == ["health", "stats"]
        assert missing(bot) == ""


# -- names the host takes later ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*EVERY_KIND, "override"])
async def test_name_that_the_host_takes_later_is_the_hosts(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        typed = await add(bot, kind, "stats")
        await bot.tree.sync()
        assert await answer_of(rig, typed) == "the host's"
        assert ours(bot) == {key: key for key in KEYS if key != "stats"}
        assert warnings(caplog) == [missing(bot)]
        before = bot.tree.get_commands()
        await bot.unload_extension(EXTENSION)
        assert [c.name for c in bot.tree.get_commands()] == [
            c.name for c in before if c.name not in KEYS or c.name == "stats"
        ]


async def test_clash_among_the_hosts_own_commands_is_theirs() -> None:
    bot = make_bot()
    async with running(bot):
        bot.tree.add_command(hosts_command("mine"))
        with pytest.raises(app_commands.CommandAlreadyRegistered):
            bot.tree.add_command(hosts_command("mine"))
        with pytest.raises(TypeError):
            bot.tree.add_command("no command")
        assert list(ours(bot)) == KEYS


async def test_reload_of_the_hosts_cog_brings_nothing_back_and_forth(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        for _ in range(3):
            await bot.add_cog(hosts_cog("health"))
            await bot.tree.sync()
            assert await answer_of(rig, "health") == "the host's"
            await bot.remove_cog("Numbers")
            assert bot.tree.get_command("health") is None
        assert len(warnings(caplog)) == 1
        await bot.reload_extension(EXTENSION)
        assert list(ours(bot)) == KEYS


@pytest.mark.parametrize("names", [KEYS, ["health"]])
async def test_what_the_host_removes_stays_away_and_is_said_once(
    names: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()
    async with running(bot):
        if names == KEYS:
            bot.tree.clear_commands(guild=None)
        else:
            bot.tree.remove_command("health")
        bot.tree.add_command(hosts_command("mine"))
        bot.tree.remove_command("mine")
        assert set(ours(bot)) == {*KEYS} - {*names}
        assert len(warnings(caplog)) == len(names)
        assert missing(bot).count("This bot removed") == len(names)
        await bot.reload_extension(EXTENSION)
        assert list(ours(bot)) == KEYS
        assert missing(bot) == ""


async def test_host_that_puts_ours_back_has_them_back() -> None:
    bot = make_bot()
    async with running(bot):
        held = bot.tree.get_commands()
        bot.tree.clear_commands(guild=None)
        for command in held:
            bot.tree.add_command(command)
        assert list(ours(bot)) == KEYS
        assert missing(bot) == ""


# -- room --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "left"), [(95, 5), (97, 3), (99, 1), (100, 0)])
async def test_full_bot_loads_us_with_what_fits(count: int, left: int, caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    named(bot, count)
    async with running(bot) as rig:
        assert list(ours(bot)) == KEYS[:left]
        assert len(warnings(caplog)) == (left < len(KEYS))
        assert missing(bot).count("Discord allows 100 commands") == len(KEYS) - left
        assert await answer_of(rig, "command-1") == "the host's"


async def test_host_that_fills_up_later_finds_room_for_all_hundred(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    named(bot, 93)
    async with running(bot) as rig:
        for number in range(7):
            named(bot, 1, 93 + number)
            assert list(ours(bot)) == KEYS[: min(5, 6 - number)]
        assert len(warnings(caplog)) == 5
        with pytest.raises(app_commands.CommandLimitReached):
            named(bot, 1, 100)
        await bot.tree.sync()
        assert await answer_of(rig, "command-99") == "the host's"


async def test_limit_of_context_menus_is_the_hosts_own_matter() -> None:
    bot = make_bot()
    async with running(bot):
        for number in range(6):

            async def menu(interaction: discord.Interaction, user: discord.User) -> None: ...

            made = app_commands.ContextMenu(name=f"menu {number}", callback=menu)
            if number < 5:
                bot.tree.add_command(made)
            else:
                with pytest.raises(app_commands.CommandLimitReached):
                    bot.tree.add_command(made)
        assert list(ours(bot)) == KEYS


# -- guilds ------------------------------------------------------------------------------------------------------------


async def test_copying_to_a_guild_replaces_nothing_of_the_hosts() -> None:
    bot = make_bot()
    async with running(bot) as rig:
        guild = rig.discord.guild
        bot.tree.add_command(hosts_command("stats"), guild=guild)
        order = [c.name for c in bot.tree.get_commands()]
        bot.tree.copy_global_to(guild=guild)
        await bot.tree.sync(guild=guild)
        assert await answer_of(rig, "stats") == "the host's"
        assert [c.name for c in bot.tree.get_commands()] == order
        assert sorted(c.name for c in bot.tree.get_commands(guild=guild)) == sorted(KEYS)
        bot.tree.add_command(hosts_command("health"), guild=guild)
        await bot.tree.sync(guild=guild)
        assert await answer_of(rig, "health") == "the host's"
        assert list(ours(bot)) == KEYS, "globally, ours are all there"
        await bot.unload_extension(EXTENSION)
        assert sorted(c.name for c in bot.tree.get_commands(guild=guild)) == ["health", "stats"]
        assert bot.tree.get_commands() == []


async def test_guild_that_is_full_takes_the_hosts_commands_first() -> None:
    bot = make_bot()
    named(bot, 49)
    async with running(bot) as rig:
        guild = rig.discord.guild
        for number in range(50):
            bot.tree.add_command(hosts_command(f"here-{number}"), guild=guild)
        bot.tree.copy_global_to(guild=guild)
        assert len(bot.tree.get_commands(guild=guild)) == 100
        assert [c.name for c in bot.tree.get_commands(guild=guild) if c.name in KEYS] == ["health"]
        bot.tree.add_command(hosts_command("here-50"), guild=guild)
        assert [c.name for c in bot.tree.get_commands(guild=guild) if c.name in KEYS] == []
        assert list(ours(bot)) == KEYS


# -- what Discord still shows ------------------------------------------------------------------------------------------


async def test_command_that_was_renamed_says_its_new_name() -> None:
    bot = make_bot()
    async with running(bot) as rig:
        await bot.unload_extension(EXTENSION)
        bot.botmon_config = renamed(health="wellness", stats="numbers", perf="")
        await bot.load_extension(EXTENSION)
        found = recordings(rig)
        assert "`/numbers weekly`" in await notice_of(rig, "stats weekly")
        assert "`/wellness`" in await notice_of(rig, "health", view="details")
        assert "no longer available" in await notice_of(rig, "perf", command="play")
        assert await rig.discord.admin.autocomplete(rig.discord.channel, "perf", focused="command", value="p") == []
        await until(lambda: len(found) == 3)
        assert [(invocation.command, invocation.outcome) for invocation in found] == [
            ("stats weekly", "ok"),
            ("health", "ok"),
            ("perf", "ok"),
        ]


async def test_command_that_stepped_aside_says_why_to_owners_only() -> None:
    bot = make_bot()
    async with running(bot) as rig:
        rig.discord.owner.set_permissions(rig.discord.guild, discord.Permissions.all())
        bot.tree.clear_commands(guild=None)
        assert "removed" not in await notice_of(rig, "perf")
        assert "This bot removed botmon_cog's /perf" in await notice_of(rig, "perf", rig.discord.owner)


async def test_alerts_of_an_earlier_version_say_where_they_went() -> None:
    bot = make_bot()
    former = app_commands.Group(name="alerts", description="f")
    former.add_command(hosts_command("list"))
    bot.tree.add_command(former)
    async with running(bot) as rig:
        bot.tree.remove_command("alerts")
        assert "`/botmon alerts list`" in await notice_of(rig, "alerts list")


async def test_command_of_the_hosts_that_is_gone_is_the_hosts_own_matter() -> None:
    bot = make_bot()
    heard: list[str] = []
    bot.tree.add_command(hosts_command("gone"))
    bot.tree.add_command(hosts_group("perf"))

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        assert isinstance(error, app_commands.CommandNotFound)
        heard.append(error.name)
        await interaction.response.send_message("the host's")

    bot.botmon_config = renamed(perf="speed")
    async with running(bot) as rig:
        bot.tree.remove_command("gone")
        bot.tree.remove_command("perf")
        assert await answer_of(rig, "gone") == "the host's"
        assert await answer_of(rig, "perf show") == "the host's", "ours never had such a sub-command"
        assert heard == ["gone", "perf"]


async def test_without_the_private_name_a_command_that_is_gone_is_the_trees(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bot = make_bot()
    heard: list[app_commands.AppCommandError] = []

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        heard.append(error)
        await interaction.response.send_message("the host's")

    async with running(bot) as rig:
        await bot.unload_extension(EXTENSION)
        monkeypatch.setattr("botmon_cog.cog.commands.stale.LOOK_UP", "_gone")
        await bot.load_extension(EXTENSION)
        bot.tree.clear_commands(guild=None)
        assert await answer_of(rig, "health") == "the host's"
        assert [type(error) for error in heard] == [app_commands.CommandNotFound]
    assert sum("CommandTree._gone" in r.getMessage() for r in caplog.records) == 1


# -- trees of other makes ----------------------------------------------------------------------------------------------


class CautiousTree(app_commands.CommandTree[Any]):
    """Keeps commands apart until they are enabled, and misspells the error for a name that is taken, as Red's does."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._disabled_global_commands: dict[str, Any] = {}

    def add_command(self, command: Any, /, *args: Any, override: bool = False, **kwargs: Any) -> None:
        if args or kwargs:
            super().add_command(command, *args, override=override, **kwargs)
            return
        root = command.root_parent or command
        if not override and (root.name in self._disabled_global_commands or root.name in self._global_commands):
            raise discord.errors.CommandAlreadyRegistered(root.name, None)
        self._global_commands.pop(root.name, None)
        self._disabled_global_commands[root.name] = root

    def remove_command(self, name: str, /, *args: Any, **kwargs: Any) -> Any:
        return self._disabled_global_commands.pop(name, None) or super().remove_command(name, *args, **kwargs)

    def enable(self, name: str) -> None:
        super().add_command(self._disabled_global_commands.pop(name))


async def test_tree_that_keeps_disabled_commands_apart_has_nothing_of_ours_left() -> None:
    bot = make_bot(tree_cls=CautiousTree)
    tree = bot.tree
    bot.tree.add_command(hosts_command("perf"))
    async with running(bot):
        assert list(ours(bot)) == ["health", "stats", "privacy", "botmon"]
        assert "perf" in missing(bot)
        tree.enable("health")
        assert list(ours(bot)) == ["health", "stats", "privacy", "botmon"]
        tree.add_command(hosts_command("stats"))
        assert list(ours(bot)) == ["health", "privacy", "botmon"]
        with pytest.raises(AttributeError):
            tree.add_command(hosts_command("stats"))
        await bot.unload_extension(EXTENSION)
        assert list(tree._disabled_global_commands) == ["perf", "stats"]
        assert tree._global_commands == {}


async def test_what_the_host_wrapped_around_ours_passes_through_after_unload() -> None:
    bot = make_bot()
    called: list[str] = []
    async with running(bot):
        inner = bot.tree.add_command

        def add_command(command: Any, /, **options: Any) -> None:
            called.append(command.name)
            inner(command, **options)

        bot.tree.add_command = add_command
        bot.tree.add_command(hosts_command("stats"))
        await bot.unload_extension(EXTENSION)
        assert bot.tree.add_command is add_command
        bot.tree.add_command(hosts_command("health"))
        with pytest.raises(app_commands.CommandAlreadyRegistered):
            bot.tree.add_command(hosts_command("health"))
        assert called == ["stats", "health", "health"]
        assert [c.name for c in bot.tree.get_commands()] == ["stats", "health"]
