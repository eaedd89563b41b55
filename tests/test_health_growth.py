"""A leak is a trend. A jump, a wandering and a saw are none."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from botmon_cog.health.growth import Growth, slope

HOUR_S, MB = 3600, 1_000_000


def watched(hours: float, value: Callable[[float], float], *, every_s: float = 60, seed: int = 1) -> float | None:
    """MB per hour, of a bot that uses `value(hours)` MB and a noise of 5 MB more."""
    rng = random.Random(seed)
    growth = Growth()
    for n in range(int(hours * HOUR_S / every_s) + 1):
        at_s = 1000.0 + n * every_s
        growth.add(at_s, (value(n * every_s / HOUR_S) + rng.gauss(0, 5)) * MB)
    return None if growth.per_h is None else growth.per_h / MB


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("hours", [3.5, 6, 9])
def test_a_leak_shows_as_its_rate(hours, seed):
    assert watched(hours, lambda h: 200 + 60 * h, seed=seed) == pytest.approx(60, abs=8)


@pytest.mark.parametrize("hours", [0, 1, 2.9])
def test_nothing_is_said_before_three_hours(hours):
    assert watched(hours, lambda h: 200 + 60 * h) is None


@pytest.mark.parametrize("seed", range(3))
def test_noise_is_no_trend(seed):
    assert watched(6, lambda _: 200, seed=seed) == pytest.approx(0, abs=8)


@pytest.mark.parametrize("at_h", [0.2, 1, 2, 3, 3.1, 4, 5.5])
@pytest.mark.parametrize("takes_h", [0, 0.5])
def test_a_jump_is_no_trend_whenever_it_comes(at_h, takes_h):
    """The slope of Theil and Sen alone takes one in the middle for 100 MB/h and more."""

    def jump(hours: float) -> float:
        return 200 + 1000 * (min(max((hours - at_h) / takes_h, 0), 1) if takes_h else hours >= at_h)

    assert watched(6, jump) < 10


def test_a_saw_is_no_trend():
    assert watched(6, lambda h: 200 + 80 * (h % 2)) < 20


def test_a_leak_that_has_ended_is_not_told_for_ever():
    assert watched(9, lambda h: 200 + 60 * min(h, 4)) < 10


def test_less_memory_is_a_trend_downwards():
    assert watched(6, lambda h: 900 - 60 * h) == pytest.approx(-60, abs=10)


@pytest.mark.parametrize(("every_s", "is_known"), [(600, True), (1800, True), (3600, False), (86_400, False)])
def test_what_is_looked_at_seldom_has_a_trend_as_long_as_there_are_enough_looks(every_s, is_known):
    assert (watched(9, lambda h: 200 + 60 * h, every_s=every_s) is not None) == is_known


def test_what_is_kept_is_bounded():
    growth = Growth()
    for n in range(5000):
        growth.add(n * 60.0, 1.0)
    assert len(growth._points) <= 73


def test_the_slope_does_not_mind_some_outliers():
    points = [(float(n), 3.0 * n) for n in range(20)]
    points[5], points[17] = (5.0, 1e9), (17.0, -1e9)
    assert slope(points) == pytest.approx(3)
