"""Which function of the host's an exception comes from, by names alone: nothing that a user typed is read here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from types import FrameType
from typing import Any

from botmon_cog.causes.frames import module_of
from botmon_cog.domain.taken import LONGEST_NAME

_OURS = __name__.partition(".")[0]
_LIBRARY = frozenset({"discord", "asyncio", _OURS})
_LOCALS = "<locals>."

UNKNOWN = "?"


def frames_of(error: BaseException) -> list[FrameType]:
    """From where it was caught to where it was raised, without our own frames."""
    return [frame for frame in _frames(error) if not is_ours(module_of(frame))]


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def is_ours(module: str | None) -> bool:
    """Whether a module belongs to this package."""
    return module is not None and (module == _OURS or module.startswith(f"{_OURS}."))


def function_in(frames: Sequence[FrameType]) -> str | None:
    """`Music.on_message`: the outermost function that is neither discord.py's nor asyncio's; None where all are."""
    for frame in frames:
        if module_of(frame).partition(".")[0] not in _LIBRARY:
            return plain(frame.f_code.co_qualname)
    return None


def name_of(function: Any) -> str | None:
    """The qualified name of a host's function or method; None of discord.py's, and of what has no name."""
    name = getattr(function, "__qualname__", None)
    module: object = getattr(function, "__module__", None)
    if not isinstance(name, str) or (isinstance(module, str) and module.partition(".")[0] in _LIBRARY):
        return None
    return plain(name)


def plain(qualified_name: str) -> str:
    """Without the functions around it, and no longer than a label may be."""
    return qualified_name.rpartition(_LOCALS)[2][:LONGEST_NAME] or UNKNOWN
