"""How long it takes to join a voice channel: through discord.py's own client, or the player of any library."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

import discord

from botmon_cog.domain.models import MetricSample
from botmon_cog.domain.performance import VOICE_CONNECT
from botmon_cog.observer.class_sinks import add_around, remove_sink
from botmon_cog.observer.music.context import HookContext
from botmon_cog.runtime import MonitoringSystem

_CONNECT = ("connect",)


class VoiceConnects:
    """Those of one bot."""

    def __init__(
        self,
        context: HookContext,
        system: MonitoringSystem,
        ignored: Collection[int],
        connecting: Callable[[], None],
    ) -> None:
        """`ignored`: servers in which nothing is measured. `connecting`: called before each connect."""
        self._context = context
        self._record = system.recorder.record
        self._performance = system.performance
        self._monotonic = system.clock.monotonic
        self._ignored = ignored
        self._connecting = connecting

    def attach(self) -> None:
        add_around(discord.abc.Connectable, _CONNECT, self._connect)

    def detach(self) -> None:
        remove_sink(discord.abc.Connectable, _CONNECT, self._connect)

    async def _connect(self, run: Callable[..., Any], channel: Any, /, *args: Any, **kwargs: Any) -> Any:
        guild = getattr(channel, "guild", None)
        if guild is None or guild.id in self._ignored or self._context.bot.get_guild(guild.id) is not guild:
            return await run(*args, **kwargs)
        with self._context.guarded():
            self._connecting()
        began_s = self._monotonic()
        try:
            client = await run(*args, **kwargs)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if _is_attempt(error):
                self._note(guild, began_s, is_there=False)
            raise
        self._note(guild, began_s, is_there=True)
        return client

    def _note(self, guild: discord.Guild, began_s: float, *, is_there: bool) -> None:
        sample = MetricSample(
            name=VOICE_CONNECT,
            occurred_at=self._context.now().at,
            value=self._monotonic() - began_s,
            success=is_there,
            guild_id=guild.id,
            shard_id=guild.shard_id,
        )
        # Soon, and not now: a host that measures the same says so as soon as this has returned.
        self._context.put(partial(self._add, sample))

    def _add(self, sample: MetricSample) -> None:
        if not self._performance.is_told_of_connects:
            self._record(sample)


def _is_attempt(error: Exception) -> bool:
    """Whether Discord was asked at all: not where the bot is in a voice channel already."""
    return isinstance(error, discord.ConnectionClosed) or not isinstance(error, discord.ClientException)
