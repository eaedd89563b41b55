"""Listeners that raise: `bot.on_error`, which discord.py calls for each, with ours before the host's."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from types import FrameType, MethodType
from typing import Any, NamedTuple, Protocol, cast

import discord
from discord.ext import commands

from botmon_cog.causes.frames import module_of
from botmon_cog.domain.models import BackgroundKind
from botmon_cog.observer import places
from botmon_cog.observer.opened import names_in
from botmon_cog.observer.outcomes import root_cause
from botmon_cog.observer.private import RUN_EVENT

_ON_ERROR = "on_error"
_LINK = "__botmon_link__"
_INVOKE = "invoke"

Handler = Callable[..., Awaitable[None]]


class Described(NamedTuple):
    """Where something failed, and what people wrote that its error may repeat."""

    place: str
    typed: Iterable[object] = ()


class CountFailure(Protocol):
    """Never raises, nor does what `describe` raises leave it. `describe` gives None where it is counted elsewhere."""

    def __call__(
        self, kind: BackgroundKind, error: BaseException, describe: Callable[[], Described | None], /
    ) -> None: ...


class EventErrors:
    """Those of one bot. What a prefix command raises passes through here too, and is that invocation's."""

    def __init__(self, bot: commands.Bot, count: CountFailure) -> None:
        self._bot = bot
        self._count = count
        self._attributes: dict[str, Any] = vars(bot)
        self._ours: Handler | None = None
        self._previous: Handler | None = None
        self._is_attached = False

    def attach(self) -> None:
        self._is_attached = True
        self._chain()

    def detach(self) -> None:
        """Leave `bot.on_error` as it was found; if somebody wrapped ours since, it stays and passes through."""
        self._is_attached = False
        if self._attributes.get(_ON_ERROR) is self._ours:
            if self._previous is None:
                del self._attributes[_ON_ERROR]
            else:
                self._attributes[_ON_ERROR] = self._previous

    def sweep(self) -> None:
        """Stand before the host's handler again, if it has set its own since."""
        if self._attributes.get(_ON_ERROR) is not self._ours:
            self._chain()

    @property
    def is_over(self) -> bool:
        """Our link of the chain only passes through."""
        return not self._is_attached

    @property
    def previous(self) -> Handler | None:
        """What our link stands before; None: the method of the bot's class."""
        return self._previous

    def _chain(self) -> None:
        """Each link keeps its own successor: the host may have wrapped the last."""
        found: Any = self._attributes.get(_ON_ERROR)
        while (link := getattr(found, _LINK, None)) is not None and link.is_over:
            found = link.previous
        self._previous = found
        previous: Handler = found or MethodType(type(self._bot).on_error, self._bot)

        async def on_error(event_method: str, /, *args: Any, **kwargs: Any) -> None:
            if self._is_attached and self._ours is on_error:
                self._heard(event_method, args)
            await previous(event_method, *args, **kwargs)

        setattr(on_error, _LINK, self)
        self._ours = on_error
        self._attributes[_ON_ERROR] = on_error

    def _heard(self, event_method: str, args: Sequence[object]) -> None:
        error = sys.exc_info()[1]
        if error is not None:
            self._count(BackgroundKind.LISTENER, error, lambda: self._describe(event_method, args, error))

    def _describe(self, event_method: str, args: Sequence[object], error: BaseException) -> Described | None:
        frames = places.frames_of(error)
        if _is_told(error, args) or any(_invokes(frame, self._bot) for frame in frames):
            return None
        place = _listener(frames) or places.function_in(frames) or event_method
        return Described(place, _typed(args))


def _is_told(error: BaseException, args: Sequence[object]) -> bool:
    """Whether a handler of errors raised the one that it was called for: it is counted where it came from."""
    told = [arg for arg in args if isinstance(arg, BaseException)]
    return any(error is one or error is root_cause(one) for one in told)


def _invokes(frame: FrameType, bot: commands.Bot) -> bool:
    """Whether it runs a prefix command: `Bot.invoke`, or what a host put in its place."""
    return frame.f_code.co_name == _INVOKE and frame.f_locals.get("self") is bot


def _listener(frames: Sequence[FrameType]) -> str | None:
    """What discord.py called, also where its name is hidden by a decorator, or it could not be called at all."""
    runner = next(filter(is_run_event, frames), None)
    return None if runner is None else places.name_of(runner.f_locals.get("coro"))


def is_run_event(frame: FrameType) -> bool:
    """Whether it is discord.py's, running one listener."""
    return frame.f_code.co_name == RUN_EVENT and module_of(frame).startswith("discord.")


def _typed(args: Sequence[object]) -> list[str]:
    """What people wrote, of an event's arguments: messages, and what they were before."""
    typed: list[str] = []
    for arg in args:
        one: Any = arg.message if isinstance(arg, commands.Context) else arg
        if isinstance(one, discord.Message):
            typed += one.content, *one.content.split()
        elif isinstance(one, discord.Interaction):
            typed += values_in(one.data)
            typed += map(str, names_in(dict[str, Any](one.data or {}).get("resolved")))
    return typed


def values_in(data: object) -> list[str]:
    """The values in what Discord sent of an interaction, whatever their depth."""
    found: list[str] = []
    if isinstance(data, Mapping):
        for key, value in cast("Mapping[str, object]", data).items():
            found += [str(value)] if key == "value" else values_in(value)
    elif isinstance(data, list):
        for value in cast("list[object]", data):
            found += [value] if isinstance(value, str) else values_in(value)
    return found
