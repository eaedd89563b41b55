"""From a thread's frames to the host's own line, and the library's function that it waits in.

Of a frame only names and line numbers are read here, never what its variables hold.
"""

from __future__ import annotations

import functools
import os
import site
import sysconfig
from collections.abc import Sequence
from pathlib import PurePath
from types import FrameType

import msgspec

from botmon_cog.causes.frames import module_of

_RUNS_CALLBACKS = frozenset({"_run", "_run_once", "run_forever", "run_until_complete", "run"})
"""asyncio's functions between the program's start and a callback. (Of uvloop nothing but the last is seen.)"""
_ITS_OWN = "_run_once"
_OWN_EXTENSIONS = frozenset({"commands", "tasks"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})


class Place(msgspec.Struct, frozen=True):
    """Where a thread is: `cogs/music.py:42 in play`, and inside what."""

    where: str
    inside: str | None


def callback_frames(innermost: FrameType | None) -> list[FrameType]:
    """The frames of what the loop runs, outermost first; none where it waits for work or for its timers."""
    frames: list[FrameType] = []
    frame = innermost
    while frame is not None:
        if frame.f_code.co_name in _RUNS_CALLBACKS and module_of(frame).startswith("asyncio."):
            if frame.f_code.co_name == _ITS_OWN:
                return []
            break
        frames.append(frame)
        frame = frame.f_back
    frames.reverse()
    return frames


def place_of(frames: Sequence[FrameType]) -> Place:
    """The innermost line of the host's, and the function that it called there. Needs at least one frame."""
    at = _own_line(frames)
    called = next((frame for frame in frames[at + 1 :] if not _is_ours(module_of(frame))), None)
    return Place(_where(frames[at]), None if called is None else _function(called))


def _own_line(frames: Sequence[FrameType]) -> int:
    """The index of the innermost frame of the host's.

    A host that is itself installed among the libraries is told by where discord.py, or the loop, enters it: it is the
    package of the first function that is not discord.py's, ours or the standard library's.
    """
    for i in range(len(frames) - 1, -1, -1):
        if not is_library(frames[i].f_code.co_filename) and not _is_watched(module_of(frames[i])):
            return i
    packages = [_package(frame) for frame in frames]
    entered = next((package for package in packages if package is not None), None)
    if entered is not None:
        return len(packages) - 1 - packages[::-1].index(entered)
    watched = [i for i, frame in enumerate(frames) if _is_watched(module_of(frame))]
    return watched[-1] if watched else len(frames) - 1


def _package(frame: FrameType) -> str | None:
    """The library that a frame belongs to; None for discord.py, us, and the standard library."""
    module = module_of(frame)
    if _is_watched(module) or not _is_installed(frame.f_code.co_filename):
        return None
    return module.partition(".")[0]


def _is_watched(module: str) -> bool:
    return _is_discord(module) or _is_ours(module)


def _is_discord(module: str) -> bool:
    """Whether it is discord.py's own; others put theirs beside it, under `discord.ext`."""
    if module.startswith("discord.ext."):
        return module.split(".")[2] in _OWN_EXTENSIONS
    return module == "discord" or module.startswith("discord.")


def _is_ours(module: str) -> bool:
    return module == "botmon_cog" or module.startswith("botmon_cog.")


@functools.lru_cache(maxsize=4096)
def is_library(file: str) -> bool:
    """Whether a file belongs to the standard library or to an installed package."""
    return file.startswith(_standard_library()) or _is_installed(file)


def _is_installed(file: str) -> bool:
    return not _INSTALLED.isdisjoint(PurePath(file).parts) or file.startswith(_user_site())


@functools.cache
def _standard_library() -> tuple[str, ...]:
    """What the names of its files begin with."""
    paths = {sysconfig.get_path("stdlib"), sysconfig.get_path("platstdlib"), os.path.dirname(os.__file__)}  # noqa: PTH120 (a string is what is compared)
    return "<frozen ", *(os.path.join(p, "") for path in paths for p in (path, os.path.realpath(path)))  # noqa: PTH118 (ends with a separator, which a Path drops)


@functools.cache
def _user_site() -> tuple[str, ...]:
    return tuple(os.path.join(path, "") for path in (site.getusersitepackages(),) if path)  # noqa: PTH118 (as above)


def _where(frame: FrameType) -> str:
    code = frame.f_code
    return f"{_short(code.co_filename)}:{frame.f_lineno or code.co_firstlineno} in {_name(code.co_qualname)}"


def _short(file: str) -> str:
    """Relative to where the bot was started, else the folder and the file."""
    path = PurePath(file)
    try:
        path = path.relative_to(os.getcwd())  # noqa: PTH109 (a PurePath compares with a string as well)
    except (ValueError, OSError):
        path = PurePath(*path.parts[-2:])
    return path.as_posix()


def _name(qualname: str) -> str:
    """The function's, also from within a comprehension or a lambda of it."""
    named = [part for part in qualname.split(".") if not part.startswith("<")]
    return named[-1] if named else qualname


def _function(frame: FrameType) -> str:
    return f"{module_of(frame)}.{frame.f_code.co_qualname.replace('.<locals>', '')}"
