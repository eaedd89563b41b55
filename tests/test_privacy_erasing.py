"""Erasing: nothing names the person or the server any more, and all sums are what they were."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from botmon_cog.domain.inventory import CommandNames
from botmon_cog.privacy.eraser import Eraser
from botmon_cog.privacy.person import Person
from botmon_cog.privacy.requests import Requests
from botmon_cog.store.inventory import InventoryStore
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.tools.rebuild import begin_rebuild
from tests.engines import Storage, dump
from tests.privacy_helpers import (
    ANNA,
    BEN,
    CLUB,
    CLUB_NAME,
    DAY,
    NAME,
    OTHER,
    QuickClock,
    fill,
    life,
    naming,
    of,
    sums,
    wrong,
)
from tests.storage_helpers import NOON

LATER = NOON + timedelta(days=10)
EVERYWHERE = [
    "invocations",
    "music_events",
    "counted_commands",
    "samples",
    "background_failures",
    "error_groups",
    "answered_elsewhere",
    "people",
    "host_waiting",
    "alerts",
    "alert_messages",
    "alert_mutes",
    "error_marks",
    "settings",
]
"""Every table that holds a person."""


@pytest.fixture
def eraser(storage: Storage) -> Eraser:
    return Eraser(storage.engine, QuickClock(LATER))


async def test_erased_person_is_in_no_table(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    assert sorted(await naming(storage, ANNA, NAME)) == sorted(EVERYWHERE)
    before = await sums(storage)
    changed = await eraser.erase_user(ANNA)
    assert await naming(storage, ANNA, NAME) == []
    assert await sums(storage) == before
    assert await wrong(storage) == []
    assert changed["invocations"] == 4 * 2 * 4
    assert changed["music_events"] == 4 * 2 * 2
    assert changed["days"] == 4 * 2, "in two servers; in direct messages they were denied"


async def test_others_stay_as_they_were(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    of_ben = "SELECT run_id, seq, username, channel_id, discord_id FROM @invocations WHERE user_id = :ben ORDER BY 1, 2"
    before = await storage.rows(of_ben, ben=BEN)
    people = await storage.rows("SELECT * FROM @people WHERE user_id = :ben ORDER BY 1, 2", ben=BEN)
    await eraser.erase_user(ANNA)
    assert await storage.rows(of_ben, ben=BEN) == before
    assert await storage.rows("SELECT * FROM @people WHERE user_id = :ben ORDER BY 1, 2", ben=BEN) == people
    texts = "SELECT DISTINCT parameters, details FROM @invocations WHERE user_id = :ben AND details LIKE 'muted%'"
    ((parameters, details),) = await storage.rows(texts, ben=BEN)
    assert json.loads(parameters) == {"member": "[erased]", "why": "spam"}
    assert details == "muted [erased]"
    assert (await storage.settings.get(CLUB)).log_by == BEN
    assert (await storage.settings.get(CLUB)).report_by is None


async def test_erasing_again_changes_nothing(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    await eraser.erase_user(ANNA)
    before = await dump(storage)
    assert await eraser.erase_user(ANNA) == {}
    assert await dump(storage) == before


async def test_counting_changes_nothing_and_tells_what_goes(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    before = await dump(storage)
    told = await eraser.count_user(ANNA)
    assert await dump(storage) == before
    assert told == await eraser.erase_user(ANNA)
    assert told.keys() == {
        "invocations",
        "music_events",
        "counted_commands",
        "samples",
        "days",
        "kept_aside",
        "texts",
        "signatures",
    }
    assert await eraser.count_user(ANNA) == {}


async def test_counting_tells_what_goes_of_a_server(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    before = await dump(storage)
    told = await eraser.count_guild(CLUB)
    assert await dump(storage) == before
    assert told == await eraser.erase_guilds([CLUB])
    assert {"invocations", "days", "kept_aside", "texts", "guild_hourly", "guilds"} <= told.keys()
    assert await eraser.count_guild(CLUB) == {}


async def test_purged_server_is_in_no_inventory_of_an_earlier_start(storage: Storage, eraser: Eraser) -> None:
    """Commands that exist in it alone go; those of others stay, with when they were first seen."""
    await fill(storage)
    inventory = InventoryStore(storage.engine, storage.run)
    kept = CommandNames(everywhere={"play": 1}, in_servers={OTHER: {"secret": 2}})
    await inventory.put(None, replace(kept, in_servers={CLUB: {"chess": 3}, **kept.in_servers}))
    assert "runs" in await naming(storage, CLUB)
    await eraser.erase_guilds([CLUB])
    assert await naming(storage, CLUB) == []
    assert await inventory.ever_seen() == kept


async def test_rows_not_rolled_up_yet_are_counted_without_the_person(storage: Storage, eraser: Eraser) -> None:
    await storage.append(life())
    await eraser.erase_user(ANNA)
    await storage.rollups.catch_up()
    assert await wrong(storage) == []
    assert await naming(storage, ANNA, NAME) == []


@pytest.mark.parametrize("what", ["user", "guild"])
async def test_rebuilding_afterwards_comes_to_the_same(storage: Storage, eraser: Eraser, what: str) -> None:
    await fill(storage)
    if what == "user":
        await eraser.erase_user(ANNA)
    else:
        await eraser.erase_guilds([CLUB])
    before = await dump(storage, "rollups", "people", "guild_hourly")
    await storage.engine.write(begin_rebuild())
    await storage.rollups.catch_up()
    assert await dump(storage, "rollups", "people", "guild_hourly") == before


async def test_purged_server_is_in_no_table(storage: Storage, eraser: Eraser) -> None:
    await fill(storage)
    before = await sums(storage)
    other = await dump(storage, "people", "rollups", "guild_hourly")
    await eraser.erase_guilds([CLUB])
    assert await naming(storage, CLUB, CLUB_NAME) == []
    assert await sums(storage) == before
    assert await wrong(storage) == []
    assert await storage.rows("SELECT user_id FROM @invocations WHERE guild_id IS NULL AND kind = 7") == [(None,)] * 12
    kept = await dump(storage, "people", "rollups", "guild_hourly")
    assert all(row in other["people"] for row in kept["people"])
    assert any(str(OTHER) in row for row in kept["people"])
    ((first,), (second,)) = await storage.rows(
        "SELECT guild_id FROM @guild_memberships ORDER BY guild_id = :other", other=OTHER
    )
    assert (first == CLUB, second) == (False, OTHER)
    assert await storage.rows("SELECT guild_id FROM @bot_stats WHERE guild_id = '0'") == []


async def test_interaction_of_the_last_hour_keeps_its_id(storage: Storage) -> None:
    """By it, the row of another process with the same token is known as the same one."""
    await storage.write([of(ANNA, discord_id=1), of(ANNA, started_at=NOON - 2 * DAY, discord_id=2)])
    await Eraser(storage.engine, QuickClock(NOON)).erase_user(ANNA)
    assert await storage.rows("SELECT discord_id FROM @invocations ORDER BY started_ms") == [(None,), (1,)]


async def test_what_arrives_late_is_taken_up_without_them(storage: Storage) -> None:
    requests = Requests(storage.engine)
    await requests.note_erasure(ANNA, NOON)
    await requests.note_departure(CLUB, NOON)
    await requests.note_purged([CLUB], NOON)
    await storage.unrecorded.add(BEN, NOON)
    before, after = NOON - timedelta(hours=1), NOON + timedelta(hours=1)
    late = [
        of(ANNA, OTHER, started_at=before),
        of(ANNA, OTHER, started_at=after),
        of(BEN, OTHER, started_at=before),
        of(BEN, OTHER, started_at=after),
        of(BEN, CLUB, started_at=before),
    ]
    spooled = Batch(run=RunKey.new("other", NOON), first_seq=1, events=late, is_repeat=True)
    await storage.log.append([spooled])
    await storage.rollups.catch_up()
    assert await storage.rows("SELECT guild_id, user_id, username FROM @invocations ORDER BY seq") == [
        (OTHER, None, None),
        (OTHER, ANNA, NAME),
        (OTHER, BEN, "ben"),
        (OTHER, None, None),
        (None, None, None),
    ]
    assert await storage.guild_name(str(CLUB)) is None
    assert await wrong(storage) == []


async def test_second_pass_is_made_once_by_one_process(storage: Storage) -> None:
    requests = Requests(storage.engine)
    await requests.note_erasure(ANNA, NOON)
    assert await requests.claim_erasures(NOON + timedelta(minutes=5)) == [], "the first pass is being made"
    await requests.pass_done(ANNA, NOON)
    assert await requests.claim_erasures(NOON + timedelta(minutes=1)) == []
    assert await requests.claim_erasures(NOON + timedelta(minutes=2)) == [ANNA]
    assert await requests.claim_erasures(NOON + timedelta(minutes=2)) == []
    await requests.pass_done(ANNA, NOON + timedelta(minutes=3))
    assert await requests.claim_erasures(NOON + DAY) == []


async def test_pass_of_a_process_that_ended_is_made_by_another(storage: Storage) -> None:
    requests = Requests(storage.engine)
    await requests.note_erasure(ANNA, NOON)
    assert await requests.claim_erasures(NOON + timedelta(minutes=15)) == [ANNA]


async def test_copy_holds_everything_of_the_person_and_nothing_of_others(storage: Storage) -> None:
    await fill(storage)
    copy = await Person(storage.engine).copy(ANNA, LATER)
    found = json.loads(copy.data)
    assert copy.left_out == found["entries_left_out"] == 0
    assert found["user_id"] == str(ANNA)
    kinds = [entry["what"] for entry in found["entries"]]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "invocations": 32,
        "music_events": 16,
        "counted_commands": 8,
        "samples": 8,
    }
    assert [entry.get("started_at", entry.get("occurred_at")) for entry in found["entries"]] == sorted(
        entry.get("started_at", entry.get("occurred_at")) for entry in found["entries"]
    )
    assert {entry["user_id"] for entry in found["entries"]} == {str(ANNA)}
    assert {entry.get("guild_name") for entry in found["entries"]} == {CLUB_NAME, "Other", None}
    assert len(found["kept_aside"]) == 2
    assert len(found["days"]) == 12 - 4
    assert len(found["set_or_muted_by_you"]) == 3
    assert str(BEN).encode() not in copy.data


async def test_copy_that_is_too_large_has_the_newest(storage: Storage) -> None:
    await storage.write([of(ANNA, started_at=NOON + n * timedelta(minutes=1)) for n in range(300)])
    copy = await Person(storage.engine).copy(ANNA, LATER, most_bytes=20_000)
    found = json.loads(copy.data)
    assert len(copy.data) <= 20_000
    assert 0 < len(found["entries"]) < 300
    assert copy.left_out == 300 - len(found["entries"])
    assert found["entries"][-1]["started_at"] == "2026-01-05T16:59:00Z"


async def test_about_counts_what_there_is(storage: Storage) -> None:
    await fill(storage)
    about = await Person(storage.engine).about(ANNA)
    assert (about.commands, about.components, about.others) == (24, 8, 32)
    assert (about.servers, about.days, about.first_at) == (2, 4, NOON)
    nobody = await Person(storage.engine).about(5)
    assert not nobody.has_any
