"""`/perf` says what fails, and to whom it says why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.config import ThresholdsConfig
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import Measured
from botmon_cog.domain.performance import performance_report as report_of
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import (
    CommandCounts,
    DeployComparison,
    HourCount,
    PerformanceContext,
    PerformanceReport,
    ServersUsing,
    Stretch,
)
from botmon_cog.domain.reports.errors import ErrorCounts, ErrorState, error_id
from botmon_cog.monitors.performance_context import suggestions
from tests.test_embeds import NOW, used, values

PERIOD = last_days(7, NOW)
QUICK = Histogram.of([0.2] * 880)


def measured(times: dict[str, Histogram], *counts: CommandCounts, **parts: Any) -> PerformanceReport:
    latencies = {(name, "duration"): histogram for name, histogram in times.items()}
    return report_of(
        Measured(guild_id=None, period=PERIOD, latencies=latencies, counts=counts, **parts), ThresholdsConfig()
    )


def cause(what: str = "lyrics", n: int = 25, **parts: Any) -> ErrorCounts:
    usual: dict[str, Any] = {
        "fingerprint": 1234,
        "id": error_id(1234),
        "state": ErrorState.NEW,
        "source": ErrorSource.COMMAND,
        "what": what,
        "outcome": Outcome.ERROR,
        "error_type": "ValueError",
        "error_message": "API key wrong",
        "file": "cogs/lyrics.py",
        "line": 48,
        "function": "Lyrics.fetch",
        "n": n,
        "people": 14,
        "guilds": 3,
        "first_at": NOW - timedelta(hours=2),
        "last_at": NOW,
        "first_version": "9c1d",
        "resolved_at": None,
        "muted_until": None,
    }
    return ErrorCounts(**(usual | parts))


def seen_by_owner(**parts: Any) -> PerformanceContext:
    usual: dict[str, Any] = {
        "causes": {"lyrics": (cause(),)},
        "is_for_owner": True,
        "errors_command": "/botmon errors id:",
    }
    return PerformanceContext(**(usual | parts))


LYRICS = Histogram.of([0.042] * 25)
FAILING = measured({"lyrics": LYRICS, "queue": QUICK}, used("lyrics", 25, error=25), used("queue", 880))


# -- /perf, all commands -----------------------------------------------------------------------------------------------


def test_failing_command_comes_first_with_its_cause_for_owners():
    embed = embeds.performance(FAILING, NOW, seen_by_owner())
    assert embed.colour == embeds.RED
    assert (embed.description or "").splitlines() == [
        "🔴 **/lyrics** fails: **25 of 25** calls",
        "-# `ValueError: API key wrong` · `cogs/lyrics.py:48`",
        "🟢 everything else works and is quick",
    ]
    assert (values(embed)["Slowest commands"] or "").splitlines() == [
        "```",
        "         p50   p95   n fail",
        "queue  0.20s 0.20s 880",
        "lyrics  42ms  42ms  25 100%",
        "```",
    ]


def test_without_causes_a_failing_command_is_still_named():
    embed = embeds.performance(FAILING, NOW)
    assert (embed.description or "").splitlines()[0] == "🔴 **/lyrics** fails: **25 of 25** calls"
    assert "ValueError" not in str(embed.to_dict())
    assert "lyrics.py" not in str(embed.to_dict())


def test_commonest_cause_has_its_count_where_it_does_not_explain_all():
    late = cause(n=3, error_type=None, error_message=None, file=None, line=None, outcome=Outcome.LATE)
    context = seen_by_owner(causes={"lyrics": (cause(n=22), late)})
    assert "-# `ValueError: API key wrong` · `cogs/lyrics.py:48` · 22×" in (  # noqa: RUF001
        embeds.performance(FAILING, NOW, context).description or ""
    )


def test_four_failures_out_of_four_are_not_too_few_to_judge():
    few = measured({"lyrics": Histogram.of([0.1] * 4)}, used("lyrics", 4, error=4))
    assert (embeds.performance(few, NOW).description or "").startswith("🔴 **/lyrics** fails: **4 of 4** calls")


def test_single_failure_is_counted_and_judges_nobody():
    one = measured({"lyrics": LYRICS, "queue": QUICK}, used("lyrics", 25, error=1), used("queue", 880))
    embed = embeds.performance(one, NOW)
    assert embed.colour == embeds.GREEN
    assert (embed.description or "").splitlines() == [
        "🟢 **Commands are quick**: 95 % of 905 calls took at most **0.2 s**.",
        "-# 1 of 905 calls failed.",
    ]
    first = measured({"lyrics": Histogram.of([0.1])}, used("lyrics", 1, error=1))
    assert "1 call so far, 1 failed" in (embeds.performance(first, NOW).description or "")


def test_failures_spread_over_many_commands_are_no_green():
    counts = [used(f"c{n}", 10, error=1) for n in range(30)]
    spread = measured({c.command: Histogram.of([0.1] * 10) for c in counts}, *counts)
    embed = embeds.performance(spread, NOW)
    assert embed.colour == embeds.YELLOW
    assert (embed.description or "").startswith("🟡 **10 % of calls fail**, no command stands out: 30 of 300")


@settings(deadline=None, max_examples=100)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 3)), min_size=1, max_size=6))
def test_everything_is_quick_only_where_nothing_failed(drawn):
    counts = [
        CommandCounts(command=f"c{i}", n=ok + error + late, ok=ok, error=error, late=late)
        for i, (ok, error, late) in enumerate(drawn)
    ]
    report = measured({c.command: Histogram.of([0.1] * c.n) for c in counts if c.n}, *counts)
    described = embeds.performance(report, NOW).description or ""
    failed = sum(c.faults for c in counts)
    assert ("Everything is quick" in described) == (not failed and report.duration.n >= 20)
    assert "everything else is quick" not in described
    if failed:
        assert "fail" in described or "do not arrive" in described


def test_quick_command_that_fails_is_in_the_table_of_the_slowest():
    slow = {f"slow{n}": Histogram.of([0.5] * 30) for n in range(12)}
    report = measured({**slow, "lyrics": LYRICS}, used("lyrics", 25, error=25), *(used(name, 30) for name in slow))
    table = (values(embeds.performance(report, NOW))["Slowest and failing commands"] or "").splitlines()
    assert table[-3].split()[0] == "lyrics"
    assert table[-2].split() == ["+5", "more"]


def test_command_without_times_is_in_the_table_if_it_failed():
    report = measured({"queue": QUICK}, used("sync", 3, error=3), used("queue", 880))
    table = values(embeds.performance(report, NOW))["Slowest commands"] or ""
    assert table.splitlines()[3].split() == ["sync", "–", "3", "3"]  # noqa: RUF001


def test_long_names_keep_both_ends_and_push_the_p50_out():
    ends = ("music playlist enqueue-next", "music playlist enqueue-last")
    times = {ends[0]: Histogram.of([0.9] * 500 + [4.1] * 112), ends[1]: Histogram.of([75.0] * 3)}
    report = measured(times, used(ends[0], 612, error=98), used(ends[1], 3, error=3))
    table = (values(embeds.performance(report, NOW))["Slowest commands"] or "").splitlines()[1:-1]
    assert [line.split() for line in table] == [
        ["p95", "n", "fail"],
        ["music", "pla…last", "≤74s", "3", "3"],
        ["music", "pla…next", "4.1s", "612", "16%"],
    ]
    assert max(map(len, table)) <= 28


def test_slow_command_is_named_once():
    slow = Histogram.of([0.9] * 500 + [4.1] * 112)
    latencies = {("play", "duration"): slow, ("play", "response"): slow}
    report = report_of(
        Measured(guild_id=None, period=PERIOD, latencies=latencies, counts=[used("play", 612)]), ThresholdsConfig()
    )
    assert len(report.bottlenecks) == 2
    assert (embeds.performance(report, NOW).description or "").count("/play") == 1


# -- /perf, one command ------------------------------------------------------------------------------------------------


def one_command(**parts: Any) -> PerformanceReport:
    counts = used("lyrics", 50, error=22, late=3, denied=5, refused=2)
    return measured({"lyrics": Histogram.of([0.3] * 43)}, counts, command="lyrics", **parts)


def test_one_command_tells_owners_why_it_fails():
    late = cause(n=3, fingerprint=5, id=error_id(5), error_type=None, file=None, outcome=Outcome.LATE)
    context = seen_by_owner(causes={"lyrics": (cause(n=22), late)}, servers=ServersUsing(n=41, of=380))
    embed = embeds.performance(one_command(), NOW, context)
    assert (embed.description or "").splitlines() == [
        "🔴 **/lyrics** fails: **25 of 43** calls",
        "🟢 it is quick: 95 % of 43 calls took at most **0.3 s**",
        "-# Used in 41 of 380 servers (11 %)",
    ]
    assert (values(embed)["Failed: 25 of 43 calls"] or "").splitlines() == [
        "22 with an error · 3 answered too late",
        "`ValueError: API key wrong`",
        f"-# 22× · `cogs/lyrics.py:48` · `{error_id(1234)}`",  # noqa: RUF001
        "answered too late",
        f"-# 3× · `{error_id(5)}`",  # noqa: RUF001
        f"-# Traceback: `/botmon errors id:{error_id(1234)}`",
        "-# Beside these: 5 not allowed, 2 refused by Discord",
    ]


def test_one_command_tells_admins_how_many_failed_and_how():
    embed = embeds.performance(replace(one_command(), guild_id="1"), NOW, PerformanceContext())
    assert (values(embed)["Failed: 25 of 43 calls"] or "").splitlines() == [
        "22 with an error · 3 answered too late",
        "-# Beside these: 5 not allowed, 2 refused by Discord",
    ]


def test_hours_of_use_and_of_failures_are_those_of_the_configured_zone():
    hours = [
        HourCount(start=datetime.fromisoformat("2026-11-20T08:00Z"), n=30, faults=0),
        HourCount(start=datetime.fromisoformat("2026-11-21T08:00Z"), n=10, faults=4),
        HourCount(start=datetime.fromisoformat("2026-11-21T23:00Z"), n=10, faults=0),
    ]
    embed = embeds.performance(one_command(hours=hours), NOW, PerformanceContext(timezone="Europe/Berlin"))
    used_line, failed_line, axis = (values(embed)["By hour, Berlin"] or "").splitlines()
    assert used_line == "`▂········█··············` used"
    assert failed_line == "`·········█··············` failed"
    assert axis.replace("\u00a0", " ") == "`0     6     12    18    `"
    few = embeds.performance(one_command(hours=hours[2:]), NOW)
    assert not any((name or "").startswith("By hour") for name in values(few))


DEPLOY = DeployComparison(
    version="9c1d",
    started_at=NOW - timedelta(hours=2),
    before=Stretch(rated=840, faults=25, p95_s=2.4),
    after=Stretch(rated=130, faults=0, p95_s=0.9),
)


def test_last_deploy_is_compared_and_its_version_is_the_owners():
    when = f"(<t:{int(DEPLOY.started_at.timestamp())}:R>)"
    told = embeds.performance(FAILING, NOW, seen_by_owner(deploy=DEPLOY)).description or ""
    assert told.splitlines()[-1] == f"-# Since version `9c1d` {when}: p95 2.4 s → 0.9 s, failed 3 % → 0 %"
    told = embeds.performance(FAILING, NOW, PerformanceContext(deploy=DEPLOY)).description or ""
    assert told.splitlines()[-1] == f"-# Since the bot's last update {when}: p95 2.4 s → 0.9 s, failed 3 % → 0 %"


def test_unknown_command_is_answered_with_names_like_it():
    unknown = replace(measured({}, command="plya"), by_day_command="plya")
    context = PerformanceContext(is_known=False, suggestions=("play", "playlist"))
    assert (embeds.performance(unknown, NOW, context).description or "").splitlines() == [
        "There is no command `plya`, and none was used.",
        "Did you mean `play` or `playlist`?",
    ]
    assert "Pick one" in (embeds.performance(unknown, NOW, PerformanceContext(is_known=False)).description or "")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("plya", ("play",)),
        ("PLAYY", ("play",)),
        ("enqueue", ("music enqueue",)),
        ("Show Avatra", ("Show avatar",)),
        ("xyz", ()),
    ],
)
def test_suggestions_are_near_or_contain_the_word(wanted, found):
    assert suggestions(wanted, {"play", "music enqueue", "Show avatar", "ban"}) == found
