"""A bot of another library loads the extension: it gets one sentence, and goes on. `other_library.py py-cord discord`.

Runs in a virtual environment that has that library and no discord.py: see `.ci/hosts/run`.
"""

# ruff: noqa: INP001, T201 (a script that checks and tells)

from __future__ import annotations

import asyncio
import importlib
import logging
import os
import sys
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path


async def main(distribution: str, package: str) -> None:
    library = importlib.import_module(package)
    commands = importlib.import_module(f"{package}.ext.commands")
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append
    logging.getLogger("botmon_cog").addHandler(handler)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        bot = commands.Bot(command_prefix="!", intents=library.Intents.none())
        warned.clear()
        loaded = bot.load_extension("botmon_cog")
        if asyncio.iscoroutine(loaded):
            await loaded
    assert [record.levelname for record in said] == ["ERROR"], said
    assert distribution in said[0].getMessage(), said[0].getMessage()
    assert said[0].exc_info is None
    assert not [w for w in warned if "botmon" in str(w.message) + w.filename], warned
    assert not bot.cogs
    assert not [
        name
        for name in sys.modules
        if name.startswith(("botmon_cog.cog.", "botmon_cog.observer.")) and name != "botmon_cog.observer.ignoring"
    ]

    botmon_cog = importlib.import_module("botmon_cog")
    async with botmon_cog.create_monitoring_system(str(Path("bot.db"))) as monitors:
        await monitors.logger.log_command("1", "Guild", "2", "someone", "ping")
        assert len(await monitors.logger.get_command_history()) == 1
    print(f"ok  {distribution} {version(distribution)}: {said[0].getMessage()}")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        asyncio.run(main(*sys.argv[1:]))
        os.chdir("/")
