"""What is learnt of Discord's REST interface and the heartbeats: from discord.py's log, and from errors that arrive."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import inspect
import logging
import threading
from types import SimpleNamespace

import discord
import pytest
from discord.ext import commands
from discord.gateway import KeepAliveHandler

from botmon_cog.cog.discord_logs import BEGINNINGS, HEARTBEAT_BLOCKED, DiscordLogs
from botmon_cog.domain.samples import RestSample
from botmon_cog.testing import ManualClock
from tests.harness import Rig, cog_of, make_bot, running, until

KINDS = [commands.Bot, commands.AutoShardedBot]


def sample(rig: Rig) -> RestSample:
    return cog_of(rig.bot)._logs.sample()


@pytest.fixture
def logs():
    logs = DiscordLogs(ManualClock())
    logs.attach()
    yield logs
    logs.detach()


@pytest.mark.parametrize(("logger", "beginning"), [(name, b) for name, every in BEGINNINGS.items() for b in every])
def test_discord_py_still_says_it_so(logger: str, beginning: str) -> None:
    """A message that is worded anew would no longer be counted."""
    module = importlib.import_module(logger)
    assert module._log.name == logger
    said = inspect.getsource(module).replace("\\'", "'")
    assert beginning in said


def test_what_the_heartbeat_thread_says_is_what_is_counted() -> None:
    class Socket:
        thread_id = 0
        _max_heartbeat_timeout = 60.0

    handler = KeepAliveHandler(ws=Socket(), interval=1.0, shard_id=0)
    assert handler.block_msg.startswith(HEARTBEAT_BLOCKED)


def test_heartbeats_that_are_blocked_in_threads(logs: DiscordLogs, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("discord.gateway")

    def beat() -> None:
        for _ in range(250):
            logger.warning(HEARTBEAT_BLOCKED + "\nLoop thread traceback:\n  File ...", 0, 10)  # noqa: G003 (as discord.py)
        logger.warning("Shard ID %s voice heartbeat blocked for more than %s seconds", 0, 10)
        logger.warning({"not": "a text"})

    threads = [threading.Thread(target=beat) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert logs.heartbeats_blocked_1h == 1000
    assert logs.sample() == RestSample()
    assert len(caplog.records) == 4 * 252, "the host sees every record all the same"


async def test_only_the_last_hour_counts() -> None:
    clock = ManualClock()
    logs = DiscordLogs(clock)
    logs.attach()
    try:
        for _ in range(3):
            logging.getLogger("discord.gateway").warning(HEARTBEAT_BLOCKED, 0, 10)
            await clock.advance(1500)
        assert logs.heartbeats_blocked_1h == 3 - 1
    finally:
        logs.detach()
    logging.getLogger("discord.gateway").warning(HEARTBEAT_BLOCKED, 0, 10)
    assert logs.heartbeats_blocked_1h == 2


@pytest.mark.parametrize("kind", KINDS)
async def test_rate_limits(kind: type[commands.Bot]) -> None:
    async with running(make_bot(kind)) as rig:
        channel = rig.bot.get_channel(rig.discord.channel.id)
        rig.discord.faults.rate_limit_next(2, retry_after_s=0.01, path="/messages")
        await channel.send("patience")
        assert sample(rig) == RestSample(rate_limits_1h=2)
        rig.discord.faults.rate_limit_next(1, retry_after_s=0.01, path="/messages", global_=True)
        await channel.send("more patience")
        assert sample(rig) == RestSample(rate_limits_1h=3, global_rate_limits_1h=1)


async def test_a_webhook_that_is_rate_limited() -> None:
    bot = make_bot()
    async with running(bot) as rig:
        webhook = discord.Webhook.from_url(rig.discord.add_webhook(rig.discord.channel), client=bot)
        rig.discord.faults.rate_limit_next(1, retry_after_s=0.01, path="/webhooks")
        await webhook.send("patience")
        assert sample(rig) == RestSample(rate_limits_1h=1)


def failing_bot(kind: type[commands.Bot] = commands.Bot) -> commands.Bot:
    bot = make_bot(kind)

    bot.go_on = asyncio.Event()
    bot.is_pressed = False

    @bot.tree.command(name="late", description="answers when it is told to")
    async def late(interaction: discord.Interaction) -> None:
        await bot.go_on.wait()
        await interaction.response.send_message("an answer")

    @bot.tree.command(name="stubborn", description="keeps what goes wrong to itself")
    async def stubborn(interaction: discord.Interaction) -> None:
        await bot.go_on.wait()
        with contextlib.suppress(discord.NotFound):
            await interaction.response.send_message("an answer")

    @bot.tree.command(name="button", description="shows a button")
    async def button(interaction: discord.Interaction) -> None:
        await interaction.response.send_message(view=Button())

    class Button(discord.ui.View):
        @discord.ui.button(label="Press")
        async def press(self, interaction: discord.Interaction, _: object) -> None:
            bot.is_pressed = True
            await bot.go_on.wait()
            await interaction.response.send_message("an answer")

    @bot.command()
    async def post(context: commands.Context) -> None:
        await context.send("an answer")

    @bot.event
    async def on_command_error(context: commands.Context, error: Exception) -> None:
        """The host's own."""

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        """The host's own."""

    return bot


async def test_server_errors_that_reach_a_command() -> None:
    async with running(failing_bot()) as rig:
        rig.discord.faults.fail_next(status=503, path="/messages")
        await rig.discord.user.send(rig.discord.channel, "!post")
        await until(lambda: sample(rig).server_errors_1h > 0)
        await rig.rows()
        assert sample(rig) == RestSample(server_errors_1h=1)
        rig.discord.faults.fail_next(status=403, path="/messages")
        await rig.discord.user.send(rig.discord.channel, "!post")
        await until(lambda: rig.discord.requests[-1].status == 403)
        await rig.rows()
        assert sample(rig) == RestSample(server_errors_1h=1), "a refusal is no fault of Discord's"


async def test_late_answers_count_once_each() -> None:
    """The response fails, and then the command with the same error."""
    async with running(failing_bot()) as rig:
        answer = await rig.discord.user.slash(rig.discord.channel, "late", wait=False)
        await until(lambda: cog_of(rig.bot).observer.running == 1)
        await rig.clock.advance(3.1)
        rig.bot.go_on.set()
        await rig.rows()
        assert answer.failed is not None
        assert sample(rig) == RestSample(late_1h=1)


async def test_what_the_host_catches_counts_too() -> None:
    async with running(failing_bot()) as rig:
        await rig.discord.user.slash(rig.discord.channel, "stubborn", wait=False)
        await until(lambda: cog_of(rig.bot).observer.running == 1)
        await rig.clock.advance(3.1)
        rig.bot.go_on.set()
        rows = await rig.rows()
        assert [row.outcome for row in rows] == ["late"]
        assert sample(rig) == RestSample(late_1h=1)


async def test_a_button_that_is_answered_late() -> None:
    async with running(failing_bot()) as rig:
        posted = await rig.discord.user.slash(rig.discord.channel, "button")
        await rig.discord.user.click(posted.message, "Press", wait=False)
        await until(lambda: rig.bot.is_pressed)
        await rig.clock.advance(3.1)
        rig.bot.go_on.set()
        await until(lambda: sample(rig).late_1h > 0)
        assert sample(rig) == RestSample(late_1h=1)


async def test_another_bot_of_the_process_does_not_count() -> None:
    async with running(failing_bot()) as rig:
        observer = cog_of(rig.bot).observer
        observer.interactions.responded(SimpleNamespace(_parent=Bare(make_bot())), late_error())
        assert sample(rig) == RestSample()
        observer.interactions.responded(SimpleNamespace(_parent=Bare(rig.bot)), late_error())
        assert sample(rig) == RestSample(late_1h=1)


class Bare:
    """An interaction, as far as the observer looks at one that it does not know."""

    def __init__(self, client: discord.Client) -> None:
        self.client = client


class Answered:
    """An HTTP response, as far as discord.py's errors look at it."""

    def __init__(self, status: int, **headers: str) -> None:
        self.status, self.headers, self.reason = status, headers, ""


def late_error() -> discord.NotFound:
    return discord.NotFound(Answered(404), {"code": 10062, "message": "Unknown interaction"})


def test_an_error_counts_once_and_is_not_kept(logs: DiscordLogs) -> None:
    error = late_error()
    logs.refused(error)
    logs.refused(error)
    assert logs.sample().late_1h == 1
    del error
    gc.collect()
    assert len(logs._seen) == 0


def test_the_ban_by_the_network_is_a_rate_limit_that_is_not_logged(logs: DiscordLogs) -> None:
    logs.refused(discord.HTTPException(Answered(429), "error code: 1015"))
    assert logs.sample() == RestSample(rate_limits_1h=1)
    logs.refused(discord.HTTPException(Answered(429, Via="1.1 google"), {}))  # was logged at each attempt
    assert logs.sample() == RestSample(rate_limits_1h=1)
    logs.refused(ValueError("of the bot's own"))
    assert logs.sample() == RestSample(rate_limits_1h=1)
