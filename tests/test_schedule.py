"""When reports are due: at an hour of the clock in a zone, also where clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.periods import month_before, week_before
from botmon_cog.domain.schedule import last_monthly, last_weekly, next_monthly, next_weekly
from botmon_cog.domain.settings import WEEKDAYS
from botmon_cog.timezones import find_zone

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"),
    *("Pacific/Apia", "Pacific/Kiritimati", "America/Sao_Paulo", "Asia/Kathmandu", "Atlantic/Azores"),
)
FIRST, LAST = datetime.fromisoformat("2010-01-01"), datetime.fromisoformat("2030-01-01")
MOMENTS = st.datetimes(FIRST, LAST, timezones=st.just(UTC))
WEEK = timedelta(days=7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@given(MOMENTS, st.sampled_from(WEEKDAYS), st.integers(0, 23), st.sampled_from(ZONES))
def test_weekly_report_is_due_once_a_week_at_its_hour(now, weekday, hour, name):
    zone = find_zone(name)
    last, following = last_weekly(weekday, hour, zone, now), next_weekly(weekday, hour, zone, now)
    assert last <= now < following
    assert abs(following - last - WEEK) <= timedelta(hours=24), "Apia left out a whole day"
    for due in (last, following):
        local = due.astimezone(zone)
        wanted = local.replace(hour=hour, minute=0, fold=0)
        exists = wanted.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None)
        if WEEKDAYS[local.weekday()] == weekday and exists:
            assert due == wanted.astimezone(UTC), "the first one of an hour that comes twice"
        else:
            before = (due - timedelta(microseconds=1)).astimezone(zone)
            assert before.utcoffset() != local.utcoffset(), "else only where clocks jump over it"
    moment = last + timedelta(microseconds=1)
    assert last_weekly(weekday, hour, zone, moment) == last_weekly(weekday, hour, zone, last) == last
    assert next_weekly(weekday, hour, zone, last) == following
    assert last_weekly(weekday, hour, zone, following) == following


@given(MOMENTS, st.integers(0, 23), st.sampled_from(ZONES))
def test_monthly_report_is_due_on_the_first_of_each_month(now, hour, name):
    zone = find_zone(name)
    last, following = last_monthly(hour, zone, now), next_monthly(hour, zone, now)
    assert last <= now < following
    assert last.astimezone(zone).day == following.astimezone(zone).day == 1
    assert timedelta(days=27) < following - last < timedelta(days=32)
    assert next_monthly(hour, zone, last) == following


@pytest.mark.parametrize(
    ("zone", "weekday", "hour", "now", "due"),
    [
        ("Europe/Berlin", "sunday", 2, "2026-03-29 12:00", "2026-03-29 01:00"),  # 02:00 is 03:00 there
        ("Europe/Berlin", "sunday", 2, "2026-10-25 12:00", "2026-10-25 00:00"),  # the first of two
        ("Europe/Berlin", "sunday", 3, "2026-10-25 12:00", "2026-10-25 02:00"),
        ("Europe/Berlin", "monday", 9, "2026-10-26 12:00", "2026-10-26 08:00"),
        ("Europe/Berlin", "monday", 9, "2026-10-19 12:00", "2026-10-19 07:00"),
        ("Europe/Berlin", "monday", 9, "2026-10-26 07:59", "2026-10-19 07:00"),
        ("Africa/Cairo", "friday", 0, "2026-04-24 12:00", "2026-04-23 22:00"),  # midnight is 01:00 there
        ("Australia/Lord_Howe", "sunday", 2, "2026-10-04 12:00", "2026-10-03 15:30"),  # 02:00 is 02:30 there
        ("Pacific/Apia", "friday", 9, "2011-12-31 12:00", "2011-12-30 10:00"),  # that Friday never came
    ],
)
def test_report_is_due_where_clocks_change(zone, weekday, hour, now, due):
    assert last_weekly(weekday, hour, ZoneInfo(zone), at(now)) == at(due)


def test_report_is_about_whole_days_before_it_is_due():
    berlin = ZoneInfo("Europe/Berlin")
    week = week_before(at("2026-10-26 08:00"), berlin)
    assert (week.start, week.end) == (at("2026-10-18 22:00"), at("2026-10-25 23:00")), "an hour longer than a week"
    assert (week.name, week.timezone) == ("week", "Europe/Berlin")
    month = month_before(at("2026-11-01 08:00"), berlin)
    assert (month.start, month.end) == (at("2026-09-30 22:00"), at("2026-10-31 23:00"))
    assert (month.name, month.timezone) == ("month", "Europe/Berlin")
