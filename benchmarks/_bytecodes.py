"""Bytecodes that the extension adds to a slash command on the event loop: `python benchmarks/_bytecodes.py`.

Time depends on the machine and on what else it does; this number does not. The command goes through discord.py's own
path, as in `overhead.py`, and answers once. Counted is what runs in files of `botmon_cog` on the event loop's thread,
up to the writer's queue: nothing is written while it counts.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

import _root
from _answers import Session
from _bot import make_bot
from _load import Load
from _table import aligned

from botmon_cog.config import Config, LoopConfig, StorageConfig

_OURS = f"{_root.ROOT / 'botmon_cog'}/"
_WARM_UP = 300
_COMMANDS = 600
_LINGER_MS = 10_000
"""Longer than the counting takes."""


def mean_bytecodes(commands: int) -> float:
    """Bytecodes of the extension per slash command, the mean of so many commands. Runs an event loop of its own."""
    return sum(bytecodes_by_function(commands).values()) / commands


def bytecodes_by_function(commands: int) -> Counter[str]:
    """Bytecodes of the extension in so many slash commands, by `file function`."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_count(commands, Path(folder)))


async def _count(commands: int, folder: Path) -> Counter[str]:
    session = Session()
    bot, callbacks = await make_bot(session)
    load = Load(bot, callbacks, session)
    storage = StorageConfig(url=str(folder / "botmon.db"), linger_ms=_LINGER_MS)
    bot.botmon_config = Config(storage=storage, loop=LoopConfig(watch=False))
    await bot.load_extension("botmon_cog")
    try:
        await load.saturated(_WARM_UP)
        await bot.get_cog("botmon").system.flush()
        await load.saturated(1)  # the first one after a write wakes the writer
        counted: Counter[str] = Counter()
        with _Counting(counted):
            await load.saturated(commands)
        return counted
    finally:
        await bot.unload_extension("botmon_cog")


class _Counting:
    """Counts what this thread runs within its block."""

    def __init__(self, counted: Counter[str]) -> None:
        self._counted = counted

    def __enter__(self) -> None:
        sys.settrace(self._call)

    def __exit__(self, *_: object) -> None:
        sys.settrace(None)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Any:
        if not frame.f_code.co_filename.startswith(_OURS):
            return None
        frame.f_trace_lines, frame.f_trace_opcodes = False, True
        return self._inside

    def _inside(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if event == "opcode":
            code = frame.f_code
            self._counted[f"{code.co_filename.removeprefix(_OURS)} {code.co_qualname}"] += 1
        return self._inside


def main() -> None:
    counted = bytecodes_by_function(_COMMANDS)
    rows = [["function", "bytecodes"]]
    rows += [[name, f"{n / _COMMANDS:.1f}"] for name, n in counted.most_common()]
    rows.append(["all", f"{counted.total() / _COMMANDS:.1f}"])
    print(aligned(rows))


if __name__ == "__main__":
    main()
