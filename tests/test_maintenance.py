"""Maintenance windows: how they are written, and which moments they cover, also when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.config import read_config
from botmon_cog.errors import ConfigError
from botmon_cog.maintenance import maintenance_until, parse_window

BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")


def open_times(text: str, first: str, last: str, zone=UTC) -> list[tuple[str, str]]:
    """When the window opens and closes between two days, found by asking every 5 minutes; in UTC."""
    window = parse_window(text)
    moment, end = (datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC) for day in (first, last))
    found: list[tuple[str, str]] = []
    was_open = False
    while moment < end:
        closes = window.end(moment, zone)
        assert window.covers(moment, zone) == (closes is not None)
        if closes is not None and not was_open:
            found.append((f"{moment:%d %H:%M}", f"{closes:%d %H:%M}"))
        was_open = closes is not None
        moment += timedelta(minutes=5)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),  # within Monday the 5th to Wednesday the 7th
    [
        ("daily 04:00-04:30", [("05 04:00", "05 04:30"), ("06 04:00", "06 04:30"), ("07 04:00", "07 04:30")]),
        ("Daily 4:00 - 4:30", [("05 04:00", "05 04:30"), ("06 04:00", "06 04:30"), ("07 04:00", "07 04:30")]),
        ("Tue 03:00-05:00", [("06 03:00", "06 05:00")]),
        ("mon, WED 22:00-02:00", [("05 22:00", "06 02:00"), ("07 22:00", "08 02:00")]),
        ("Sun 22:00-02:00", [("05 00:00", "05 02:00")]),
        ("Tue 00:00-24:00", [("06 00:00", "07 00:00")]),
        ("Tue 23:55-00:00", [("06 23:55", "07 00:00")]),
        ("2026-01-06 22:00-23:30", [("06 22:00", "06 23:30")]),
        ("2026-01-06 22:00-01:30", [("06 22:00", "07 01:30")]),
        ("2026-01-05 22:00 to 2026-01-07 02:00", [("05 22:00", "07 02:00")]),
        ("2026-02-06 22:00-23:30", []),
    ],
)
def test_a_window_covers_what_it_says(text, expected):
    assert open_times(text, "2026-01-05", "2026-01-08") == expected


def test_it_is_meant_by_the_clocks_of_the_zone():
    assert open_times("daily 04:00-04:30", "2026-01-05", "2026-01-06", BERLIN) == [("05 03:00", "05 03:30")]
    assert open_times("daily 04:00-04:30", "2026-07-05", "2026-07-06", BERLIN) == [("05 02:00", "05 02:30")]
    assert open_times("Mon 00:30-01:00", "2026-01-04", "2026-01-06", BERLIN) == [("04 23:30", "05 00:00")]


@pytest.mark.parametrize(
    ("text", "expected"),  # 29 March: 02:00 becomes 03:00 at 01:00 UTC
    [
        ("daily 01:00-04:00", [("29 00:00", "29 02:00")]),
        ("daily 02:15-02:45", [("29 01:15", "29 01:45")]),
        ("daily 02:00-03:00", [("29 01:00", "29 02:00")]),
        ("daily 01:30-02:30", [("29 00:30", "29 01:30")]),
        ("daily 03:00-04:00", [("29 01:00", "29 02:00")]),
    ],
)
def test_an_hour_that_clocks_skip_takes_no_window_away(text, expected):
    assert open_times(text, "2026-03-29", "2026-03-30", BERLIN)[:1] == expected


@pytest.mark.parametrize(
    ("text", "expected"),  # 25 October: 03:00 becomes 02:00 at 01:00 UTC
    [
        ("daily 01:00-04:00", [("24 23:00", "25 03:00")]),
        ("daily 02:15-02:45", [("25 00:15", "25 01:45")]),
        ("daily 01:30-02:30", [("24 23:30", "25 01:30")]),
        ("daily 03:00-04:00", [("25 02:00", "25 03:00")]),
    ],
)
def test_an_hour_that_clocks_show_twice_belongs_to_the_window_twice(text, expected):
    assert [one for one in open_times(text, "2026-10-24", "2026-10-26", BERLIN) if one in expected] == expected


def test_the_latest_end_of_those_that_are_open_is_told():
    windows = [parse_window(text) for text in ("daily 04:00-05:00", "daily 04:30-06:00", "daily 10:00-11:00")]
    day = datetime(2026, 1, 5, tzinfo=UTC)
    assert maintenance_until(windows, day + timedelta(hours=4, minutes=15), UTC) == day + timedelta(hours=5)
    assert maintenance_until(windows, day + timedelta(hours=4, minutes=45), UTC) == day + timedelta(hours=6)
    assert maintenance_until(windows, day + timedelta(hours=6), UTC) is None
    assert maintenance_until([], day, UTC) is None


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(
        lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    st.sampled_from([UTC, BERLIN, LORD_HOWE, ZoneInfo("America/New_York")]),
    st.integers(0, 1439),
    st.integers(1, 1440),
)
def test_it_closes_when_it_says(moment, zone, start, end):
    if start == end:
        return
    window = parse_window(f"daily {start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02}")
    closes = window.end(moment, zone)
    if closes is None:
        local = moment.astimezone(zone)
        minute = local.hour * 60 + local.minute
        assert not (start <= minute < end)
    else:
        assert moment < closes <= moment + timedelta(hours=25)
        assert window.covers(closes - timedelta(microseconds=1), zone)


@pytest.mark.parametrize(
    "text",
    [
        "", "daily", "04:00-05:00", "daily 04:00", "daily 04:00-04:00", "daily 25:00-26:00", "daily 04:60-05:00",
        "daily 24:00-01:00", "Abc 04:00-05:00", "Mon,Abc 04:00-05:00", "Monday 04:00-05:00", "2026-13-01 04:00-05:00",
        "2026-12-01 22:00 to 2026-12-01 22:00", "2026-12-02 22:00 to 2026-12-01 23:00", "9999-12-31 22:00-23:00",
        "daily 04:00-05:00 UTC", "daily 04:00-24:01",
    ],
)  # fmt: skip
def test_what_is_no_window_is_refused_with_what_is_allowed(tmp_path, text):
    path = tmp_path / "botmon.toml"
    path.write_text(f"[alerts]\nmaintenance = ['daily 04:00-05:00', {text!r}]", encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    assert f"alerts.maintenance[2]: {text!r} can't be used. Allowed: 'daily 04:00-04:30', " in str(caught.value)
