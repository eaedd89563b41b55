"""Days, weeks and months begin at midnight on the clock of the zone, whatever that clock did meanwhile."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.periods import DAYS, before, day_period, last_days, report_period, start_of_day
from botmon_cog.domain.reports import Period
from botmon_cog.timezones import find_zone

INSTANT = timedelta(microseconds=1)
HOUR = timedelta(hours=1)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def walls(period: Period) -> tuple[str, str]:
    """Where a period begins and ends, on the zone's clock."""
    return f"{period.local(period.start):%Y-%m-%d %H:%M}", f"{period.local(period.end):%Y-%m-%d %H:%M}"


def dates(period: Period) -> list[date]:
    """The local days on which an hour of the period begins."""
    hours = -((period.start - period.end) // HOUR)
    found = {period.local(period.start + n * HOUR).date() for n in range(hours)}
    return sorted(found | {period.local(period.end - INSTANT).date()})


# -- a day -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("UTC", "2026-03-29", "2026-03-29 00:00", 24),
        ("Europe/Berlin", "2026-03-28", "2026-03-27 23:00", 24),
        ("Europe/Berlin", "2026-03-29", "2026-03-28 23:00", 23),
        ("Europe/Berlin", "2026-10-25", "2026-10-24 22:00", 25),
        ("America/New_York", "2026-03-08", "2026-03-08 05:00", 23),
        ("America/New_York", "2026-11-01", "2026-11-01 04:00", 25),
        ("Asia/Kolkata", "2026-03-29", "2026-03-28 18:30", 24),
        ("Asia/Kathmandu", "2026-03-29", "2026-03-28 18:15", 24),
        ("Pacific/Apia", "2026-03-29", "2026-03-28 11:00", 24),
        ("Pacific/Kiritimati", "2026-03-29", "2026-03-28 10:00", 24),
        ("Pacific/Pago_Pago", "2026-03-29", "2026-03-29 11:00", 24),
        ("Australia/Lord_Howe", "2026-04-05", "2026-04-04 13:00", 24.5),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03 13:30", 23.5),
        # Clocks jump over midnight: the day begins at 01:00.
        ("Africa/Cairo", "2026-04-24", "2026-04-23 22:00", 23),
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04 03:00", 23),
        ("America/Santiago", "2026-09-06", "2026-09-06 04:00", 23),
        # They jump from 23:30 to 00:30: the day begins half an hour late.
        ("America/Toronto", "1919-03-31", "1919-03-31 04:30", 23.5),
        # Midnight comes twice: the day begins with the first.
        ("America/Havana", "2026-11-01", "2026-11-01 04:00", 25),
        # They fall back from midnight to 23:00: the day before is the long one.
        ("America/Sao_Paulo", "2018-02-17", "2018-02-17 02:00", 25),
        ("America/Sao_Paulo", "2018-02-18", "2018-02-18 03:00", 24),
        # A day that the zone never had.
        ("Pacific/Apia", "2011-12-30", "2011-12-30 10:00", 0),
        ("Pacific/Apia", "2011-12-31", "2011-12-30 10:00", 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_made_it(zone: str, day: str, start: str, hours: float) -> None:
    period = day_period(date.fromisoformat(day), find_zone(zone))
    assert (period.start, period.end - period.start) == (at(start), timedelta(hours=hours))
    assert period.start.tzinfo is period.end.tzinfo is UTC
    assert period.timezone == zone


@pytest.mark.parametrize(
    ("zone", "day", "begins"), [("Africa/Cairo", "2026-04-24", "01:00"), ("America/Toronto", "1919-03-31", "00:30")]
)
def test_a_day_without_a_midnight_begins_where_the_jump_ends(zone: str, day: str, begins: str) -> None:
    period = day_period(date.fromisoformat(day), find_zone(zone))
    assert f"{period.local(period.start):%H:%M}" == begins
    assert period.local(period.start - INSTANT).date() == date.fromisoformat(day) - timedelta(days=1)


# -- today, a week, a month --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "now", "start", "end"),
    [
        ("UTC", "2026-11-23 21:04:30", "2026-11-23 00:00", "2026-11-23 22:00"),
        ("UTC", "2026-11-23 23:59:59", "2026-11-23 00:00", "2026-11-24 00:00"),
        ("UTC", "2026-11-23 21:00:00", "2026-11-23 00:00", "2026-11-23 22:00"),
        ("Europe/Berlin", "2026-11-23 23:04:30", "2026-11-23 23:00", "2026-11-24 00:00"),
        ("America/New_York", "2026-11-23 04:04:30", "2026-11-22 05:00", "2026-11-23 05:00"),
        ("Asia/Kolkata", "2026-11-23 18:29:59", "2026-11-22 18:30", "2026-11-23 18:30"),
        ("Asia/Kolkata", "2026-11-23 18:30:00", "2026-11-23 18:30", "2026-11-23 19:30"),
        ("Asia/Kathmandu", "2026-11-23 12:20:00", "2026-11-22 18:15", "2026-11-23 13:15"),
        ("Pacific/Kiritimati", "2026-11-23 09:59:00", "2026-11-22 10:00", "2026-11-23 10:00"),
        # 01:45 for the first time, and for the second.
        ("Australia/Lord_Howe", "2026-04-04 14:45", "2026-04-04 13:00", "2026-04-04 15:00"),
        ("Australia/Lord_Howe", "2026-04-04 15:15", "2026-04-04 13:00", "2026-04-04 15:30"),
        ("Australia/Lord_Howe", "2026-10-03 15:40", "2026-10-03 13:30", "2026-10-03 16:00"),
        ("Africa/Cairo", "2026-04-23 22:10", "2026-04-23 22:00", "2026-04-23 23:00"),
        # 02:30 for the first time, and for the second.
        ("Europe/Berlin", "2026-10-25 00:30", "2026-10-24 22:00", "2026-10-25 01:00"),
        ("Europe/Berlin", "2026-10-25 01:30", "2026-10-24 22:00", "2026-10-25 02:00"),
    ],
)
def test_today_is_from_midnight_to_the_end_of_this_hour(zone: str, now: str, start: str, end: str) -> None:
    period = report_period("today", at(now), find_zone(zone))
    assert (period.name, period.start, period.end, period.timezone) == ("today", at(start), at(end), zone)


@pytest.mark.parametrize(
    ("zone", "now", "start", "start_of_month"),
    [
        ("UTC", "2026-03-31 10:10", "2026-03-25 00:00", "2026-03-02 00:00"),
        ("Europe/Berlin", "2026-03-31 10:10", "2026-03-24 23:00", "2026-03-01 23:00"),
        ("Europe/Berlin", "2026-10-28 10:10", "2026-10-21 22:00", "2026-09-28 22:00"),
        ("America/New_York", "2026-03-09 02:00", "2026-03-02 05:00", "2026-02-07 05:00"),
        ("Asia/Kolkata", "2026-03-31 20:00", "2026-03-25 18:30", "2026-03-02 18:30"),
        ("Australia/Lord_Howe", "2026-10-05 00:00", "2026-09-28 13:30", "2026-09-05 13:30"),
        ("Africa/Cairo", "2026-04-30 09:00", "2026-04-23 22:00", "2026-03-31 22:00"),
    ],
)
def test_a_week_and_a_month_are_days_of_the_calendar(zone: str, now: str, start: str, start_of_month: str) -> None:
    assert report_period("weekly", at(now), find_zone(zone)).start == at(start)
    assert report_period("monthly", at(now), find_zone(zone)).start == at(start_of_month)


def test_there_is_no_other_report() -> None:
    with pytest.raises(ValueError, match=r"there is no 'hourly' report; there are: today, weekly, monthly"):
        report_period("hourly", at("2026-01-01"), UTC)


def test_the_last_days_are_of_24_hours_each() -> None:
    now = at("2026-03-29 10:10")
    assert last_days(7, now) == Period(name="7 days", start=at("2026-03-22 11:00"), end=at("2026-03-29 11:00"))
    assert last_days(1, now) == Period(name="24 hours", start=at("2026-03-28 11:00"), end=at("2026-03-29 11:00"))
    assert before(last_days(7, now)).start == at("2026-03-15 11:00")
    assert before(last_days(7, now)).end == at("2026-03-22 11:00")


# -- the period before -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "name", "now", "expected"),
    [
        ("UTC", "today", "2026-11-23 21:04", ("2026-11-22 00:00", "2026-11-22 22:00")),
        ("UTC", "weekly", "2026-11-23 21:04", ("2026-11-10 00:00", "2026-11-16 22:00")),
        ("UTC", "weekly", "2026-11-23 00:04", ("2026-11-10 00:00", "2026-11-16 01:00")),
        ("UTC", "weekly", "2026-11-23 23:04", ("2026-11-10 00:00", "2026-11-17 00:00")),
        ("Asia/Kathmandu", "monthly", "2026-11-23 12:20", ("2026-09-25 00:00", "2026-10-24 19:00")),
        # The day of the change, and the day after it, up to 21:00 on the clock: 22 hours against 21, and back.
        ("Europe/Berlin", "today", "2026-10-25 19:30", ("2026-10-24 00:00", "2026-10-24 21:00")),
        ("Europe/Berlin", "today", "2026-10-26 19:30", ("2026-10-25 00:00", "2026-10-25 21:00")),
        ("Europe/Berlin", "today", "2026-03-30 18:30", ("2026-03-29 00:00", "2026-03-29 21:00")),
        ("America/New_York", "weekly", "2026-03-14 20:30", ("2026-03-01 00:00", "2026-03-07 17:00")),
        # Yesterday had no 02:00 to 03:00: up to 03:00, when clocks jumped.
        ("Europe/Berlin", "today", "2026-03-29 23:30", ("2026-03-29 00:00", "2026-03-29 03:00")),
        ("Europe/Berlin", "today", "2026-03-30 00:30", ("2026-03-29 00:00", "2026-03-29 03:00")),
        # In the first 02:30 today's last hour is 02:00 to 03:00, as in the second.
        ("Europe/Berlin", "today", "2026-10-25 00:30", ("2026-10-24 00:00", "2026-10-24 03:00")),
        ("Europe/Berlin", "today", "2026-10-25 01:30", ("2026-10-24 00:00", "2026-10-24 03:00")),
        # Yesterday had it twice: both.
        ("Europe/Berlin", "today", "2026-10-26 01:30", ("2026-10-25 00:00", "2026-10-25 03:00")),
        ("Australia/Lord_Howe", "today", "2026-04-04 14:45", ("2026-04-04 00:00", "2026-04-04 02:00")),
        ("Australia/Lord_Howe", "today", "2026-10-04 15:40", ("2026-10-04 00:00", "2026-10-04 03:00")),
        # A midnight that did not exist: today, yesterday, and as the end of a whole day.
        ("Africa/Cairo", "today", "2026-04-24 09:30", ("2026-04-23 00:00", "2026-04-23 13:00")),
        ("Africa/Cairo", "today", "2026-04-25 09:30", ("2026-04-24 01:00", "2026-04-24 13:00")),
        ("Africa/Cairo", "today", "2026-04-24 20:30", ("2026-04-23 00:00", "2026-04-24 01:00")),
        ("Africa/Cairo", "today", "2026-04-24 21:30", ("2026-04-24 01:00", "2026-04-24 01:00")),
        ("Africa/Cairo", "weekly", "2026-04-29 21:30", ("2026-04-17 00:00", "2026-04-23 01:00")),
        ("Africa/Cairo", "weekly", "2026-04-30 20:30", ("2026-04-17 00:00", "2026-04-24 01:00")),
    ],
)
def test_the_period_before_ends_at_the_same_hour_on_the_clock(
    zone: str, name: str, now: str, expected: tuple[str, str]
) -> None:
    period = report_period(name, at(now), find_zone(zone))
    earlier = before(period)
    assert walls(earlier) == expected
    assert (earlier.name, earlier.timezone) == (name, zone)


def test_the_day_before_a_whole_day_is_a_whole_day() -> None:
    berlin = find_zone("Europe/Berlin")
    for day in (date(2026, 3, 29), date(2026, 3, 30), date(2026, 10, 25), date(2026, 10, 26), date(2026, 7, 1)):
        assert before(day_period(day, berlin)) == day_period(day - timedelta(days=1), berlin)


def test_a_day_that_never_was_breaks_nothing() -> None:
    apia = find_zone("Pacific/Apia")
    assert before(day_period(date(2011, 12, 30), apia)).timezone == "Pacific/Apia"
    assert before(day_period(date(2011, 12, 31), apia)).timezone == "Pacific/Apia"


# -- any zone, any moment ----------------------------------------------------------------------------------------------

zones = st.sampled_from(sorted(available_timezones() - {"Factory", "localtime"})).map(find_zone)
moments = st.datetimes(datetime(2015, 1, 1), datetime(2037, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001


@st.composite
def moments_near_a_change(draw: st.DrawFn) -> tuple[ZoneInfo, datetime]:
    """Within days of a change of clocks, which random moments seldom are."""
    name = draw(st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo"]))
    zone = ZoneInfo(name)
    year = draw(st.integers(2024, 2036))
    days = [datetime(year, 1, 1, tzinfo=UTC) + timedelta(days=n) for n in range(366)]
    offsets = [day.astimezone(zone).utcoffset() for day in days]
    changes = [day for day, (offset, then) in zip(days, pairwise(offsets), strict=False) if offset != then]
    return zone, draw(st.sampled_from(changes)) + draw(st.timedeltas(timedelta(days=-1), timedelta(days=8)))


@given(name=st.sampled_from(sorted(DAYS)), where=st.tuples(zones, moments) | moments_near_a_change())
def test_a_report_holds_now_and_so_many_days_on_end_from_a_midnight(
    name: str, where: tuple[ZoneInfo, datetime]
) -> None:
    zone, now = where
    period = report_period(name, now, zone)
    days = dates(period)
    today = now.astimezone(zone).date()
    assert period.start <= now < period.end <= now + HOUR
    assert days == [today - timedelta(days=n) for n in reversed(range(DAYS[name]))]
    midnight = period.local(period.start)
    assert midnight.time() == time() or period.local(period.start - INSTANT).date() < midnight.date()


@given(name=st.sampled_from(sorted(DAYS)), where=st.tuples(zones, moments) | moments_near_a_change())
def test_the_period_before_holds_as_many_days_up_to_the_same_hour(name: str, where: tuple[ZoneInfo, datetime]) -> None:
    zone, now = where
    period = report_period(name, now, zone)
    earlier = before(period)
    shift = timedelta(days=DAYS[name])
    assert earlier.start <= earlier.end <= period.start
    assert earlier.local(earlier.start).date() == dates(period)[0] - shift
    wanted, found = (p.local(p.end - INSTANT).replace(tzinfo=None, fold=0) for p in (period, earlier))
    wanted -= shift
    if found == wanted:
        assert len(dates(earlier)) == DAYS[name]
    else:  # clocks jumped over that hour, and the period ends where they did
        skipped = wanted.replace(tzinfo=zone)
        assert skipped.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wanted
        assert earlier.local(earlier.end).utcoffset() != earlier.local(earlier.end - INSTANT).utcoffset()


@given(where=st.tuples(zones, moments) | moments_near_a_change())
def test_days_follow_each_other_without_a_gap(where: tuple[ZoneInfo, datetime]) -> None:
    zone, now = where
    day = now.astimezone(zone).date()
    start, end = start_of_day(day, zone), start_of_day(day + timedelta(days=1), zone)
    assert start <= now < end
    assert start.astimezone(zone).date() == day
    assert (end - INSTANT).astimezone(zone).date() == day
