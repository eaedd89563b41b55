"""The private names of discord.py that this package leans on. Where one is gone, it says so once and does without.

`CommandTree._from_interaction(interaction)`
    makes the task of an application command. The event `interaction`, which is dispatched right after it, does as well,
    but costs each command more.
`CommandTree._call(interaction)`
    runs an application command from its first check to its last error handler. Without it, an invocation that ends
    without an event (denied by `interaction_check`, cancelled, a crash in a local handler) is closed 15 minutes later,
    and each command costs more, for the listener of `app_command_completion`.
`InteractionResponse._parent`
    is the interaction that a response belongs to. Without it, that is looked for among those which are open.
`Command._invoke_autocomplete(...)`
    completes an option. Without it, one that raises after it was answered is not counted as failed.
`ViewStore.dispatch_view(type, custom_id, interaction)`, `ViewStore.dispatch_modal(custom_id, interaction, ...)`
    look for the view of a component, and make its task. Without them, components are noticed by their event, which
    costs each command more.
`View._scheduled_task(...)`, `Modal._scheduled_task(...)`, `ViewStore.schedule_dynamic_item_call(...)`
    run a component from its first check to its last handler. Without them, a component is what its answers tell.
`Client._run_event(coro, event_name, ...)`
    runs a listener. Without it, a listener is named by its innermost function.
`discord.py: on_command_error`
    is the name of the tasks of that event, and its context is in their first frame. Without that, a command which an
    error handler runs once more, later, ends with the error that the handler was told of.
`Loop._loop(...)`, `Loop._injected`
    is the life of a `tasks.loop`, and what it is a method of. Without the one, a loop that ends with an exception is
    not counted; without the other, it is counted by each bot of the process.
`Task._exception`
    is what asyncio's own class has, read without marking it as retrieved. Without it, a loop that ran before us is not
    counted when it fails.
`Client._listeners`
    holds what `Client.wait_for` waits for. Without it, a listener that was taken away goes with the next event.
"""

from __future__ import annotations

import asyncio
import importlib
import logging
import operator
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, NamedTuple, Protocol, cast

import discord
from discord.ext import commands, tasks

_log = logging.getLogger(__name__)

RECEIVE = "_from_interaction"
CALL = "_call"
LISTENERS = "_listeners"
PARENT = "_parent"
COMPLETE = "_invoke_autocomplete"
RUN_EVENT = "_run_event"
COMMAND_ERROR_TASK = "discord.py: on_command_error"
TASK_LOOP = "_loop"
INJECTED = "_injected"

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


def is_there(of: type, name: str, otherwise: str) -> bool:
    """Whether a class has a private name; if it has not, say what that means."""
    if hasattr(of, name):
        return True
    _log.warning("this discord.py has no %s.%s: %s", of.__name__, name, otherwise)
    return False


def injected_into(loop: tasks.Loop[Any]) -> object:
    """The cog, bot or other object that a `tasks.loop` is a method of; None where it is a function."""
    return getattr(loop, INJECTED, None)


def error_of(task: asyncio.Task[Any]) -> BaseException | None:
    """What a task ended with. asyncio will still say that nobody retrieved it."""
    return getattr(task, "_exception", None)


def forget_waiter(bot: commands.Bot, event: str, check: Callable[..., bool]) -> None:
    """Take a `wait_for` that is over out of the client's listeners at once."""
    listeners: dict[str, list[Any]] = getattr(bot, LISTENERS, {})
    left = [entry for entry in listeners.get(event, ()) if entry[1] is not check]
    if left:
        listeners[event] = left
    else:
        listeners.pop(event, None)


def handlers_of(context: commands.Context[Any]) -> list[asyncio.Task[Any]]:
    """The tasks of `command_error` that discord.py has made for this context, and that have not ended."""
    found: list[asyncio.Task[Any]] = []
    for task in asyncio.all_tasks():
        if task.get_name() == COMMAND_ERROR_TASK:
            frame: Any = getattr(task.get_coro(), "cr_frame", None)
            values: Iterable[object] = () if frame is None else frame.f_locals.values()
            for value in values:
                given = cast("tuple[object, ...]", value) if isinstance(value, tuple) else (value,)
                if any(one is context for one in given):
                    found.append(task)
                    break
    return found


# -- views and modals --------------------------------------------------------------------------------------------------

SCHEDULED = "_scheduled_task"
DYNAMIC = "schedule_dynamic_item_call"
DISPATCH_VIEW, DISPATCH_MODAL = "dispatch_view", "dispatch_modal"
_WATCHERS = "__botmon_watchers__"

ViewRun = Callable[..., Awaitable[None]]


class ViewWatcher(Protocol):
    """Who sees the components of one bot arrive, and runs them in place of discord.py."""

    bot: commands.Bot

    def arrived(self, interaction: discord.Interaction[Any]) -> None:
        """One arrived; no task of it runs yet. Must not raise."""

    async def run_view(self, run: ViewRun, view: Any, item: Any, interaction: discord.Interaction[Any]) -> None: ...

    async def run_modal(
        self, run: ViewRun, modal: Any, interaction: discord.Interaction[Any], *values: Any
    ) -> None: ...

    async def run_dynamic(
        self, run: ViewRun, store: Any, kind: int, factory: Any, interaction: discord.Interaction[Any], *rest: Any
    ) -> None: ...


def watch_views(watcher: ViewWatcher) -> bool:
    """Let the watcher see and run the components of its bot. The classes are shared by all bots of the process.

    Returns:
        Whether it will be told what arrives.
    """
    is_told = True
    for of, name, watching, position in _view_methods():
        method: Any = vars(of).get(name)
        if method is None:
            otherwise = "are noticed by their event" if watching == _ARRIVED else "are what their answers tell"
            _log.warning("this discord.py has no %s.%s: components %s", of.__name__, name, otherwise)
            is_told &= watching != _ARRIVED
            continue
        watched: _Watched | None = getattr(method, _WATCHERS, None)
        if watched is None:
            wrap = _told if watching == _ARRIVED else _run_by
            setattr(of, name, wrap(method, [watcher], watching, position))
        else:
            watched.watchers.append(watcher)
    return is_told


def unwatch_views(watcher: ViewWatcher) -> None:
    """Undo it; the last one to go puts the classes back as they were, unless somebody has wrapped ours since."""
    for of, name, _, _ in _view_methods():
        method: Any = vars(of).get(name)
        watched: _Watched | None = getattr(method, _WATCHERS, None)
        if watched is not None and watcher in watched.watchers:
            watched.watchers.remove(watcher)
            if not watched.watchers and watched.method is method:
                setattr(of, name, method.__wrapped__)


_ARRIVED = "arrived"


class _Watched(NamedTuple):
    """Who watches a method, and what stands in its place for them; a wrapper of somebody else's has its attributes."""

    watchers: list[ViewWatcher]
    method: Callable[..., Any]


def _view_methods() -> Iterable[tuple[type, str, str, int]]:
    """(class, method, what the watcher has for it, where the interaction is among its arguments)."""
    views: Any = importlib.import_module("discord.ui.view")
    base: type = getattr(views, "BaseView", discord.ui.View)  # before discord.py 2.6, all was in View
    yield views.ViewStore, DISPATCH_VIEW, _ARRIVED, 3
    yield views.ViewStore, DISPATCH_MODAL, _ARRIVED, 2
    yield base, SCHEDULED, "run_view", 2
    yield discord.ui.Modal, SCHEDULED, "run_modal", 1
    yield views.ViewStore, DYNAMIC, "run_dynamic", 3


def _watcher_among(
    watchers: Iterable[ViewWatcher], position: int, given: Sequence[Any], named: Mapping[str, Any]
) -> tuple[ViewWatcher, discord.Interaction[Any]] | None:
    """The watcher of the bot that the interaction of a call came to; None: nobody watches it."""
    interaction = given[position] if not named and len(given) > position else named.get("interaction")
    client = getattr(interaction, "client", None)
    for watcher in watchers:
        if watcher.bot is client:
            return watcher, cast("discord.Interaction[Any]", interaction)
    return None


def _told(method: Callable[..., None], watchers: list[ViewWatcher], _: str, position: int) -> Callable[..., None]:
    @wraps(method)
    def dispatch(*given: Any, **named: Any) -> None:
        found = _watcher_among(watchers, position, given, named)
        if found is not None:
            watcher, interaction = found
            watcher.arrived(interaction)
        method(*given, **named)

    setattr(dispatch, _WATCHERS, _Watched(watchers, dispatch))
    return dispatch


def _run_by(method: ViewRun, watchers: list[ViewWatcher], run_name: str, position: int) -> ViewRun:
    @wraps(method)
    async def run(*given: Any, **named: Any) -> None:
        found = _watcher_among(watchers, position, given, named)
        if found is None or named:  # as discord.py calls it, all go by their position
            await method(*given, **named)
        else:
            watcher, _ = found
            await getattr(watcher, run_name)(method, *given)

    setattr(run, _WATCHERS, _Watched(watchers, run))
    return run
