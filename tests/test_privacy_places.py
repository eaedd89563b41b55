"""Erasing beside the store: what waits on disk, and what was mirrored into a host's own database."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from botmon_cog.config import HostConfig
from botmon_cog.domain.anonymous import anonymous
from botmon_cog.domain.models import Kind
from botmon_cog.privacy.changing import clear_rows
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.requests import Requests
from botmon_cog.privacy.subject import user
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.forgotten import Forgotten
from botmon_cog.store.host.intents import Intent, note_intent
from botmon_cog.store.host.sources import make_source
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.open_file import OpenFile
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.schema import INVOCATIONS
from botmon_cog.testing import ManualClock
from tests.engines import Engine, Storage
from tests.harness import make_config
from tests.host_helpers import PLAIN, HostDb, history, kept
from tests.privacy_helpers import ANNA, BEN, CLUB, NAME, OTHER, QuickClock, naming, of
from tests.storage_helpers import NOON

LATER = NOON + timedelta(hours=2)


async def mirrored(storage: Storage, host: HostDb) -> None:
    """Commands of two people, mirrored, and one that the host logged itself."""
    host.log("theirs", guild=str(CLUB), user=str(ANNA))
    await storage.append(
        [
            of(ANNA, duration_s=0.5, parameters='["song"]', details=f"by {NAME}"),
            of(BEN, duration_s=0.5),
            of(ANNA, OTHER, duration_s=0.5, command="skip"),
        ]
    )


async def test_mirrored_rows_tell_of_nobody_and_rows_of_the_host_stay(storage: Storage, tmp_path: Path) -> None:
    host = HostDb(tmp_path / "bot.db", PLAIN)
    async with kept(storage, host.path, ManualClock(LATER)) as keeper:
        await keeper.sync()
        await mirrored(storage, host)
        await keeper.sync()
        before = host.logs("command, user_id")
        assert before == [("theirs", str(ANNA)), ("play", str(ANNA)), ("play", str(BEN)), ("skip", str(ANNA))]
        stats = host.stats(str(CLUB))
        assert await keeper.host_sync.erase("user_id", [str(ANNA)]) == 2
        assert host.logs("command, user_id, username, parameters, details") == [
            ("theirs", str(ANNA), None, None, "Command: theirs | Success: True"),
            ("play", "", None, None, "Command: play | Success: True"),
            ("play", str(BEN), "ben", None, "Command: play | Success: True"),
            ("skip", "", None, None, "Command: skip | Success: True"),
        ]
        assert host.stats(str(CLUB)) == stats
        rows = len(await history(storage))
        host.log("more", guild=str(CLUB), user="10", at="2026-01-05 13:00:00")
        await keeper.sync()
        assert len(await history(storage)) == rows + 1, "it is the same table, and nothing of it is read again"
        assert await keeper.host_sync.erase("user_id", [str(ANNA)]) == 0


async def test_mirrored_rows_of_a_server_go(storage: Storage, tmp_path: Path) -> None:
    host = HostDb(tmp_path / "bot.db", PLAIN)
    async with kept(storage, host.path, ManualClock(LATER)) as keeper:
        await keeper.sync()
        await mirrored(storage, host)
        await keeper.sync()
        assert await keeper.host_sync.erase("guild_id", [str(CLUB)]) == 2
        assert host.logs("command, guild_id") == [("theirs", str(CLUB)), ("skip", str(OTHER))]
        rows = len(await history(storage))
        host.log("more", guild=str(OTHER), user="10", at="2026-01-05 13:00:00")
        await keeper.sync()
        assert len(await history(storage)) == rows + 1


async def test_host_s_row_that_is_read_late_is_taken_up_without_the_person(storage: Storage, tmp_path: Path) -> None:
    host = HostDb(tmp_path / "bot.db", PLAIN)
    host.log("theirs", guild="1", user=str(ANNA))
    clock = ManualClock(LATER)
    await Requests(storage.engine).note_erasure(ANNA, LATER)
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
    (row,) = await history(storage)
    assert (row.command, row.user_id, row.guild_id) == ("theirs", None, "1")


async def test_rows_that_are_being_mirrored_wait(storage: Storage) -> None:
    """Whether they came into the host's table is told by what they hold."""
    await storage.write([of(ANNA), of(ANNA)])
    source = await storage.engine.write(make_source("bot.db", RunKey.new("host", NOON), storage.run.token, 0))
    intent = Intent(
        source_id=source.source_id,
        owner="m 1 1 1",
        made_ms=0,
        token=storage.run.token,
        is_observed=True,
        after_seq=0,
        upto_seq=2,
        seqs=(1,),
        last_id=0,
        stats_id=0,
    )
    assert await storage.engine.write(note_intent(source, intent))
    (run_id,) = (await storage.rows("SELECT id FROM @runs WHERE last_seq > 0"))[0]
    keys = [(run_id, 1), (run_id, 2)]
    assert await storage.engine.write(clear_rows(INVOCATIONS, user(ANNA), keys, 0)) == (1, 1)
    assert await storage.rows("SELECT user_id FROM @invocations ORDER BY seq") == [(ANNA,), (None,)]


async def test_spool_is_rewritten_in_place(tmp_path: Path) -> None:
    spool = Spool(lambda: tmp_path / "spool.db", max_bytes=1_000_000, clock=ManualClock(NOON))
    events = [of(ANNA, parameters=f'["{NAME}"]'), of(BEN), of(ANNA, OTHER)]
    await spool.add(Batch(run=RunKey.new("test", NOON), first_seq=5, events=events))
    gone = Forgotten({ANNA: 1 << 60}, {}, {})
    assert await spool.rewrite(gone.applied) == 2
    assert await spool.rewrite(gone.applied) == 0
    (batch,) = await spool.oldest(100)
    assert (batch.first_seq, [event.user_id for event in batch.events]) == (5, [None, BEN, None])
    await spool.close()
    assert NAME.encode() not in (tmp_path / "spool.db").read_bytes(), "it is overwritten, not only let go of"


async def test_no_spool_is_made_for_it(tmp_path: Path) -> None:
    spool = Spool(lambda: tmp_path / "spool.db", max_bytes=1_000_000, clock=ManualClock(NOON))
    assert await spool.rewrite(lambda events: events) == 0
    await spool.close()
    assert not (tmp_path / "spool.db").exists()


def test_open_file_keeps_nothing_of_what_has_ended(tmp_path: Path) -> None:
    file = OpenFile(lambda: tmp_path / "spool.db", RunKey.new("test", NOON))
    file.create()
    assert file.path is not None
    slot = file.add(1.0, (7, ANNA, CLUB, 5), 1, b"\0\0play")
    running = file.add(1.0, (8, BEN, CLUB, 5), 1, b"\0\0play")
    file.ended(slot, 1, of(ANNA))
    file.settle(1)
    assert ANNA.to_bytes(8, "little") in file.path.read_bytes()
    file.wipe()
    assert ANNA.to_bytes(8, "little") not in file.path.read_bytes()
    assert BEN.to_bytes(8, "little") in file.path.read_bytes(), "what runs is still known"
    file.remove(running)
    file.close()


async def test_running_bot_erases_everywhere_at_once(engine: Engine, tmp_path: Path) -> None:
    """Rows that were not written yet, the host's table, the disk: one call, as a press makes it."""
    host = HostDb(tmp_path / "bot.db", PLAIN)
    clock = QuickClock(LATER)
    config = make_config(engine.url, host=HostConfig(database=str(host.path)))
    system = MonitoringSystem(config, clock=clock)
    async with system:
        assert system.host is not None
        await system.host.sync()
        system.recorder.record(of(ANNA, duration_s=0.5))
        await system.recorder.catch_up()
        await system.host.sync()
        assert host.logs("user_id") == [str(ANNA)]
        system.recorder.record(of(ANNA, OTHER, started_at=LATER))
        changed = await Forgetting(system).user(ANNA)
        assert changed["invocations"] == 2
        assert changed["host_rows"] == len(host.logs("user_id")) > 0
        assert set(host.logs("user_id")) == {""}
    async with engine.storage("after") as storage:
        assert await naming(storage, ANNA, NAME, besides=["erasures"]) == []


@pytest.mark.parametrize("kind", [Kind.SLASH, Kind.PREFIX])
def test_message_s_id_does_not_stay(kind: Kind) -> None:
    assert anonymous(of(ANNA, kind=kind, discord_id=7)).discord_id == (7 if kind is Kind.SLASH else None)
