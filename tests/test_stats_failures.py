"""`/stats` says how much failed, to whom it says why, and what a server's admins can fix."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.config import ThresholdsConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.performance import Measured, performance_report
from botmon_cog.domain.reports import (
    CommandCounts,
    DeployComparison,
    FailureSummary,
    PerformanceContext,
    ServersUsing,
    Stretch,
)
from botmon_cog.domain.reports.errors import ErrorCounts, Refusal
from tests.test_embeds import EMPTY, NOW, statistics_report, used, values
from tests.test_embeds_failures import PERIOD, cause
from tests.test_embeds_limits import any_report, assert_shows, made, names, numbers, performance_reports, some
from tests.test_embeds_limits import statistics_reports as any_statistics


def totals(report: Any, failures: FailureSummary | None) -> list[str]:
    return (embeds.statistics(report, NOW, failures).description or "").splitlines()[2:]


def test_admins_read_how_many_failed_and_that_the_owner_knows():
    report = statistics_report(commands=(used("play", 100, error=2, crashed=1),))
    assert "-# 3 commands failed here; the owner knows" in totals(report, FailureSummary(has_alerts=True))
    assert "-# 3 commands failed here; the owner can see why" in totals(report, FailureSummary())
    one = statistics_report(commands=(used("play", 100, error=1),))
    assert "-# 1 command failed here; the owner knows" in totals(one, FailureSummary(has_alerts=True))
    none = statistics_report(commands=(used("play", 100),))
    assert not any("owner" in line for line in totals(none, FailureSummary(has_alerts=True)))
    assert not any("owner" in line for line in totals(report, None))


def test_owners_read_where_the_causes_are():
    summary = FailureSummary(
        kinds=12, new_kinds=3, returned_kinds=1, is_for_owner=True, errors_command="/botmon errors"
    )
    everywhere = statistics_report(guild_id=None)
    assert "-# 12 kinds of errors, 3 new, 1 came back: `/botmon errors`" in totals(everywhere, summary)
    assert "-# 1 kind of errors: `/botmon errors`" in totals(
        everywhere, replace(summary, kinds=1, new_kinds=0, returned_kinds=0)
    )
    assert "-# 100 or more kinds of errors, 3 new, 1 came back" in totals(
        everywhere, replace(summary, kinds=100, is_complete=False, errors_command=None)
    )
    assert "-# 12 commands failed here: `/botmon errors`" in totals(statistics_report(), replace(summary, kinds=None))
    assert not any("kind" in line for line in totals(everywhere, FailureSummary(kinds=0, is_for_owner=True)))


def test_missing_permissions_are_named_with_the_command():
    found = [
        Refusal(command=f"purge{n}", lacks="Manage Messages", error_message="x", n=n, last_at=NOW) for n in range(1, 8)
    ]
    embed = embeds.statistics(statistics_report(), NOW, FailureSummary(refusals=tuple(found)))
    lines = (values(embed)["Permissions missing here"] or "").splitlines()
    assert lines[0] == "`purge1` lacks *Manage Messages* here (1×)"  # noqa: RUF001
    assert (len(lines), lines[-1]) == (6, "and 2 more")
    assert "Permissions missing here" not in values(
        embeds.statistics(statistics_report(**EMPTY), NOW, FailureSummary())
    )


# -- limits ------------------------------------------------------------------------------------------------------------


maybe_names = st.none() | names
causes = made(
    ErrorCounts,
    **{name: st.just(getattr(cause(), name)) for name in ErrorCounts.__struct_fields__}
    | {
        "outcome": st.sampled_from(Outcome),
        "error_type": maybe_names,
        "error_message": maybe_names,
        "file": maybe_names,
        "line": st.none() | numbers,
        "n": numbers,
        "id": names,
    },
)
stretches = made(Stretch, rated=numbers, faults=numbers, p95_s=st.none() | st.floats())
deploys = made(DeployComparison, version=names, started_at=st.just(NOW), before=stretches, after=stretches)
refusals = made(Refusal, command=names, lacks=maybe_names, error_message=maybe_names, n=numbers, last_at=st.just(NOW))


@any_report
@given(performance_reports(), some(causes), st.none() | deploys, some(names), st.booleans(), st.booleans())
def test_perf_is_within_limits(report, found, deploy, alike, is_known, is_for_owner):
    about = report.command if report.command is not None else "play"
    counts = [CommandCounts(command=c.command, n=9, error=7, ok=2) for c in report.commands]
    report = replace(
        report,
        failing=performance_report(Measured(guild_id=None, period=PERIOD, counts=counts), ThresholdsConfig()).failing,
    )
    context = PerformanceContext(
        causes={about: found, **{c.command: found for c in report.commands}},
        deploy=deploy,
        is_known=is_known,
        suggestions=alike,
        is_for_owner=is_for_owner,
        errors_command="/botmon errors id:",
        servers=ServersUsing(n=3, of=2**60),
    )
    assert_shows(embeds.performance(report, NOW, context))


@any_report
@given(any_statistics(), some(refusals), st.booleans(), st.booleans(), numbers)
def test_stats_is_within_limits(report, found, has_alerts, is_for_owner, kinds):
    summary = FailureSummary(
        refusals=found,
        kinds=kinds,
        new_kinds=kinds,
        has_alerts=has_alerts,
        is_for_owner=is_for_owner,
        errors_command="/botmon errors",
    )
    assert_shows(embeds.statistics(report, NOW, summary))
