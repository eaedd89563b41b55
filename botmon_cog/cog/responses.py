"""When Discord took a response: the public methods of `InteractionResponse` are wrapped, for nothing else tells it.

The class is shared by all bots of the process, and this module may be reloaded: so the list of those who listen is kept
on the wrapped methods themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
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
        sinks: list[ResponseSink] | None = getattr(method, _SINKS, None)
        if sinks is None:
            setattr(discord.InteractionResponse, name, _wrapped(method, [sink]))
        else:
            sinks.append(sink)


def remove_response_sink(sink: ResponseSink) -> None:
    """Undo `add_response_sink`; the last one to go puts the class back as it was."""
    for name in _RESPONDING:
        method: Any = vars(discord.InteractionResponse).get(name)
        sinks: list[ResponseSink] | None = getattr(method, _SINKS, None)
        if sinks is None or sink not in sinks:
            continue
        sinks.remove(sink)
        if not sinks:
            setattr(discord.InteractionResponse, name, method.__wrapped__)


def _wrapped(method: Callable[..., Awaitable[Any]], sinks: list[ResponseSink]) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def respond(self: discord.InteractionResponse[Any], /, *args: Any, **kwargs: Any) -> Any:
        try:
            result = await method(self, *args, **kwargs)
        except BaseException as error:
            for sink in sinks:
                sink(self, error)
            raise
        for sink in sinks:
            sink(self, None)
        return result

    setattr(respond, _SINKS, sinks)
    return respond
