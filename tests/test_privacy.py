"""What is kept of what people typed: nothing that was not asked for, and no secret in any case."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import discord
import pytest
from discord import app_commands
from discord.ext import commands

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.models import ErrorGroup, Invocation
from botmon_cog.domain.privacy import parameters_json
from botmon_cog.domain.secret_patterns import HIDDEN
from botmon_cog.original.decorators import safe_execute
from tests.harness import cog_of, make_bot, make_config, note_errors, running, until
from tests.recorded import Recorded

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
        assert row.error_message == f"no account {HIDDEN} at https://discord.com/api/webhooks/1/{HIDDEN} with {HIDDEN}"
        ours = "".join(r.getMessage() for r in caplog.records if r.name.startswith("botmon_cog"))
        assert "alicia" not in ours
        assert TOKEN not in ours


def test_values_are_scrubbed_by_key_and_cut() -> None:
    config = PrivacyConfig(log_parameters="all", value_max_chars=5)
    given = {"API_Token": "x", "mySecret": 1, "text": "123456", "none": None, "url": f"{TOKEN}"}
    assert parameters_json(given, config) == (
        f'{{"API_Token":"{HIDDEN}","mySecret":"{HIDDEN}","text":"1234…","none":null,"url":"[hid…"}}'
    )


def test_secrets_are_taken_out_of_values_that_are_kept() -> None:
    config = PrivacyConfig(log_parameters="all")
    given = {"url": "postgres://bot:hunter2@db.example/x", "mail": "anna@example.org", "note": "an ordinary one"}
    assert parameters_json(given, config) == (
        f'{{"url":"postgres://{HIDDEN}@db.example/x","mail":"{HIDDEN}","note":"an ordinary one"}}'
    )


# -- nothing of it anywhere --------------------------------------------------------------------------------------------

TYPED = "Alicia Okonkwo"
COIN = "SecretCoin"
DATABASE = "postgres://bot:hunter2@db.example/x"
SECRET = ("alicia", "okonkwo", "secretcoin", "hunter2", TOKEN.lower())


class AskName(discord.ui.Modal):
    who = discord.ui.TextInput(label="Who", custom_id="who")

    async def on_submit(self, interaction: discord.Interaction) -> None:
        raise ValueError(f"nobody is called {self.who.value.upper()}")

    async def on_error(self, interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""


@safe_execute()
async def look_up(name: str) -> None:
    raise LookupError(f"{DATABASE} knows no {name.title()}")


class Failing(commands.Cog):
    """Its errors repeat what was typed, and the bot's own secrets, wherever an error can come from."""

    @app_commands.command(name="login", description="l")
    async def login(self, interaction: discord.Interaction, user: str) -> None:
        error = LookupError(f"{DATABASE} knows no {user}")
        raise ValueError(f"no account “{user.upper()}” for {TOKEN}") from error

    @login.autocomplete("user")
    async def complete(self, interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        raise KeyError(current.casefold())

    @app_commands.command(name="ask", description="a")
    async def ask(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(AskName(title="Name", timeout=None))

    @commands.command()
    async def who(self, ctx: commands.Context, *, member: discord.Member) -> None:
        """Never reached."""

    @commands.command()
    async def coin(self, ctx: commands.Context, name: str) -> None:
        prices: dict[str, int] = {}
        await ctx.send(str(prices[name.lower()]))

    @commands.command()
    async def wrapped(self, ctx: commands.Context, *, name: str) -> None:
        await look_up(name)
        await ctx.send("done")

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        if message.content.startswith("hello"):
            raise RuntimeError(f"{message.content} at {DATABASE}")


async def _telling(invocation: Invocation, error: BaseException | None) -> None:
    """As a host does whose own way to tell fails."""
    raise RuntimeError("can't tell of it") from error


async def test_no_secret_reaches_the_log_the_store_or_health(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG, logger="botmon_cog")
    recorded, bot, path = Recorded(monkeypatch), make_bot(), tmp_path / "botmon.db"
    bot.botmon_config = make_config(f"sqlite:///{path}")
    note_errors(bot)
    await bot.add_cog(Failing())
    async with running(bot) as rig:
        system, user, channel = cog_of(bot).system, rig.discord.user, rig.discord.channel
        system.on_failure(_telling)
        await user.slash(channel, "login", user=TYPED, wait=False)
        await user.submit(await user.slash(channel, "ask"), who=TYPED, wait=False)
        autocomplete = discord.InteractionType.autocomplete
        received = asyncio.ensure_future(bot.wait_for("interaction", check=lambda one: one.type is autocomplete))
        typing = asyncio.ensure_future(user.autocomplete(channel, "login", focused="user", value=TYPED))
        await received
        await until(lambda: not any(task.get_name() == "CommandTree-invoker" for task in asyncio.all_tasks()))
        await rig.clock.advance(3.1)  # as long as Discord waits
        with pytest.raises(AssertionError, match="no suggestions"):
            await typing
        for said in (f"!who {TYPED}", f"!coin {COIN}", f"!wrapped {TYPED}", f"hello {TYPED}"):
            await user.send(channel, said)
        await channel.next_message()
        await rig.discord.settled()
        await rig.clock.advance(61)
        entries = await rig.rows()
        assert {"login", "AskName", "who", "coin"} <= {entry.command for entry in entries if entry.error_type}
        await until(lambda: system.failures.n >= 4)
        owner = rig.discord.owner
        health = await owner.slash(owner.dm_channel, "health", view="details")
        assert system.failures.last is not None
        shown = system.failures.last + str([embed for message in health.messages for embed in message.embeds])
        await rig.clock.advance(61)
        assert {group.error_type for group in recorded.all(ErrorGroup)} >= {"ValueError", "KeyError", "RuntimeError"}
    with closing(sqlite3.connect(path)) as store:
        dumped = "\n".join(store.iterdump())
    assert f"no account “{HIDDEN}” for {HIDDEN}" in dumped
    assert f"{HIDDEN}@db.example/x knows no" in dumped
    logged = "\n".join(map(logging.Formatter().format, (r for r in caplog.records if r.name.startswith("botmon_cog"))))
    assert "running a callback of on_failure" in logged
    assert "look_up failed" in logged
    for where, text in (("the store", dumped), ("the log", logged), ("/health", shown)):
        lowered = text.lower()
        assert [(where, secret) for secret in SECRET if secret in lowered] == []
