"""What is kept besides commands: components, completions, failures in the background, servers joined and left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from botmon_cog.domain.histogram import bucket_of
from botmon_cog.domain.models import BackgroundKind, Kind, MembershipChange
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import CommandCounts, ComponentCounts, Outcomes, added_up
from botmon_cog.store.history import HistoryFilter
from tests.engines import Storage
from tests.storage_helpers import (
    EVER,
    NOON,
    autocompletion,
    background_failure,
    elsewhere,
    invocation,
    membership,
    period,
)

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
BUTTON = {"kind": Kind.BUTTON, "command": "PlayerView.skip"}


# -- outcomes ----------------------------------------------------------------------------------------------------------


def test_counts_have_a_field_for_each_outcome():
    assert list(Outcomes.__struct_fields__) == ["n", *(outcome.value for outcome in Outcome)]


@pytest.mark.parametrize("outcome", Outcome)
def test_what_is_executed_rated_and_a_fault_follows_from_the_declaration(outcome: Outcome):
    counts = CommandCounts(command="play", n=2, **{outcome.value: 2})
    is_fault = outcome.is_fault and outcome.is_rated
    assert counts.of(outcome) == 2
    assert counts.executed == (2 if outcome.is_executed else 0)
    assert counts.rated == (2 if outcome.is_rated else 0)
    assert counts.faults == (2 if is_fault else 0)
    assert counts.fault_rate == (float(is_fault) if outcome.is_rated else None)
    assert added_up([counts, counts]) == Outcomes(n=4, **{outcome.value: 4})


# -- components --------------------------------------------------------------------------------------------------------


async def reports_of_commands(storage: Storage) -> list[object]:
    found: list[object] = [await storage.guilds(9)]
    for guild in (None, "1"):
        for wanted in (EVER, period(NOON - HOUR / 2, 2)):
            found += [await storage.command_counts(guild, wanted), await storage.hour_counts(guild, wanted)]
            found += [await storage.unique_users(guild, wanted)]
            found += [{key: times.counts for key, times in (await storage.latencies(guild, wanted)).items()}]
        found += [await storage.last_used(guild), await storage.first_seen(guild)]
        found += [await storage.daily.totals(guild, NOON), await storage.daily.top(guild, NOON)]
        found += [await storage.daily.timed(guild, NOON), await storage.daily.slow(guild, NOON, 0.1)]
        found += [await storage.outcomes_by_minute(NOON - HOUR, guild)]
    return found


async def test_components_change_no_report_of_commands(storage):
    """Not even those that are called like a command."""
    await storage.write([invocation(duration_s=1.0), invocation(command="PlayerView.skip", outcome=Outcome.ERROR)])
    before = await reports_of_commands(storage)
    pressed = {"duration_s": 9.0, "response_s": 9.0, "gateway_delay_s": 9.0, "user_id": "99"}
    for kind in (Kind.BUTTON, Kind.SELECT, Kind.MODAL):
        for name in ("PlayerView.skip", "play", "Form"):
            events = [invocation(kind=kind, command=name, outcome=outcome, **pressed) for outcome in Outcome]
            await storage.write(events)
    assert await reports_of_commands(storage) == before


async def test_components_are_rows_of_the_history_like_others(storage):
    await storage.write([invocation(**BUTTON, started_at=NOON + 3 * HOUR)])
    for wanted in (HistoryFilter(), HistoryFilter(guild_id="1"), HistoryFilter(command="PlayerView.skip")):
        assert [entry.kind for entry in await storage.history_of(wanted)] == [Kind.BUTTON]
    await storage.write([invocation()])
    for components, kind in ((True, Kind.BUTTON), (False, Kind.SLASH)):
        found = await storage.history_of(HistoryFilter(guild_id="1", components=components))
        assert [entry.kind for entry in found] == [kind]


async def test_a_report_gives_components_of_a_period_and_a_guild(storage):
    await storage.write(
        [
            invocation(**BUTTON, duration_s=0.5, response_s=0.25),
            invocation(**BUTTON, outcome=Outcome.ERROR, duration_s=2.0),
            invocation(**BUTTON, outcome=Outcome.CANCELLED, duration_s=2.0),
            invocation(kind=Kind.MODAL, command="Form", guild_id="2", started_at=NOON + HOUR, duration_s=901.0),
            invocation(**BUTTON, is_own=True),
            invocation(duration_s=7.0),
        ]
    )
    found = await storage.reports.components(None, EVER)
    assert [(each.name, each.n, each.ok, each.error, each.cancelled) for each in found] == [
        ("PlayerView.skip", 3, 1, 1, 1),
        ("Form", 1, 1, 0, 0),
    ]
    skip, form = found
    assert (skip.duration.n, skip.response.n, form.duration.n) == (2, 1, 0)
    assert skip.duration.max_s == pytest.approx(2.0, rel=0.021)
    assert [each.name for each in await storage.reports.components("2", EVER)] == ["Form"]
    assert await storage.reports.components("3", EVER) == []
    half = [each.name for each in await storage.reports.components(None, period(NOON + HOUR / 2, 1))]
    assert half == ["Form"]  # from the rows themselves
    assert (await storage.reports.components(None, period(NOON, 0.5)))[0].n == 3


# -- completions -------------------------------------------------------------------------------------------------------


async def test_completions_are_counted_by_command_for_the_whole_bot(storage):
    await storage.write(
        [
            autocompletion(),
            autocompletion(started_at=NOON + MINUTE, n=1, failed=0, durations=((bucket_of(0.01), 1),)),
            autocompletion(command="queue add", started_at=NOON + HOUR, n=2, failed=2, durations=()),
        ]
    )
    play, add = await storage.reports.autocomplete(EVER)
    assert (play.command, play.n, play.failed, play.duration.n) == ("play", 4, 1, 4)
    assert play.duration.max_s == pytest.approx(1.0, rel=0.021)
    assert (add.command, add.n, add.failed, add.duration.n) == ("queue add", 2, 2, 0)
    assert [each.command for each in await storage.reports.autocomplete(period(NOON + HOUR / 2, 1))] == ["queue add"]
    assert [each.n for each in await storage.reports.autocomplete(period(NOON, 1 / 60))] == [3]
    assert await storage.command_counts(None, EVER) == []
    assert await storage.latencies(None, EVER) == {}
    assert await storage.first_seen(None) is None


# -- the background ----------------------------------------------------------------------------------------------------


async def test_failures_in_the_background_are_summed_by_place(engine, storage):
    async with engine.storage("other") as other:
        await other.write(
            [background_failure(started_at=NOON + MINUTE, n=2, error_type="ValueError", error_message=None)]
        )
        await storage.write(
            [
                background_failure(),
                background_failure(kind=BackgroundKind.LOOP, place="Music.refresh", started_at=NOON + 2 * MINUTE),
                background_failure(started_at=NOON - HOUR),
            ]
        )
        loop, listener = await storage.reports.background_failures(NOON)
        assert (loop.kind, loop.place, loop.n) == (BackgroundKind.LOOP, "Music.refresh", 1)
        assert (listener.n, listener.first_at, listener.last_at) == (3, NOON, NOON + MINUTE)
        assert (listener.error_type, listener.error_message) == ("ValueError", None)
        assert (await storage.reports.background_failures(NOON - HOUR))[1].n == 4
        assert await storage.reports.background_failures(NOON + HOUR) == []


async def test_servers_joined_and_left_are_told_once_however_many_processes_saw_it(engine, storage):
    async with engine.storage("other") as other:
        await storage.write(
            [membership(), membership(change=MembershipChange.LEFT, occurred_at=NOON + HOUR, member_count=40)]
        )
        await other.write([membership(occurred_at=NOON + MINUTE), membership(guild_id="of a host", guild_name=None)])
        await other.write([membership(occurred_at=NOON + 2 * HOUR, guild_name="New home")])
        found = await storage.reports.guild_memberships(NOON)
        assert [(each.change, each.guild_id, each.occurred_at - NOON) for each in found] == [
            ("joined", "1", timedelta()),
            ("joined", "of a host", timedelta()),
            ("left", "1", HOUR),
            ("joined", "1", 2 * HOUR),
        ]
        assert [each.guild_name for each in found] == ["New home", None, "New home", "New home"]
        assert (found[2].member_count, found[2].locale) == (40, "en-US")
        assert await storage.reports.guild_memberships(NOON + 3 * HOUR) == []


async def test_none_of_these_is_a_command_or_somebody(storage):
    await storage.write([autocompletion(), background_failure(), membership(), elsewhere()])
    assert await storage.unique_users(None, EVER) == 0
    assert await storage.hour_counts(None, EVER) == []
    assert ComponentCounts(name="x").duration.n == len(await storage.reports.components(None, EVER)) == 0
