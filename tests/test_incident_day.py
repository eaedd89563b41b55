"""One day on which much goes wrong: exactly the messages that docs/alerts.md shows, each once."""

from __future__ import annotations

import difflib
from pathlib import Path

import discord
import pytest

from tests.incident_day import MIDNIGHT, NODES, Day, living

_PAGE = Path(__file__).parent.parent / "docs" / "alerts.md"


def transcript_of_the_docs() -> str:
    """The fenced block of its own section."""
    _, _, section = _PAGE.read_text(encoding="utf-8").partition("\n## An incident day\n")
    _, _, block = section.partition("\n```text\n")
    return block.partition("\n```\n")[0]


async def test_an_incident_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with living() as day:
        await night(day)
        await database_is_gone(day)
        await gateway_flaps(day)
        await command_is_slow(day)
        await dms_are_closed(day)
        await maintenance(day)
        await mute(day)
        await fifty_at_once(day)
        await day.at("22:00")
        told, expected = "\n\n".join(day.transcript), transcript_of_the_docs()
        sides = expected.splitlines(), told.splitlines()
        assert told == expected, "\n".join(difflib.unified_diff(*sides, "docs/alerts.md", "the day", lineterm=""))
        history = await day.system.alerts.history(MIDNIGHT, 1000)
        assert {(row.state, row.attempts, row.is_repeat) for row in history} == {("sent", 1, False)}
        assert len(history) == len(day.transcript)
        assert await day.stored_plays() == day.plays, "nothing was lost"


async def night(day: Day) -> None:
    await day.at("00:30")
    day.measure(95, "replica")
    await day.at("05:10")
    day.measure(0.2, "replica")
    await day.at("05:30")
    del day.each_minute["replica"]


async def database_is_gone(day: Day) -> None:
    await day.at("08:00:30")
    await day.lose_database()
    for minute in range(1, 10):
        await day.at(f"08:0{minute}:10")
        await day.play(0.3)
    await day.at("08:10:30")
    day.find_database()


async def gateway_flaps(day: Day) -> None:
    ways = [day.rig.discord.drop_gateway, day.rig.discord.reconnect_gateway] * 3
    for minute, way in zip(range(0, 30, 5), ways, strict=True):
        await day.at(f"09:{minute:02}:30")
        await day.lose_gateway(way)
        await day.at(f"09:{minute + 4:02}:10")
        await day.find_gateway()
    await day.at("10:00")
    assert await day.firing() == {"gateway", "gateway.reconnects"}, "the second is not told"


async def command_is_slow(day: Day) -> None:
    await day.at("11:00")
    day.each_minute["play"] = lambda: day.play(4.1)
    await day.at("11:45:30")
    await day.restart()
    await day.at("12:00")
    day.each_minute["play"] = lambda: day.play(0.9)
    await day.at("13:15")
    del day.each_minute["play"]


async def dms_are_closed(day: Day) -> None:
    loopback = day.rig.discord
    await day.at("14:00:30")
    loopback.faults.close_dms(loopback.owner)
    await day.lose_database()
    await day.at("14:05:30")
    assert "DMs to owner" in await day.health()
    await day.at("14:10:30")
    loopback.bot_user.set_permissions(loopback.channel, discord.Permissions.none())
    await day.restart()
    await day.at("14:20:30")
    day.find_database()
    await day.at("15:00:30")
    loopback.faults.open_dms(loopback.owner)
    loopback.bot_user.set_permissions(loopback.channel, discord.Permissions.all())
    await day.restart()


async def maintenance(day: Day) -> None:
    await day.at("16:02:30")
    await day.lose_gateway(day.rig.discord.drop_gateway)
    await day.at("16:10:30")
    assert await day.firing() == {"gateway"}, "it would be told"
    await day.find_gateway()
    await day.at("16:20:30")
    await day.lose_database()
    await day.at("16:45:30")
    day.find_database()


async def mute(day: Day) -> None:
    await day.at("17:30")
    day.measure(42, "download")
    await day.at("17:40")
    owner = day.rig.discord.owner
    (*_, message) = owner.dms
    await owner.click(message, "Mute 1 h")
    assert "Muted until" in message.content
    await day.at("19:00")
    day.measure(0.2, "download")
    await day.at("19:30")


async def fifty_at_once(day: Day) -> None:
    del day.each_minute["download"]
    await day.at("20:00")
    day.measure(9, *NODES)
    await day.at("20:20:30")
    await day.restart()
    await day.at("20:40")
    day.measure(0.2, *NODES)
