"""What people read: the first line answers, the reason stands under it, only then numbers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.periods import before, last_days, report_period
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandCounts,
    CommandPerformance,
    ComponentCounts,
    HourCount,
    OperationPerformance,
    Percentiles,
    PerformanceReport,
    StatisticsReport,
    added_up,
)

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)


def values(embed: discord.Embed) -> dict[str | None, str | None]:
    return {field.name: field.value for field in embed.fields}


# -- /stats ------------------------------------------------------------------------------------------------------------


def used(command: str, n: int, **outcomes: int) -> CommandCounts:
    return CommandCounts(command=command, n=n, ok=n - sum(outcomes.values()), **outcomes)


def statistics_report(name: str = "weekly", **parts: Any) -> StatisticsReport:
    period = report_period(name, NOW)
    commands: tuple[CommandCounts, ...] = parts.pop(
        "commands", (used("play", 612, error=4), used("skip", 201), used("lyrics", 41, error=8))
    )
    sums = added_up(commands)
    usual: dict[str, Any] = {
        "guild_id": "1",
        "guild_name": "The Listening Room",
        "period": period,
        "previous": before(period),
        "total_commands": sums.executed,
        "outcomes": sums,
        "previous_commands": 713,
        "unique_users": 87,
        "previous_users": 83,
        "faults": sums.faults,
        "fault_rate": sums.fault_rate,
        "previous_fault_rate": 0.018,
        "commands": commands,
        "previous_by_command": {"play": 506, "skip": 207},
        "hours": (
            HourCount(start=datetime(2026, 11, 17, 9, tzinfo=UTC), n=40, faults=0),
            HourCount(start=datetime(2026, 11, 21, 21, tzinfo=UTC), n=96, faults=12),
        ),
        "previous_hours": (),
        "total_songs": 0,
        "total_playtime_s": 0,
        "total_playtime_hours": 0.0,
        "total_skips": 0,
        "skip_rate": None,
        "previous_skip_rate": None,
        "total_pauses": 0,
        "unused_commands": (),
        "first_seen": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return StatisticsReport(**(usual | parts))


EMPTY: dict[str, Any] = {"commands": (), "hours": (), "unique_users": 0, "fault_rate": None}


def test_a_week_says_how_much_by_whom_and_how_it_compares():
    embed = embeds.statistics(statistics_report(), NOW)
    assert embed.title == "Last 7 days in The Listening Room"
    assert (embed.description or "").splitlines() == [
        "17 to 23 November, UTC",
        "",
        "**854** commands  ▲ 20 %",
        "**87** people  ▲ 4",
        "**1.4 %** failed (12)  ▼ 0.4",
    ]
    assert (values(embed)["Commands"] or "").splitlines() == [
        "```",
        "play   612 ████████████ +21%",
        "skip   201 ████          -3%",
        "lyrics  41 █             new",
        "```",
    ]
    assert values(embed)["By day, most on Saturday: 96"] == "```\n▄▄  ·  ·  · ██  ·  ·\nTu We Th Fr Sa Su Mo\n```"
    assert values(embed)["Busiest"] == "Saturday 21:00 UTC\n96 commands"
    assert values(embed)["Worth a look"] == "`lyrics` failed in **8 of 41** calls"
    assert "Music" not in values(embed)
    assert embed.footer.text == "compared with the week before"


def test_today_is_by_hour_and_compared_with_the_same_hours():
    hours = tuple(HourCount(start=NOW.replace(hour=h, minute=0, second=0), n=h, faults=0) for h in (8, 20))
    commands = (used("play", 28),)
    embed = embeds.statistics(statistics_report("today", hours=hours, commands=commands, previous_fault_rate=0.0), NOW)
    assert embed.title == "Today in The Listening Room"
    assert (embed.description or "").splitlines()[0] == "Monday, 23 November, UTC, so far"
    assert "none failed" in (embed.description or "")
    assert (values(embed)["By hour, UTC"] or "").splitlines()[1] == "········▄···········█·"
    assert values(embed)["Busiest"] == "20:00 UTC\n20 commands"
    assert embed.footer.text == "compared with the day before, same hours"


def test_a_month_is_a_calendar():
    period = report_period("monthly", NOW)
    hours = (
        HourCount(start=period.start, n=5, faults=0),
        HourCount(start=period.start + timedelta(days=29), n=1, faults=0),
    )
    embed = embeds.statistics(statistics_report("monthly", hours=hours, guild_id=None), NOW)
    assert embed.title == "Last 30 days in all servers"
    assert (embed.description or "").startswith("25 October to 23 November, UTC\n")
    calendar = (values(embed)["By day, most on 25 October: 5"] or "").splitlines()
    assert calendar[1] == "        Su Mo Tu We Th Fr Sa"
    assert calendar[2] == "25 Oct  ██  ·  ·  ·  ·  ·  ·"
    assert calendar[6] == "22 Nov   · ▂▂"
    assert embed.footer.text == "compared with the 30 days before"


def test_music_has_its_field_only_where_there_is_music():
    played = statistics_report(
        total_songs=412,
        total_playtime_s=112_800,
        total_skips=74,
        skip_rate=74 / 412,
        previous_skip_rate=0.22,
        total_pauses=1,
    )
    assert values(embeds.statistics(played, NOW))["Music"] == "**412** songs\n31 h 20 min\n18 % skipped ▼ 4\n1 pause"


def test_beyond_eight_commands_the_rest_is_summed_up():
    many = tuple(used(f"command{i}", 1000 - i) for i in range(50))
    table = values(embeds.statistics(statistics_report(commands=many), NOW))["Commands"] or ""
    assert table.splitlines()[-2].split() == ["+42", "more", "41k"]
    assert len(table.splitlines()) == 11


def test_worth_a_look_names_what_fails_what_is_misused_and_what_nobody_uses():
    commands = (
        used("play", 105, late=3, unanswered=2, error=1, denied=5),
        used("seek", 20, user_error=5, refused=2),
        used("skip", 100, error=1, user_error=4),
        used("loop", 10, user_error=4),
    )
    report = statistics_report(commands=commands, unused_commands=("a", "b", "c", "d", "e"))
    assert (values(embeds.statistics(report, NOW))["Worth a look"] or "").splitlines() == [
        "`play` failed in **6 of 100** calls, 3 answered too late, 2 never answered",
        "`seek` did not run in 7 of 20 calls: 5 used wrongly, 2 refused by Discord",
        "`a`, `b`, `c` and 2 more were not used for 30 days",
    ]


def test_where_nothing_is_rated_nothing_is_said_about_failures():
    report = statistics_report(commands=(used("play", 9, cancelled=9),), previous_fault_rate=None)
    assert "failed" not in (embeds.statistics(report, NOW).description or "")


def test_what_did_not_run_stands_beside_the_commands_and_what_a_crash_took_among_them():
    commands = (
        used("play", 60, denied=12, refused=3, user_error=1, error=2, cancelled=2, crashed=4),
        used("ban", 5, denied=5),
    )
    embed = embeds.statistics(statistics_report(commands=commands, previous_commands=0, previous_fault_rate=None), NOW)
    assert (embed.description or "").splitlines()[2:] == [
        "**44** commands",
        "**87** people",
        "**5.3 %** failed (2)",
        "4 ran when the bot crashed",
        "-# Beside these: 1 used wrongly, 17 not allowed, 3 refused by Discord",
    ]
    assert (values(embed)["Commands"] or "").splitlines()[1].split()[:2] == ["play", "44"]
    assert "ban" not in (values(embed)["Commands"] or "")


def test_where_nothing_ran_that_is_said_with_what_did_not():
    parts = EMPTY | {"commands": (used("ban", 5, denied=5),), "previous_commands": 0, "previous_fault_rate": None}
    embed = embeds.statistics(statistics_report(**parts), NOW)
    assert "**0** commands" in (embed.description or "")
    assert "-# Beside these: 5 not allowed" in (embed.description or "")
    assert "Commands" not in values(embed)


def test_without_a_past_nothing_is_called_new():
    first = datetime(2026, 11, 18, 9, tzinfo=UTC)
    report = statistics_report(previous_commands=0, previous_users=0, previous_by_command={}, first_seen=first)
    embed = embeds.statistics(report, NOW)
    assert "new" not in (values(embed)["Commands"] or "")
    assert "▲" not in (embed.description or "")
    assert embed.footer.text == "counting since 18 November"


def test_a_past_that_is_only_partly_recorded_is_owned_up_to():
    report = statistics_report(first_seen=datetime(2026, 11, 14, tzinfo=UTC))
    footer = embeds.statistics(report, NOW).footer.text
    assert footer == "compared with the week before\n(on record only since 14 November)"


def test_an_empty_week_says_what_will_appear_and_when():
    never = statistics_report(**EMPTY, previous_commands=0, first_seen=None)
    embed = embeds.statistics(never, NOW)
    assert embed.description == (
        "Nothing recorded yet.\n"
        "Commands, people, the busiest hour and music appear here as soon as somebody uses a command."
    )
    assert not embed.fields
    quiet = embeds.statistics(statistics_report(**EMPTY, previous_commands=38), NOW)
    assert (quiet.description or "").splitlines()[:2] == [
        "No command was used in this time (17 to 23 November, UTC).",
        "The week before had **38** commands.",
    ]


def test_periods_over_a_new_year_name_both_years():
    period = report_period("weekly", datetime(2027, 1, 3, 12, tzinfo=UTC))
    embed = embeds.statistics(statistics_report(period=period, previous=before(period), hours=()), NOW)
    assert (embed.description or "").startswith("28 December 2026 to 3 January 2027, UTC\n")


# -- /perf -------------------------------------------------------------------------------------------------------------


def times(n: int, seconds: float, slow: int = 0, slow_s: float = 0.0) -> Percentiles:
    return Percentiles.of(Histogram.of([seconds] * n + [slow_s] * slow))


def command_times(command: str, duration: Percentiles, previous: Percentiles | None = None) -> CommandPerformance:
    return CommandPerformance(
        command=command, duration=duration, response=duration, previous=previous or Percentiles(), slow_share=0.0
    )


def performance_report(*commands: CommandPerformance, days: int = 7, **parts: Any) -> PerformanceReport:
    usual: dict[str, Any] = {
        "guild_id": "1",
        "period": last_days(days, NOW),
        "command": commands[0].command if len(commands) == 1 else parts.get("by_day_command") if not commands else None,
        "total_commands": sum(c.duration.n for c in commands),
        "command_threshold_s": 2.0,
        "response_threshold_s": 1.0,
        "duration": times(sum(c.duration.n for c in commands), 0.2),
        "response": times(sum(c.duration.n for c in commands), 0.2),
        "gateway_delay": Percentiles(),
        "late": 0,
        "unanswered": 0,
        "commands": commands,
        "operations": (),
        "bottlenecks": (),
    }
    return PerformanceReport(**(usual | parts))


PLAY = command_times("play", times(500, 0.9, 112, 4.1), times(400, 0.8))
SKIP = command_times("skip", times(201, 0.05))
SLOW_PLAY = Bottleneck(
    name="play", metric="command", severity="high", threshold_s=2.0, p95_s=4.1, slow_share=0.183, n=612
)


def test_components_have_one_line_of_their_own():
    skip = ComponentCounts(name="PlayerView.skip", n=40, ok=37, error=2, denied=1, duration=times(40, 0.2))
    form = ComponentCounts(name="Form", n=3, ok=3, duration=Percentiles(n=3, max_s=1.5))
    told = values(embeds.performance(performance_report(PLAY, SKIP, components=(skip, form)), NOW))
    assert told["Buttons, menus and modals"] == "43 uses · **4.8 %** failed (2) · slowest `Form`, at most 1.5 s"
    skip = ComponentCounts(name="PlayerView.skip", n=1, cancelled=1)
    told = values(embeds.performance(performance_report(PLAY, SKIP, components=(skip,)), NOW))
    assert told["Buttons, menus and modals"] == "1 use"
    assert "Buttons, menus and modals" not in values(embeds.performance(performance_report(PLAY, SKIP), NOW))


def test_a_bottleneck_is_named_with_its_share_and_its_past():
    by_day = tuple((f"2026-11-{d}", s) for d, s in zip(range(17, 24), [0.8, 0.9, 1.1, 0.8, 1.2, 3.2, 4.1], strict=True))
    report = performance_report(
        PLAY, SKIP, bottlenecks=(SLOW_PLAY,), late=3, unanswered=1, by_day=by_day, by_day_command="play"
    )
    embed = embeds.performance(report, NOW)
    assert (embed.title, embed.colour) == ("Performance, last 7 days", embeds.RED)
    assert (embed.description or "").splitlines() == [
        "🔴 **/play** takes over 2 s in **18 %** of 612 calls",
        "p95 **4.1 s**, the week before **0.8 s**",
        "🟢 everything else is quick",
    ]
    assert (values(embed)["Slowest commands"] or "").splitlines() == [
        "```",
        "        p50   p95    n",
        "play  0.90s  4.1s  612",
        "skip   51ms  51ms  201",
        "```",
    ]
    assert values(embed)["First answer (Discord allows 3 s)"] == "p95 **0.2 s** (813) · 3 too late · 1 never"
    assert values(embed)["/play by day, p95"] == "`·▂▂▃▂▃▇█`  0.8 s → 4.1 s"
    assert embed.footer.text == "813 calls · this server · percentiles within 2 %"


def test_what_is_not_quick_is_not_called_quick():
    rare = command_times("rare", times(3, 9.0))
    embed = embeds.performance(performance_report(PLAY, rare, bottlenecks=(SLOW_PLAY,)), NOW)
    assert "everything else" not in (embed.description or "")


def test_all_quick():
    embed = embeds.performance(performance_report(SKIP, command_times("stop", times(50, 0.2))), NOW)
    assert embed.description == "🟢 **Everything is quick**: 95 % of 251 calls took at most **0.2 s**."
    assert embed.colour == embeds.GREEN


def test_below_20_samples_the_maximum_stands_for_percentiles():
    few = performance_report(command_times("play", times(4, 0.4)), command_times("skip", times(1, 0.06)))
    embed = embeds.performance(few, NOW)
    assert (embed.description or "").startswith("⚪ **Too few to judge**: 5 calls so far; the longest took 0.2 s.")
    assert embed.colour == embeds.NEUTRAL
    assert (values(embed)["Slowest commands"] or "").splitlines()[1:4] == [
        "      p50    p95  n",
        "play  max  0.41s  4",
        "skip  max   60ms  1",
    ]


@pytest.mark.parametrize(("n", "has_p99"), [(99, False), (100, True)])
def test_a_p99_needs_100_samples(n, has_p99):
    embed = embeds.performance(performance_report(command_times("play", times(n, 0.4))), NOW)
    assert embed.title == "Performance of /play, last 7 days"
    assert ("p99" in (values(embed)["Times"] or "")) is has_p99


def test_one_command_is_set_beside_its_past():
    embed = embeds.performance(performance_report(PLAY, bottlenecks=(SLOW_PLAY,)), NOW)
    rows = [line.split() for line in (values(embed)["Times"] or "").splitlines()]
    assert ["in", "all", "answer", "before"] in rows
    assert ["p95", "4.1s", "4.1s", "0.80s"] in rows
    assert ["calls", "612", "612", "400"] in rows


def test_slow_answers_and_operations_are_told_apart():
    slow = (
        replace(SLOW_PLAY, metric="response", severity="low", threshold_s=1.0, slow_share=0.07),
        Bottleneck(
            name="voice_connect",
            metric="voice_connect",
            severity="medium",
            threshold_s=5.0,
            p95_s=7.4,
            slow_share=0.09,
            n=210,
        ),
    )
    operations = (OperationPerformance(name="voice_connect", duration=times(210, 1.5), failed=3),)
    embed = embeds.performance(performance_report(SKIP, bottlenecks=slow, operations=operations, guild_id=None), NOW)
    assert embed.colour == embeds.YELLOW
    assert "🟡 **/play** needs over 1 s for its first answer in **7 %** of 612 calls" in (embed.description or "")
    assert "🟡 **voice_connect** takes over 5 s in **9 %** of 210 calls" in (embed.description or "")
    assert (values(embed)["Other operations"] or "").startswith("`voice_connect` failed 3 of 210 times\n```\n")
    assert "all servers" in (embed.footer.text or "")


def test_lost_answers_are_no_green():
    embed = embeds.performance(performance_report(SKIP, PLAY, late=40, unanswered=2), NOW)
    assert (embed.description or "").startswith("🟡 **Some answers do not arrive**")
    assert embed.colour == embeds.YELLOW


def test_slow_without_a_culprit():
    report = performance_report(command_times("a", times(19, 9.0)), command_times("b", times(19, 9.0)))
    embed = embeds.performance(replace(report, duration=times(38, 9.0)), NOW)
    assert (embed.description or "").startswith("🟡 **Slow in all**")


def test_a_slow_way_from_discord_is_shown_and_a_quick_one_is_not():
    name = "On the way from Discord to the bot"
    slow = embeds.performance(performance_report(SKIP, gateway_delay=times(300, 1.5)), NOW)
    assert values(slow)[name] == "p95 **1.5 s** (300)"
    assert name not in values(embeds.performance(performance_report(SKIP, gateway_delay=times(300, 0.05)), NOW))


def test_nothing_measured_says_when_something_will_be():
    embed = embeds.performance(performance_report(), NOW)
    assert (embed.description or "").startswith("Nothing measured in the last 7 days.\nTimes appear here as soon as")
    assert (embed.footer.text, embed.colour, embed.fields) == (None, embeds.NEUTRAL, [])
    one = embeds.performance(performance_report(by_day_command="lyrics"), NOW)
    assert one.title == "Performance of /lyrics, last 7 days"
    assert (one.description or "").startswith("`lyrics` was not used in the last 7 days.")


# -- on a phone --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "embed",
    [
        embeds.statistics(
            statistics_report(
                total_songs=402_133, total_playtime_s=96_000_000, total_skips=9, skip_rate=0.1, total_pauses=9
            ),
            NOW,
        ),
        embeds.statistics(statistics_report("monthly"), NOW),
    ],
)
def test_inline_fields_are_at_most_20_characters_wide(embed):
    inline = [line.replace("**", "") for f in embed.fields if f.inline for line in [f.name, *f.value.splitlines()]]
    assert inline
    assert max(map(len, inline)) <= 20
