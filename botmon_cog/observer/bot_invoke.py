"""`Bot.invoke` of one bot, run by us: its class's method, or what the host has set on the instance in its place."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import MethodType
from typing import Any

from discord.ext import commands

from botmon_cog.observer.opened import AnyContext

_NAME = "invoke"

Run = Callable[[AnyContext, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""(the context that is invoked, what invokes it)"""


class BotInvoke:
    """It is wrapped on the instance. What a host wraps or sets there later stays, and is wrapped in turn."""

    def __init__(self, bot: commands.Bot, run: Run) -> None:
        """`run` is what is called instead; it returns and raises what the bot's own does."""
        self._bot = bot
        self._run = run
        self._attributes: dict[str, Any] = vars(bot)
        self._wrapped: Any = None
        self._made: list[tuple[Any, Any]] = []
        """Each wrapper, and what the instance had in its place: None for its class's method."""

    def wrap(self) -> None:
        """Do so, unless what is there is ours. It runs for every message that the bot sees."""
        found = self._attributes.get(_NAME)
        if found is not self._wrapped or found is None:
            self._wrapped = found if self._is_ours(found) else self._make(found)
            self._attributes[_NAME] = self._wrapped

    def unwrap(self) -> None:
        """Leave the instance as it was found. Where a host has wrapped ours since, it stays and calls `run`."""
        found = self._attributes.get(_NAME)
        for wrapper, replaced in self._made:
            if wrapper is found and replaced is None:
                del self._attributes[_NAME]
            elif wrapper is found:
                self._attributes[_NAME] = replaced

    def _is_ours(self, found: object) -> bool:
        return any(wrapper is found for wrapper, _ in self._made)

    def _make(self, replaced: Any) -> Callable[..., Awaitable[Any]]:
        bot, kind, run = self._bot, type(self._bot), self._run

        async def observed_invoke(context: AnyContext, /, *args: Any, **kwargs: Any) -> Any:
            invoke = MethodType(kind.invoke, bot) if replaced is None else replaced
            return await run(context, lambda: invoke(context, *args, **kwargs))

        self._made.append((observed_invoke, replaced))
        return observed_invoke
