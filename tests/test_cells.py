"""Numbers in tables have two digits and fit their column."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain import cells

unchanging = settings(deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0s"),
        (-3, "0s"),
        (0.0001, "<1ms"),
        (0.0042, "4.2ms"),
        (0.042, "42ms"),
        (0.0997, "0.10s"),
        (0.424, "0.42s"),
        (0.997, "1.0s"),
        (9.94, "9.9s"),
        (9.96, "10s"),
        (75, "75s"),
        (99.6, "1.7m"),
        (2400, "40m"),
        (9000, "2.5h"),
        (31 * 3600, "31h"),
        (1e9, ">99h"),
        (None, "–"),  # noqa: RUF001
        (math.nan, "–"),  # noqa: RUF001
        (math.inf, "–"),  # noqa: RUF001
    ],
)
def test_durations_have_two_digits(seconds, told):
    assert cells.duration(seconds) == told


@pytest.mark.parametrize(
    ("n", "told"),
    [
        (0, "0"),
        (612, "612"),
        (999, "999"),
        (1000, "1.0k"),
        (8449, "8.4k"),
        (9951, "10k"),
        (12_345, "12k"),
        (318_000, "320k"),
        (996_000, "1.0M"),
        (2**63, "9.2E"),
        (10**30, ">999E"),
    ],
)
def test_counts_are_exact_below_1000_and_have_two_digits_above(n, told):
    assert cells.count(n) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0, "0%"),
        (0.0001, "<1%"),
        (0.0096, "1.0%"),
        (0.041, "4.1%"),
        (0.1, "10%"),
        (0.184, "18%"),
        (0.999, ">99%"),
        (1, "100%"),
        (None, "–"),  # noqa: RUF001
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(share, told):
    assert cells.percent(share) == told


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [(612, 506, "+21%"), (97, 100, "-3%"), (5, 5, "="), (5, 0, "new"), (24, 1, "×24"), (0, 9, "-100%")],  # noqa: RUF001
)
def test_changes_are_signed(now, before, told):
    assert cells.change(now, before) == told


whole = st.integers(min_value=0, max_value=2**70)


@unchanging
@given(st.floats(min_value=0, allow_nan=False), whole, whole)
def test_cells_fit_their_column(value, n, before):
    for cell in (cells.duration(value), cells.count(n), cells.percent(value), cells.change(n, before)):
        assert 1 <= len(cell) <= 5


@unchanging
@given(st.floats(min_value=0.001, max_value=300_000))
def test_durations_keep_their_order_of_magnitude(seconds):
    told = cells.duration(seconds)
    unit = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}[told.lstrip("0123456789.")]
    assert float(told.rstrip("msh")) * unit == pytest.approx(seconds, rel=0.055)
