"""People who use the demo's bot, each at their own pace, until told to stop."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

from botmon_cog.cli.demo.bot import MENU
from botmon_cog.cli.demo.songs import SONGS
from botmon_cog.testing import LoopbackChannel, LoopbackUser

LISTENERS = 12
_SHORTEST_PAUSE_S = 0.15
_LONGEST_PAUSE_S = 0.9

Act = Callable[["Crowd", LoopbackUser], Awaitable[object]]


class Crowd:
    """A handful of listeners in one channel.

    Attributes:
        acts: how many commands they have used so far.
    """

    def __init__(self, listeners: list[LoopbackUser], channel: LoopbackChannel, rng: random.Random) -> None:
        self._listeners = listeners
        self.channel = channel
        self.rng = rng
        self.acts = 0

    async def use_bot(self, seconds: float) -> None:
        """All of them, until the time is up and their last answers have come; everyone does at least one thing."""
        loop = asyncio.get_running_loop()
        end_s = loop.time() + seconds
        async with asyncio.TaskGroup() as group:
            for listener in self._listeners:
                group.create_task(self._listen(listener, end_s))

    async def _listen(self, listener: LoopbackUser, end_s: float) -> None:
        loop = asyncio.get_running_loop()
        # People do not all arrive in the same instant.
        await asyncio.sleep(min(self.rng.uniform(0, _LONGEST_PAUSE_S), max(end_s - loop.time(), 0)))
        while True:
            (act,) = self.rng.choices(list(_ACTS), list(_ACTS.values()))
            await act(self, listener)
            self.acts += 1
            if loop.time() >= end_s:
                return
            await asyncio.sleep(self.rng.uniform(_SHORTEST_PAUSE_S, _LONGEST_PAUSE_S))


async def _play(crowd: Crowd, listener: LoopbackUser) -> None:
    song = crowd.rng.choice(list(SONGS))
    choices = await listener.autocomplete(crowd.channel, "play", focused="song", value=song[:2])
    await listener.slash(crowd.channel, "play", song=choices[0]["value"] if choices else song)


async def _skip(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "skip")


async def _queue(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "queue")


async def _pause(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "pause")


async def _lyrics(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "lyrics")


async def _volume(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "volume", percent=crowd.rng.randrange(10, 150, 10))


async def _volume_with_a_typo(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.send(crowd.channel, "!volume loud")


async def _now_playing(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.send(crowd.channel, "!np")


async def _play_message(crowd: Crowd, listener: LoopbackUser) -> None:
    message = await listener.send(crowd.channel, crowd.rng.choice(list(SONGS)))
    await listener.context_menu(crowd.channel, MENU, message)


async def _clear_without_permission(crowd: Crowd, listener: LoopbackUser) -> None:
    await listener.slash(crowd.channel, "clear")


_ACTS: dict[Act, int] = {
    _play: 40,
    _skip: 18,
    _queue: 14,
    _pause: 8,
    _lyrics: 5,
    _volume: 6,
    _volume_with_a_typo: 1,
    _now_playing: 5,
    _play_message: 3,
    _clear_without_permission: 1,
}
"""What people do, and how often compared with the rest."""
