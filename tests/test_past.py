"""Moments of the past as people type them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.past import past_moment

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 25, 14, 3, tzinfo=UTC)
"""A Wednesday; 15:03 in Berlin."""


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2 h", NOW - timedelta(hours=2)),
        ("2h", NOW - timedelta(hours=2)),
        ("90 minutes", NOW - timedelta(minutes=90)),
        ("3 d", NOW - timedelta(days=3)),
        ("3 days ago", NOW - timedelta(days=3)),
        ("since 2 Weeks", NOW - timedelta(days=14)),
        ("last week", NOW - timedelta(days=7)),
        ("1 h 30 min", NOW - timedelta(minutes=90)),
        ("1h 30m", NOW - timedelta(minutes=90)),
        ("1 month", NOW - timedelta(days=30)),
        ("now", NOW),
        ("today", datetime(2026, 11, 24, 23, tzinfo=UTC)),
        (" Yesterday ", datetime(2026, 11, 23, 23, tzinfo=UTC)),
        ("wednesday", datetime(2026, 11, 24, 23, tzinfo=UTC)),
        ("mon", datetime(2026, 11, 22, 23, tzinfo=UTC)),
        ("thursday", datetime(2026, 11, 18, 23, tzinfo=UTC)),
        ("14:30", datetime(2026, 11, 25, 13, 30, tzinfo=UTC)),
        ("16:00", datetime(2026, 11, 24, 15, 0, tzinfo=UTC)),
        ("2026-11-20", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("2026-07-20", datetime(2026, 7, 19, 22, tzinfo=UTC)),
        ("2026-11-20 14:30", datetime(2026, 11, 20, 13, 30, tzinfo=UTC)),
        ("2026-11-20T14:30Z", datetime(2026, 11, 20, 14, 30, tzinfo=UTC)),
        ("20.11.", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("20.11.2025", datetime(2025, 11, 19, 23, tzinfo=UTC)),
        ("20 Nov", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("20. November", datetime(2026, 11, 19, 23, tzinfo=UTC)),
        ("Nov 20, 2025", datetime(2025, 11, 19, 23, tzinfo=UTC)),
        ("24 dec", datetime(2025, 12, 23, 23, tzinfo=UTC)),
    ],
)
def test_moment_is_read_as_people_mean_it(typed: str, expected: datetime) -> None:
    assert past_moment(typed, NOW, BERLIN) == expected


@pytest.mark.parametrize(
    "typed",
    [
        "",
        " ",
        "soon",
        "2",
        "2 parsecs",
        "2 h or so",
        "25:00",
        "30 feb",
        "2026-13-01",
        "2027-01-01",
        "m 3",
        "99999 years",
        "٣ d x",
    ],
)
def test_what_is_no_moment_of_the_past_is_none(typed: str) -> None:
    assert past_moment(typed, NOW, BERLIN) is None


def test_a_time_that_the_clocks_skipped_is_read_all_the_same() -> None:
    now = datetime(2026, 3, 29, 12, tzinfo=UTC)
    assert past_moment("02:30", now, BERLIN) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)


words = st.lists(
    st.sampled_from(
        ["1", "20", "99999", "h", "d", "min", "nov", "yesterday", ":", ".", "-", "2026-11-20", "t", "14:30", ","]
    )
    | st.text(max_size=3),
    max_size=5,
)


@given(words, st.sampled_from(["", " "]))
def test_whatever_is_typed_is_none_or_in_the_past(typed: list[str], between: str) -> None:
    found = past_moment(between.join(typed), NOW, BERLIN)
    assert found is None or (found <= NOW and found.utcoffset() == timedelta(0))
