"""Waiting until a bot has dealt with all that happened to it so far."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CoroutineType, FrameType
from typing import TYPE_CHECKING, Any

import discord

from botmon_cog.testing.waiting import Changes

if TYPE_CHECKING:
    from discord.gateway import DiscordWebSocket

    from botmon_cog.testing.hub import Hub, Session

# discord.py's tasks that come from an event: listeners and commands, the command tree, components and modals.
_TASK_NAMES = (
    "discord.py: ",
    "CommandTree-invoker",
    "discord-ui-view-dispatch-",
    "discord-ui-modal-dispatch-",
    "discord-ui-dynamic-item-",
)
# Those that it gives no name: a guild's members are fetched first, a voice protocol gets its two events.
_COROUTINES = ("_chunk_and_dispatch", "_delay_ready", "_delay_shard_ready", "logging_coroutine")
_LIBRARIES = (str(Path(discord.__file__).parent), str(Path(asyncio.__file__).parent))


class Settling:
    """Knows what is under way: events that no client has read yet, open requests, tasks that came from an event."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._requests: list[str] = []
        self._requests_changed = Changes()
        self.bots: list[discord.Client] = []
        """Those that run in this process and were started by the loopback."""

    @contextmanager
    def request(self, what: str) -> Generator[None, None, None]:
        """While open, a REST request is under way; `what` names it for whoever waits for its end."""
        self._requests.append(what)
        try:
            yield
        finally:
            self._requests.remove(what)
            self._requests_changed.notify()

    async def settled(self, timeout_s: float) -> None:
        """Return once nothing is under way; TimeoutError after `timeout_s` real seconds names what still is."""
        try:
            async with asyncio.timeout(timeout_s):
                while not await self._has_settled():
                    pass
        except TimeoutError:
            text = "; ".join(self._under_way()) or "the bot does not read what the gateway sends"
            raise TimeoutError(f"not settled within {timeout_s:g} s: {text}") from None

    async def _has_settled(self) -> bool:
        """One round: whether it found nothing under way; otherwise what it found has moved on since."""
        await asyncio.sleep(0)
        sent_before = self._sent()
        await self._hub.connections_changed.until(lambda: not self._unread(), None)
        connections = [session.connection for session in self._hub.connected()]
        await asyncio.gather(*(connection.until_read() for connection in connections if connection is not None))
        tasks = _event_tasks()
        if tasks:
            await asyncio.wait(tasks)
            return False
        if self._requests:
            await self._requests_changed.until(lambda: not self._requests, None)
            return False
        return self._sent() == sent_before and not self._unread()

    def _sent(self) -> dict[str, int]:
        return {session.id: session.sequence for session in self._hub.sessions.values()}

    def _unread(self) -> list[Session]:
        """Sessions of our bots whose connection is gone and that hold events for when it is back."""
        read = {socket.session_id: socket.sequence or 0 for bot in self.bots for socket in _sockets(bot)}
        return [
            session
            for session in self._hub.sessions.values()
            if session.connection is None and session.sequence > read.get(session.id, session.sequence)
        ]

    def _under_way(self) -> list[str]:
        unread = [
            f"shard {session.shard_id} is not connected and has events to catch up on" for session in self._unread()
        ]
        requests = [f"{what} has no answer yet" for what in self._requests]
        return [*unread, *requests, *(_described(task) for task in _event_tasks())]


def _event_tasks() -> list[asyncio.Task[Any]]:
    own = asyncio.current_task()
    return [task for task in asyncio.all_tasks() if task is not own and _comes_from_an_event(task)]


def _comes_from_an_event(task: asyncio.Task[Any]) -> bool:
    if task.get_name().startswith(_TASK_NAMES):
        return True
    coroutine = task.get_coro()
    return isinstance(coroutine, CoroutineType) and coroutine.__name__ in _COROUTINES


def _sockets(bot: discord.Client) -> list[DiscordWebSocket]:
    """Of all shards; without those that have not connected yet."""
    if isinstance(bot, discord.AutoShardedClient):
        shards = [info._parent for info in bot.shards.values()]  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        return [shard.ws for shard in shards]
    socket: Any = bot.ws  # None before the first connection, whatever discord.py's annotation says
    return [] if socket is None else [socket]


def _described(task: asyncio.Task[Any]) -> str:
    """The task's name, and where it waits: the innermost line that is not a library's."""
    frames = list(_frames(task.get_coro()))
    own = [frame for frame in frames if not frame.f_code.co_filename.startswith(_LIBRARIES)]
    if not frames:
        return f"the task {task.get_name()!r}"
    frame = (own or frames)[-1]
    place = f"{frame.f_code.co_qualname} ({Path(frame.f_code.co_filename).name}:{frame.f_lineno})"
    return f"the task {task.get_name()!r} waits in {place}"


def _frames(awaited: Any) -> Iterator[FrameType]:
    while isinstance(awaited, CoroutineType):
        if awaited.cr_frame is not None:
            yield awaited.cr_frame
        awaited = awaited.cr_await
