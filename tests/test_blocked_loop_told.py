"""Who blocked the event loop, and in which line, is told in /health and to the owner."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.config import AlertsConfig, ComponentName
from botmon_cog.domain import text
from botmon_cog.domain.samples import Block
from botmon_cog.testing import SeenMessage
from tests.harness import Rig, cog_of, make_bot, make_config, make_health, running
from tests.test_blocked_loop import WATCHED, asks_a_package, block_of, computes, line_of
from tests.test_commands import ask

REMEDY = "Move it to a thread"

pytestmark = pytest.mark.usefixtures("certain_at_once")


def sleeps() -> None:
    time.sleep(1)


def watched_bot(*others: ComponentName) -> commands.Bot:
    """Any block makes it degraded at once, and nothing else does, but for what else is watched."""
    bot = make_bot()
    bot.botmon_config = make_config(
        loop=WATCHED,
        health=make_health(
            watch=("loop", *others),
            loop_blocked_s=(0.05, 10_000),
            loop_lag_ms=(80_000, 86_400),
        ),
        alerts=AlertsConfig(after_s=(0, 0)),
    )
    return bot


async def worst_block(rig: Rig, command: str) -> Block:
    """The command's, once it has blocked the loop longer than whatever else did on a busy machine."""
    who = f"/{command}"
    while True:
        block = await block_of(rig.bot, who, lambda: rig.discord.user.slash(rig.discord.channel, command))
        if cog_of(rig.bot).loop_watch.sample().blocks[0] == block:
            return block


async def dm_of_check(rig: Rig) -> SeenMessage:
    report = await cog_of(rig.bot).check_health()
    assert [problem.key for problem in report.problems] == ["loop.blocked"]
    (dm,) = rig.discord.owner.dms
    return dm


def timeless(words: str) -> str:
    """What else blocked the loop for a moment, on a busy machine, counts as well."""
    return re.sub(r"blocked for .+? in ten minutes", "blocked for a while", words)


def fields(message: SeenMessage) -> dict[str, str]:
    return {field["name"]: field["value"] for field in message.embeds[0]["fields"]}


@pytest.mark.parametrize(
    ("work", "line", "inside"),
    [
        (sleeps, "time.sleep(1)", None),
        (computes, "sum(", None),
        (asks_a_package, "psutil.cpu_percent", "psutil.cpu_percent"),
    ],
)
async def test_the_command_and_its_line_are_named_wherever_it_is_told(
    work: Callable[[], None], line: str, inside: str | None
) -> None:
    bot = watched_bot()

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        work()
        await interaction.response.send_message("…")

    async with running(bot) as rig:
        block = await worst_block(rig, "play")
        file = work.__module__.replace(".", "/")
        where = f"{file}.py:{line_of(work, line)} in {work.__name__}"
        assert (block.where, block.inside) == (where, inside)
        headline = "🟡 Degraded: the event loop was blocked for a while, most by /play"
        place = f"`{where}, waiting in {inside}`" if inside else f"`{where}`"

        dm = await dm_of_check(rig)
        assert timeless(dm.embeds[0]["title"]) == headline
        assert fields(dm)["Why"] == place
        assert fields(dm)["What to do"].startswith(REMEDY)

        title, why, _, remedy, *_ = (
            await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel, "health")
        ).splitlines()
        assert timeless(title) == headline
        assert why == f"{place}, since <t:{int(rig.clock.now().timestamp())}:R>"
        assert remedy.startswith(f"**What to do:** {REMEDY}")

        details = await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel, "health", view="details")
        assert timeless(details.splitlines()[0]) == headline
        waiting = f", waiting in `{inside}`" if inside else ""
        line_of_details = f"**/play** {block.n}x, {text.duration(block.total_s)}: `{where}`{waiting}"
        assert details.splitlines()[details.splitlines().index("What blocked it, last hour:") + 1] == line_of_details

        for view in ({}, {"view": "details"}):  # how the bot is made is its owners' business
            seen = await ask(rig, rig.discord.admin, rig.discord.channel, "health", **view)
            assert timeless(seen.splitlines()[0]) == "🟡 The bot answers slowly right now"
            assert "/play" not in seen
            assert ".py" not in seen


class Administration(commands.Cog):
    administration = app_commands.Group(name="administration", description="a")
    playlists = app_commands.Group(name="playlists", description="p", parent=administration)

    @playlists.command(description="r")
    async def rebuild(self, interaction: discord.Interaction) -> None:
        sleeps()
        await interaction.response.send_message("…")


async def test_a_name_too_long_for_the_headline_is_told_beneath_it() -> None:
    async with running(watched_bot()) as rig:
        await rig.bot.add_cog(Administration())
        await rig.bot.tree.sync()
        name = "administration playlists rebuild"
        block = await worst_block(rig, name)
        dm = await dm_of_check(rig)
        shown = await ask(rig, rig.discord.owner, rig.discord.owner.dm_channel, "health")
        for words in (unescaped(fields(dm)["Why"]), unescaped(shown)):
            assert f"most by /{name}" in words
            assert f"`{block.where}`" in words


def unescaped(words: str) -> str:
    """As it is read in Discord."""
    return re.sub(r"\\(?=\W|_)", "", words)


async def test_late_answers_of_a_command_that_blocks_the_loop_are_told_once() -> None:
    """The clock is moved by hand within the command, where a long block would move it."""
    bot = watched_bot("commands")

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        time.sleep(0.35)  # noqa: ASYNC251 (it is what is tested)
        await cog_of(bot).system.clock.advance(3.5)
        await interaction.response.send_message("too late")

    async with running(bot) as rig:

        async def check() -> tuple[str, list[str]]:
            report = await cog_of(bot).check_health()
            return report.overall_status, [problem.key for problem in report.problems]

        recent = cog_of(bot).system.recent
        while recent.last_hour(1)[0].late < 6:
            await worst_block(rig, "play")
        assert await check() == ("unhealthy", ["loop.blocked"]), "as grave as the answers that nobody got"
        (dm,) = rig.discord.owner.dms
        assert "most by /play" in dm.embeds[0]["title"]
        await cog_of(bot).system.flush()
        await rig.clock.advance(60)
        assert await check() == ("unhealthy", ["loop.blocked"])
        await rig.clock.advance(700)
        assert await check() == ("unhealthy", ["loop.blocked"]), "it runs freely, which is not certain yet"
        await rig.clock.advance(400)
        assert await check() == ("healthy", [])
        assert [len(message.embeds) for message in rig.discord.owner.dms] == [1, 1]
        assert "runs freely" in str(rig.discord.owner.dms[-1].embeds), "no word of the command"
