"""A bot that plays: discord.py's own voice client and player thread, over a connection that sends nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import discord
import pytest
from discord import voice_client

from botmon_cog.domain.models import EndReason, MetricSample, MusicEvent, MusicEventType
from botmon_cog.domain.performance import VOICE_CONNECT
from tests.harness import EXTENSION, Rig, make_bot, make_config, running, until
from tests.recorded import Recorded

SONG, SKIP, PAUSE, PLAYTIME = MusicEventType
SILENCE = b"\xf8\xff\xfe"
"""20 ms of it, as Opus has it."""


class Quiet:
    """The websocket and the UDP socket of a voice client, and nobody at their other end."""

    ssrc, mode, secret_key, timeout = 1, "quiet", [0], 0.01
    dave_session, can_encrypt = None, False

    def __init__(self, client: QuietVoiceClient) -> None:
        self.client = client
        self.ws = self
        self.is_up = True
        self.packets = 0
        self.left = asyncio.Event()

    async def speak(self, state: discord.SpeakingState) -> None:
        pass

    def is_connected(self) -> bool:
        return self.is_up

    def wait(self, timeout_s: float | None) -> bool:
        return self.is_up

    def send_packet(self, packet: bytes) -> None:
        self.packets += 1

    async def connect(self, **_: object) -> None:
        await self.client.connecting()
        await self.client.guild.change_voice_state(channel=self.client.channel)

    async def voice_state_update(self, data: Any) -> None:
        if data["channel_id"] is None:
            self.left.set()
            await self.disconnect(wait=False)

    async def voice_server_update(self, data: Any) -> None:
        pass

    async def disconnect(self, *, wait: bool, force: bool = True) -> None:
        if self.is_up:
            self.is_up = False
            await self.client.guild.change_voice_state(channel=None)
            self.client.stop()
            if wait:
                await self.left.wait()
            self.client.cleanup()


class QuietVoiceClient(discord.VoiceClient):
    def create_connection_state(self) -> Any:
        return Quiet(self)

    async def connecting(self) -> None:
        """What happens while it connects."""

    def cleanup(self) -> None:
        if self in self.client.voice_clients:
            super().cleanup()

    def _encrypt_quiet(self, header: bytes, data: bytes) -> bytes:
        return bytes(header) + data


class Sound(discord.AudioSource):
    """Silence, until it is told to end. `title`: as many bots give their sources one."""

    def __init__(self, title: str | None = None, *, frames: int | None = None, error: Exception | None = None) -> None:
        self.title = title
        self.over = threading.Event()
        self.cleaned = threading.Event()
        self.reads = 0
        self._frames = frames
        self._error = error

    def is_opus(self) -> bool:
        return True

    def read(self) -> bytes:
        self.reads += 1
        if self._error is not None:
            raise self._error
        if self.over.is_set() or (self._frames is not None and self.reads > self._frames):
            return b""
        return SILENCE

    def cleanup(self) -> None:
        self.cleaned.set()


class Stage(Rig):
    """A bot in a voice channel of its server."""

    recorded: Recorded
    client: QuietVoiceClient
    channel: discord.VoiceChannel

    def play(self, sound: Sound, **kwargs: Any) -> Sound:
        self.client.play(sound, **kwargs)
        return sound

    async def finish(self, sound: Sound) -> None:
        """Let it come to its end."""
        sound.over.set()
        await self.gone(sound)

    async def gone(self, sound: Sound) -> None:
        """Wait until its thread has said that it ended, and we have heard of it."""
        await until(sound.cleaned.is_set)
        await turn()

    async def join(self, kind: type[QuietVoiceClient] = QuietVoiceClient) -> None:
        self.client = await self.channel.connect(cls=kind)
        await until(lambda: self.channel.guild.me.voice is not None)

    def told(self) -> list[tuple[MusicEventType, float, EndReason | None]]:
        """(what, how long, how it ended) of all that was recorded of music."""
        return [(event.type, event.duration_s, event.end_reason) for event in self.recorded.all(MusicEvent)]

    def count(self, kind: MusicEventType) -> int:
        return sum(told[0] is kind for told in self.told())

    def reasons(self) -> list[EndReason]:
        return [reason for _, _, reason in self.told() if reason is not None]

    def connects(self) -> list[tuple[float, bool]]:
        """(how long, whether it came about)."""
        return [(s.value, s.success) for s in self.recorded.all(MetricSample) if s.name == VOICE_CONNECT]


async def turn() -> None:
    """Let what other threads have put in be taken up."""
    for _ in range(3):
        await asyncio.sleep(0)


@contextmanager
def voice(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `discord.py[voice]` installs is not needed where nothing is sent."""
    with monkeypatch.context() as patch:
        patch.setattr(voice_client, "has_nacl", True)
        patch.setattr(voice_client, "has_dave", True, raising=False)
        yield


@asynccontextmanager
async def playing(
    monkeypatch: pytest.MonkeyPatch,
    *,
    joins: bool = True,
    prepare: Callable[[Rig], None] | None = None,
    **tables: Any,
) -> AsyncIterator[Stage]:
    """A bot with the extension, in a voice channel if it `joins`.

    `prepare`: called before the extension is loaded. `tables`: of the configuration.
    """
    bot = make_bot()
    bot.botmon_config = make_config(**tables)
    recorded = Recorded(monkeypatch)
    with voice(monkeypatch):
        async with running(bot, load=False) as rig:
            if prepare is not None:
                prepare(rig)
            await bot.load_extension(EXTENSION)
            await bot.tree.sync()
            stage = Stage(rig.discord, rig.bot, rig.clock)
            stage.recorded = recorded
            made = rig.discord.guild.add_voice_channel("Music")
            await until(lambda: bot.get_channel(made.id) is not None)
            stage.channel = bot.get_channel(made.id)  # pyright: ignore[reportAttributeAccessIssue]
            if joins:
                await stage.join()
            try:
                yield stage
            finally:
                for client in [*bot.voice_clients]:
                    await client.disconnect(force=True)
