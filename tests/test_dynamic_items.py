"""Dynamic items: discord.py only logs what goes wrong in one."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import discord
import pytest
from discord.ext import commands

from tests.component_helpers import answer, show, used
from tests.harness import cog_of, make_bot, running, until

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


class Vote(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"vote:(?P<n>\d+)"):
    crashes_at = ""
    """Or how its check says no."""

    def __init__(self, n: int) -> None:
        super().__init__(discord.ui.Button(label="Vote", custom_id=f"vote:{n}"))

    @classmethod
    async def from_custom_id(cls, _: Interaction, __: discord.ui.Item[Any], match: re.Match[str], /) -> Vote:
        if cls.crashes_at == "making":
            raise RuntimeError
        return cls(int(match["n"]))

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        if self.crashes_at == "check":
            raise RuntimeError
        if self.crashes_at == "no, told":
            await interaction.response.send_message("not you")
        return not self.crashes_at.startswith("no")

    async def callback(self, interaction: Interaction) -> None:
        if self.crashes_at == "callback":
            raise RuntimeError
        await interaction.response.send_message("counted")


@pytest.mark.parametrize(
    ("crashes_at", "outcome"),
    [
        ("", "ok"),
        ("making", "error"),
        ("check", "error"),
        ("callback", "error"),
        ("no", "unanswered"),
        ("no, told", "denied"),
    ],
)
async def test_item_ends_as_its_code_did(
    bot: commands.Bot, monkeypatch: pytest.MonkeyPatch, crashes_at: str, outcome: str
) -> None:
    monkeypatch.setattr(Vote, "crashes_at", crashes_at)
    view = discord.ui.View(timeout=None).add_item(Vote(1234))
    bot.add_dynamic_items(Vote)
    async with running(bot) as rig:
        message = await show(rig, view)
        view.stop()  # as after a restart: only the class is known
        await rig.discord.user.click(message, "Vote", wait=False)
        row = await used(rig)
        assert (row.kind, row.command, row.outcome) == ("button", "Vote", outcome)


async def test_item_that_two_calls_share_is_left_as_it_was(bot: commands.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = Vote(1)
    shared.callback = answer  # an attribute of the host's own
    before = dict(vars(shared))
    both, first_ended = asyncio.Barrier(2), asyncio.Event()
    checked: list[Interaction] = []

    async def from_custom_id(*_: object) -> Vote:
        await both.wait()
        return shared

    async def interaction_check(_: Vote, interaction: Interaction) -> bool:
        checked.append(interaction)
        if len(checked) == 2:
            await first_ended.wait()
        return True

    monkeypatch.setattr(Vote, "from_custom_id", from_custom_id)
    monkeypatch.setattr(Vote, "interaction_check", interaction_check)
    bot.add_dynamic_items(Vote)
    view = discord.ui.View(timeout=None).add_item(Vote(1))
    async with running(bot) as rig:
        message = await show(rig, view)
        for _ in range(2):
            await rig.discord.user.click(message, "Vote", wait=False)
        await until(lambda: len(cog_of(bot).observer.interactions.open) == 1 and len(checked) == 2)
        first_ended.set()
        await rig.discord.settled()
        assert [(row.command, row.outcome) for row in await rig.rows()] == [("Vote", "ok")] * 2
        assert vars(shared)["callback"] is answer
        assert vars(shared).keys() - before.keys() <= {"_view", "_rendered_row", "_parent"}


async def test_component_that_two_items_take_is_one_row(bot: commands.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"vote:.*"):
        @classmethod
        async def from_custom_id(cls, _: Interaction, item: discord.ui.Item[Any], __: re.Match[str], /) -> Other:
            return cls(item)

        async def callback(self, interaction: Interaction) -> None:
            await answer(interaction)

    monkeypatch.setattr(Vote, "crashes_at", "making")
    bot.add_dynamic_items(Vote, Other)
    view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Vote", custom_id="vote:1"))
    async with running(bot) as rig:
        message = await show(rig, view)
        view.stop()
        await rig.discord.user.click(message, "Vote")
        row = await used(rig)
        assert (row.command, row.outcome) == ("Vote", "error")
