"""The private names of discord.py that this package leans on. Where one is gone, it says so once and does without.

`CommandTree._from_interaction(interaction)`
    makes the task of an application command. The event `interaction`, which is dispatched right after it, does as well,
    but costs each command more.
`CommandTree._call(interaction)`
    runs an application command from its first check to its last error handler. Without it, an invocation that ends
    without an event (denied by `interaction_check`, cancelled, a crash in a local handler) is closed 15 minutes later.
`InteractionResponse._parent`
    is the interaction that a response belongs to. Without it, that is looked for among those which are open.
`Client._listeners`
    holds what `Client.wait_for` waits for. Without it, a listener that was taken away goes with the next event.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import discord
from discord.ext import commands

_log = logging.getLogger(__name__)

RECEIVE = "_from_interaction"
CALL = "_call"
LISTENERS = "_listeners"
PARENT = "_parent"

Receive = Callable[[discord.Interaction[Any]], None]
Call = Callable[[discord.Interaction[Any]], Awaitable[None]]


def wrap_receive(bot: commands.Bot, around: Callable[[Receive], Receive]) -> Callable[[], None] | None:
    """Put `around(original)` in place of `tree._from_interaction`; returns what undoes it, None where it is gone."""
    return _wrap(bot, RECEIVE, around, "commands are noticed by their event")


def wrap_call(bot: commands.Bot, around: Callable[[Call], Call]) -> Callable[[], None] | None:
    """Put `around(original)` in place of `tree._call`; returns what undoes it, None where there is no such name."""
    return _wrap(bot, CALL, around, "what ends silently is closed 15 minutes later")


def _wrap(bot: commands.Bot, name: str, around: Callable[[Any], Any], otherwise: str) -> Callable[[], None] | None:
    original: Any = getattr(bot.tree, name, None)
    if original is None:
        _log.warning("this discord.py has no CommandTree.%s: %s", name, otherwise)
        return None
    attributes: dict[str, Any] = vars(bot.tree)
    was_set = attributes.get(name)
    ours = attributes[name] = around(original)

    def undo() -> None:
        if attributes.get(name) is not ours:
            return  # somebody has wrapped ours since: it stays, and passes through
        if was_set is None:
            del attributes[name]
        else:
            attributes[name] = was_set

    return undo


def interaction_getter(
    open_ones: Iterable[discord.Interaction[Any] | None],
) -> Callable[[discord.InteractionResponse[Any]], discord.Interaction[Any] | None]:
    """What gives a response's interaction; without the private name, it is looked for among the open ones."""
    if hasattr(discord.InteractionResponse, PARENT):
        return operator.attrgetter(PARENT)
    _log.warning("this discord.py has no InteractionResponse.%s: every response is searched for", PARENT)
    return lambda response: next((i for i in open_ones if i is not None and i.response is response), None)


def forget_waiter(bot: commands.Bot, event: str, check: Callable[..., bool]) -> None:
    """Take a `wait_for` that is over out of the client's listeners at once."""
    listeners: dict[str, list[Any]] = getattr(bot, LISTENERS, {})
    left = [entry for entry in listeners.get(event, ()) if entry[1] is not check]
    if left:
        listeners[event] = left
    else:
        listeners.pop(event, None)
