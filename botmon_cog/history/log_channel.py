"""Tells channels what is used as it comes: one per server, and one of the owners' for all of them.

Recording costs an append more while any channel is set, and nothing else. Each process tells what it records itself.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, tzinfo

import discord

from botmon_cog.discord_ui.discord_errors import UNREACHED, in_words, is_final
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.domain.models import Id, Invocation
from botmon_cog.domain.settings import BOT, Settings
from botmon_cog.errors import StorageError
from botmon_cog.history.log_lines import Waiting
from botmon_cog.history.log_stop import WrongChannelError, resumed, stopped, tell, why
from botmon_cog.store.records import number_of

_log = logging.getLogger(__name__)

EVERY_S = 10.0
"""A channel gets a message at most so often."""
_SETTINGS_EVERY_S = 30.0
_PAUSE_S = 60.0
"""After Discord has refused a message for now, a channel is left alone for so long."""
_STORE_TIMEOUT_S = 5.0
_NAME = "telling log channels"
_NOBODY = discord.AllowedMentions.none()


class _Target:
    """One channel, and what is to be told there."""

    def __init__(self, scope: int, channel_id: int) -> None:
        self.scope = scope
        self.channel_id = channel_id
        self.zone: tzinfo = UTC
        self.has_problem = False
        """Whether the settings still say why nothing was told."""
        self.waiting = Waiting()
        self.sending: asyncio.Task[None] | None = None
        self.paused_until_s = 0.0

    def is_ready(self, now_s: float) -> bool:
        is_busy = self.sending is not None and not self.sending.done()
        return len(self.waiting) > 0 and not is_busy and now_s >= self.paused_until_s


class LogChannels:
    """Of one bot."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._bot = responder.bot
        self._system = responder.system
        self._taken: list[Invocation] = []
        self._stop_listening: Callable[[], None] | None = None
        self._targets: dict[int, _Target] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._looked_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._system.loops.begin(_NAME, EVERY_S)
        self._task = asyncio.get_running_loop().create_task(self._run(), name="botmon-log-channels")

    async def stop(self) -> None:
        """What was not told by now is not told any more."""
        self._listen(wanted=False)
        self._system.loops.end(_NAME)
        task, self._task = self._task, None
        ending = {*self._sending, *(() if task is None else (task,))}
        for each in ending:
            each.cancel()
        if ending:
            await asyncio.wait(ending)

    async def _run(self) -> None:
        while True:
            await self._system.clock.sleep(EVERY_S)
            await self.step()
            self._system.loops.note(_NAME)

    async def step(self) -> None:
        """Sort what was recorded, and begin to tell it. Raises nothing."""
        try:
            taken, self._taken = self._taken, []
            if taken or self._is_due():
                await self._look_up()
            self._listen(wanted=bool(self._targets))
            for row in taken:
                self._sort(row)
            now_s = self._system.clock.monotonic()
            for target in self._targets.values():
                if target.is_ready(now_s):
                    target.sending = asyncio.create_task(self._send(target), name="botmon-log-channel")
                    self._sending.add(target.sending)
                    target.sending.add_done_callback(self._sending.discard)
        except Exception as error:  # noqa: BLE001 (a task would end for good with its first error)
            self._system.failures.note(_NAME, error)

    def _listen(self, *, wanted: bool) -> None:
        if wanted and self._stop_listening is None:
            self._stop_listening = self._system.recorder.listen(self._take)
        elif not wanted and self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    def _take(self, row: Invocation) -> None:
        self._taken.append(row)

    def _is_due(self) -> bool:
        return self._looked_s is None or self._system.clock.monotonic() - self._looked_s >= _SETTINGS_EVERY_S

    async def _look_up(self) -> None:
        """Which channels there are. While the database is away, those that there were."""
        self._looked_s = self._system.clock.monotonic()
        try:
            async with asyncio.timeout(_STORE_TIMEOUT_S):
                settings = await self._system.store.settings.all()
        except (StorageError, TimeoutError) as error:
            _log.debug("can't look up the log channels: %s", error or type(error).__name__)
            return
        own = settings.get(BOT, Settings())
        wanted = {scope: of for scope, of in settings.items() if of.log_channel_id is not None}
        for scope in self._targets.keys() - wanted.keys():
            del self._targets[scope]
        for scope, of in wanted.items():
            target = self._targets.get(scope)
            if target is None or target.channel_id != of.log_channel_id:
                target = self._targets[scope] = _Target(scope, of.log_channel_id or 0)
            target.zone, target.has_problem = self._system.settings.zone_of(of, own), of.log_problem is not None

    def _sort(self, row: Invocation) -> None:
        """To those who are to be told. Our own commands and what is pressed are told to nobody."""
        if row.is_own or row.kind.is_component:
            return
        for scope in {BOT, _scope(row.guild_id)}:
            if (target := self._targets.get(scope)) is not None:
                target.waiting.add(row)

    # -- telling -------------------------------------------------------------------------------------------------------

    async def _send(self, target: _Target) -> None:
        """One message. What Discord does not take for now is counted in a later one."""
        waiting, target.waiting = target.waiting, Waiting()
        content = waiting.content(target.zone, is_for_owners=target.scope == BOT)
        try:
            channel = await self._channel(target)
            await channel.send(content, allowed_mentions=_NOBODY, suppress_embeds=True, silent=True)
            if target.has_problem:
                await self._system.store.engine.write(resumed(target.scope, self._system.clock.now()))
        except (WrongChannelError, *UNREACHED) as error:
            await self._failed(target, waiting, error)
        except StorageError as error:
            _log.debug("can't note that a log channel works again: %s", error)
        except Exception as error:  # noqa: BLE001 (the edge: a task of ours)
            target.paused_until_s = self._system.clock.monotonic() + _PAUSE_S
            self._system.failures.note(_NAME, error)

    async def _channel(self, target: _Target) -> discord.abc.Messageable:
        """Raises WrongChannelError, and what discord.py raises where it does not find it."""
        channel = self._bot.get_channel(target.channel_id) or await self._bot.fetch_channel(target.channel_id)
        if not isinstance(channel, discord.abc.Messageable):
            raise WrongChannelError("that channel takes no messages")
        if target.scope not in {BOT, getattr(getattr(channel, "guild", None), "id", None)}:
            raise WrongChannelError("that channel is not of this server")
        return channel

    async def _failed(self, target: _Target, waiting: Waiting, error: Exception) -> None:
        target.waiting.add_counts(waiting)
        target.paused_until_s = self._system.clock.monotonic() + _PAUSE_S
        if not isinstance(error, WrongChannelError) and not is_final(error):
            _log.info("log channel %d is left alone for a minute: %s", target.channel_id, in_words(error))
            return
        problem = why(error, self._bot.get_channel(target.channel_id))
        now = self._system.clock.now()
        try:
            before = await self._system.store.engine.write(stopped(target.scope, target.channel_id, problem, now))
        except StorageError as failed:  # another process may do it, or we once the pause is over
            _log.debug("can't switch a log channel off: %s", failed)
            return
        if before is not None:
            _log.warning("commands are no longer posted in channel %d: %s", target.channel_id, problem)
            await tell(self._bot, target.scope, before, problem, self._responder.names().get("stats"))


def _scope(guild_id: Id | None) -> int:
    """The server's id, or BOT for what is of none."""
    return BOT if guild_id is None else number_of(guild_id) or BOT
