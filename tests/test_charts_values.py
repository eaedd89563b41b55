"""From reports to charts: which number stands where, on the clock of the server's zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from botmon_cog.cog.charts.performance import percentiles_chart
from botmon_cog.cog.charts.statistics import commands_chart, heat_map
from botmon_cog.cog.charts.uptime import calendar
from botmon_cog.domain.periods import before, last_days, report_period, week_before
from botmon_cog.domain.reports import HourCount, Percentiles
from botmon_cog.domain.reports.errors import Deploy
from botmon_cog.domain.uptime import MONTH_H, Gap, GatewayLoss, Run, uptime
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.uptime import UptimeKeeper
from botmon_cog.testing import ManualClock
from tests.test_embeds import statistics_report

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 18, 40, tzinfo=UTC)
DAY, HOUR = timedelta(days=1), timedelta(hours=1)


def report(name: str, *hours: tuple[datetime, int], zone: ZoneInfo = BERLIN, period: object = None):
    """With commands at these moments, wherever they belong."""
    period = period or report_period(name, NOW, zone)
    previous = before(period)
    found = [HourCount(start=at.replace(minute=0), n=n, faults=0) for at, n in sorted(hours)]
    now = tuple(each for each in found if period.start <= each.start < period.end)
    return statistics_report(
        period=period,
        previous=previous,
        hours=now,
        previous_hours=tuple(each for each in found if previous.start <= each.start < previous.end),
        previous_commands=sum(each.n for each in found if previous.start <= each.start < previous.end),
    )


def test_week_by_day_has_each_days_like_behind_it_and_today_up_to_the_same_hour() -> None:
    chart = commands_chart(
        report("weekly", (NOW, 7), (NOW - 7 * DAY, 5), (NOW - 6 * DAY, 1), (NOW - 7 * DAY + 2 * HOUR, 100)), NOW
    )
    assert chart.labels == ("Sat", "Sun", "Mon", "Tue", "Wed", "Thu", "today")
    assert chart.now == (1, 0, 0, 0, 0, 0, 7)
    assert chart.before == (0, 0, 0, 0, 0, 0, 5), "what came later on that day is not compared with what is to come"
    assert (chart.before_name, chart.running) == ("the week before", 6)
    assert chart.about == "21 to 27 Nov, Berlin"


def test_day_begins_at_the_zones_midnight() -> None:
    late = datetime(2026, 11, 25, 23, 0, tzinfo=UTC)
    assert commands_chart(report("weekly", (late, 3)), NOW).now[-2:] == (3, 0)
    assert commands_chart(report("weekly", (late, 3), zone=ZoneInfo("UTC")), NOW).now[-3:] == (3, 0, 0)


def test_month_is_compared_weekday_by_weekday() -> None:
    used = [(NOW - back * DAY - HOUR, back) for back in range(1, 60)]
    chart = commands_chart(report("monthly", *used), NOW)
    assert (len(chart.now), chart.before_name) == (30, "4 weeks before")
    assert chart.now[:3] == (29, 28, 27)
    assert chart.before[:3] == (57, 56, 55), "28 days earlier"
    assert chart.before[-3:] == (None, 29, 28), "one is cut off at this hour; the last two are of this very period"
    assert chart.running == 29


def test_past_week_has_no_bar_that_still_grows() -> None:
    chart = commands_chart(report("week", (NOW - 2 * DAY, 4), period=week_before(NOW, BERLIN)), NOW)
    assert (chart.running, chart.before, chart.labels[-1]) == (None, (), "Thu")


def test_today_is_by_the_hour_and_hours_to_come_are_unknown() -> None:
    chart = commands_chart(report("today", (NOW, 2), (NOW - DAY, 1)), NOW)
    assert chart.now[18:] == (0, 2, None, None, None, None)
    assert chart.before[19] == 1
    assert [label for label in chart.labels if label] == ["0:00", "6:00", "12:00", "18:00"]


@pytest.mark.parametrize(
    ("n", "previous", "title"),
    [
        (0, 0, "No commands"),
        (1, 0, "1 command"),
        (854, 854, "854 commands, as many as the week before"),
        (1204, 1065, "1,204 commands, ▲ 13 % on the week before"),
    ],
)
def test_title_says_the_answer(n: int, previous: int, title: str) -> None:
    found = statistics_report(total_commands=n, previous_commands=previous)
    assert commands_chart(found, found.period.start).title == title


def test_heat_map_tells_what_is_to_come_from_what_nobody_used() -> None:
    chart = heat_map(report("weekly", (NOW, 6)), NOW)
    assert chart.title == "Busiest on Friday, 19:00 to 20:00"
    assert chart.cells[4][18:21] == (0, 6, None)
    assert chart.cells[5][20] == 0, "last Saturday"


def test_heat_map_of_a_month_has_means() -> None:
    chart = heat_map(report("monthly", (NOW, 6), (NOW - 7 * DAY, 4)), NOW)
    assert chart.cells[4][19] == 10 / 5, "five Fridays, and this hour of each has begun"
    assert chart.title == "Busiest on Fridays, 19:00 to 20:00"


def times(p50: float, n: int = 200) -> Percentiles:
    return Percentiles(n=n, p50_s=p50, p90_s=p50, p95_s=p50 * 3, p99_s=p50 * 5, max_s=p50 * 9)


def deploy(version: str | None, at: datetime) -> Deploy:
    return Deploy(
        version=version, started_at=at, starts=1, python_version=None, discord_version=None, botmon_version=None
    )


def percentiles(by_day: dict[str, Percentiles], *, names_versions: bool = True, command: str | None = None):
    deploys = [deploy("old", NOW - 40 * DAY), deploy("9c1d", datetime(2026, 11, 24, 12, tzinfo=UTC))]
    period = last_days(7, NOW)
    return percentiles_chart(by_day, period, deploys, command=command, threshold_s=2.0, names_versions=names_versions)


def test_percentiles_have_gaps_where_nothing_is_known_and_marks_where_a_version_began() -> None:
    chart = percentiles({"2026-11-21": times(0.1), "2026-11-27": times(0.3)})
    assert (chart.labels[0], chart.labels[-1]) == ("20 Nov", "27 Nov")
    p99, p95, p50 = chart.lines
    assert p50.values == (None, 0.1, None, None, None, None, None, 0.3)
    assert (p95.values[1], p99.values[1]) == (pytest.approx(0.3), 0.5)
    assert chart.title == "p95 rose from 0.3 s to 0.9 s"
    assert [(mark.name, mark.position) for mark in chart.marks] == [("9c1d", 4.0)], "noon is where a day's point lies"
    assert chart.limit is None, "far below what counts as slow"


def test_versions_are_the_owners_business_and_slow_times_have_their_limit() -> None:
    chart = percentiles({"2026-11-27": times(0.5)}, names_versions=False, command="play")
    assert chart.marks[0].name == "update"
    assert (chart.limit, chart.limit_name) == (2.0, "slow: 2 s")
    assert chart.title == "play: p95 is 1.5 s"


def test_few_calls_have_their_longest() -> None:
    chart = percentiles({"2026-11-27": Percentiles(n=3, max_s=0.7)})
    assert (chart.title, [line.name for line in chart.lines]) == ("at most 0.7 s", ["max"])
    assert percentiles({}).title == "no times yet"


class Kept:
    """A store of one run with a crash before it, and of one gateway loss."""

    async def runs(self, since: datetime) -> list[Run]:
        first = Run(started_at=NOW - 20 * DAY, seen_at=NOW - 10 * DAY)
        return [first, Run(started_at=NOW - 10 * DAY + 2 * HOUR, seen_at=NOW)]

    async def gateway_losses(self, since: datetime) -> list[GatewayLoss]:
        return [GatewayLoss(shard_id=0, began_at=NOW - 3 * DAY, ended_at=NOW - 3 * DAY + timedelta(minutes=5))]


async def test_calendar_has_thirty_days_of_the_zone_each_with_its_own_share() -> None:
    clock = ManualClock(NOW)
    kept = UptimeKeeper(Kept(), clock, Failures(clock), timeout_s=5.0)
    days = await kept.days(BERLIN)
    month = uptime(await Kept().runs(NOW), await Kept().gateway_losses(NOW), NOW, MONTH_H)
    chart = calendar(days, month, BERLIN)
    assert [(day.week, day.weekday, day.label) for day in (chart.days[0], chart.days[3], chart.days[-1])] == [
        (0, 3, "29 Oct"),
        (0, 6, "1 Nov"),
        (4, 4, "27"),
    ]
    known = {day.label: (day.up_share, day.down) for day in chart.days if day.up_share != 1}
    assert known.pop("17") == (pytest.approx(1 - 2 / 24), "2 h")
    assert known.pop("24") == (pytest.approx(1 - 5 / 1440), "5 m")
    assert set(known.values()) == {(None, "")}, "before the first run nobody knows"
    assert len(known) == 9
    assert chart.title == "Up 99.6 %, down 2 h 5 min in 30 days"
    assert sum(gap.down_s for _, of in days for gap in of.gaps) == 7_500, "all of it, and each once"


def test_calendar_without_a_gap_says_so() -> None:
    always = uptime([Run(started_at=NOW - 40 * DAY, seen_at=NOW)], [], NOW, MONTH_H)
    assert calendar([], always, UTC).title == "Never down in 30 days"
    new = uptime([Run(started_at=NOW - DAY, seen_at=NOW)], [], NOW, MONTH_H)
    assert calendar([], new, UTC).title == "Never down so far"
    assert isinstance(new.gaps[0], Gap)
    assert calendar([], uptime([], [], NOW, MONTH_H), UTC).title == "Uptime is not known yet"
