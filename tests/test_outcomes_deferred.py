"""A "thinking..." that is filled, late or never, through whatever object; and what is never answered at all."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.health.components.monitor import MonitorSample
from tests.harness import Rig, cog_of, make_bot, running, until

Interaction = discord.Interaction
MINUTE = 60.0


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


def defers(bot: commands.Bot) -> list[Interaction]:
    """A command that defers, and returns."""
    seen: list[Interaction] = []

    @bot.tree.command(name="think", description="t")
    async def think(interaction: Interaction) -> None:
        await interaction.response.defer()
        seen.append(interaction)

    return seen


async def thinking(rig: Rig, seen: list[Interaction]) -> Interaction:
    """Use it, and wait until its code has returned."""
    await rig.discord.user.slash(rig.discord.channel, "think", wait=False)
    await until(lambda: bool(seen) and not cog_of(rig.bot).observer.running)
    return seen[-1]


def asked(rig: Rig) -> int:
    return sum(r.method == "GET" and r.path.endswith("/messages/@original") for r in rig.discord.requests)


async def no_row_yet(rig: Rig) -> None:
    assert await rig.rows() == []


async def only_row_soon(rig: Rig) -> HistoryEntry:
    await until(lambda: not cog_of(rig.bot).observer.interactions.open)
    return await rig.only_row()


FILLS = {
    "follow-up": lambda i: i.followup.send("done"),
    "edit": lambda i: i.edit_original_response(content="done"),
    "delete": lambda i: i.delete_original_response(),
    "a webhook of its token": lambda i: discord.Webhook.partial(
        i.application_id, i.token, client=i.client
    ).edit_message("@original", content="done"),
}


@pytest.mark.parametrize("fill", FILLS)
async def test_deferral_that_is_filled_is_ok(bot: commands.Bot, fill: str) -> None:
    seen = defers(bot)
    async with running(bot) as rig:
        interaction = await thinking(rig, seen)
        await no_row_yet(rig)
        await rig.clock.advance(5 * MINUTE)
        await no_row_yet(rig)
        await FILLS[fill](interaction)
        row = await only_row_soon(rig)
        assert row.outcome == "ok"
        assert row.duration_s is not None
        assert row.duration_s < 1  # its code's, not how long the answer took
        assert asked(rig) == 0


async def test_deferral_that_the_command_fills_itself_is_ok_at_once(bot: commands.Bot) -> None:
    @bot.tree.command(name="think", description="t")
    async def think(interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await interaction.edit_original_response(content="done")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "think")
        assert (await only_row_soon(rig)).outcome == "ok"
        await rig.clock.advance(20 * MINUTE)
        assert asked(rig) == 0


async def test_deferral_that_is_never_filled_is_unanswered_a_minute_before_its_token_dies(bot: commands.Bot) -> None:
    seen = defers(bot)
    async with running(bot) as rig:
        await thinking(rig, seen)
        await rig.clock.advance(13 * MINUTE)
        await no_row_yet(rig)
        await rig.clock.advance(1.1 * MINUTE)
        row = await only_row_soon(rig)
        assert (row.outcome, asked(rig)) == ("unanswered", 1)
        assert row.duration_s is not None
        assert row.duration_s < 1
        assert row.response_s is not None


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_deferral_that_a_worker_fills_over_raw_rest_is_ok(bot: commands.Bot, method: str) -> None:
    seen = defers(bot)
    async with running(bot) as rig:
        interaction = await thinking(rig, seen)
        url = f"{rig.discord.base_url}webhooks/{interaction.application_id}/{interaction.token}/messages/@original"
        if not rig.discord.base_url.endswith("/"):
            url = url.replace("webhooks/", "/webhooks/", 1)
        async with aiohttp.ClientSession() as worker, worker.request(method, url, json={"content": "done"}) as reply:
            assert reply.status in {200, 204}
        await rig.clock.advance(14.1 * MINUTE)
        row = await only_row_soon(rig)
        assert (row.outcome, asked(rig)) == ("ok", 1)


async def test_few_of_many_open_deferrals_are_asked_for_at_the_same_time(bot: commands.Bot) -> None:
    seen = defers(bot)
    async with running(bot) as rig:
        for _ in range(15):
            await rig.discord.user.slash(rig.discord.channel, "think", wait=False)
        await until(lambda: len(seen) == 15 and not cog_of(bot).observer.running)
        rig.discord.faults.latency_s = 0.3  # Discord takes its time to answer the first
        await rig.clock.advance(14.1 * MINUTE)
        await until(lambda: not cog_of(bot).observer.interactions.open)
        assert [row.outcome for row in await rig.rows()] == ["unanswered"] * 15
        assert asked(rig) <= 10


async def test_deferral_that_is_open_when_the_bot_is_stopped_is_cancelled(bot: commands.Bot) -> None:
    seen = defers(bot)
    async with running(bot) as rig:
        await thinking(rig, seen)
        cog_of(bot).observer.close_all()
        assert (await rig.only_row()).outcome == "cancelled"


async def test_command_that_fails_after_its_deferral_is_an_error_at_once(bot: commands.Bot) -> None:
    @bot.tree.command(name="think", description="t")
    async def think(interaction: Interaction) -> None:
        await interaction.response.defer()
        raise RuntimeError("no")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "think", wait=False)
        await until(lambda: not cog_of(bot).observer.running)
        await rig.clock.advance(0)
        row = await only_row_soon(rig)
        assert (row.outcome, row.error_type) == ("error", "RuntimeError")


# -- who says no has to say it -----------------------------------------------------------------------------------------


def denying(bot: commands.Bot, error: app_commands.AppCommandError) -> None:
    def refuse(_: Interaction) -> bool:
        raise error

    @bot.tree.command(name="no", description="n")
    @app_commands.check(refuse)
    async def no(interaction: Interaction) -> None:
        raise AssertionError("unreachable")


NOT_NOW = app_commands.CommandOnCooldown(app_commands.Cooldown(1, 5), 5)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (app_commands.CheckFailure("no"), "denied"),
        (app_commands.MissingPermissions(["ban_members"]), "denied"),
        (app_commands.BotMissingPermissions(["ban_members"]), "refused"),
        (NOT_NOW, "user_error"),
    ],
)
async def test_who_is_told_no_is_told_no(bot: commands.Bot, error: app_commands.AppCommandError, outcome: str) -> None:
    denying(bot, error)

    @bot.tree.error
    async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        await interaction.response.send_message("no")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "no")
        assert (await only_row_soon(rig)).outcome == outcome


@pytest.mark.parametrize("error", [app_commands.CheckFailure("no"), NOT_NOW])
async def test_who_is_left_without_a_word_is_unanswered(bot: commands.Bot, error: app_commands.AppCommandError) -> None:
    denying(bot, error)

    @bot.tree.error
    async def on_error(interaction: Interaction, error: app_commands.AppCommandError) -> None:
        pass

    async with running(bot) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "no", wait=False)
        await until(lambda: bool(cog_of(bot).observer.interactions.open) and not cog_of(bot).observer.running)
        await rig.clock.advance(3.1)
        await answer.wait()
        row = await only_row_soon(rig)
        assert (row.outcome, row.error_type) == ("unanswered", type(error).__name__)


async def test_what_discord_refuses_is_no_fault_of_the_bot(bot: commands.Bot) -> None:
    told: list[str] = []

    @bot.tree.command(name="shout", description="s")
    async def shout(interaction: Interaction) -> None:
        await interaction.response.send_message("hm")
        await interaction.channel.send("hello")  # pyright: ignore[reportOptionalMemberAccess, reportAttributeAccessIssue]

    async with running(bot) as rig:
        cog_of(bot).system.on_failure(lambda invocation, _: told.append(invocation.outcome))
        rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True))
        await rig.discord.user.slash(rig.discord.channel, "shout")
        row = await only_row_soon(rig)
        assert (row.outcome, row.error_type, told) == ("refused", "Forbidden", ["refused"])
        assert cog_of(bot).system.recent.counts().errors == 0


async def test_command_older_than_its_token_is_named_and_is_one_row_when_it_ends(bot: commands.Bot) -> None:
    go_on = asyncio.Event()

    @bot.tree.command(name="report", description="r")
    async def report(interaction: Interaction) -> None:
        await interaction.response.defer()
        await go_on.wait()

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "report", wait=False)
        await until(lambda: bool(cog_of(bot).observer.running))
        await rig.clock.advance(20 * MINUTE)
        assert [name for name, _ in cog_of(bot).observer.hanging()] == ["report"]
        seen = await cog_of(bot).system.health.report()
        assert any(
            "the command report has been running for 20" in hint for hint in seen.sample("monitor", MonitorSample).hints
        )
        cog_of(bot).observer.sweep()
        await no_row_yet_while_running(rig)
        go_on.set()
        row = await only_row_soon(rig)
        assert row.outcome == "unanswered"


async def no_row_yet_while_running(rig: Rig) -> None:
    await cog_of(rig.bot).system.flush()
    assert cog_of(rig.bot).observer.running == 1
