"""The latency histogram against exact quantiles."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.histogram import (
    ALPHA,
    GAMMA,
    HIGHEST,
    LARGEST_S,
    LOG_GAMMA,
    LOWEST,
    SMALLEST_S,
    Histogram,
    bucket_of,
    position_of_us,
    value_of,
)

steady = settings(deadline=None, max_examples=100)
durations_s = st.floats(100e-6, 900.0)
ROUNDING = 1e-9


@steady
@given(st.lists(durations_s, min_size=1, max_size=300), st.floats(0, 1))
def test_every_quantile_is_within_two_percent_of_the_exact_one(values, q):
    exact = sorted(values)[math.floor(q * (len(values) - 1))]
    found = Histogram.of(values).quantile(q)
    assert found is not None
    assert abs(found - exact) <= (ALPHA + ROUNDING) * exact


@steady
@given(st.lists(durations_s), st.lists(durations_s))
def test_the_sum_of_two_histograms_is_the_histogram_of_both(left, right):
    merged = Histogram.of(left) + Histogram.of(right)
    assert merged.counts == Histogram.of(left + right).counts
    assert merged.n == len(left) + len(right)


@steady
@given(st.lists(durations_s, min_size=1))
def test_adding_counts_by_bucket_gives_the_same_as_counting_values(values):
    added = Histogram()
    for value in values:
        added.add(bucket_of(value), 1)
    assert added.counts == Histogram.of(values).counts


@steady
@given(st.lists(durations_s, min_size=1), durations_s)
def test_the_share_over_a_threshold_is_that_of_values_two_buckets_above_it_at_least_and_of_values_above_it_at_most(
    values, threshold_s
):
    share = Histogram.of(values).share_over(threshold_s)
    surely_over = sum(value > threshold_s * math.exp(LOG_GAMMA) for value in values) / len(values)
    assert surely_over <= share <= sum(value > threshold_s for value in values) / len(values)


@pytest.mark.parametrize("value", [math.nan, -math.inf, -1.0, -0.0, 0.0, 5e-324, SMALLEST_S])
def test_what_is_no_duration_or_a_tiny_one_counts_as_the_smallest(value):
    assert bucket_of(value) == bucket_of(SMALLEST_S)


@pytest.mark.parametrize("value", [math.inf, 1e300, LARGEST_S])
def test_what_is_longer_than_a_day_counts_as_a_day(value):
    assert bucket_of(value) == bucket_of(LARGEST_S)
    assert value_of(bucket_of(value)) == pytest.approx(LARGEST_S, rel=ALPHA)


def test_the_number_of_buckets_is_bounded():
    assert bucket_of(LARGEST_S) - bucket_of(SMALLEST_S) < 520


@pytest.mark.parametrize("empty", [Histogram(), Histogram({5: 0}), Histogram() + Histogram()])
def test_an_empty_histogram_has_no_quantile_and_nothing_over_a_threshold(empty):
    assert empty.n == 0
    assert empty.quantile(0.5) is None
    assert empty.share_over(0) == 0.0


def test_the_extreme_quantiles_are_the_minimum_and_the_maximum():
    histogram = Histogram.of([0.01, 1.0, 100.0])
    assert histogram.quantile(0) == pytest.approx(0.01, rel=ALPHA)
    assert histogram.quantile(1) == pytest.approx(100.0, rel=ALPHA)


def test_whole_microseconds_fall_into_the_same_buckets():
    bounds_us = [round(GAMMA**bucket * 1e6) for bucket in range(LOWEST - 1, HIGHEST + 2)]
    for duration_us in {0, *(max(bound + by, 0) for bound in bounds_us for by in (-2, -1, 0, 1, 2))}:
        assert LOWEST + position_of_us(duration_us) == bucket_of(duration_us / 1e6), duration_us
