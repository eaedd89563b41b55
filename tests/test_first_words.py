"""What the log says after loading, and the one message after the first day."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from pathlib import Path

import discord
import pytest
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.cog.hello import Greeting, Hello, Seen
from botmon_cog.config import AlertsConfig, CommandsConfig
from botmon_cog.domain.alerts import Sent
from botmon_cog.domain.uptime import Run
from botmon_cog.store.log import RunKey
from botmon_cog.store.uptime import UptimeStore
from tests.engines import Engine
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until

DAY_S = 24 * 3600.0
NAMES = {"health": "health", "stats": "stats", "perf": "perf"}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside PostgreSQL, a bot's spool lies under the working directory."""
    monkeypatch.chdir(tmp_path)


def said(caplog: pytest.LogCaptureFixture, words: str) -> list[str]:
    records = [r for r in caplog.records if r.name.startswith("botmon_cog") and r.levelno >= logging.INFO]
    return [r.getMessage() for r in records if words in r.getMessage()]


# -- at load -----------------------------------------------------------------------------------------------------------


async def test_loading_says_version_store_and_commands_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    bot = make_bot()
    bot.botmon_config = make_config(commands=replace(CommandsConfig(), stats="botstats", perf=""))
    async with running(bot):
        (line,) = said(caplog, "is loaded")
        assert line.startswith("botmon_cog ")
        assert "store: :memory:" in line
        assert "every command" in line
        assert "/health, /botstats" in line
        assert "/perf" not in line
        assert "\n" not in line
        await bot.reload_extension(EXTENSION)
        assert len(said(caplog, "is loaded")) == 2


async def test_an_extra_that_was_configured_and_is_missing_is_said(caplog, monkeypatch) -> None:
    monkeypatch.setattr("botmon_cog.config.extras.find_spec", lambda _: None)
    bot = make_bot()
    bot.botmon_config = make_config(alerts=AlertsConfig(notify=("json://127.0.0.1:1",)))
    async with running(bot):
        (line,) = said(caplog, "needs an optional dependency")
        assert "pip install 'botmon-cog[notify]'" in line
        report = await cog_of(bot).check_health()
        assert "botmon-cog[notify]" in str(report.components["monitor"].problems)


async def test_nothing_is_said_of_extras_that_nobody_configured(caplog, monkeypatch) -> None:
    monkeypatch.setattr("botmon_cog.config.extras.find_spec", lambda _: None)
    async with running(make_bot()):
        assert said(caplog, "optional dependency") == []


# -- whether Discord knows our commands --------------------------------------------------------------------------------


def listings(rig: Rig) -> int:
    """How often the bot asked which commands Discord knows."""
    return sum(r.method == "GET" and r.path.endswith("/commands") for r in rig.discord.requests)


async def loaded_and_looked(bot: commands.Bot, rig: Rig) -> None:
    await bot.load_extension(EXTENSION)
    await rig.clock.advance(59)
    assert listings(rig) == 0
    await rig.clock.advance(2)
    async with asyncio.timeout(10):
        await cog_of(bot)._sync_check._task


async def test_commands_that_were_never_synced_are_said_with_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot, load=False) as rig:
        await loaded_and_looked(bot, rig)
        (line,) = said(caplog, "Discord does not know")
        assert "/health" in line
        assert "/perf" in line
        assert "await bot.tree.sync()" in line
        assert listings(rig) == 1


async def test_only_those_commands_are_said_that_discord_does_not_know(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        await bot.unload_extension(EXTENSION)
        bot.botmon_config = make_config(commands=replace(CommandsConfig(), perf="speed"))
        await loaded_and_looked(bot, rig)
        (line,) = said(caplog, "Discord does not know")
        assert "know /speed yet" in line


async def test_nothing_is_said_where_commands_were_synced(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot) as rig:
        await rig.clock.advance(61)
        await cog_of(bot)._sync_check._task
        assert listings(rig) == 1
        assert said(caplog, "Discord does not know") == []


async def test_nothing_is_said_where_commands_were_synced_to_a_server(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot, load=False) as rig:
        await bot.load_extension(EXTENSION)
        guild = discord.Object(rig.discord.guild.id)
        bot.tree.copy_global_to(guild=guild)
        await bot.tree.sync(guild=guild)
        await rig.clock.advance(61)
        await cog_of(bot)._sync_check._task
        assert said(caplog, "Discord does not know") == []
        assert listings(rig) == 2


async def test_nothing_is_said_where_discord_does_not_answer(caplog: pytest.LogCaptureFixture) -> None:
    bot = make_bot()
    async with running(bot, load=False) as rig:
        await bot.load_extension(EXTENSION)
        rig.discord.faults.fail_next(1, status=403, path="/commands")
        await rig.clock.advance(61)
        async with asyncio.timeout(10):
            await cog_of(bot)._sync_check._task
        assert listings(rig) == 1
        assert said(caplog, "Discord does not know") == []
        assert said(caplog, "botmon failed") == []


# -- after the first day -----------------------------------------------------------------------------------------------


def hello_bot(url: str, **alerts: object) -> commands.Bot:
    bot = make_bot()
    bot.botmon_config = make_config(url=url, alerts=replace(AlertsConfig(), **alerts))

    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("playing")

    @bot.tree.command(name="boom", description="b")
    async def boom(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("before")
        raise ValueError

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """Quiet."""

    return bot


async def asked_by_hand(rig: Rig) -> Hello:
    """The first day is over, and nobody looks but the test."""
    hello = cog_of(rig.bot)._hello
    await hello.stop()
    await rig.clock.advance(DAY_S + 1)
    return hello


async def pass_the_day(rig: Rig) -> None:
    """Look once, five minutes after the start, then sleep until the day is over; and look then."""
    hello = cog_of(rig.bot)._hello
    looked = _counting_looks(hello)
    await rig.clock.advance(301)
    await until(lambda: len(looked) == 1)
    await rig.clock.advance(DAY_S)
    await until(lambda: len(looked) == 2)


def _counting_looks(hello: object) -> list[float | None]:
    looked: list[float | None] = []
    look = hello.look

    async def counted() -> float | None:
        wait_s = await look()
        looked.append(wait_s)
        return wait_s

    hello.look = counted
    return looked


def greetings(rig: Rig) -> list[str]:
    return [message.embeds[0]["description"] for message in rig.discord.owner.dms if "24 hours" in str(message.embeds)]


async def test_after_the_first_day_the_owners_get_one_message(engine: Engine) -> None:
    bot = hello_bot(engine.url)
    async with running(bot) as rig:
        for _ in range(3):
            await rig.discord.user.slash(rig.discord.channel, "play")
        await rig.discord.admin.slash(rig.discord.channel, "boom")
        await rig.rows()
        await pass_the_day(rig)
        (words,) = greetings(rig)
        assert "**4** commands by **2** people, **1** error, slowest" in words
        assert "Nothing else will come unless something breaks." in words
        assert "`/health`, `/stats`, `/perf`" in words
        await bot.reload_extension(EXTENSION)
        looked = _counting_looks(cog_of(bot)._hello)
        await rig.clock.advance(301)
        await until(lambda: looked == [None])
        assert len(greetings(rig)) == 1


async def test_of_two_processes_that_share_a_store_one_says_it(engine: Engine) -> None:
    bot = hello_bot(engine.url)
    async with running(bot) as rig:
        first = await asked_by_hand(rig)
        second = type(first)(bot, cog_of(bot).system, first._send, lambda: NAMES)
        assert await asyncio.gather(first.look(), second.look()) == [None, None]
        assert len(greetings(rig)) == 1


@pytest.mark.parametrize("alerts", [{"hello": False}, {"enabled": False}])
async def test_no_message_comes_where_none_is_wanted(tmp_path: Path, alerts: dict[str, object]) -> None:
    bot = hello_bot(str(tmp_path / "bot.db"), **alerts)
    async with running(bot) as rig:
        assert cog_of(bot)._hello._task is None
        await rig.clock.advance(2 * DAY_S)
        assert rig.discord.owner.dms == []


async def test_no_message_comes_from_a_store_that_is_forgotten() -> None:
    async with running(hello_bot(":memory:")) as rig:
        assert cog_of(rig.bot)._hello._task is None


async def test_no_message_comes_of_a_store_that_is_old_already(tmp_path: Path) -> None:
    async with running(hello_bot(str(tmp_path / "bot.db"))) as rig:
        began_at = rig.clock.now() - timedelta(days=30)
        runs = UptimeStore(cog_of(rig.bot).system.store.engine, RunKey.new("main", began_at))
        await runs.put_run(Run(started_at=began_at, seen_at=began_at))
        hello = await asked_by_hand(rig)
        assert await hello.look() is None
        assert rig.discord.owner.dms == []


async def test_message_that_failed_is_tried_again_an_hour_later(tmp_path: Path) -> None:
    bot = hello_bot(str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        hello, states = await asked_by_hand(rig), ["failed", "told"]

        async def send(_: Greeting) -> Sent:
            return Sent(state=states.pop(0), words="")

        hello._send = send
        assert await hello.look() == 3600
        assert await hello.look() is None
        assert states == []
        assert await hello.look() is None


async def test_message_waits_while_the_owners_want_none(tmp_path: Path) -> None:
    bot = hello_bot(str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        hello, alerts = await asked_by_hand(rig), cog_of(bot).system.alerts
        await alerts.mute([("", "*")], rig.clock.now() + timedelta(minutes=30), "1")
        assert await hello.look() == 3600
        assert greetings(rig) == []
        await rig.clock.advance(1801)
        assert await hello.look() is None
        assert len(greetings(rig)) == 1


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(commands=0, people=0, faults=0), "Nobody has used a command yet."),
        (
            Seen(commands=1, people=1, faults=0, slowest="play", slowest_s=0.142),
            "Seen so far: **1** command by **1** person, **no** errors, slowest `/play` (142 ms).",
        ),
        (
            Seen(commands=41_200, people=312, faults=2, slowest="music play", slowest_s=1.4),
            "Seen so far: **41,200** commands by **312** people, **2** errors, slowest `/music play` (1.4 s).",
        ),
    ],
)
def test_message_says_what_was_seen(seen: Seen, words: str) -> None:
    embed = Greeting(seen, NAMES).for_discord()["embed"]
    assert embed.description.splitlines()[0] == words


def test_message_names_no_command_that_is_not_there() -> None:
    embed = Greeting(Seen(commands=0, people=0, faults=0), {"stats": "botstats"}).for_discord()["embed"]
    assert embed.description.splitlines()[-1] == "-# More at any time: `/botstats`"
    assert "More" not in Greeting(Seen(commands=0, people=0, faults=0), {}).for_discord()["embed"].description
