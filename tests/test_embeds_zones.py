"""What people read has the days and the hours of their zone, and says which zone that is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.domain.periods import before, day_period, last_days, report_period
from botmon_cog.domain.reports import HourCount, Period, StatisticsReport
from botmon_cog.timezones import find_zone
from tests.test_embeds import EMPTY, PLAY, SKIP, performance_report, statistics_report, values

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)


def at(text: str) -> datetime:
    """A moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def counted(period: Period, counts: dict[int, int]) -> tuple[HourCount, ...]:
    """Commands by hours since the period began."""
    return tuple(HourCount(start=period.start + timedelta(hours=h), n=n, faults=0) for h, n in counts.items())


def drawn(
    zone: str, name: str, now: str, counts: dict[int, int], **parts: Any
) -> tuple[discord.Embed, dict[str | None, str | None]]:
    period = report_period(name, at(now), find_zone(zone))
    report = of(period, counts, **parts)
    embed = embeds.statistics(report, at(now))
    return embed, values(embed)


def of(period: Period, counts: dict[int, int], **parts: Any) -> StatisticsReport:
    return statistics_report(period=period, previous=before(period), hours=counted(period, counts), **parts)


def lines(block: str | None) -> list[str]:
    return (block or "").splitlines()[1:-1]


# -- a week, a month ---------------------------------------------------------------------------------------------------


def test_a_week_over_a_change_of_clocks_has_local_days():
    """Sunday, 25 October, has 25 hours: what is used in its last one is not Monday's."""
    embed, fields = drawn("Europe/Berlin", "weekly", "2026-10-26 19:30", {0: 1, 23: 1, 24: 4, 120: 1, 144: 7, 145: 8})
    assert embed.title == "Last 7 days in The Listening Room"
    assert (embed.description or "").startswith("20 to 26 October, Europe/Berlin\n")
    assert lines(fields["By day, most on Sunday: 8"]) == ["▂▂ ▄▄  ·  ·  · ██ ██", "Tu We Th Fr Sa Su Mo"]
    assert fields["Busiest"] == "Monday 00:00\n8 commands"
    assert embed.footer.text == "compared with the week before"


@pytest.mark.parametrize(
    ("zone", "now", "span", "busiest"),
    [
        ("America/New_York", "2026-03-10 20:30", "4 to 10 March, America/New_York", "Wednesday 00:00"),
        ("Asia/Kolkata", "2026-03-10 20:30", "5 to 11 March, Asia/Kolkata", "Thursday 00:00"),
        ("Asia/Kathmandu", "2026-03-10 20:30", "5 to 11 March, Asia/Kathmandu", "Thursday 00:00"),
        (
            "Pacific/Kiritimati",
            "2026-12-31 12:30",
            "26 December 2026 to 1 January 2027, Pacific/Kiritimati",
            "Saturday",
        ),
        ("Africa/Cairo", "2026-04-30 12:30", "24 to 30 April, Africa/Cairo", "Friday 01:00"),
        ("UTC", "2026-03-10 20:30", "4 to 10 March, UTC", "Wednesday 00:00 UTC"),
    ],
)
def test_a_week_names_its_days_and_its_zone(zone: str, now: str, span: str, busiest: str):
    embed, fields = drawn(zone, "weekly", now, {0: 5, 30: 1})
    assert (embed.description or "").splitlines()[0] == span
    assert (fields["Busiest"] or "").startswith(busiest)
    assert next(name for name in fields if name and name.startswith("By day")).endswith(": 5")


def test_a_month_is_a_calendar_of_local_days():
    last = 29 * 24 - 1  # the night of the 8th was an hour short
    embed, fields = drawn("America/New_York", "monthly", "2026-03-20 19:30", {0: 4, last: 8})
    assert (embed.description or "").startswith("19 February to 20 March, America/New_York\n")
    calendar = lines(fields["By day, most on 20 March: 8"])
    assert (calendar[1], calendar[-1]) == ("19 Feb  ▄▄  ·  ·  ·  ·  ·  ·", "19 Mar   · ██")
    assert fields["Busiest"] == "20 Mar 00:00\n8 commands"


# -- a day -------------------------------------------------------------------------------------------------------------


def test_today_is_local_and_says_so():
    embed, fields = drawn("Asia/Kathmandu", "today", "2026-11-23 20:00", {0: 5, 1: 10})
    assert embed.title == "Today in The Listening Room"
    assert (embed.description or "").startswith("Tuesday, 24 November, Asia/Kathmandu, so far\n")
    assert lines(fields["By hour, Kathmandu"])[0] == "▄█"
    assert fields["Busiest"] == "01:00\n10 commands"
    assert embed.footer.text == "compared with the day before, same hours"


def test_an_hour_that_came_twice_has_the_commands_of_both():
    embed, fields = drawn("Europe/Berlin", "today", "2026-10-25 16:30", {1: 3, 2: 4, 3: 4, 15: 7})
    assert (embed.description or "").startswith("Sunday, 25 October, Europe/Berlin, so far\n")
    assert lines(fields["By hour, Berlin"])[0] == "·▃█···········▇···"
    assert fields["Busiest"] == "02:00\n8 commands"


def test_within_the_hour_that_comes_twice_it_is_still_that_hour():
    for now in ("2026-10-25 00:30", "2026-10-25 01:30"):
        _, fields = drawn("Europe/Berlin", "today", now, {0: 3})
        assert lines(fields["By hour, Berlin"])[0] == "█··"


def test_an_hour_that_clocks_skip_stays_blank():
    embed, fields = drawn("Europe/Berlin", "today", "2026-03-29 21:30", {1: 4, 2: 8, 22: 8})
    assert lines(fields["By hour, Berlin"])[0] == "·▄\u00a0█···················█"
    assert embed.footer.text == "compared with the day before"
    _, fields = drawn("Africa/Cairo", "today", "2026-04-24 01:30", {0: 4, 3: 8})
    assert lines(fields["By hour, Cairo"])[0] == "\u00a0▄··█"


def test_a_clock_that_changes_by_half_an_hour_loses_nothing():
    _, fields = drawn("Australia/Lord_Howe", "today", "2026-04-05 04:30", {0: 1, 1: 2, 2: 2, 3: 4})
    assert lines(fields["By hour, Lord Howe"])[0] == "▂██" + "·" * 13


@pytest.mark.parametrize("day", ["2026-03-29", "2026-10-25", "2026-07-01"])
def test_a_whole_day_is_a_whole_day_however_long(day: str):
    berlin = find_zone("Europe/Berlin")
    period = day_period(datetime.fromisoformat(day).date(), berlin)
    embed = embeds.statistics(of(period, {0: 1}), NOW)
    assert (embed.title or "").split()[0] == str(int(day[-2:]))
    assert "so far" not in (embed.description or "")
    assert embed.footer.text == "compared with the day before"
    embed = embeds.statistics(of(period, {0: 1}), period.end - timedelta(minutes=1))
    assert (embed.title or "").startswith("Today")


# -- since when --------------------------------------------------------------------------------------------------------


def test_the_first_day_on_record_is_a_local_one():
    embed, _ = drawn("Europe/Berlin", "weekly", "2026-10-26 19:30", {0: 1}, first_seen=at("2026-10-15 22:00"))
    assert embed.footer.text == "compared with the week before\n(on record only since 16 October)"
    new = {"previous_commands": 0, "first_seen": at("2026-10-20 22:00")}
    embed, _ = drawn("Europe/Berlin", "weekly", "2026-10-26 19:30", {0: 1}, **new)
    assert embed.footer.text == "counting since 21 October"


def test_an_empty_time_names_its_zone():
    period = report_period("weekly", at("2026-10-26 19:30"), find_zone("Europe/Berlin"))
    report = statistics_report(**EMPTY, period=period, previous=before(period))
    said = embeds.statistics(report, at("2026-10-26 19:30")).description or ""
    assert "(20 to 26 October, Europe/Berlin)." in said


# -- /perf -------------------------------------------------------------------------------------------------------------


def test_a_development_by_day_names_the_zone_of_the_days():
    by_day = tuple((f"2026-11-{d}", s) for d, s in ((17, 0.8), (18, 0.9), (24, 4.1)))
    period = replace(last_days(7, NOW), timezone="Asia/Kolkata")
    report = performance_report(PLAY, SKIP, period=period, by_day=by_day, by_day_command="play")
    embed = embeds.performance(report, NOW)
    assert values(embed)["/play by day, p95"] == "`▂▂·····█`  0.8 s → 4.1 s"
    assert embed.footer.text == "813 calls · this server · percentiles within 2 % · days in Asia/Kolkata"
    without = embeds.performance(replace(report, by_day=()), NOW)
    assert "Kolkata" not in (without.footer.text or "")
    utc = embeds.performance(replace(report, period=last_days(7, NOW)), NOW)
    assert utc.footer.text == "813 calls · this server · percentiles within 2 %"


# -- on a phone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["today", "weekly", "monthly"])
def test_inline_fields_are_at_most_20_characters_wide(name: str):
    embed, _ = drawn("America/Argentina/ComodRivadavia", name, "2026-09-23 23:30", {0: 1_000_000})
    inline = [line for f in embed.fields if f.inline for line in [f.name, *f.value.splitlines()]]
    assert inline
    assert max(map(len, inline)) <= 20
