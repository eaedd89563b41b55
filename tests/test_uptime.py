"""Uptime: what was down, what was lost, and when nobody watched."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain.models import Kind
from botmon_cog.domain.uptime import GatewayLoss, Run, Uptime, shown_name, uptime
from tests.uptime_helpers import NOW, at, loss, run


def gaps(found: Uptime) -> list[tuple[str, float, float]]:
    """(kind, hours before now, hours that it took)."""
    return [(gap.kind, (gap.began_at - NOW) / timedelta(hours=1), round(gap.down_s / 3600, 6)) for gap in found.gaps]


def test_a_bot_that_was_there_all_the_time():
    assert uptime([run(-100, 0)], [], NOW, 24) == Uptime(hours=24, up_share=1.0, watched_s=86_400, gaps=())


def test_nothing_is_known_before_the_first_run():
    found = uptime([run(-6, 0)], [], NOW, 24)
    assert (found.up_share, found.watched_s, gaps(found)) == (1.0, 6 * 3600, [("unwatched", -24, 0)])


def test_where_nobody_ever_watched_there_is_no_share():
    found = uptime([], [], NOW, 24)
    assert (found.up_share, found.watched_s, gaps(found)) == (None, 0, [("unwatched", -24, 0)])


def test_every_kind_of_gap_by_its_name_the_longest_first():
    runs = [run(-30, -20, "stopped"), run(-19, -15), run(-12, -10, "unloaded"), run(-8, 0)]
    found = uptime(runs, [loss(-7, -6.5)], NOW, 24)
    assert gaps(found) == [
        ("crash", -15, 3),
        ("unwatched", -10, 0),
        ("stop", -20, 1),
        ("gateway", -7, 0.5),
    ]
    assert found.watched_s == 22 * 3600
    assert found.up_share == pytest.approx(1 - 4.5 / 22)


def test_crash_names_what_ran_when_it_began_and_no_other_gap_does():
    died = msgspec.structs.replace(run(-100, -30), running=("/convert",))
    stopped = msgspec.structs.replace(run(-20, -15, "stopped"), running=("/late",))
    found = uptime([died, stopped, run(-10, 0)], [loss(-5, -4)], NOW, 24)
    assert [(gap.kind, gap.running) for gap in found.gaps] == [
        ("stop", ()),
        ("crash", ("/convert",)),
        ("gateway", ()),
    ]


def test_crashes_that_lie_end_to_end_name_what_ran_in_each():
    runs = [
        msgspec.structs.replace(run(start, end), running=running)
        for start, end, running in [(-30, -10, ("/convert", "/play")), (-8, -8, ("/play", "stop")), (-6, 0, ())]
    ]
    assert [gap.running for gap in uptime(runs, [], NOW, 24).gaps] == [("/convert", "/play", "stop")]


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        (Kind.SLASH, "/music play"),
        (Kind.HYBRID_SLASH, "/music play"),
        (Kind.PREFIX, "music play"),
        (Kind.USER_MENU, "music play"),
        (Kind.BUTTON, "music play"),
    ],
)
def test_name_as_people_write_it(kind: Kind, shown: str):
    assert shown_name(kind, "music play") == shown


def test_a_lost_shard_counts_for_its_share():
    found = uptime([run(-100, 0)], [loss(-10, -6, 0.25, shard_id=3)], NOW, 24)
    assert (gaps(found), found.up_share) == ([("gateway", -10, 1)], pytest.approx(1 - 1 / 24))


def test_shards_lost_together_add_up_and_are_one_gap():
    losses = [loss(-10, -6, 0.25, 1), loss(-8, -4, 0.25, 2), loss(-4, -3, 0.25, 1)]
    found = uptime([run(-100, 0)], losses, NOW, 24)
    assert gaps(found) == [("gateway", -10, 0.25 * (4 + 4 + 1))]


def test_what_was_noted_twice_counts_once():
    losses = [loss(-10, -6, 0.5), loss(-9, -7, 0.5), loss(-10, -6, 0.5), loss(-7, -5, 0.25)]
    found = uptime([run(-100, 0)], losses, NOW, 24)
    assert gaps(found) == [("gateway", -10, 0.5 * 4 + 0.25)]


def test_all_shards_together_are_no_more_than_the_whole():
    found = uptime([run(-100, 0)], [loss(-10, -6, 0.8, 1), loss(-10, -6, 0.8, 2)], NOW, 24)
    assert gaps(found) == [("gateway", -10, 4)]


def test_a_loss_while_the_bot_was_away_counts_only_outside():
    found = uptime([run(-100, -8), run(-6, 0)], [loss(-9, -5, 0.5)], NOW, 24)
    assert gaps(found) == [("crash", -8, 2), ("gateway", -9, 0.5), ("gateway", -6, 0.5)]


def test_a_loss_that_nobody_could_have_seen_does_not_count():
    found = uptime([run(-100, -8, "unloaded"), run(-6, 0)], [loss(-8, -6)], NOW, 24)
    assert (gaps(found), found.up_share) == ([("unwatched", -8, 0)], 1.0)


def test_a_bot_that_crashes_at_every_start_has_one_gap():
    runs = [run(-10, -5), run(-4, -4), run(-3, -3), run(-2, 0)]
    assert gaps(uptime(runs, [], NOW, 24))[:1] == [("unwatched", -24, 0)]
    assert gaps(uptime(runs, [], NOW, 8)) == [("crash", -5, 3)]


def test_runs_that_overlap_leave_no_gap():
    """Two processes of one instance, or a clock that was set back in between."""
    runs = [run(-20, -8), run(-22, -2, "stopped"), run(-9, -7), run(-1, 0)]
    assert gaps(uptime(runs, [], NOW, 20)) == [("stop", -2, 1)]


def test_a_run_that_ended_is_not_there_now():
    assert gaps(uptime([run(-100, -2, "stopped")], [], NOW, 24)) == [("stop", -2, 2)]
    assert gaps(uptime([run(-100, -2, "unloaded")], [], NOW, 24)) == [("unwatched", -2, 0)]
    assert gaps(uptime([run(-100, -2)], [], NOW, 24)) == [("unwatched", -2, 0)]


def test_a_clock_that_was_set_back():
    backwards = Run(started_at=at(-5), seen_at=at(-7), ended_at=at(-8), ending="stopped")
    found = uptime([run(-30, -6), backwards, run(-1, 5)], [loss(-3, -4), loss(1, 2)], NOW, 24)
    assert gaps(found) == [("stop", -5, 4), ("crash", -6, 1)]


HOURS = st.integers(-900, 20).map(lambda n: n / 10)
RUNS = st.lists(st.builds(run, HOURS, HOURS, st.sampled_from(["", "stopped", "unloaded"])), max_size=8)
LOSS = st.builds(loss, HOURS, HOURS, st.sampled_from([0.1, 0.25, 0.5, 1.0, 3.0, -1.0]), st.integers(0, 3))
PERIOD = st.sampled_from([1.0, 24.0, 72.0])


@settings(deadline=None, max_examples=150)
@given(RUNS, st.lists(LOSS, max_size=8), PERIOD)
def test_the_parts_are_the_whole(runs: list[Run], losses: list[GatewayLoss], hours: float):
    found = uptime(runs, losses, NOW, hours)
    unwatched_s = sum(gap.duration_s for gap in found.gaps if gap.kind == "unwatched")
    assert found.watched_s + unwatched_s == pytest.approx(hours * 3600)
    assert (found.up_share is None) == (found.watched_s == 0)
    down_s = sum(gap.down_s for gap in found.gaps)
    assert down_s + (found.up_share or 0.0) * found.watched_s == pytest.approx(found.watched_s)
    in_order = sorted(found.gaps, key=lambda gap: gap.began_at)
    assert all(at(-hours) <= gap.began_at < gap.ended_at <= NOW for gap in in_order)
    assert all(0 <= gap.down_s <= gap.duration_s + 1e-6 for gap in in_order)
    for one, next_one in pairwise(in_order):
        assert one.ended_at <= next_one.began_at
        assert one.ended_at < next_one.began_at or one.kind != next_one.kind, "they should be one"
    assert [gap.duration_s for gap in found.gaps] == sorted((gap.duration_s for gap in found.gaps), reverse=True)


@settings(deadline=None, max_examples=150)
@given(RUNS, st.lists(LOSS, max_size=6), LOSS, PERIOD)
def test_one_more_loss_never_raises_the_uptime(
    runs: list[Run], losses: list[GatewayLoss], more: GatewayLoss, hours: float
):
    before, after = uptime(runs, losses, NOW, hours), uptime(runs, [*losses, more], NOW, hours)
    assert (after.watched_s, after.up_share is None) == (before.watched_s, before.up_share is None)
    assert 0 <= (after.up_share or 0) <= (before.up_share or 0) + 1e-9 <= 1 + 1e-9


@settings(deadline=None, max_examples=50)
@given(RUNS, st.lists(LOSS, max_size=6), st.randoms())
def test_the_order_of_what_was_noted_does_not_matter(runs: list[Run], losses: list[GatewayLoss], random):
    found = uptime(runs, losses, NOW, 72)
    random.shuffle(losses)
    again = uptime(runs, losses, NOW, 72)
    assert (again.watched_s, again.up_share) == (found.watched_s, pytest.approx(found.up_share))
