"""What one message of a log channel holds: never more than Discord takes, nothing told twice, nothing left out."""

from __future__ import annotations

import re
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.history.log_lines import LONGEST_UNITS, MOST_LINES, Waiting
from tests.storage_helpers import NOON, invocation

SECOND = timedelta(seconds=1)

rows = st.builds(
    invocation,
    kind=st.sampled_from(Kind),
    command=st.text(min_size=1, max_size=40),
    outcome=st.sampled_from(Outcome),
    started_at=st.integers(0, 100).map(lambda n: NOON + n * SECOND),
    username=st.none() | st.text(max_size=32),
    guild_name=st.none() | st.text(max_size=100),
    error_type=st.none() | st.text(min_size=1, max_size=30),
    error_message=st.none() | st.text(max_size=300),
    fingerprint=st.none() | st.integers(1, 2**40 - 1),
    parameters=st.none() | st.just('["song"]') | st.just("{") | st.just('{"song": "Low Tide"}'),
)


def counted(content: str) -> tuple[int, int, int]:
    """(lines of their own, more, of those failed)."""
    shown = content.splitlines()
    told = re.fullmatch(r"-# and ([\d,]+) more(?:, ([\d,]+) of them failed)?", shown[-1])
    if told is None:
        return len(shown), 0, 0
    return len(shown) - 1, int(told[1].replace(",", "")), int((told[2] or "0").replace(",", ""))


@given(st.lists(rows, min_size=1, max_size=60), st.booleans())
def test_all_are_told_or_counted_within_what_discord_takes(given_rows, is_for_owners) -> None:
    waiting = Waiting()
    for row in given_rows:
        waiting.add(row)
    content = waiting.content(UTC, is_for_owners=is_for_owners)
    assert len(content.encode("utf-16-le", "surrogatepass")) // 2 <= LONGEST_UNITS
    lines, more, _ = counted(content)
    assert lines <= MOST_LINES
    assert lines + more == len(given_rows) == len(waiting)


def test_failures_come_before_others_and_all_in_order_of_time() -> None:
    waiting = Waiting()
    for n in range(300):
        waiting.add(invocation(command=f"c{n}", username="a", started_at=NOON + n * SECOND))
    for n in (400, 350):
        waiting.add(invocation(command=f"c{n}", username="a", outcome=Outcome.LATE, started_at=NOON + n * SECOND))
    content = waiting.content(UTC, is_for_owners=False)
    assert counted(content) == (20, 282, 0)
    names = re.findall(r"\*\*/(c\d+)\*\*", content)
    assert names == [*(f"c{n}" for n in range(18)), "c350", "c400"]


def test_failures_without_room_are_counted_as_such() -> None:
    waiting = Waiting()
    for n in range(25):
        waiting.add(invocation(command=f"c{n}", outcome=Outcome.ERROR))
    other = Waiting()
    other.add_counts(waiting)
    assert len(other) == 25
    assert other.content(UTC, is_for_owners=False) == "-# and 25 more, 25 of them failed"
    other.add(invocation())
    assert counted(other.content(UTC, is_for_owners=False)) == (1, 25, 25)


def test_times_are_those_of_the_zone_and_causes_the_owners() -> None:
    waiting = Waiting()
    waiting.add(
        invocation(
            outcome=Outcome.ERROR,
            username="anna",
            guild_name="Room",
            error_type="KeyError",
            error_message="x",
            fingerprint=7,
        )
    )
    zone = ZoneInfo("Asia/Tokyo")
    assert waiting.content(zone, is_for_owners=False) == "`21:00` ❌ **/play** anna · failed"
    assert waiting.content(zone, is_for_owners=True).startswith(
        "`21:00` ❌ **/play** anna · failed · Room · `KeyError: x` · `"
    )
