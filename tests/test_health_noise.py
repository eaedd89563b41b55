"""A day of ordinary life raises no alarm: walks inside the limits, and now and then a spike that is over at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from random import Random

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from tests.faults import full
from tests.health_samples import GB, Bot

DAY = 1_440
SEEDS = range(full(1_000, 30))
BLOCKED_FOR = 10
"""Checks for which a block counts among the last ten minutes."""


def walk(random: Random, low: float, high: float) -> Iterator[float]:
    """Values that wander between two bounds for ever, as likely near a bound as anywhere else."""
    value, stride = random.uniform(low, high), (high - low) / 12
    while True:
        value += random.uniform(-stride, stride)
        if not low <= value <= high:
            value = low if value < low else high
        yield value


def spikes(random: Random) -> Iterator[bool]:
    """Now and then True, about ten times in a day, and never twice within six checks."""
    while True:
        for _ in range(random.randint(5, 280)):
            yield False
        yield True


def ordinary_day(seed: int) -> Iterator[dict[str, Sample]]:
    random = Random(seed)
    memory, growth = walk(random, 0.2, 0.795), walk(random, -40e6, 49e6)
    cpu, files = walk(random, 1, 79), walk(random, 50, 800)
    lag_s, latency_s, database_s = walk(random, 0.001, 0.24), walk(random, 0.03, 0.9), walk(random, 0.001, 0.24)
    commands, share = walk(random, 0, 900), walk(random, 0, 0.0495)
    reconnects, limits, failed = walk(random, 0, 5.9), walk(random, 0, 119), walk(random, 0, 29)
    slow_check, lost, stuck, busy = (spikes(random) for _ in range(4))
    blocked = [0.0] * BLOCKED_FOR
    for minute in range(DAY):
        is_down, is_stuck = next(lost), next(stuck)
        blocked[minute % BLOCKED_FOR] = 2.4 if is_stuck else 0.0
        total = int(next(commands))
        latency = None if is_down else next(latency_s)
        connection = ShardSample(
            shard_id=0,
            latency_s=latency,
            usual_latency_s=latency,
            is_connected=not is_down,
            down_s=40.0 if is_down else 0.0,
            reconnects_1h=int(next(reconnects)),
        )
        yield {
            "memory": MemorySample(used_bytes=int(next(memory) * GB), limit_bytes=GB, growth_bytes_per_h=next(growth)),
            "cpu": CpuSample(percent=99.0 if next(busy) else next(cpu)),
            "files": FilesSample(files=int(next(files)), limit=1_024),
            "loop": LoopSample(p99_s=2.4 if is_stuck else next(lag_s), blocked_s=sum(blocked)),
            "gateway": GatewaySample(shards=(connection,), identifies_left=900),
            "rest": RestSample(rate_limits_1h=int(next(limits)), server_errors_1h=int(next(failed))),
            "commands": CommandsSample(total=total, errors=int(total * next(share))),
            "database": DatabaseSample(response_time_s=1.5 if next(slow_check) else next(database_s)),
            "monitor": MonitorSample(queued=minute % 90),
        }


def alarms(seed: int) -> list[str]:
    """What would not have been healthy of one day."""
    bot, found = Bot(), list[str]()
    for minute, samples in enumerate(ordinary_day(seed)):
        report = bot.check(**samples)
        if report.problems or report.overall_status != "healthy":
            found.append(f"seed {seed}, minute {minute}: {report.overall_status}, {report.reason}")
    return found


def test_days_of_ordinary_life_raise_no_alarm():
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        found = [alarm for day in pool.map(alarms, SEEDS, chunksize=10) for alarm in day]
    assert found == []


def test_an_ordinary_day_is_not_an_idle_one():
    day = list(ordinary_day(0))
    assert len(day) == DAY

    def seen(name: str, value: str) -> list[float]:
        return [getattr(samples[name], value) or 0.0 for samples in day]

    assert sum(not samples["gateway"].shards[0].is_connected for samples in day) >= 4
    assert sum(response_s > 1 for response_s in seen("database", "response_time_s")) >= 4
    assert max(seen("loop", "p99_s")) > 2
    assert max(seen("commands", "errors")) > 10


def test_the_same_day_with_trouble_in_it_does_raise_one():
    bot = Bot(HealthConfig(database_slow_ms=100.0))
    assert any(bot.check(**samples).problems for samples in ordinary_day(0))
