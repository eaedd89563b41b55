"""Voice connections of discord.py's own client and of Lavalink players, which tell less of themselves."""

from __future__ import annotations

import math
from typing import Any

import discord
import pytest

from botmon_cog.health.components.voice import Voice, VoiceSample
from botmon_cog.testing import ManualClock
from tests.harness import cog_of, make_bot, running
from tests.health_samples import Bot, sources_of


class Client:
    """As discord.py's, as far as its connection goes."""

    def __init__(self, latency: float = 0.03, average: float = 0.04) -> None:
        self.latency = latency
        self.average_latency = average
        self.is_up = True

    def is_connected(self) -> bool:
        return self.is_up


class LavalinkClient(discord.VoiceProtocol):
    """As in the examples of lavalink.py: the least that discord.py asks for."""

    def __init__(self) -> None:
        super().__init__(None, None)  # pyright: ignore[reportArgumentType]


class WavelinkPlayer(LavalinkClient):
    """`connected` is a property, and there is no latency."""

    connected = True


class HalfMade(LavalinkClient):
    @property
    def is_connected(self) -> bool:
        raise RuntimeError("no node yet")


class BotWithVoice:
    def __init__(self, *clients: object) -> None:
        self.voice_clients: list[Any] = list(clients)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


async def look(voice: Voice) -> VoiceSample:
    sample = await voice.sample()
    assert sample is not None
    return sample


async def test_there_is_nothing_to_see_until_the_bot_first_joins_a_channel(clock):
    sources, bot = sources_of(clock=clock), BotWithVoice()
    voice = Voice(sources)
    assert await voice.sample() is None
    sources.bot = bot
    assert await voice.sample() is None
    bot.voice_clients.append(Client())
    assert await voice.sample() == VoiceSample(connections=1, latency_s=0.04)
    bot.voice_clients.clear()
    assert await voice.sample() == VoiceSample(), "so that what was wrong is seen to be over"


async def test_a_connection_is_lost_after_a_minute_without_it(clock):
    lost, player, bot = Client(), WavelinkPlayer(), BotWithVoice()
    bot.voice_clients += [lost, player, LavalinkClient()]
    voice = Voice(sources_of(clock=clock, bot=bot))
    lost.is_up, player.connected = False, False
    assert (await look(voice)).lost == 0
    await clock.advance(60)
    assert (await look(voice)).lost == 0
    await clock.advance(1)
    assert (await look(voice)) == VoiceSample(connections=3, lost=2, lost_s=61.0, latency_s=0.04)
    player.connected = True
    assert (await look(voice)).lost == 1
    player.connected = False
    await clock.advance(30)
    assert (await look(voice)).lost == 1, "it was back meanwhile"
    bot.voice_clients.remove(lost)
    assert (await look(voice)).lost == 0, "it left the channel, as people do"


@pytest.mark.parametrize(
    ("clients", "latency_s"),
    [
        ([Client(), Client(average=2.5)], 2.5),
        ([Client(latency=0.7, average=math.inf)], 0.7),
        ([Client(latency=math.nan, average=math.inf)], None),
        ([LavalinkClient(), WavelinkPlayer()], None),
        ([HalfMade(), object()], None),
    ],
    ids=["the slowest", "no average yet", "no heartbeat yet", "none is told", "not made yet"],
)
async def test_latency_is_that_of_the_slowest_that_tells(clock, clients, latency_s):
    voice = Voice(sources_of(clock=clock, bot=BotWithVoice(*clients)))
    assert await look(voice) == VoiceSample(connections=len(clients), latency_s=latency_s)


def test_a_lost_connection_makes_the_bot_degraded_until_it_is_back_or_given_up():
    bot = Bot()
    report = bot.check(voice=VoiceSample(connections=4, lost=1, lost_s=70.0))
    assert ([each.key for each in report.problems], report.overall_status) == (["voice.lost"], "degraded")
    assert bot.check(voice=VoiceSample(connections=3)).overall_status == "healthy"


async def test_the_extension_watches_the_voice_clients_of_its_bot(monkeypatch):
    bot = make_bot()
    async with running(bot) as rig:
        monkeypatch.setattr(type(bot), "voice_clients", property(lambda _: [Client(), LavalinkClient()]))
        report = await cog_of(rig.bot).system.health.report()
        assert report.sample("voice", VoiceSample) == VoiceSample(connections=2, latency_s=0.04)
