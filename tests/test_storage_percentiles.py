"""Percentiles of stored times, on both engines: within 2 % of the exact ones, and those of the window in memory."""

from __future__ import annotations

import math
from datetime import timedelta
from random import Random

import pytest
from hypothesis import strategies as st

from botmon_cog import Config, MonitoringSystem
from botmon_cog.cli.markdown import render
from botmon_cog.cog import embeds
from botmon_cog.domain.histogram import ALPHA, Histogram
from botmon_cog.domain.reports import Percentiles
from botmon_cog.monitors.windows import SAMPLES_PER_METRIC
from tests.engines import Storage
from tests.storage_helpers import EVER, NOON, invocation, period, sample

HOUR = timedelta(hours=1)
SHORTEST_S, LONGEST_S = 100e-6, 900.0
ROUNDING = 1e-9
QUANTILES = {"p50_s": 0.50, "p90_s": 0.90, "p95_s": 0.95, "p99_s": 0.99, "max_s": 1.0}
DISTRIBUTIONS = {
    "any": lambda random: math.exp(random.uniform(math.log(SHORTEST_S), math.log(LONGEST_S))),
    "even": lambda random: random.uniform(SHORTEST_S, 3.0),
    "long tail": lambda random: 0.05 * random.paretovariate(0.8),
    "usual": lambda random: random.lognormvariate(-2.0, 1.0),
    "two humps": lambda random: random.gauss(0.02, 0.001) if random.random() < 0.9 else random.gauss(30.0, 5.0),
    "the same": lambda _: 0.123,
    "a few": lambda random: random.choice([SHORTEST_S, 0.5, 0.51, LONGEST_S]),
}


def drawn(distribution: str, n: int, seed: int) -> list[float]:
    """In whole microseconds, as times are stored."""
    random = Random(seed)
    values = (min(max(DISTRIBUTIONS[distribution](random), SHORTEST_S), LONGEST_S) for _ in range(n))
    return [round(value, 6) for value in values]


def exact(values: list[float], q: float) -> float:
    return sorted(values)[math.floor(q * (len(values) - 1))]


def test_quantiles_of_stored_times_are_within_two_percent_of_the_exact_ones(engine):
    engine.holds(
        check_quantiles,
        st.sampled_from(sorted(DISTRIBUTIONS)),
        st.integers(1, 250),
        st.integers(0, 2**32),
        st.floats(0, 1),
        examples=40,
        of_server=10,
    )


async def check_quantiles(storage: Storage, distribution: str, n: int, seed: int, q: float) -> None:
    random, values = Random(seed), drawn(distribution, n, seed)
    guilds = [random.choice([None, "1", "2"]) for _ in values]
    events = [
        invocation(duration_s=value, guild_id=guild_id, started_at=NOON + random.randrange(100) * HOUR)
        for value, guild_id in zip(values, guilds, strict=True)
    ]
    for part, instance in enumerate(("one", "two", "three")):  # as different processes would
        await Storage(storage.engine, instance).write(events[part::3])
    of_all = (await storage.latencies(None, EVER))["play", "duration"]
    check_within(of_all, values, q)
    for guild_id in {"1", "2"} & set(guilds):
        of_one = [value for value, of in zip(values, guilds, strict=True) if of == guild_id]
        check_within((await storage.latencies(guild_id, EVER))["play", "duration"], of_one, q)


def check_within(histogram: Histogram, values: list[float], q: float) -> None:
    assert histogram.n == len(values)
    found = histogram.quantile(q)
    assert found is not None
    assert abs(found - exact(values, q)) <= (ALPHA + ROUNDING) * exact(values, q)
    times = Percentiles.of(histogram)
    for name, wanted in QUANTILES.items():
        if (shown := times[name]) is not None:
            assert abs(shown - exact(values, wanted)) <= (ALPHA + ROUNDING) * exact(values, wanted)


async def test_the_days_of_a_period_add_up_to_it(storage):
    values, midnight = drawn("usual", 192, 1), NOON.replace(hour=0)
    events = [invocation(duration_s=value, started_at=midnight + n * HOUR) for n, value in enumerate(values)]
    await storage.write(events)
    parts = [period(midnight + n * 48 * HOUR, 48) for n in range(4)]
    merged = Histogram()
    for part in parts:
        merged += (await storage.latencies(None, part))["play", "duration"]
    assert merged.counts == (await storage.latencies(None, EVER))["play", "duration"].counts
    check_within(merged, values, 0.5)


@pytest.mark.parametrize("n", [1, 19, 20, 99, 100, SAMPLES_PER_METRIC])
async def test_the_window_in_memory_and_the_history_say_the_same_of_the_same_samples(engine, n):
    async with MonitoringSystem(Config(), engine=engine.make()) as system:
        for value in drawn("usual", n, n):
            system.recorder.record(invocation(duration_s=value, response_s=value / 3))
            system.recorder.record(sample(value=value * 2, success=value > 0.1))
        await system.recorder.catch_up()
        live = system.performance._live.histograms()
        stored = (await system.store.reports.counted(None, EVER)).latencies()
        names = {
            ("command", "play"): ("play", "duration"),
            ("response", "play"): ("play", "response"),
            ("operation", "voice_connect"): ("voice_connect", "operation"),
        }
        assert set(live) == set(names)
        for in_memory, in_history in names.items():
            assert Percentiles.of(live[in_memory]) == Percentiles.of(stored[in_history])
            assert live[in_memory].n == n


async def test_what_is_measured_in_another_unit_is_no_time_in_memory_either(engine):
    async with MonitoringSystem(Config(), engine=engine.make()) as system:
        system.recorder.record(sample(unit="MB", value=20.0))
        assert system.performance._live.histograms() == {}
        system.recorder.record(invocation(command="stats", duration_s=9.0, is_own=True))
        assert ("command", "stats") not in system.performance._live.histograms()
        await system.recorder.catch_up()
        assert (await system.store.reports.counted(None, EVER)).latencies() == {}


@pytest.mark.parametrize("n", [0, 1, 19, 20, 99, 100])
async def test_below_20_samples_only_the_maximum_is_shown_and_a_p99_needs_100(storage, n):
    await storage.write([invocation(duration_s=0.1) for _ in range(n)])
    found = await storage.latencies(None, EVER)
    times = Percentiles.of(found.get(("play", "duration"), Histogram()))
    shown = {name for name in QUANTILES if times[name] is not None}
    expected = {"max_s"} if n else set()
    if n >= 20:
        expected |= {"p50_s", "p90_s", "p95_s"}
    if n >= 100:
        expected |= {"p99_s"}
    assert (times.n, shown) == (n, expected)


@pytest.mark.parametrize("n", [1, 19, 20, 250])
async def test_people_see_how_many_samples_there_were_in_discord_and_in_the_terminal(engine, n):
    async with MonitoringSystem(Config(), engine=engine.make()) as system:
        for _ in range(n):
            system.recorder.record(invocation(duration_s=0.1, response_s=0.05))
        for command in (None, "play"):
            embed = embeds.performance(await system.performance.report(None, EVER, command), NOON)
            shown = str(embed.to_dict())
            assert f" {n}" in shown
            in_terminal = render(embed.description or "", NOON).plain
            fields = "\n".join(render(field.value or "", NOON).plain for field in embed.fields)
            assert f" {n}" in in_terminal + fields
