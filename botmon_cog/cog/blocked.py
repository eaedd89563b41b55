"""Who a stack belongs to: the command, listener, component or task, in discord.py's words.

Called from the watchdog's thread while the loop's thread runs on. Of discord.py's own frames, and of no other, it reads
which object they work for; of that object only names that the bot's code gave it, nothing that a user typed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from types import FrameType
from typing import Any, cast

import discord
from discord import app_commands
from discord.ext import commands, tasks

from botmon_cog.causes.frames import module_of
from botmon_cog.observer.stand_ins import itself

_log = logging.getLogger(__name__)

_Locals = Mapping[str, Any]
_EVENT_TASK = "discord.py: "


def who_blocks(frames: Sequence[FrameType], task: asyncio.Task[Any] | None) -> str:
    """`/play`, `listener on_message of Music`, `task sync_songs of Music`, ... Never raises.

    Args:
        frames: of what the loop runs, outermost first; at least one.
        task: that they belong to; None for a plain callback.
    """
    for frame in reversed(frames):  # a command runs inside of a listener, a sub-command inside of its group
        try:
            who = _told_by(frame)
        except Exception as error:  # noqa: BLE001 (another version of discord.py: the next frame may tell)
            _log.debug("%s does not say for whom it runs: %s", frame.f_code.co_qualname, type(error).__name__)
            continue
        if who is not None:
            return who
    return _task_name(frames, task)


def _told_by(frame: FrameType) -> str | None:
    """What a frame of discord.py says; None where it is not one, or says nothing."""
    module, function = module_of(frame), frame.f_code.co_name
    if module.startswith("discord.state") and function.startswith("parse_"):
        return f"discord.py, handling {function.removeprefix('parse_').upper()}"
    tell = _TELLING.get(function)
    return tell(frame.f_locals) if tell is not None and module.startswith("discord.") else None


def _app_command(found: _Locals) -> str | None:
    command = found.get("self")
    if isinstance(command, app_commands.ContextMenu):
        return f"context menu {command.qualified_name}"
    return f"/{command.qualified_name}" if isinstance(command, app_commands.Command) else None


def _autocomplete(found: _Locals) -> str:
    return f"autocomplete of /{found['self'].qualified_name}"


def _before_the_command(found: _Locals) -> str:
    """The tree's own check runs before the command is looked for."""
    data = found["interaction"].data
    return f"check before {'/' if data.get('type', 1) == 1 else 'context menu '}{data['name']}"


def _prefix_command(found: _Locals) -> str | None:
    context: object = found.get("ctx")
    command: object = cast("Any", context).command if isinstance(context, commands.Context) else None
    if not isinstance(command, commands.Command):
        return None
    name: str = command.qualified_name
    return f"{name} (prefix command)" if found["ctx"].interaction is None else f"/{name}"


def _listener(found: _Locals) -> str:
    return f"listener {found['event_name']}{_of(getattr(found['coro'], '__self__', None))}"


def _waiter(found: _Locals) -> str:
    return f"check of wait_for({found['event']!r})"


def _component(found: _Locals) -> str:
    """Of a view or a modal. A label or a custom id may hold what a user typed, so the function stands for it."""
    view, item = itself(found["self"]), itself(found.get("item"))
    if item is None:
        return f"modal {type(view).__name__}"
    return f"{_item(item)}{_of(view)}"


def _dynamic_item(found: _Locals) -> str:
    return f"component {found['factory'].__name__}"


def _item(item: discord.ui.Item[Any]) -> str:
    decorated = getattr(item.callback, "callback", None)  # of `@discord.ui.button`
    kind = item.type.name.replace("_", " ")
    return f"{kind} {type(item).__name__ if decorated is None else decorated.__name__}"


def _task_loop(found: _Locals) -> str | None:
    loop: Any = found.get("self")
    if not isinstance(loop, tasks.Loop):
        return None
    coro = cast("Any", loop).coro
    owner: object = getattr(cast("Any", loop), "_injected", None) or getattr(coro, "__self__", None)
    return f"task {coro.__name__}{_of(owner)}"


def _of(owner: object) -> str:
    if owner is None:
        return ""
    return f" of {owner.qualified_name if isinstance(owner, commands.Cog) else type(owner).__name__}"


_TELLING: Mapping[str, Callable[[_Locals], str | None]] = {
    "_do_call": _app_command,
    "_invoke": _app_command,
    "_check_can_run": _app_command,
    "_transform_arguments": _app_command,
    "_invoke_with_namespace": _app_command,
    "_invoke_error_handlers": _app_command,
    "_invoke_autocomplete": _autocomplete,
    "_call": _before_the_command,
    "invoke": _prefix_command,
    "_run_event": _listener,
    "dispatch": _waiter,
    "_scheduled_task": _component,
    "schedule_dynamic_item_call": _dynamic_item,
    "_loop": _task_loop,
}
"""By the name of discord.py's function. What it has not in another version, it does not tell: the task's name does."""


def _task_name(frames: Sequence[FrameType], task: asyncio.Task[Any] | None) -> str:
    """By the function. A task's own name may hold what should not be told, such as a server's id."""
    if task is None:
        return f"callback {_qualname(frames[0].f_code)}"
    if task.get_name().startswith(_EVENT_TASK):
        return f"listener {task.get_name().removeprefix(_EVENT_TASK)}"
    return f"task {_qualname(task.get_coro())}"


def _qualname(named: object) -> str:
    found = getattr(named, "co_qualname", None) or getattr(named, "__qualname__", type(named).__name__)
    return str(found).rpartition("<locals>.")[2]
