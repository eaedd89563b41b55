"""Pages of the history hold what a plain scan of the log would give, however little each look goes through."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import strategies as st

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.history.outcome_choices import CHOICES, FAILED
from botmon_cog.history.pages import Pages
from botmon_cog.history.values import Asked, Cursor, Page, RowKey
from tests.engines import Storage
from tests.storage_helpers import NOON, invocation, sample

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COMMANDS = ["play", "stop", "Player.skip"]

invocations = st.builds(
    invocation,
    kind=st.sampled_from([Kind.SLASH, Kind.SLASH, Kind.BUTTON, Kind.LOGGED]),
    command=st.sampled_from(COMMANDS),
    outcome=st.sampled_from([Outcome.OK, Outcome.OK, Outcome.ERROR, Outcome.LATE, Outcome.DENIED]),
    started_at=st.one_of(
        st.integers(0, 30).map(lambda minutes: NOON + minutes * MINUTE),
        st.integers(0, 12_000).map(lambda minutes: NOON + minutes * MINUTE),  # more than one window
    ),
    guild_id=st.sampled_from([None, "1", "2"]),
    user_id=st.sampled_from([None, "10", "11"]),
    is_own=st.sampled_from([False, False, False, True]),
)
asked_for = st.builds(
    Asked,
    guild_id=st.sampled_from([None, "1", "1", "3"]),
    command=st.sampled_from([None, None, *COMMANDS, "nothing"]),
    outcome=st.sampled_from([None, None, FAILED, "ok", "denied", "crashed"]),
    user_id=st.sampled_from([None, None, "10"]),
    since=st.none() | st.integers(-100, 12_100).map(lambda minutes: NOON + minutes * MINUTE),
)


def matches(event: Invocation, asked: Asked) -> bool:
    return (
        not event.is_own
        and asked.guild_id in {None, event.guild_id}
        and asked.user_id in {None, event.user_id}
        and asked.command in {None, event.command}
        and (asked.outcome is None or event.outcome in CHOICES[asked.outcome])
        and (asked.since or datetime.min.replace(tzinfo=UTC)) <= event.started_at
    )


def keys(page: Page) -> list[RowKey]:
    return [RowKey.of(entry) for entry in page.entries]


def test_pages_both_ways_hold_each_row_once_and_in_order(engine):
    rows = st.tuples(st.lists(invocations, max_size=40), st.lists(invocations, max_size=20))
    engine.holds(check_pages, rows, asked_for, st.integers(1, 6), st.integers(1, 30), examples=60, of_server=15)


async def check_pages(
    storage: Storage, written: tuple[list[Invocation], list[Invocation]], asked: Asked, size: int, looked: int
) -> None:
    await storage.write(written[0])
    await storage.append(written[1])  # not rolled up yet
    events = [*written[0], *written[1]]
    runs = [run_id for (run_id,) in await storage.rows("SELECT id FROM @runs ORDER BY id")]
    expected = sorted(
        (
            RowKey(int(event.started_at.timestamp() * 1000), runs[0], seq)
            for seq, event in enumerate(events, start=1)
            if matches(event, asked)
        ),
        reverse=True,
    )
    pages = Pages(storage.engine, looked_at_once=looked, looks=2)
    page = await pages.page(asked, None, size)
    assert page.newer is None
    found = keys(page)
    turned = 0
    while page.older is not None:
        assert len(page.entries) == size or page.searched_until is not None
        page = await pages.page(asked, Cursor("older", page.older), size)
        found += keys(page)
        turned += 1
        assert turned <= len(events) + 1, "each press gets farther"
    assert found == expected
    back: list[list[RowKey]] = [keys(page)]
    while page.newer is not None:
        page = await pages.page(asked, Cursor("newer", page.newer), size)
        back.append(keys(page))
        turned -= 1
        assert turned >= -len(events) - 1
    # The newest page is full, so that it may repeat some of the page before it.
    assert back[-1][:size] == expected[: len(back[-1])]
    assert sorted({key for each in back for key in each}, reverse=True) == expected


async def test_a_page_is_found_again_by_its_cursor_while_new_rows_come(storage):
    await storage.write([invocation(command=str(n), started_at=NOON + n * MINUTE) for n in range(30)])
    pages = Pages(storage.engine)
    first = await pages.page(Asked(guild_id="1"))
    second = await pages.page(Asked(guild_id="1"), Cursor("older", first.older))
    await storage.write([invocation(command="new", started_at=NOON + HOUR)])
    again = await pages.page(Asked(guild_id="1"), second.cursor)
    assert [entry.command for entry in again.entries] == [str(n) for n in range(19, 9, -1)]
    assert again == second
    newer = await pages.page(Asked(guild_id="1"), Cursor("newer", second.newer))
    assert [entry.command for entry in newer.entries] == [str(n) for n in range(29, 19, -1)]
    newest = await pages.page(Asked(guild_id="1"), Cursor("newer", newer.newer))
    assert [entry.command for entry in newest.entries] == ["new", *(str(n) for n in range(29, 20, -1))]
    assert newest.newer is None


async def test_rows_of_the_same_millisecond_are_told_apart(storage):
    await storage.write([invocation(command=str(n)) for n in range(25)])
    pages = Pages(storage.engine)
    found: list[str] = []
    page = await pages.page(Asked())
    found += [entry.command for entry in page.entries]
    while page.older is not None:
        page = await pages.page(Asked(), Cursor("older", page.older))
        found += [entry.command for entry in page.entries]
    assert found == [str(n) for n in range(24, -1, -1)]


async def test_a_person_who_is_far_away_takes_several_presses_and_that_is_said(storage):
    rare = invocation(user_id="99", started_at=NOON - HOUR)
    await storage.write([rare, *(invocation(started_at=NOON + n * MINUTE) for n in range(100))])
    pages = Pages(storage.engine, looked_at_once=10, looks=3)
    page = await pages.page(Asked(user_id="99"))
    assert page.entries == ()
    assert page.searched_until == NOON + 70 * MINUTE
    presses = 0
    while page.older is not None:
        page = await pages.page(Asked(user_id="99"), Cursor("older", page.older))
        presses += 1
    assert [entry.user_id for entry in page.entries] == ["99"]
    assert (presses, page.searched_until) == (3, None)
    (entry,) = (await Pages(storage.engine, looked_at_once=10, looks=None).page(Asked(user_id="99"))).entries
    assert entry.started_at == rare.started_at


@pytest.mark.parametrize(
    "asked",
    [Asked(guild_id="2"), Asked(command="rare"), Asked(outcome="crashed"), Asked(guild_id="1", command="rare")],
    ids=str,
)
async def test_what_the_roll_ups_know_is_found_in_the_first_look_however_much_lies_between(storage, asked):
    rare = [
        invocation(guild_id="2", started_at=NOON - 30 * DAY),
        invocation(command="rare", started_at=NOON - 30 * DAY),
        invocation(outcome=Outcome.CRASHED, started_at=NOON - 30 * DAY),
    ]
    await storage.write([*rare, *(invocation(started_at=NOON + n * MINUTE) for n in range(100))])
    page = await Pages(storage.engine, looked_at_once=10, looks=1).page(asked)
    assert len(page.entries) == 1
    assert page.searched_until is None


async def test_names_are_those_of_a_server_most_used_first(storage):
    await storage.write(
        [
            *(invocation(command="play") for _ in range(3)),
            *(invocation(command="stop", guild_id="2") for _ in range(5)),
            invocation(command="ban", outcome=Outcome.DENIED),
            invocation(kind=Kind.BUTTON, command="Player.skip", started_at=NOON.replace(hour=0)),
            invocation(command="health", is_own=True),
            sample(name="voice_connect", guild_id="1"),
        ]
    )
    pages = Pages(storage.engine)
    assert await pages.names("1") == ["play", "Player.skip", "ban"]
    assert await pages.names(None) == ["stop", "play", "Player.skip", "ban"]
    assert await pages.names("9") == []


async def test_an_empty_store_has_an_empty_page(storage):
    page = await Pages(storage.engine).page(Asked(guild_id="1", command="play"))
    assert page == Page(entries=())
    assert await Pages(storage.engine).names(None) == []
