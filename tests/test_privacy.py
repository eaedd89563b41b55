"""What is kept of what people typed: nothing that was not asked for, and no secret in any case."""

from __future__ import annotations

import logging

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.privacy import HIDDEN, parameters_json, redact
from tests.harness import make_bot, make_config, running

TOKEN = "MTA5NzQ4NTA2MzY4MDI5NjAxNg" + ".GaBcDe." + "x" * 38


@pytest.mark.parametrize(
    ("level", "kept"),
    [
        ("none", None),
        ("names", '["query","password","volume","loop"]'),
        ("all", '{"query":"a song","password":"[hidden]","volume":5,"loop":true}'),
    ],
)
async def test_options_are_kept_as_configured(level: str, kept: str | None) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(privacy=PrivacyConfig(log_parameters=level))

    @bot.tree.command(name="play", description="p")
    async def play(
        interaction: discord.Interaction, query: str, password: str, volume: int = 1, loop: bool = False
    ) -> None:
        await interaction.response.send_message("ok")

    async with running(bot) as rig:
        await rig.discord.user.slash(
            rig.discord.channel, "play", query="a song", password="hunter2", volume=5, loop=True
        )
        assert (await rig.only_row()).parameters == kept


async def test_prefix_arguments_are_kept_as_configured() -> None:
    bot = make_bot()
    bot.botmon_config = make_config(privacy=PrivacyConfig(log_parameters="all"))

    @bot.command()
    async def play(ctx: commands.Context, volume: int, *, query: str) -> None:
        await ctx.send("ok")

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!play 5 a song")
        await rig.discord.channel.next_message()
        assert (await rig.only_row()).parameters == '{"volume":5,"query":"a song"}'


async def test_no_typed_value_reaches_the_row_or_the_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="botmon_cog")
    bot = make_bot()

    @bot.tree.command(name="login", description="l")
    async def login(interaction: discord.Interaction, user: str) -> None:
        await interaction.response.send_message("trying")
        raise ValueError(f"no account {user} at https://discord.com/api/webhooks/1/abc with {TOKEN}")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "login", user="alicia")
        row = await rig.only_row()
        assert row.error_message == f"no account {HIDDEN} at {HIDDEN} with {HIDDEN}"
        ours = "".join(r.getMessage() for r in caplog.records if r.name.startswith("botmon_cog"))
        assert "alicia" not in ours
        assert TOKEN not in ours


def test_values_are_scrubbed_by_key_and_cut() -> None:
    config = PrivacyConfig(log_parameters="all", value_max_chars=5)
    given = {"API_Token": "x", "mySecret": 1, "text": "123456", "none": None, "url": f"{TOKEN}"}
    assert parameters_json(given, config) == (
        f'{{"API_Token":"{HIDDEN}","mySecret":"{HIDDEN}","text":"1234…","none":null,"url":"[hid…"}}'
    )


def test_redacting_hides_what_was_typed_and_everything_that_looks_like_a_secret() -> None:
    said = f'Member "bobby tables" not found, see https://example.org/?t=1 and /webhooks/12/abcdef and {TOKEN}'
    assert redact(said, ["bobby tables"]) == (f'Member "{HIDDEN}" not found, see {HIDDEN} and {HIDDEN} and {HIDDEN}')
    assert redact("a is short", ["a"]) == "a is short"
    assert len(redact("x" * 1000, [])) == 300
