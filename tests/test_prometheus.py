"""What a real Prometheus sees of a real bot: /metrics, over a restart, and the query of every panel and rule."""

from __future__ import annotations

import asyncio
import logging
import re
import runpy
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import discord
import msgspec
from discord.ext import commands

from botmon_cog.config import Config, HttpConfig, LoopConfig, StorageConfig
from botmon_cog.exporters.families import FAMILIES
from botmon_cog.testing import LoopbackDiscord
from tests.harness import EXTENSION, cog_of, make_bot, make_health, rows
from tests.monitoring_tools import EXAMPLES, Prometheus, prometheus, run
from tests.storage_helpers import autocompletion, music

TOKEN = "a token of the tests"
VARIABLES = {"$__rate_interval": "10s", "$__range": "1m", "$job": ".*", "$instance": ".*"}


def config_of(path: Path, port: int = 0, **http: Any) -> Config:
    return Config(
        storage=StorageConfig(url=str(path / "store.db"), linger_ms=0),
        health=make_health(),
        loop=LoopConfig(),
        http=HttpConfig(listen=f"127.0.0.1:{port}", metrics=True, **{"token": TOKEN} | http),
    )


def bot_of(config: Config) -> commands.Bot:
    bot = make_bot(commands.AutoShardedBot, shard_count=2)
    bot.botmon_config = config

    @bot.tree.command(description="Works")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Playing")

    @bot.tree.command(description="Fails")
    async def lyrics(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("Looking")
        raise LookupError("no lyrics")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: Exception) -> None:
        pass

    return bot


@asynccontextmanager
async def watched(config: Config) -> AsyncIterator[tuple[LoopbackDiscord, commands.Bot]]:
    """A bot on a loopback Discord, by the real time."""
    bot = bot_of(config)
    async with LoopbackDiscord(shards=2) as loopback, loopback.running(bot):
        await bot.load_extension(EXTENSION)
        await bot.tree.sync()
        yield loopback, bot


async def scrape(bot: commands.Bot, accept: str = "", token: str | None = TOKEN) -> tuple[int, str, str]:
    """(status, content type, body)."""
    headers = {"Accept": accept} | ({} if token is None else {"Authorization": f"Bearer {token}"})
    url = f"http://127.0.0.1:{cog_of(bot).http.port}/metrics"
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, response.headers.get("Content-Type", ""), await response.text()


def queries() -> dict[str, str]:
    """By board and panel, with values in place of variables."""
    boards = runpy.run_path(str(EXAMPLES / "boards.py"))["BOARDS"]
    found = {
        f"{board.title} / {panel.title} / {n}": expr
        for board in boards
        for panel in board.panels
        for n, (expr, _) in enumerate(panel.queries)
    }
    for name, value in VARIABLES.items():
        found = {panel: expr.replace(name, value) for panel, expr in found.items()}
    return found


# -- Prometheus --------------------------------------------------------------------------------------------------------


async def test_prometheus_sees_the_bot_and_every_panel_and_rule_has_data(
    tmp_path: Path, unused_tcp_port_factory: Any
) -> None:
    port = unused_tcp_port_factory()
    config = config_of(tmp_path, port)
    target = f"127.0.0.1:{port}"
    async with (
        watched(config) as (loopback, bot),
        prometheus(tmp_path, unused_tcp_port_factory(), [target], TOKEN) as server,
    ):
        system = cog_of(bot).system
        system.recorder.record(autocompletion())
        system.recorder.record(music())
        await cog_of(bot).check_health()

        async def use() -> None:
            await loopback.user.slash(loopback.channel, "play")
            await loopback.user.slash(loopback.channel, "lyrics")

        await use()
        recorded = re.findall(r"record: (\S+)", (EXAMPLES / "rules" / "botmon.yml").read_text())
        await server.wait_for(*queries().values(), *recorded, every=use)
        stored = len([row for row in await rows(bot) if row.command in {"play", "lyrics"}])
        await _agrees(server, stored)
        await bot.reload_extension(EXTENSION)
        await use()
        assert len([row for row in await rows(bot) if row.command in {"play", "lyrics"}]) == stored + 2
        await _agrees(server, stored + 2)
        assert await server.number("max(resets(botmon_invocations_total[5m]))") == 0
        assert await server.number("max(resets(botmon_command_duration_seconds_sum[5m]))") == 0
        assert await server.number(f'up{{instance="{target}"}}') == 1


async def _agrees(server: Prometheus, n: int) -> None:
    """Once it has scraped, Prometheus counts as many commands as there are rows."""
    await server.wait_for(f"sum(botmon_invocations_total) == {n}")


# -- the boards and the rules ------------------------------------------------------------------------------------------


def test_boards_are_what_the_script_makes() -> None:
    made = runpy.run_path(str(EXAMPLES / "make_boards.py"))
    sys.path.remove(str(EXAMPLES))
    del sys.modules["boards"]
    files = dict(made["files"]())
    assert {path.name for path in files} == {path.name for path in made["FOLDER"].iterdir()}
    for path, text in files.items():
        assert path.read_text(encoding="utf-8") == text, "run python examples/monitoring/make_boards.py"
        board = msgspec.json.decode(text)
        spans = [(panel["gridPos"]["y"], panel["gridPos"]["x"]) for panel in board["panels"]]
        assert spans == sorted(set(spans)), "panels stand in order, none on another"
        assert all(panel["description"].endswith((".", "?")) for panel in board["panels"])


def test_boards_and_rules_ask_for_what_is_exported() -> None:
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    known = {declared.full_name + suffix for declared in FAMILIES for suffix in suffixes[declared.kind.value]}
    rules = (EXAMPLES / "rules" / "botmon.yml").read_text()
    names = re.findall(r"(?<![\w:/])botmon_\w+", " ".join([*queries().values(), rules]))
    assert len(names) > 50
    assert set(names) <= known
    shown = " ".join(queries().values())
    unseen = {declared.full_name for declared in FAMILIES if declared.full_name not in shown}
    assert not unseen, "every family is on a board"


def test_rules_do_what_their_tests_say() -> None:
    code, said = run("promtool", "test", "rules", "botmon_test.yml", cwd=EXAMPLES / "rules")
    assert code == 0, said
    alerts = set(re.findall(r"- alert: (\w+)", (EXAMPLES / "rules" / "botmon.yml").read_text()))
    tested = set(re.findall(r"alertname: (\w+)", (EXAMPLES / "rules" / "botmon_test.yml").read_text()))
    assert alerts == tested, "each alert is tested"


def test_alertmanager_takes_its_configuration() -> None:
    code, said = run("amtool", "check-config", EXAMPLES / "alertmanager.yml")
    assert code == 0, said


def test_promtool_takes_the_configuration_and_the_rules(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("x")
    config = (EXAMPLES / "prometheus.yml").read_text().replace("/run/secrets/botmon_token", str(token))
    (tmp_path / "rules").symlink_to(EXAMPLES / "rules")
    (tmp_path / "prometheus.yml").write_text(config)
    code, said = run("promtool", "check", "config", "--lint-fatal", tmp_path / "prometheus.yml")
    assert code == 0, said


# -- /metrics ----------------------------------------------------------------------------------------------------------


async def test_metrics_of_a_bot_pass_promtool_and_name_nobody(tmp_path: Path) -> None:
    async with watched(config_of(tmp_path)) as (loopback, bot):
        await loopback.user.slash(loopback.channel, "play")
        await loopback.user.slash(loopback.channel, "lyrics")
        await rows(bot)
        await cog_of(bot).check_health()
        status, content_type, body = await scrape(bot)
        assert (status, content_type.split(";")[0]) == (200, "text/plain")
        assert 'botmon_invocations_total{command="play",kind="slash",outcome="ok"} 1.0' in body
        assert 'botmon_invocations_total{command="play",kind="slash",outcome="error"} 0.0' in body
        assert 'botmon_invocations_total{command="lyrics",kind="slash",outcome="error"} 1.0' in body
        assert 'botmon_command_duration_seconds_count{command="play"} 1.0' in body
        assert 'botmon_gateway_events_total{type="INTERACTION_CREATE"} 2.0' in body
        for who in (loopback.user, loopback.admin, loopback.owner, loopback.guild, loopback.channel):
            assert str(who.id) not in body
            assert f'"{who.name}"' not in body
        code, said = run("promtool", "check", "metrics", given=body.encode())
        assert (code, said) == (0, "")
        _, content_type, open_metrics = await scrape(bot, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5")
        assert content_type.startswith("application/openmetrics-text; version=1.0.0")
        assert open_metrics.endswith("# EOF\n")
        assert "# UNIT botmon_command_duration_seconds seconds\n" in open_metrics


async def test_metrics_need_the_token(tmp_path: Path) -> None:
    async with watched(config_of(tmp_path)) as (_, bot):
        assert (await scrape(bot, token=None))[0] == 401
        assert (await scrape(bot, token="a token of another"))[0] == 401
        assert (await scrape(bot))[0] == 200


async def test_log_records_are_counted_and_the_hosts_logging_is_as_it_was(tmp_path: Path) -> None:
    factory, handlers = logging.getLogRecordFactory(), [*logging.getLogger().handlers]
    async with watched(config_of(tmp_path)) as (_, bot):
        assert logging.getLogger().handlers == handlers
        before = _value((await scrape(bot))[2], 'botmon_log_records_total{level="error"}')
        logging.getLogger("host").error("once")
        logging.getLogger("host").log(45, "twice")
        logging.makeLogRecord({"levelno": 40})
        assert _value((await scrape(bot))[2], 'botmon_log_records_total{level="error"}') == before + 2
        await bot.unload_extension(EXTENSION)
        assert logging.getLogRecordFactory() is factory
        assert not [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("botmon")]


def _value(body: str, series: str) -> float:
    (line,) = (line for line in body.splitlines() if line.startswith(series))
    return float(line.split()[-1])
