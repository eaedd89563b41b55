"""What ends in ways that nobody plans: tasks that are lost, and wrappers of others around ours."""

from __future__ import annotations

import asyncio
import functools
import gc
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.observer.class_sinks import add_sink, remove_sink
from tests.harness import EXTENSION, cog_of, make_bot, running, until


@pytest.mark.parametrize("way", ["slash", "prefix"])
async def test_command_whose_task_is_collected_as_garbage_is_cancelled(way: str) -> None:
    bot = make_bot()

    @bot.tree.command(name="wait", description="w")
    async def wait(interaction: discord.Interaction) -> None:
        await asyncio.get_running_loop().create_future()  # to which nobody else refers

    @bot.command(name="wait")
    async def wait_too(_: commands.Context) -> None:
        await asyncio.get_running_loop().create_future()

    async with running(bot) as rig:
        observer = cog_of(bot).observer
        if way == "slash":
            await rig.discord.user.slash(rig.discord.channel, "wait", wait=False)
        else:
            await rig.discord.user.send(rig.discord.channel, "!wait")
        await until(lambda: observer.running == 1)
        async with asyncio.timeout(10):
            while observer.running:
                gc.collect()
                await asyncio.sleep(0)
        assert (await rig.only_row()).outcome == "cancelled"


class Thing:
    async def act(self) -> str:
        return "done"


async def test_wrapper_of_somebody_else_around_ours_stays() -> None:
    heard: list[BaseException | None] = []

    def sink(_: object, error: BaseException | None) -> None:
        heard.append(error)

    original = Thing.act
    add_sink(Thing, ["act"], sink)
    ours = Thing.act

    @functools.wraps(ours)
    async def theirs(self: Thing) -> str:
        return f"{await ours(self)}, says the host"

    Thing.act = theirs
    try:
        remove_sink(Thing, ["act"], sink)
        assert Thing.act is theirs
        assert await Thing().act() == "done, says the host"
        assert heard == []
    finally:
        Thing.act = original


async def test_reload_leaves_what_the_host_has_put_around_our_wrapper(monkeypatch: pytest.MonkeyPatch) -> None:
    bot = make_bot()
    async with running(bot):
        original = vars(discord.InteractionResponse)["send_message"]

        @functools.wraps(original)
        async def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await original(self, *args, **kwargs)

        monkeypatch.setattr(discord.InteractionResponse, "send_message", theirs)
        await bot.unload_extension(EXTENSION)
        assert vars(discord.InteractionResponse)["send_message"] is theirs
        monkeypatch.undo()
        discord.InteractionResponse.send_message = original.__wrapped__


# -- commands that the tree never runs ---------------------------------------------------------------------------------


class ClosedTree(app_commands.CommandTree[commands.Bot]):
    """A host's own: it lets nothing through, as while the bot is being looked after."""

    def _from_interaction(self, interaction: discord.Interaction[commands.Bot]) -> None:
        pass


@pytest.mark.parametrize(("is_answered", "outcome"), [(False, "unanswered"), (True, "cancelled")])
async def test_command_that_the_tree_never_runs_is_closed_when_its_token_is_dead(
    is_answered: bool, outcome: str
) -> None:
    bot = make_bot(tree_cls=ClosedTree)

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction[commands.Bot]) -> None: ...

    @bot.listen()
    async def on_interaction(interaction: discord.Interaction[commands.Bot]) -> None:
        if is_answered:
            await interaction.response.send_message("later")

    async with running(bot) as rig:
        observer = cog_of(bot).observer
        arrived = asyncio.ensure_future(bot.wait_for("interaction"))
        answer = await rig.discord.user.slash(rig.discord.channel, "play", wait=False)
        await arrived
        await rig.discord.settled()
        await rig.clock.advance(15 * 60)
        observer.sweep()
        assert observer.running == 1, "its token lives"
        await rig.clock.advance(1)
        observer.sweep()
        row = await rig.only_row()
        assert (row.command, row.outcome) == ("play", outcome)
        assert (answer.failed is None) is is_answered
