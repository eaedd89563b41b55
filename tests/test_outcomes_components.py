"""How the use of a component can end, over real sockets: exactly one row each, and the host's objects as they were."""

from __future__ import annotations

import asyncio
import contextlib
import gc
from typing import Any

import discord
import msgspec
import pytest
from discord.ext import commands

from botmon_cog.config import RecordConfig
from tests.component_helpers import Panel, calling, show, used
from tests.harness import cog_of, make_bot, make_config, running, task_failures

Interaction = discord.Interaction


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


async def test_error_that_the_views_handler_keeps_is_an_error(bot: commands.Bot) -> None:
    panel = Panel()
    told: list[tuple[str, str]] = []
    async with running(bot) as rig:
        cog_of(bot).system.on_failure(lambda i, e: told.append((i.command, type(e).__name__)))
        await rig.discord.user.click(await show(rig, panel), "Break", wait=False)
        row = await used(rig)
        assert (row.kind, row.command, row.outcome, row.error_type) == (
            "button",
            "Panel.break_",
            "error",
            "LookupError",
        )
        assert (panel.told, told) == ([("LookupError", "Button")], [("Panel.break_", "LookupError")])
        assert row.duration_s is not None
        assert "on_error" not in vars(panel)


async def test_bare_deferral_of_a_component_needs_no_filling(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        assert (await used(rig)).outcome == "ok"


async def test_thinking_that_is_never_filled_is_unanswered(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Panel()), "Think", wait=False)
        assert (await used(rig, seconds=14.1 * 60)).outcome == "unanswered"


async def test_button_that_says_nothing_is_unanswered(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Panel()), "Silent", wait=False)
        row = await used(rig)
        assert (row.command, row.outcome) == ("Panel.silent", "unanswered")


async def test_thinking_that_is_filled_is_ok(bot: commands.Bot) -> None:
    async def think(interaction: Interaction) -> None:
        await interaction.response.defer(thinking=True)
        await interaction.edit_original_response(content="done")

    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, calling(think)), "Go")
        row = await used(rig, seconds=0)
        assert (row.command, row.outcome) == ("View.think", "ok")


async def test_answer_after_three_seconds_is_late(bot: commands.Bot) -> None:
    async with running(bot) as rig:

        async def dawdle(interaction: Interaction) -> None:
            await rig.clock.advance(3.5)
            with contextlib.suppress(discord.NotFound):
                await interaction.response.send_message("done")

        await rig.discord.user.click(await show(rig, calling(dawdle)), "Go", wait=False)
        assert (await used(rig)).outcome == "late"


async def test_callback_that_is_cancelled(bot: commands.Bot) -> None:
    async def give_up(interaction: Interaction) -> None:
        await interaction.response.defer()
        raise asyncio.CancelledError

    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, calling(give_up)), "Go", wait=False)
        assert (await used(rig)).outcome == "cancelled"


async def test_what_the_view_was_called_for_is_the_error_where_its_handler_crashes(bot: commands.Bot) -> None:
    class Clumsy(Panel):
        async def on_error(self, *_: object) -> None:
            raise TypeError

    async with running(bot) as rig, task_failures() as lost:
        await rig.discord.user.click(await show(rig, Clumsy()), "Break", wait=False)
        row = await used(rig)
        assert (row.command, row.outcome, row.error_type) == ("Clumsy.break_", "error", "LookupError")
        gc.collect()
    assert [type(error) for error in lost] == [TypeError]


@pytest.mark.parametrize(("answers", "outcome"), [(True, "denied"), (False, "unanswered")])
async def test_check_that_says_no(bot: commands.Bot, answers: bool, outcome: str) -> None:
    class Private(Panel):
        async def interaction_check(self, interaction: Interaction, /) -> bool:
            if answers:
                await interaction.response.send_message("not yours")
            return False

    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Private()), "Later", wait=False)
        row = await used(rig)
        assert (row.command, row.outcome) == ("Private.later", outcome)


class Guarded(discord.ui.View):
    async def interaction_check(self, interaction: Interaction, /) -> bool:
        raise PermissionError

    @discord.ui.select(custom_id="pick", options=[discord.SelectOption(label="One")])
    async def pick(self, interaction: Interaction, _: discord.ui.Select[Guarded]) -> None:
        raise AssertionError("unreachable")


async def test_check_that_crashes_is_an_error(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        await rig.discord.user.select(await show(rig, Guarded()), "pick", "One", wait=False)
        row = await used(rig)
        assert (row.kind, row.command, row.outcome) == ("select", "Guarded.pick", "error")


async def test_view_that_is_gone_is_unanswered_and_named_by_what_does_not_vary(bot: commands.Bot) -> None:
    view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Buy", custom_id="shop:9f8e7d6c:81384788"))
    async with running(bot) as rig:
        message = await show(rig, view)
        view.stop()
        await rig.discord.user.click(message, "Buy", wait=False)
        row = await used(rig)
        assert (row.command, row.outcome, row.duration_s) == ("shop", "unanswered", None)


async def test_component_that_a_listener_answers_is_ok(bot: commands.Bot) -> None:
    view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="Buy", custom_id="shop:1"))

    @bot.listen()
    async def on_interaction(interaction: Interaction) -> None:
        await interaction.response.send_message("sold")

    async with running(bot) as rig:
        message = await show(rig, view)
        view.stop()
        await rig.discord.user.click(message, "Buy")
        row = await used(rig)
        assert (row.command, row.outcome) == ("shop", "ok")
        assert row.response_s is not None


@pytest.mark.skipif(not hasattr(discord.ui, "LayoutView"), reason="components V2 came with discord.py 2.6")
async def test_components_v2_are_named_by_their_view(bot: commands.Bot) -> None:
    class Card(discord.ui.LayoutView):
        row: discord.ui.ActionRow[Any] = discord.ui.ActionRow()
        box: discord.ui.Container[Any] = discord.ui.Container(discord.ui.TextDisplay("text"))

        @row.button(label="Press", custom_id="press")
        async def press(self, interaction: Interaction, _: discord.ui.Button[Any]) -> None:
            await interaction.response.send_message("pressed")

    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Card(), None), "Press")
        row = await used(rig)
        assert (row.command, row.outcome) == ("Card.press", "ok")


async def test_persistent_view_without_its_message(bot: commands.Bot) -> None:
    sent, known = Panel(), Panel()
    async with running(bot) as rig:
        message = await show(rig, sent)
        sent.stop()
        bot.add_view(known)
        await rig.discord.user.click(message, "Later", wait=False)
        assert (await used(rig)).outcome == "ok"


class Form(discord.ui.Modal, title="Form"):
    secret: discord.ui.TextInput[Form] = discord.ui.TextInput(label="Secret", custom_id="secret")

    async def on_submit(self, interaction: Interaction, /) -> None:
        raise ValueError(f"{self.secret.value} is no secret")

    async def on_error(self, interaction: Interaction, error: Exception, /) -> None:
        await interaction.response.send_message("sorry")


async def test_modal_that_raises_is_an_error_without_what_was_typed(bot: commands.Bot) -> None:
    @bot.tree.command(name="ask", description="a")
    async def ask(interaction: Interaction) -> None:
        await interaction.response.send_modal(Form())

    async with running(bot) as rig:
        asked = await rig.discord.user.slash(rig.discord.channel, "ask")
        await rig.discord.user.submit(asked, secret="hunter2")
        await rig.discord.settled()
        slash, modal = await rig.rows()
        assert (slash.outcome, modal.kind, modal.command, modal.outcome) == ("ok", "modal", "Form", "error")
        assert modal.error_message is not None
        assert modal.error_message.endswith(" is no secret")
        assert "hunter2" not in modal.error_message


async def test_nothing_is_recorded_where_that_is_not_wanted(bot: commands.Bot) -> None:
    bot.botmon_config = make_config(record=msgspec.structs.replace(RecordConfig(), components=False))
    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        await rig.discord.settled()
        assert await rig.rows() == []
