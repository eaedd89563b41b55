"""What was under way when a process ended is found out by what stands in the host's tables."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from botmon_cog.errors import StorageError
from botmon_cog.host import mirror as mirror_module
from botmon_cog.host.file import HostFile
from botmon_cog.store.host import intents, sources
from botmon_cog.testing import ManualClock
from tests.engines import Engine, Storage
from tests.host_helpers import AFTER, PLAIN, HostDb, Keeper, commands_in, host_days, kept, told
from tests.storage_helpers import NOON, counted_command, invocation, music


class KilledError(Exception):
    """In place of the end of the process."""


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON + timedelta(minutes=1))


def dies(*_: object) -> Any:
    raise KilledError


async def killed(keeper: Keeper, monkeypatch: pytest.MonkeyPatch, *, after_commit: bool) -> None:
    """A pass that ends for good right before or after the host's transaction. Nothing else is done by this one."""
    write = HostFile.write

    async def dying(file: HostFile, work: Callable[..., Any]) -> Any:
        if after_commit:
            await write(file, work)
        raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(HostFile, "write", dying)
        patch.setattr(mirror_module, "keep", dies)
        await keeper.host_sync.sync()
    assert "KilledError" in str(keeper.failures.last)
    keeper.failures.last = None
    keeper.host_sync._is_closed = True


def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other process has ended: what is left of it may be settled."""
    monkeypatch.setattr(mirror_module._Owner, "is_over", lambda *_: True)


EVENTS = {
    "rows": [told("a"), told("b"), told("b")],
    "days": [music(duration_s=10.0), counted_command(), counted_command(guild_id="2")],
    "both": [told("a"), music(duration_s=10.0), told("b")],
    "observed": [invocation(command="a"), invocation(command="b")],
}


@pytest.mark.parametrize("after_commit", [True, False])
@pytest.mark.parametrize("name", EVENTS)
async def test_what_was_under_way_is_done_once(engine, storage, host, clock, monkeypatch, name, after_commit):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        host.log("theirs", "2026-01-05 11:00:00")
        await keeper.sync()
        await storage.append(EVENTS[name])
        await killed(keeper, monkeypatch, after_commit=after_commit)
    host.log("later", "2026-01-05 11:00:01")
    host.run(
        "INSERT INTO bot_stats (guild_id, date, songs_played, commands_executed) VALUES ('1', '2026-01-05', 4, 5) "
        "ON CONFLICT (guild_id, date) DO UPDATE SET songs_played = songs_played + 4, "
        "commands_executed = commands_executed + 5"
    )
    at_once(monkeypatch)
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await keeper.sync()
        await keeper.sync()
        await later.append([told("end")])
        await keeper.sync()
    ours = [event.command for event in EVENTS[name] if hasattr(event, "command")]
    found = host.logs()
    assert sorted(found) == sorted(["theirs", "later", *ours, "end"])
    assert [command for command in found if command in {"a", "b"}] == ours
    logged = [command for command in ours if name != "observed"]
    assert sorted(await commands_in(storage)) == sorted(["theirs", "later", *logged, "end"])
    expected = {
        "rows": (4, 0, 0, 0, 0, 5),
        "days": (5, 10, 0, 0, 1, 6),
        "both": (5, 10, 0, 0, 0, 5),
        "observed": (4, 0, 0, 0, 1, 7),
    }
    assert host.stats() == expected[name]
    assert await host_days(storage) == [(20458, 1, 4, 0, 0, 0, 0, 5)]
    assert await storage.rows("SELECT COUNT(*) FROM @host_intents") == [(0,)]


async def test_what_a_host_adds_to_a_day_is_not_taken_for_ours(engine, storage, host, clock, monkeypatch):
    """As much as was to be added, to the same columns of the same row, by three statements of the host's."""
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([music(duration_s=10.0)])
        await killed(keeper, monkeypatch, after_commit=False)
    for _ in range(3):
        host.run(
            "INSERT INTO bot_stats (guild_id, date, songs_played, total_playtime) VALUES ('1', '2026-01-05', 1, 10) "
            "ON CONFLICT (guild_id, date) "
            "DO UPDATE SET songs_played = songs_played + 1, total_playtime = total_playtime + 10"
        )
    at_once(monkeypatch)
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await keeper.sync()
    assert host.stats() == (4, 40, 0, 0, 0, 0)
    assert await host_days(storage) == [(20458, 1, 3, 30, 0, 0, 0, 0)]


@pytest.mark.parametrize("after_commit", [True, False])
async def test_rows_that_the_table_refused_do_not_confuse(engine, storage, tmp_path, clock, monkeypatch, after_commit):
    host = HostDb(tmp_path / "host.db", AFTER)
    events = [told("x", guild_id="2"), told("a"), told("y", guild_id="2"), told("b"), music(guild_id="2"), music()]
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append(events)
        await killed(keeper, monkeypatch, after_commit=after_commit)
    at_once(monkeypatch)
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await keeper.sync()
    assert host.logs() == ["a", "b"]
    assert host.stats() == (1, 0, 0, 0, 0, 0)
    assert await storage.rows("SELECT guild_id, songs FROM @host_ledger") == [(1, 1)]
    assert sorted(await commands_in(storage)) == ["a", "b", "x", "y"]


async def test_the_same_process_goes_on_after_the_store_was_away(storage, host, clock, monkeypatch):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("a"), music()])

        def away(*_: object) -> Any:
            raise StorageError("it is away")

        with monkeypatch.context() as patch:
            patch.setattr(mirror_module, "keep", away)
            await keeper.sync()
        assert host.logs() == ["a"]
        await keeper.sync()
        assert await storage.rows("SELECT COUNT(*) FROM @host_intents") == [(0,)]
    assert host.logs() == ["a"]
    assert host.stats() == (1, 0, 0, 0, 0, 0)


async def test_a_pass_that_is_cancelled_is_made_good_by_the_next(storage, host, clock, monkeypatch):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("a"), music()])
        reached = asyncio.Event()
        write = HostFile.write

        async def hanging(file: HostFile, work: Callable[..., Any]) -> Any:
            await write(file, work)
            reached.set()
            await asyncio.Event().wait()

        with monkeypatch.context() as patch:
            patch.setattr(HostFile, "write", hanging)
            task = asyncio.create_task(keeper.host_sync.sync())
            await reached.wait()
            task.cancel()
            await asyncio.wait([task])
        await keeper.sync()
    assert host.logs() == ["a"]
    assert host.stats() == (1, 0, 0, 0, 0, 0)


async def test_what_another_process_has_under_way_is_left_to_it(engine, storage, host, clock, monkeypatch):
    other = Storage(engine.beside(storage))
    async with kept(storage, host.path, clock) as first, kept(other, host.path, clock) as second:
        await first.sync()
        await second.sync()
        await storage.append([told("a")])
        release, reached = asyncio.Event(), asyncio.Event()
        write = HostFile.write

        async def slow(file: HostFile, work: Callable[..., Awaitable[Any]]) -> Any:
            if file is first.host_sync._database._file:
                done = await write(file, work)
                reached.set()
                await release.wait()
                return done
            return await write(file, work)

        monkeypatch.setattr(HostFile, "write", slow)
        task = asyncio.create_task(first.host_sync.sync())
        await reached.wait()
        await other.append([told("b")])
        host.log("theirs", "2026-01-05 11:00:00")
        await second.sync()
        assert host.logs() == ["a", "theirs"]
        assert sorted(await commands_in(storage)) == ["a", "b"]
        release.set()
        await task
        await second.sync()
    assert host.logs() == ["a", "theirs", "b"]
    assert sorted(await commands_in(storage)) == ["a", "b", "theirs"]
    await other.close()


async def test_what_a_process_left_that_nobody_knows_is_settled_after_a_minute(
    engine, storage, host, clock, monkeypatch
):
    """It may run on another machine, or in another container."""
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("a")])
        keeper.host_sync._database._mirror._owner = keeper.host_sync._database._mirror._owner._replace(
            machine="elsewhere"
        )
        await killed(keeper, monkeypatch, after_commit=True)
    async with engine.storage() as later, kept(later, host.path, clock) as keeper:
        await clock.advance(59)
        await keeper.sync()
        assert await storage.rows("SELECT COUNT(*) FROM @host_intents") == [(1,)]
        await clock.advance(2)
        await keeper.sync()
        assert await storage.rows("SELECT COUNT(*) FROM @host_intents") == [(0,)]
    assert host.logs() == ["a"]
    assert await commands_in(storage) == ["a"]


async def test_a_process_that_comes_too_late_does_nothing(storage, host, clock, monkeypatch):
    """It was stopped for so long that another one may have settled its intent."""
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([told("a")])
        note = intents.note_intent

        def stopped(*arguments: Any) -> Any:
            noted = yield from note(*arguments)
            clock._monotonic_s += 31 if not late else 0
            late.append(noted)
            return noted

        late: list[bool] = []
        monkeypatch.setattr(mirror_module, "note_intent", stopped)
        await keeper.sync()
        assert len(late) == 2
    assert host.logs() == ["a"]


@pytest.mark.parametrize("command", ["play", "stop"])
async def test_a_row_that_comes_just_before_our_transaction_is_read_first(storage, host, clock, monkeypatch, command):
    """If it may be the host's own row for the command. Any other is read the next time."""
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        await storage.append([invocation(duration_s=1.0)])
        write = HostFile.write
        waiting = [command]

        async def late(file: HostFile, work: Callable[..., Any]) -> Any:
            while waiting:
                host.log(waiting.pop(), "2026-01-05 12:00:02")
            return await write(file, work)

        monkeypatch.setattr(HostFile, "write", late)
        await keeper.sync()
        assert waiting == []
        await keeper.sync()
    assert host.logs() == (["play"] if command == "play" else ["stop", "play"])
    assert await commands_in(storage) == ([] if command == "play" else ["stop"])


async def test_an_intent_of_a_run_that_is_gone_is_dropped(engine, storage, host, clock):
    async with kept(storage, host.path, clock) as keeper:
        await keeper.sync()
        ((source_id,),) = await storage.rows("SELECT source_id FROM @host_sources")
        intent = intents.Intent(
            source_id=source_id,
            owner="elsewhere 1 1.0 x",
            made_ms=0,
            token=5,
            is_observed=False,
            after_seq=0,
            upto_seq=9,
            seqs=(1,),
            last_id=0,
            stats_id=0,
        )
        source = await storage.engine.read(sources.source_of(source_id))
        assert await storage.engine.write(intents.note_intent(source, intent))
        assert not await storage.engine.write(intents.note_intent(source, intent))
        await storage.append([told("a")])
        await keeper.sync()
        assert await storage.engine.read(intents.find_intent(source_id)) is None
    assert host.logs() == ["a"]


def test_a_process_is_over_when_it_is_not_there_any_more():
    owner = mirror_module._Owner.here()
    assert owner.is_over(owner.text)
    assert not owner.is_over(owner._replace(number="another").text)
    assert owner.is_over(owner._replace(began="1.0", number="another").text)
    assert owner.is_over(owner._replace(pid="999999999", number="another").text)
    assert not owner.is_over(owner._replace(machine="elsewhere", began="1.0").text)


async def test_stores_of_both_engines_know_the_same_of_a_file(tmp_path, postgres_url, clock):
    """What is kept does not depend on the engine."""
    found: list[Any] = []
    for url in (str(tmp_path / "store.db"), postgres_url):
        host = HostDb(tmp_path / f"host{len(found)}.db", PLAIN)
        host.fill(3)
        async with Engine.of(url).storage() as storage:
            async with kept(storage, host.path, clock) as keeper:
                await storage.append([told("a"), music(), invocation(command="b")])
                await keeper.sync()
            tables = ("host_rows", "host_ledger", "host_mirrored", "host_days")
            found.append(
                [
                    [row[1:] for row in await storage.rows(f"SELECT * FROM @{name} ORDER BY 1, 2, 3")]  # noqa: S608
                    for name in tables
                    if name != "host_mirrored"
                ]
            )
            found[-1].append(sorted(row[2:] for row in await storage.rows("SELECT * FROM @host_mirrored")))
    assert found[0] == found[1]
    assert found[0][0] == [(4, 5)]
