"""Whose code an exception comes from: the host's, a library's, or ours."""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple

_OURS = __name__.partition(".")[0]
_MADE_UP = "<"
"""Files that are none begin with it: `<frozen importlib._bootstrap>`, `<string>`."""
_SITE_PACKAGES = ("site-packages", "dist-packages")
_MOST_FRAMES = 200
"""Of a recursion that went too deep the innermost are looked at."""
_MOST_KNOWN = 5_000


class Place(NamedTuple):
    """Where one function lies.

    Attributes:
        file: as people know it: below the working directory or an entry of `sys.path`, with slashes.
        function: qualified, without the functions around it: `Lyrics.fetch`.
        is_host: it is the host's own code.
    """

    file: str
    function: str
    is_host: bool


class Frame(NamedTuple):
    """One step of a traceback. It holds no reference to the frame, whose variables may be large or secret."""

    place: Place
    path: str
    line: int
    first_line: int
    """Of the function."""


class Frames:
    """Tells host from library, and remembers it by code object: what fails often is looked at once.

    Attributes:
        extensions: gives the modules that the host loaded as such, once somebody who knows them has set it. An
            installed package among them is the host's code too.
    """

    def __init__(self) -> None:
        self.extensions: Callable[[], Collection[str]] = tuple
        self._known: dict[CodeType, Place] = {}
        self._library = _library_folders()
        self._roots = _roots()

    def of(self, error: BaseException) -> list[Frame]:
        """From where it was caught to where it was raised, without our own."""
        found: list[Frame] = []
        for traceback in _steps(error.__traceback__):
            frame = traceback.tb_frame
            module = module_of(frame)
            if module != _OURS and not module.startswith(f"{_OURS}."):
                code = frame.f_code
                place = self._place(code, module)
                found.append(Frame(place, code.co_filename, traceback.tb_lineno, code.co_firstlineno))
        return found

    def cause(self, error: BaseException) -> Frame | None:
        """The innermost of the host's frames; the innermost at all where none is; None without a traceback."""
        innermost = ours = None
        for traceback in _steps(error.__traceback__):
            frame = traceback.tb_frame
            place = self._place(frame.f_code, module_of(frame))
            if place.is_host or innermost is None or not innermost[0].is_host:
                innermost = place, traceback
            ours = place, traceback
        found = innermost or ours
        if found is None:
            return None
        place, traceback = found
        code = traceback.tb_frame.f_code
        return Frame(place, code.co_filename, traceback.tb_lineno, code.co_firstlineno)

    def _place(self, code: CodeType, module: str) -> Place:
        place = self._known.get(code)
        if place is None:
            if len(self._known) >= _MOST_KNOWN:
                self._known.clear()
            file = code.co_filename
            function = code.co_qualname.rpartition("<locals>.")[2]
            place = self._known[code] = Place(self._short(file), function, self._is_host(file, module))
        return place

    def _is_host(self, file: str, module: str) -> bool:
        root = module.partition(".")[0]
        if root in {_OURS, "discord"} or file.startswith(_MADE_UP):
            return False
        if root in sys.stdlib_module_names and file.startswith(self._library):
            return False
        if any(f"{os.sep}{folder}{os.sep}" in file for folder in _SITE_PACKAGES):
            return any(name.partition(".")[0] == root for name in self.extensions())
        return not file.startswith(self._library)

    def _short(self, file: str) -> str:
        if file.startswith(_MADE_UP):
            return file
        path = os.path.abspath(file)  # noqa: PTH100 (no look at the disk: this runs on the event loop)
        for root in self._roots:
            if path.startswith(root):
                return path[len(root) :].replace(os.sep, "/")
        return "/".join(Path(path).parts[-2:])


def module_of(frame: FrameType) -> str:
    """The name of the module whose code it runs; empty if it has none."""
    return str(frame.f_globals.get("__name__", ""))


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    steps: list[TracebackType] = []
    while traceback is not None:
        steps.append(traceback)
        traceback = traceback.tb_next
    return iter(steps[-_MOST_FRAMES:])


def _library_folders() -> tuple[str, ...]:
    names = ("stdlib", "platstdlib")
    return tuple({os.path.join(path, "") for name in names if (path := sysconfig.get_path(name))})  # noqa: PTH118 (likewise)


def _roots() -> tuple[str, ...]:
    """What a file's name is shortened by, the longest first, each with a separator at its end."""
    folders = {str(Path.cwd())} | {entry for entry in sys.path if os.path.isabs(entry)}  # noqa: PTH117 (likewise)
    return tuple(sorted((os.path.join(folder, "") for folder in folders), key=len, reverse=True))  # noqa: PTH118
