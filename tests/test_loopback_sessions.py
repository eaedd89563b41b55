"""Several sessions of one token, heartbeats, privileged intents, bots that are started in their own way."""

from __future__ import annotations

import asyncio
import sys
import time

import aiohttp
import discord
import pytest
from discord.ext import commands

from botmon_cog.testing import LoopbackDiscord


def make_bot(kind: type[commands.Bot] = commands.Bot, **options) -> commands.Bot:
    return kind("!", **{"intents": discord.Intents.all(), "help_command": None, **options})


async def eventually(is_true) -> None:
    async with asyncio.timeout(5):
        while not is_true():  # discord.py sets no event for most of its state
            await asyncio.sleep(0)


class Answering(commands.Bot):
    """Answers /who with its name, one after the other if it is told when; notes how Discord took it."""

    def __init__(self, name: str, may_answer: asyncio.Event | None = None) -> None:
        super().__init__("!", intents=discord.Intents.all(), help_command=None)
        self.name = name
        self.code: int | None = None
        self.seen: list[str] = []
        self.disconnects = 0

        @self.tree.command(description="Who answers?")
        async def who(interaction: discord.Interaction) -> None:
            if may_answer is not None:
                await may_answer.wait()
            try:
                await interaction.response.send_message(name)
            except discord.HTTPException as error:
                self.code = error.code
            else:
                self.code = 0

    async def on_message(self, message: discord.Message) -> None:
        self.seen.append(message.content)

    async def on_disconnect(self) -> None:
        self.disconnects += 1


@pytest.mark.parametrize(("is_unknown", "code"), [(False, 40060), (True, 10062)])
async def test_the_first_of_two_bots_answers_and_the_other_is_refused(is_unknown: bool, code: int):
    may_answer = asyncio.Event()
    first, second = Answering("first", may_answer), Answering("second")
    async with LoopbackDiscord() as loopback, loopback.running(first), loopback.running(second):
        loopback.faults.second_response_is_unknown = is_unknown
        await first.tree.sync()
        answer = await loopback.user.slash(loopback.channel, "who")
        may_answer.set()
        await loopback.settled()
        assert (first.code, second.code) == (code, 0)
        assert [message.content for message in answer.messages] == ["second"]
        await loopback.user.send(loopback.channel, "both hear it")
        await loopback.settled()
        assert "both hear it" in first.seen
        assert "both hear it" in second.seen


@pytest.mark.parametrize("ends_first", [0, 1])
async def test_closing_one_of_two_bots_ends_only_its_session(ends_first: int):
    bots = [Answering("old"), Answering("new")]
    async with LoopbackDiscord() as loopback:
        contexts = [loopback.running(bot) for bot in bots]
        for context in contexts:
            await context.__aenter__()
        assert loopback.sessions == [bot.ws.session_id for bot in bots]
        await contexts.pop(ends_first).__aexit__(None, None, None)
        stays = bots[1 - ends_first]
        assert loopback.sessions == [stays.ws.session_id]
        await stays.tree.sync()
        assert (await loopback.user.slash(loopback.channel, "who")).message.content == stays.name
        await contexts[0].__aexit__(None, None, None)
        assert loopback.sessions == []


async def test_a_connection_is_broken_for_one_of_two_bots():
    first, second = Answering("first"), Answering("second")
    async with LoopbackDiscord() as loopback, loopback.running(first), loopback.running(second):
        await loopback.drop_gateway(session_id=first.ws.session_id)
        await loopback.user.send(loopback.channel, "while it is away")
        await loopback.settled()
        assert (first.disconnects, second.disconnects) == (1, 0)
        assert (first.seen, second.seen) == (["while it is away"], ["while it is away"])


PROGRAM = """
import asyncio, sys, discord
from botmon_cog.testing import redirect

class Bot(discord.Client):
    async def on_interaction(self, interaction):
        await interaction.response.send_message("from the other process")

    async def on_message(self, message):
        if message.content == "end":
            await self.close()

async def main():
    bot = Bot(intents=discord.Intents.all(), guild_ready_timeout=0.1)
    with redirect(sys.argv[1], sys.argv[2]):
        async with bot:
            await bot.start(sys.argv[3])

asyncio.run(main())
"""


async def test_two_processes_hold_one_token():
    may_answer = asyncio.Event()
    bot = Answering("here", may_answer)
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.tree.sync()
        arguments = (sys.executable, "-W", "ignore", "-c", PROGRAM)
        process = await asyncio.create_subprocess_exec(
            *arguments, loopback.base_url, loopback.gateway_url, loopback.token
        )
        try:
            await eventually_in_another_process(lambda: len(loopback.sessions) == 2)
            answer = await loopback.user.slash(loopback.channel, "who")
            assert answer.message.content == "from the other process"
            may_answer.set()
            await loopback.settled()
            assert bot.code == 40060
            await loopback.user.send(loopback.channel, "end")
            assert await asyncio.wait_for(process.wait(), 10) == 0
            await eventually(lambda: loopback.sessions == [bot.ws.session_id])
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def eventually_in_another_process(is_true) -> None:
    async with asyncio.timeout(20):
        while not is_true():  # the other process sets no event here
            await asyncio.sleep(0.01)


async def test_a_heartbeat_is_acknowledged_after_the_delay():
    async with (
        LoopbackDiscord() as loopback,
        aiohttp.ClientSession() as session,
        session.ws_connect(loopback.gateway_url + "?v=10&encoding=json") as socket,
    ):
        assert loopback.heartbeat_ack_delay_s > 0  # else discord.py takes one in nine intervals for the latency
        loopback.heartbeat_ack_delay_s = 0.05
        assert (await socket.receive_json())["op"] == 10
        sent_at_s = time.monotonic()
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        assert time.monotonic() - sent_at_s >= 0.049  # the loop's timers have a resolution


@pytest.mark.parametrize(
    ("switched_on", "wanted"),
    [
        (False, "members"),
        (False, "presences"),
        (False, "message_content"),
        ({"members", "presences"}, "message_content"),
    ],
)
async def test_a_privileged_intent_that_is_off_is_refused(switched_on, wanted: str):
    intents = discord.Intents.default()
    setattr(intents, wanted, True)
    async with LoopbackDiscord(privileged_intents=switched_on) as loopback:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with loopback.running(make_bot(intents=intents)):
                pytest.fail("the bot never became ready")
        async with loopback.running(make_bot(intents=discord.Intents.default())) as bot:
            assert bot.is_ready()


@pytest.mark.parametrize("switched_on", [True, False, {"members"}, {"presences", "message_content"}])
async def test_the_applications_flags_tell_of_privileged_intents(switched_on):
    bot = make_bot(intents=discord.Intents.default())
    async with LoopbackDiscord(privileged_intents=switched_on) as loopback, loopback.running(bot):
        flags = (await bot.application_info()).flags
        ready = bot.application_flags
    names = {
        "members": "gateway_guild_members",
        "presences": "gateway_presence",
        "message_content": "gateway_message_content",
    }
    expected = set(names) if switched_on is True else set(switched_on or ())
    for told in (flags, ready):
        assert {name for name, flag in names.items() if getattr(told, flag + "_limited")} == expected


@pytest.mark.parametrize("given", [{"guilds"}, "members"])
def test_an_unknown_privileged_intent_is_named(given):
    with pytest.raises(ValueError, match="a set of"):
        LoopbackDiscord(privileged_intents=given)


@pytest.mark.parametrize("way", ["function", "coroutine", "own main"])
async def test_a_bot_is_started_in_its_own_way(way: str):
    class Own(commands.Bot):
        async def start(self) -> None:
            await super().start(loopback.token)

        async def setup_hook(self) -> None:
            events.append("setup")

    events: list[str] = []
    bot = Own("!", intents=discord.Intents.default())

    async def main() -> None:
        async with bot:
            await bot.start()
        events.append("end of main")

    async with LoopbackDiscord() as loopback:
        start = {"function": bot.start, "own main": main}.get(way) or bot.start()
        async with loopback.running(bot, start=start):
            assert bot.is_ready()
            assert events == ["setup"]
        assert bot.is_closed()
        assert events == (["setup", "end of main"] if way == "own main" else ["setup"])
        assert loopback.sessions == []


async def test_what_a_bots_own_start_raises_is_raised_and_one_that_returns_too_early_is_told():
    async def broken() -> None:
        raise ZeroDivisionError("in main")

    async def early() -> None:
        pass

    async with LoopbackDiscord() as loopback:
        with pytest.raises(ZeroDivisionError, match="in main"):
            async with loopback.running(make_bot(), start=broken):
                pytest.fail("the bot never became ready")
        with pytest.raises(RuntimeError, match="start returned before the bot was ready"):
            async with loopback.running(make_bot(), start=early()):
                pytest.fail("the bot never became ready")
