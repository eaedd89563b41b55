"""The history is what a plain scan of the log would give, on both engines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from botmon_cog.domain.models import Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.store.alerts import execute
from botmon_cog.store.history import HistoryFilter
from tests.engines import Storage
from tests.storage_helpers import EVER, NOON, invocation

MINUTE = timedelta(minutes=1)
GUILDS, USERS, COMMANDS = [None, "1", "2", "of a host"], [None, "10", "somebody"], ["play", "stop"]

invocations = st.builds(
    invocation,
    command=st.sampled_from(COMMANDS),
    outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.ERROR]),
    started_at=st.integers(0, 2_000).map(lambda minutes: NOON + minutes * MINUTE),
    guild_id=st.sampled_from(GUILDS),
    user_id=st.sampled_from(USERS),
    is_own=st.sampled_from([False, False, False, True]),
)
moments = st.none() | st.integers(-100, 2_100).map(lambda minutes: NOON + minutes * MINUTE)
filters = st.builds(
    HistoryFilter,
    guild_id=st.sampled_from([*GUILDS, "1", "1", "3"]),
    user_id=st.sampled_from(USERS),
    command=st.sampled_from([None, None, *COMMANDS, "nothing"]),
    outcomes=st.sampled_from([None, None, frozenset({Outcome.OK}), frozenset({Outcome.ERROR, Outcome.LATE})]),
    since=moments,
    until=moments,
    limit=st.integers(1, 30),
    offset=st.integers(0, 10),
)


def test_every_filter_finds_what_a_plain_scan_finds(engine):
    written, wanted = (
        st.lists(st.lists(invocations, max_size=30), max_size=3),
        st.lists(filters, min_size=8, max_size=8),
    )
    engine.holds(check_found, written, wanted, examples=40, of_server=15)


async def check_found(storage: Storage, written: list[list[Invocation]], wanted: list[HistoryFilter]) -> None:
    other = Storage(storage.engine, "other")
    rows: list[tuple[datetime, str, int, Invocation]] = []
    for n, events in enumerate(written):
        run = other if n % 2 else storage  # the second run comes second
        batch = await run.append(events)
        rows += [
            (event.started_at, run.run.instance, seq, event) for seq, event in enumerate(events, start=batch.first_seq)
        ]
    await storage.rollups.catch_up()
    runs = [instance for (instance,) in await storage.rows("SELECT instance FROM @runs ORDER BY id")]
    rows.sort(key=lambda row: (row[0], runs.index(row[1]), row[2]), reverse=True)
    for some in wanted:
        expected = [row for row in rows if matches(row[3], some)][some.offset :][: some.limit]
        found = await storage.history_of(some)
        assert [(entry.started_at, entry.instance) for entry in found] == [row[:2] for row in expected]
        assert [(e.command, e.outcome, e.guild_id, e.user_id) for e in found] == [
            (event.command, event.outcome, event.guild_id, event.user_id) for *_, event in expected
        ]
        assert len({entry.id for entry in found}) == len(found)


def matches(event: Invocation, wanted: HistoryFilter) -> bool:
    return (
        not event.is_own
        and wanted.guild_id in {None, event.guild_id}
        and wanted.user_id in {None, event.user_id}
        and wanted.command in {None, event.command}
        and (wanted.outcomes is None or event.outcome in wanted.outcomes)
        and (wanted.since or NOON) <= event.started_at < (wanted.until or datetime.max.replace(tzinfo=UTC))
    )


async def test_pages_of_a_guild_add_up_to_all_of_it(storage):
    events = [invocation(command=str(n), guild_id=str(n % 3), started_at=NOON + n * 17 * MINUTE) for n in range(100)]
    await storage.write(events)
    found: list[str] = []
    while page := await storage.history_of(HistoryFilter(guild_id="1", limit=7, offset=len(found))):
        found += [entry.command for entry in page]
    assert found == [str(n) for n in range(99, -1, -1) if n % 3 == 1]


async def test_rows_that_are_removed_from_the_log_are_no_longer_found(storage):
    await storage.write([invocation(command=str(n), started_at=NOON + n * 60 * MINUTE) for n in range(50)])
    assert await storage.engine.write(execute("DELETE FROM @invocations WHERE seq <= 20", {})) == 20
    assert len(await storage.history_of(HistoryFilter(guild_id="1"))) == 30
    assert await storage.history_of(HistoryFilter(guild_id="1", until=NOON + 20 * 60 * MINUTE)) == []
    assert sum(counts.n for counts in await storage.command_counts("1", EVER)) == 50
