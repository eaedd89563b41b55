"""When Discord took a response: the public methods of `InteractionResponse` are wrapped, for nothing else tells it.

The class is shared by all bots of the process, and this module may be reloaded: so those who listen are kept on the
wrapped methods themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from typing import Any

import discord

ResponseSink = Callable[[discord.InteractionResponse[Any], BaseException | None], None]

_RESPONDING = ("defer", "pong", "send_message", "edit_message", "send_modal", "autocomplete", "launch_activity")
_SINKS = "__botmon_sinks__"


def add_response_sink(sink: ResponseSink) -> None:
    """Call `sink(response, error or None)` after every response that any bot of this process sends."""
    for name in _RESPONDING:
        method: Any = vars(discord.InteractionResponse).get(name)
        if method is None:
            continue  # an older discord.py lacks it
        sinks: _Sinks | None = getattr(method, _SINKS, None)
        if sinks is None:
            setattr(discord.InteractionResponse, name, _wrapped(method, _Sinks([sink])))
        else:
            sinks.change([*sinks.all, sink])


def remove_response_sink(sink: ResponseSink) -> None:
    """Undo `add_response_sink`; the last one to go puts the class back as it was."""
    for name in _RESPONDING:
        method: Any = vars(discord.InteractionResponse).get(name)
        sinks: _Sinks | None = getattr(method, _SINKS, None)
        if sinks is None or sink not in sinks.all:
            continue
        sinks.change([other for other in sinks.all if other != sink])
        if not sinks.all:
            setattr(discord.InteractionResponse, name, method.__wrapped__)


class _Sinks:
    """Those who listen to one method.

    Attributes:
        all: in the order in which they came.
        tell: calls each of them; mostly it is the only one itself.
    """

    def __init__(self, sinks: Sequence[ResponseSink]) -> None:
        self.change(sinks)

    def change(self, sinks: Sequence[ResponseSink]) -> None:
        self.all = sinks
        self.tell: ResponseSink = sinks[0] if len(sinks) == 1 else self._tell_all

    def _tell_all(self, response: discord.InteractionResponse[Any], error: BaseException | None) -> None:
        for sink in self.all:
            sink(response, error)


def _wrapped(method: Callable[..., Awaitable[Any]], sinks: _Sinks) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def respond(self: discord.InteractionResponse[Any], /, *args: Any, **kwargs: Any) -> Any:
        try:
            result = await method(self, *args, **kwargs)
        except BaseException as error:
            sinks.tell(self, error)
            raise
        sinks.tell(self, None)
        return result

    setattr(respond, _SINKS, sinks)
    return respond
