"""What discord.py's heartbeats tell of the gateway's latency."""

from __future__ import annotations

import pytest
from discord.ext import commands

from botmon_cog.cog.gateway import Heartbeats
from tests.harness import make_bot, running, until
from tests.test_gateway_probe import KINDS, connected, lose, shards


def looked_at(*latencies: float, interval_s: float = 41.25) -> Heartbeats:
    heartbeats = Heartbeats()
    for latency_s in latencies:
        heartbeats.look(latency_s, interval_s)
    return heartbeats


def test_one_heartbeat_counts_once_however_often_it_is_looked_at() -> None:
    heartbeats = looked_at(0.04, 0.05, *[9.0] * 20)
    assert (heartbeats.newest_s, heartbeats.usual_s) == (9.0, 0.05)


def test_the_usual_latency_is_the_median_of_the_last_five() -> None:
    assert looked_at(9.0, 9.1, 9.2, 0.05, 0.04, 0.06).usual_s == 0.06
    assert looked_at(9.0, 9.1, 9.2, 9.3, 0.05, 0.04).usual_s == 9.1
    assert looked_at().usual_s is None


@pytest.mark.parametrize("race_s", [41.2505, 41.2995, 41.201])
def test_an_answer_that_was_read_before_its_question_was_noted_is_no_measurement(race_s: float) -> None:
    heartbeats = looked_at(0.04, race_s, 0.05)
    assert (heartbeats.newest_s, heartbeats.usual_s) == (0.05, pytest.approx(0.045))
    assert looked_at(race_s).newest_s is None
    assert looked_at(race_s, interval_s=20.0).newest_s == race_s, "with other intervals it may be one"


def test_a_latency_that_is_no_number_is_none() -> None:
    heartbeats = looked_at(float("inf"), float("nan"))
    assert (heartbeats.newest_s, heartbeats.usual_s) == (None, None)


@pytest.mark.parametrize("kind", KINDS)
async def test_the_interval_is_that_of_the_connection(kind: type[commands.Bot]) -> None:
    async with running(make_bot(kind)) as rig:
        await until(lambda: shards(rig)[0].latency_s is not None)
        websocket = rig.bot.shards[0]._parent.ws if kind is commands.AutoShardedBot else rig.bot.ws
        keep_alive = websocket._keep_alive
        before = shards(rig)[0].latency_s
        keep_alive.latency = keep_alive.interval + 0.01
        assert shards(rig)[0].latency_s == before
        keep_alive.latency = keep_alive.interval / 2
        assert shards(rig)[0].latency_s == keep_alive.interval / 2


async def test_a_new_connection_begins_with_new_heartbeats() -> None:
    async with running(make_bot()) as rig:
        await until(lambda: shards(rig)[0].latency_s is not None)
        rig.discord.pause_heartbeat_acks()
        await lose(rig, 0)
        rig.discord.release_gateway()
        await until(lambda: connected(rig) == [True])
        assert (shards(rig)[0].latency_s, shards(rig)[0].usual_latency_s) == (None, None)
