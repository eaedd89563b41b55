"""`run`: a real bot process on a loopback Discord, begun with a token and ended with a signal."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path

import discord
import pytest

from botmon_cog.__main__ import main
from botmon_cog.cli.run import CannotStartError, MonitoredBot, start
from botmon_cog.testing import LoopbackDiscord

ELSEWHERE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has its background jobs ignore it
from botmon_cog.__main__ import main
from botmon_cog.testing import redirect
with redirect(sys.argv[1], sys.argv[2]):
    sys.exit(main(sys.argv[3:]))
"""


def make_bot() -> MonitoredBot:
    return MonitoredBot(discord.Intents.default(), is_syncing=False)


async def run_elsewhere(loopback: LoopbackDiscord, folder: Path, **env: str) -> Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", ELSEWHERE, loopback.base_url, loopback.gateway_url, "run", "--sync"),
        cwd=folder,
        env=os.environ | {"DISCORD_TOKEN": loopback.token} | env,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


@pytest.mark.parametrize("token", [None, "", "  "])
def test_without_a_token_it_says_where_one_goes(token: str | None, monkeypatch, capsys):
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)
    if token is not None:
        monkeypatch.setenv("DISCORD_TOKEN", token)
    assert main(["run"]) == 1
    captured = capsys.readouterr()
    assert "DISCORD_TOKEN" in captured.err
    assert captured.err.count("\n") == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_it_answers_until_it_is_told_to_stop(number: int, code: int, tmp_path):
    database = tmp_path / "run.db"
    async with LoopbackDiscord() as loopback:
        process = await run_elsewhere(loopback, tmp_path, BOTMON_STORAGE_URL=str(database))
        assert process.stderr is not None
        log = ""
        async with asyncio.timeout(20):
            while "ready as" not in log:
                line = (await process.stderr.readline()).decode()
                assert line, f"the bot ended early:\n{log}"
                log += line
        answer = await loopback.admin.slash(loopback.channel, "health")
        assert "Healthy" in answer.message.embeds[0]["title"]
        process.send_signal(number)
        out, rest = await process.communicate()
    log += rest.decode()
    assert (process.returncode, out) == (code, b"")
    assert "Traceback" not in log
    assert loopback.token not in log
    assert [file.name for file in tmp_path.iterdir()] == [database.name]


async def test_a_token_that_discord_refuses():
    async with LoopbackDiscord():
        with pytest.raises(CannotStartError, match="refuses the token") as caught:
            await start(make_bot(), "not.the.token")
    assert "not.the.token" not in str(caught.value)


async def test_discord_is_away():
    async with LoopbackDiscord() as loopback:
        loopback.faults.drop_next(20)
        with pytest.raises(CannotStartError, match="can't reach Discord"):
            await start(make_bot(), loopback.token)


async def test_a_wrong_configuration_is_told_as_such(tmp_path):
    async with LoopbackDiscord() as loopback:
        process = await run_elsewhere(loopback, tmp_path, BOTMON_CONFIG="missing.toml")
        _, log = await process.communicate()
    assert process.returncode == 2
    assert "botmon: missing.toml: can't be read" in log.decode()
    assert "Traceback" not in log.decode()
