"""Alerts, mutes and messages about them, on both engines, also where several storages share one database."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from botmon_cog.domain.alerts import EVERYTHING, SHARED, Alert, AlertMessage, Mute, NoticeItem
from botmon_cog.domain.alerts.cause import Cause, Change, CommonError, Times
from botmon_cog.domain.alerts.incidents import Basis, told_by
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.uptime import Run
from botmon_cog.errors import StorageError
from botmon_cog.store.alerts import _CLAIM, _DUE, _SENT_SINCE
from tests.engines import Engine, Storage, dump
from tests.storage_helpers import NOON, alert, message

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MS = timedelta(milliseconds=1)
ALERT_TABLES = ("alerts", "alert_messages", "alert_mutes")
ODD = "a\0b \ud800 🎵 'quoted' \"too\" \\u0000 :name ?"
KEPT = ODD.replace("\0", "\ufffd").replace("\ud800", "\ufffd")
FULL = {
    "seen_at": NOON + MS,
    "ended_at": NOON + 3 * MS,
    "relapses": 3,
    "told": "critical",
    "told_at": NOON + 4 * MS,
    "held_back": "muted",
    "audience": "app",
}
REASON = Reason.of("test.bad", said="🎵", n=3, share=0.5, is_so=True, names=["a", "b"], nothing=None)
CAUSE = Cause(
    command="lyrics",
    error=CommonError(
        error_id="7kq2m9xa",
        ended="failed",
        error_type="ValueError",
        message="API key wrong",
        file="cogs/lyrics.py",
        line=48,
        function="fetch",
        n=25,
        people=14,
        servers=6,
        others=1,
        is_new=True,
    ),
    change=Change(restarted_at=NOON - HOUR, version="9c1d", version_before="3f2a", faults_before=4, calls_before=1_000),
    times=Times(response_s=0.5, duration_s=4.0),
)


def mute(**fields: Any) -> Mute:
    return Mute(**{"scope": "test", "key": "memory", "until": NOON + HOUR, "by": "7", "made_at": NOON} | fields)


def stored(one: Alert) -> Alert:
    return msgspec.structs.replace(one, version=one.version + 1)


async def kept_alerts(storage: Storage) -> tuple[Alert, ...]:
    return (await storage.alerts.alerts(NOON)).alerts


async def keep(storage: Storage, *messages: AlertMessage) -> None:
    assert await storage.alerts.keep_alerts([], [], messages)


async def claim(storage: Storage, one: AlertMessage, by: str = "p1", at_h: float = 0.0) -> AlertMessage | None:
    """Claim it some hours after noon; claims hold for an hour."""
    now = NOON + at_h * HOUR
    return await storage.alerts.claim_message(one.message_id, by, now, now - HOUR)


async def history(storage: Storage, limit: int = 1_000) -> list[AlertMessage]:
    return await storage.alerts.alert_history(NOON - DAY, limit)


# -- alerts ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [{}, FULL], ids=["bare", "full"])
@pytest.mark.parametrize("state", ["firing", "resolved"])
async def test_an_alert_comes_back_as_it_was_with_its_version_counted_up(storage, fields, state):
    first = alert(state=state, **fields)
    assert await storage.alerts.keep_alerts([first], [], [])
    assert await kept_alerts(storage) == (stored(first),)
    second = msgspec.structs.replace(stored(first), reason=REASON, told="", ended_at=None, relapses=9)
    assert await storage.alerts.keep_alerts([second], [], [])
    assert await kept_alerts(storage) == (stored(second),)
    assert await storage.alerts.keep_alerts([], [stored(second)], [])
    assert await kept_alerts(storage) == ()


async def test_odd_texts_are_kept_as_far_as_a_database_takes_them(storage):
    (item,) = message().notice.items
    odd_reason, kept_reason = (Reason.of("rule.broken", message=said, names=[said]) for said in (ODD, KEPT))
    odd_item = msgspec.structs.replace(item, key="commands.🎵", reason=odd_reason)
    odd = message({"items": (odd_item,)}, result=ODD, state="failed")
    assert await storage.alerts.keep_alerts([alert(key="rule.🎵", reason=odd_reason)], [], [odd])
    (kept,) = await kept_alerts(storage)
    assert kept == alert(key="rule.🎵", reason=as_json_keeps_it(kept_reason), version=1)
    (found,) = await history(storage)
    assert found.result == KEPT
    assert (found.notice.items[0].key, found.notice.items[0].reason) == ("commands.🎵", kept.reason)
    await storage.alerts.put_mute(mute(key="rule.🎵", by=ODD))
    assert (await storage.alerts.alerts(NOON)).mutes == (mute(key="rule.🎵", by=KEPT),)
    assert await storage.alerts.end_mute("test", "rule.🎵")


def as_json_keeps_it(reason: Reason) -> Reason:
    """NUL is a character like any other there; lone surrogates are not."""
    said = ODD.replace("\ud800", "\ufffd")
    return msgspec.structs.replace(reason, values={"message": said, "names": [said]})


async def test_instances_see_their_own_alerts_and_the_shared_ones(engine):
    async with engine.storage("test") as one, engine.storage("other") as other:
        mine, theirs, shared = alert(), alert(scope="other"), alert(scope=SHARED, key="database")
        assert await one.alerts.keep_alerts([mine, shared], [], [])
        assert await other.alerts.keep_alerts([theirs], [], [])
        assert await kept_alerts(one) == (stored(shared), stored(mine))
        assert await kept_alerts(other) == (stored(shared), stored(theirs))


@pytest.mark.parametrize(
    "late",
    [
        ([alert(version=1, told="warning")], []),
        ([], [alert(version=1)]),
        ([alert(told="warning")], []),  # believes that it is new
        ([alert(key="disk"), alert(version=1), alert(key="a")], []),
    ],
    ids=["changed", "gone", "new", "one of several"],
)
async def test_who_changes_what_another_has_changed_stores_nothing_at_all(engine, late):
    async with engine.storage() as one, engine.storage() as other:
        assert await one.alerts.keep_alerts([alert()], [], [])
        (read,) = await kept_alerts(one)
        assert await other.alerts.keep_alerts([read], [], [message()])
        before = await dump(one, *ALERT_TABLES)
        changed, gone = late
        assert not await one.alerts.keep_alerts(changed, gone, [message()])
        assert await dump(one, *ALERT_TABLES) == before


async def test_a_change_of_what_another_has_forgotten_stores_nothing(engine):
    async with engine.storage() as one, engine.storage() as other:
        assert await one.alerts.keep_alerts([alert()], [], [])
        assert await other.alerts.keep_alerts([], [alert(version=1)], [])
        for changed, gone in (([alert(version=1)], []), ([], [alert(version=1)])):
            assert not await one.alerts.keep_alerts(changed, gone, [message()])
        assert await history(one) == []
        assert await one.alerts.keep_alerts([], [alert()], [])  # was never stored: there is nothing to forget


async def test_of_many_who_change_the_same_alerts_at_once_one_succeeds_each_time(engine):
    """Both orders, so that two transactions that locked rows in the order of their arguments would wait in a circle."""
    keys = ["a", "b", "c"]
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(engine.storage(busy_timeout_s=30.0)) for _ in range(3)]
        for version in range(6):
            found = await asyncio.gather(
                *(
                    one.alerts.keep_alerts([alert(key=key, version=version) for key in ordered], [], [message()])
                    for one in storages
                    for ordered in (keys, keys[::-1])
                )
            )
            assert sorted(found) == [False] * 5 + [True]
        assert [(one.key, one.version) for one in await kept_alerts(storages[0])] == [(key, 6) for key in keys]
        assert len(await history(storages[0])) == 6


async def test_alerts_and_messages_are_stored_together_or_not_at_all(engine, storage):
    await storage.open()
    engine.sql("DROP TABLE @alert_messages")
    with pytest.raises(StorageError, match="alert_messages"):
        await storage.alerts.keep_alerts([alert()], [], [message()])
    assert engine.sql("SELECT COUNT(*) FROM @alerts") == [(0,)]


# -- messages ----------------------------------------------------------------------------------------------------------


async def test_a_message_comes_back_as_it_was(storage):
    due = message()
    full = message(
        {
            "kind": "recovery",
            "items": (
                NoticeItem(
                    scope=SHARED,
                    key="database",
                    change="recovered",
                    severity="critical",
                    reason=REASON,
                    cause=CAUSE,
                    since=NOON - HOUR,
                    ended_at=NOON,
                    relapses=2,
                ),
                *due.notice.items,
            ),
            "next_reminder_at": NOON + 4 * HOUR,
            "held_back": ("muted", "crowded"),
            "waiting": 5,
            "spooled": 4,
            "lost": 3,
        },
        made_at=NOON + MS,
        state="sent",
        claimed_by="p0",
        claimed_at=NOON + 2 * MS,
        attempts=2,
        is_repeat=True,
        finished_at=NOON + 3 * MS,
        result="DM to 1 owner",
    )
    await keep(storage, due, full)
    assert await history(storage) == [full, due]
    assert await storage.alerts.due_messages("9", NOON) == [due]


async def test_a_message_that_is_there_stays_unless_its_result_comes_with_it(storage):
    one = message()
    await keep(storage, one)
    claimed = await claim(storage, one)
    await keep(storage, one)
    assert await history(storage) == [claimed]
    sent = msgspec.structs.replace(one, state="sent", finished_at=NOON, result="DM to 1 owner")
    await keep(storage, sent)
    await keep(storage, one)
    assert await history(storage) == [sent]


async def test_due_messages_are_those_of_the_same_bot_oldest_first(storage):
    newer, older, foreign, sent = message(made_at=NOON + MS), message(), message(audience="8"), message(state="sent")
    await keep(storage, newer, foreign, older, sent)
    assert await storage.alerts.due_messages("9", NOON) == [older, newer]
    assert await storage.alerts.due_messages("8", NOON) == [foreign]
    assert await storage.alerts.due_messages("7", NOON) == []


async def test_a_claimed_message_is_nobody_elses_until_the_claim_expires(storage):
    one = message()
    await keep(storage, one)
    expected = msgspec.structs.replace(one, claimed_by="p1", claimed_at=NOON, attempts=1)
    assert await claim(storage, one) == expected
    for by in ("p1", "p2"):
        assert await claim(storage, one, by, at_h=1) is None
    assert await storage.alerts.due_messages("9", NOON) == []
    assert await storage.alerts.due_messages("9", NOON + MS) == [expected]
    assert await storage.alerts.claim_message("no such message", "p1", NOON, NOON) is None


async def test_a_claim_without_a_result_makes_the_next_one_a_repeat_and_that_stays(storage):
    one = message()
    await keep(storage, one)
    assert not (await claim(storage, one, "p1")).is_repeat
    again = await claim(storage, one, "p2", at_h=1.1)
    assert (again.is_repeat, again.claimed_by, again.attempts) == (True, "p2", 2)
    await storage.alerts.finish_message(one.message_id, "p2", "due", "Discord was not reached", NOON)
    assert (await claim(storage, one, "p2", at_h=1.2)).is_repeat


async def test_a_message_that_is_given_back_can_be_claimed_at_once_and_is_no_repeat(storage):
    one = message()
    await keep(storage, one)
    await claim(storage, one, "p1")
    await storage.alerts.finish_message(one.message_id, "p1", "due", "Discord was not reached", NOON)
    given_back = msgspec.structs.replace(one, attempts=1, result="Discord was not reached")
    assert await storage.alerts.due_messages("9", NOON - DAY) == [given_back]
    again = await claim(storage, one, "p2")
    assert (again.is_repeat, again.attempts) == (False, 2)


@pytest.mark.parametrize("state", ["sent", "failed"])
async def test_a_finished_message_is_never_due_again(storage, state):
    one = message()
    await keep(storage, one)
    await claim(storage, one)
    await storage.alerts.finish_message(one.message_id, "p1", state, "DM to 1 owner", NOON + MS)
    (found,) = await history(storage)
    assert (found.state, found.result, found.finished_at) == (state, "DM to 1 owner", NOON + MS)
    assert await storage.alerts.due_messages("9", NOON + DAY) == []
    assert await claim(storage, one, "p2", at_h=24) is None
    await storage.alerts.finish_message(one.message_id, "p1", "due", "again", NOON + HOUR)
    assert await history(storage) == [found]


async def test_a_result_counts_only_where_the_claim_is_still_ones_own(storage):
    one = message()
    await keep(storage, one)
    await storage.alerts.finish_message(one.message_id, "p1", "sent", "never claimed", NOON)
    assert await history(storage) == [one]
    await claim(storage, one, "p1")
    taken = await claim(storage, one, "p2", at_h=1.1)
    for state in ("due", "sent", "failed"):
        await storage.alerts.finish_message(one.message_id, "p1", state, "too late", NOON + 2 * HOUR)
    assert await history(storage) == [taken]


async def test_an_expired_claim_that_nobody_took_still_takes_its_result(storage):
    one = message()
    await keep(storage, one)
    await claim(storage, one, "p1")
    await storage.alerts.finish_message(one.message_id, "p1", "sent", "slowly", NOON + 5 * HOUR)
    assert [found.state for found in await history(storage)] == ["sent"]


async def test_of_many_claimers_one_gets_each_message(engine):
    messages = [message() for _ in range(50)]
    winners: Counter[str] = Counter()

    async def claimer(storage: Storage, by: str) -> None:
        for one in messages:
            if (found := await claim(storage, one, by)) is not None:
                assert (found.claimed_by, found.attempts, found.is_repeat) == (by, 1, False)
                winners[one.message_id] += 1

    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(engine.storage(busy_timeout_s=30.0)) for _ in range(3)]
        await keep(storages[0], *messages)
        await asyncio.gather(*(claimer(one, f"p{n}-{k}") for n, one in enumerate(storages) for k in range(2)))
        assert winners == {one.message_id: 1 for one in messages}
        assert {found.attempts for found in await history(storages[0])} == {1}


async def test_an_expired_claim_is_taken_by_one_of_many(engine):
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(engine.storage(busy_timeout_s=30.0)) for _ in range(4)]
        for _ in range(10):
            one = message()
            await keep(storages[0], one)
            await claim(storages[0], one, "dead")
            found = await asyncio.gather(*(claim(s, one, f"p{n}", at_h=2) for n, s in enumerate(storages)))
            (won,) = [taken for taken in found if taken is not None]
            assert (won.is_repeat, won.attempts) == (True, 2)


async def test_history_is_everybodys_newest_first_and_as_long_as_asked_for(engine):
    async with engine.storage("one") as one, engine.storage("other") as other:
        messages = [message(made_at=NOON + n * HOUR, instance=f"i{n % 2}", audience=str(n)) for n in range(5)]
        for n, made in enumerate(messages):
            await keep((one, other)[n % 2], made)
        assert await history(one) == messages[::-1]
        assert await history(other, limit=2) == messages[:2:-1]
        assert await other.alerts.alert_history(NOON + 3 * HOUR, 9) == [messages[4], messages[3]]


# -- other processes ---------------------------------------------------------------------------------------------------


async def test_a_bots_other_processes_are_seen_with_their_last_sign_of_life(engine):
    def of(scope: str) -> Alert:
        return stored(alert(scope=scope, audience="app"))

    async with engine.storage("test") as one, engine.storage("other") as other:
        mine = alert(audience="app")
        assert await one.alerts.keep_alerts([mine, alert(scope=SHARED, key="database")], [], [])
        for scope, audience in (("other", "app"), ("off", "app"), ("foreign", "another app"), ("young", "")):
            assert await one.alerts.keep_alerts([alert(scope=scope, audience=audience)], [], [])
        run = Run(started_at=NOON, seen_at=NOON + HOUR)
        await other.uptime.put_run(run)
        assert [(each.alert, each.alive_at) for each in (await one.alerts.alerts(NOON, "app")).others] == [
            (of("off"), alert().seen_at),
            (of("other"), NOON + HOUR),
        ]
        assert [each.alert for each in (await other.alerts.alerts(NOON, "another app")).others] == [
            stored(alert(scope="foreign", audience="another app"))
        ]
        assert (await one.alerts.alerts(NOON)).others == ()


async def test_what_was_decided_on_what_others_told_is_stored_only_while_they_have_told_no_more(engine):
    untold = Basis(audience="app", told={"memory": None})
    theirs = alert(scope="other", audience="app", told="critical", told_at=NOON)
    async with engine.storage("test") as one, engine.storage("other") as other:
        assert await one.alerts.keep_alerts([alert(key="disk")], [], [], untold)
        assert await other.alerts.keep_alerts([theirs], [], [])
        before = await dump(one, *ALERT_TABLES)
        assert not await one.alerts.keep_alerts([alert()], [], [message()], untold)
        assert await dump(one, *ALERT_TABLES) == before
        told = Basis(audience="app", told=told_by([theirs]))
        assert await one.alerts.keep_alerts([alert()], [], [], told)
        assert await one.alerts.keep_alerts([], [], [], Basis(audience="another app", told={"memory": None}))


async def test_of_many_who_are_about_to_tell_the_same_one_does(engine):
    untold = Basis(audience="app", told={"memory": None})
    names = [f"p{n}" for n in range(4)]
    async with AsyncExitStack() as stack:
        storages = [await stack.enter_async_context(engine.storage(name, busy_timeout_s=30.0)) for name in names]
        mine = [alert(scope=name, audience="app", told="critical", told_at=NOON) for name in names]
        found = await asyncio.gather(
            *(
                storage.alerts.keep_alerts([own], [], [message()], untold)
                for storage, own in zip(storages, mine, strict=True)
            )
        )
        assert sorted(found) == [False] * 3 + [True]


async def test_what_is_asked_often_is_found_by_an_index(tmp_path):
    async with Engine("sqlite", str(tmp_path / "bot.db")).storage() as storage:
        bound = dict.fromkeys(("audience", "claims_from", "since", "limit", "message_id", "by", "now"), "1")
        plans = [
            (await storage.rows(f"EXPLAIN QUERY PLAN {query}", **bound))[0][3] for query in (_DUE, _SENT_SINCE, _CLAIM)
        ]
        indexes = ("alert_messages_due (audience=?)", "alert_messages_time (made_ms>?)", "_1 (message_id=?)")
        assert all(plan.endswith(index) for plan, index in zip(plans, indexes, strict=True)), plans


# -- mutes -------------------------------------------------------------------------------------------------------------


async def test_mutes_in_force_are_those_of_the_instance_and_the_shared_ones(engine):
    mutes = [mute(scope=SHARED, key=EVERYTHING), mute(key="disk"), mute()]
    async with engine.storage() as storage, engine.storage("other") as other:
        for made in mutes:
            await other.alerts.put_mute(made)
        assert (await storage.alerts.alerts(NOON)).mutes == tuple(mutes)
        assert (await other.alerts.alerts(NOON)).mutes == tuple(mutes[:1])
        assert (await storage.alerts.alerts(NOON + HOUR - MS)).mutes == tuple(mutes)
        assert (await storage.alerts.alerts(NOON + HOUR)).mutes == ()


async def test_a_mute_of_a_key_is_seen_by_all_processes_of_the_bot(engine):
    ours, theirs = mute(scope="other", audience="app"), mute(scope="foreign", audience="another app")
    async with engine.storage("test") as storage:
        for made in (ours, theirs, mute(scope="young"), mute(scope="other", key=EVERYTHING, audience="app")):
            await storage.alerts.put_mute(made)
        assert (await storage.alerts.alerts(NOON, "app")).mutes == (ours,)
        assert (await storage.alerts.alerts(NOON)).mutes == ()


async def test_a_mute_takes_the_place_of_the_one_before_and_can_be_ended(storage):
    await storage.alerts.put_mute(mute())
    longer = mute(until=NOON + DAY, by="8", made_at=NOON + MS)
    await storage.alerts.put_mute(longer)
    assert (await storage.alerts.alerts(NOON)).mutes == (longer,)
    assert await storage.alerts.end_mute("other", "memory") is False
    assert await storage.alerts.end_mute("test", "memory") is True
    assert await storage.alerts.end_mute("test", "memory") is False
    assert (await storage.alerts.alerts(NOON)).mutes == ()
