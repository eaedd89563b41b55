"""What Red does differently, on a stand-in; `.ci/hosts/red.py` does the same to the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from botmon_cog.compat.red import load_config_for
from botmon_cog.testing import LoopbackDiscord
from tests.harness import cog_of, make_config, rows
from tests.hosts.red import PACKAGE, Red, answer, installed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where Red's cogs keep their data; the working directory is elsewhere."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    with installed(tmp_path / "cogs"):
        yield tmp_path / "cogs" / "BotMon"


async def test_red_loads_reloads_and_unloads(folder: Path):
    bot = Red()
    answer(bot, "slashed")
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        await bot.tree.sync()
        for _ in range(3):
            assert await bot.load() == "Loaded"
            assert type(cog_of(bot)).__name__ == "BotMon"
            await loopback.user.slash(loopback.channel, "slashed")
            assert {(row.command, row.outcome) for row in await rows(bot)} == {("slashed", "ok")}
            await bot.unload_extension(PACKAGE)
            assert (list(bot.cogs), PACKAGE in bot.tree.module_of()) == ([], False)
    assert [path.name for path in folder.iterdir()] == ["botmon.db"]
    assert [*Path.cwd().iterdir()] == [], "the working directory of a service may be /"


async def test_commands_wait_until_red_enables_them():
    bot = Red()
    bot.botmon_config = make_config()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        assert await bot.load() == "Loaded"
        waiting = set(bot.tree._disabled_global_commands)
        assert {"health", "stats", "perf"} <= waiting
        assert bot.tree.get_commands() == []
        bot.tree.enabled |= waiting
        bot.tree.red_check_enabled()
        await bot.tree.sync()
        health = await loopback.admin.slash(loopback.channel, "health")
        assert health.message.embeds
        await bot.unload_extension(PACKAGE)
        assert PACKAGE not in bot.tree.module_of()
        assert await bot.load() == "Loaded"
        assert {command.name for command in bot.tree.get_commands()} == waiting
        await bot.unload_extension(PACKAGE)


async def test_wrong_setting_is_said_in_reds_own_way_and_nothing_stays(folder: Path):
    folder.mkdir(parents=True)
    (folder / "botmon.toml").write_text("[storage]\nlinger = 1\n")
    bot = Red()
    async with LoopbackDiscord() as loopback, loopback.running(bot):
        assert "Did you mean 'linger_ms'" in await bot.load()
        assert (list(bot.cogs), PACKAGE in bot.tree.module_of()) == ([], False)


def test_settings_and_store_lie_in_the_cogs_folder(folder: Path):
    folder.mkdir(parents=True)
    assert load_config_for(Red()).storage.url == str(folder / "botmon.db")
    (folder / "botmon.toml").write_text('[storage]\nurl = "mine.db"\n')
    assert load_config_for(Red()).storage.url == "mine.db"


def test_spool_of_a_server_lies_there_too(monkeypatch: pytest.MonkeyPatch, folder: Path):
    monkeypatch.setenv("BOTMON_STORAGE_URL", "postgresql://localhost/bot")
    assert load_config_for(Red()).storage.spool == str(folder / "botmon.spool.db")
