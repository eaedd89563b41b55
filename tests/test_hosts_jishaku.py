"""Loaded, reloaded and unloaded by jishaku, as its users do it."""

from __future__ import annotations

import sys

import pytest

from tests.harness import Rig, make_bot, make_config, rows, running
from tests.hosts.red import answer

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="jishaku's shell features want a POSIX system")


async def say(rig: Rig, text: str) -> str:
    await rig.discord.owner.send(rig.discord.channel, text)
    return (await rig.discord.channel.next_message(10)).content


async def test_jishaku_loads_reloads_and_unloads(tmp_path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("JISHAKU_NO_UNDERSCORE", "1")
    bot = make_bot()
    answer(bot, "ping")
    async with running(bot, load=False) as rig:
        bot.botmon_config = make_config(str(tmp_path / "botmon.db"))
        await bot.load_extension("jishaku")
        before = {command.name for command in bot.tree.get_commands()}
        for text in ("!jsk load botmon_cog", "!jsk reload botmon_cog", "!jsk reload botmon_cog"):
            said = await say(rig, text)
            assert "botmon_cog" in said
            assert "Error" not in said
            await rig.discord.user.slash(rig.discord.channel, "ping")
        found = [(row.kind, row.command, row.outcome) for row in await rows(bot)]
        assert found.count(("slash", "ping", "ok")) == 3
        assert "botmon_cog" in await say(rig, "!jsk unload botmon_cog")
        assert "botmon" not in bot.cogs
        assert {command.name for command in bot.tree.get_commands()} == before
        await bot.unload_extension("jishaku")
