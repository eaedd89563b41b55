"""A host's own row for a command that we observed is no second one."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.uptime import Run
from botmon_cog.host.matching import matched
from botmon_cog.host.progress import RunProgress, spans_of
from botmon_cog.host.rows import HostRow
from botmon_cog.store.host.reading import Seen
from botmon_cog.store.uptime import UptimeStore
from tests.engines import Storage
from tests.host_helpers import PLAIN, HostDb, commands_in, kept, told
from tests.storage_helpers import NOON, invocation


@pytest.fixture
def host(tmp_path) -> HostDb:
    return HostDb(tmp_path / "host.db", PLAIN)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def text(seconds: float) -> str:
    return str(at(seconds))[:19]


def observed(command: str = "play", started: float = 0, duration: float = 2, **fields: object) -> Invocation:
    return invocation(**{"command": command, "started_at": at(started), "duration_s": duration} | fields)


# -- which row belongs to which ----------------------------------------------------------------------------------------


def row(row_id: int, seconds: float, command: str = "play", guild: int | None = 1, user: int = 10) -> HostRow:
    return HostRow(row_id, told(command, guild_id=guild, user_id=user), int(at(seconds).timestamp()))


def seen(seq: int, started: float, ended: float, command: str = "play", guild: str | None = "1") -> Seen:
    begin, end = (int(at(moment).timestamp() * 1000) for moment in (started, ended))
    return Seen(1, seq, begin, end, guild, "10", command)


def pairs(rows: list[HostRow], found: list[Seen]) -> dict[int, int]:
    return {row_id: match.seq for row_id, match in matched(rows, found).items()}


@pytest.mark.parametrize(
    ("seconds", "is_match"), [(-2, False), (-1, True), (0, True), (4, True), (9, True), (10, False)]
)
def test_a_row_belongs_from_a_second_before_the_command_to_five_after_it(seconds, is_match):
    assert (pairs([row(1, seconds)], [seen(1, 0, 4)]) == {1: 1}) is is_match


def test_a_row_belongs_to_the_same_guild_user_and_command_only():
    commands = [seen(1, 0, 1)]
    assert pairs([row(1, 0, guild=2)], commands) == {}
    assert pairs([row(1, 0, guild=None)], commands) == {}
    assert pairs([row(1, 0, user=11)], commands) == {}
    assert pairs([row(1, 0, command="stop")], commands) == {}
    assert pairs([row(1, 0, guild=None)], [seen(1, 0, 1, guild=None)]) == {1: 1}
    assert pairs([row(1, 0, command="/Play")], [seen(1, 0, 1, "music play")]) == {1: 1}


def test_each_command_has_one_row_and_each_row_one_command():
    assert pairs([row(1, 1), row(2, 1)], [seen(1, 0, 1)]) == {1: 1}
    assert pairs([row(1, 1), row(2, 4)], [seen(1, 0, 1), seen(2, 3, 4)]) == {1: 1, 2: 2}
    assert pairs([row(1, 4), row(2, 1)], [seen(1, 0, 1), seen(2, 3, 4)]) == {1: 2, 2: 1}


def test_runs_tell_after_which_numbers_a_row_may_be_found():
    progress = RunProgress()
    assert progress.before(100_000, {1: 5}) is None
    progress.note(0, {1: 3})
    progress.note(1, {1: 4})  # too soon after the one before
    progress.note(50, {1: 5, 2: 1})
    assert progress.before(11_999, {1: 9}) is None
    assert progress.before(12_000, {1: 9, 2: 4, 3: 2}) == {1: 3, 2: 0, 3: 0}
    assert progress.before(62_000, {1: 5, 2: 4, 3: 2}) == {2: 1, 3: 0}


def test_spans_of_rows_that_are_near_each_other_are_one():
    quarter = 15 * 60_000
    assert spans_of([]) == []
    assert spans_of([quarter * 9, quarter * 2, quarter * 2 + 5]) == [
        (quarter - 5_000, quarter * 2 + 1_005),
        (quarter * 8 - 5_000, quarter * 9 + 1_000),
    ]


# -- in the log --------------------------------------------------------------------------------------------------------


async def test_a_row_that_came_before_the_command_is_mirrored_counts_once(storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        await storage.append([observed(), observed("stop", 1)])
        host.log("/play", text(2))
        await keeper.clock.advance(3)
        await keeper.sync()
        await keeper.clock.advance(60)
        await keeper.sync()
        assert keeper.problems == ()
    assert await commands_in(storage) == []
    assert host.logs() == ["/play", "stop"]


async def test_a_row_that_comes_after_the_command_was_mirrored_is_not_read_as_another(storage, host):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed()])
        await keeper.clock.advance(10)
        await keeper.sync()
        host.log("play", text(6))
        await keeper.sync()
    assert await commands_in(storage) == []
    assert host.logs() == ["play", "play"]


async def test_a_second_row_for_one_command_is_a_command_of_its_own(storage, host):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed()])
        host.log("play", text(1))
        host.log("play", text(2))
        await keeper.sync()
    assert await commands_in(storage) == ["play"]


async def test_a_row_waits_while_its_command_runs_and_holds_up_no_other(storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        host.log("stop", text(0))
        keeper.running.add(("1", "10", "play"))
        await keeper.sync()
        assert await commands_in(storage) == ["stop"]
        assert await storage.rows("SELECT row_id FROM @host_waiting") == [(1,)]
        await keeper.clock.advance(600)
        await keeper.sync()
        keeper.running.clear()
        await storage.append([observed(duration=600)])
        await keeper.sync()
    assert await commands_in(storage) == ["stop"]
    assert host.logs() == ["play", "stop"]
    assert await storage.rows("SELECT COUNT(*) FROM @host_waiting") == [(0,)]


async def test_a_row_whose_command_never_came_is_read_in_the_end(storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        keeper.running.add(("1", "10", "play"))
        await keeper.sync()
        host.run("DELETE FROM audit_logs")
        keeper.running.clear()
        await keeper.sync()
    assert await commands_in(storage) == ["play"]


async def test_a_row_that_waited_is_taken_up_by_the_next_process(engine, storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        keeper.running.add(("1", "10", "play"))
        await keeper.sync()
    assert await commands_in(storage) == []
    async with engine.storage() as later, kept(later, host.path) as keeper:
        await keeper.sync()
    assert await commands_in(storage) == ["play"]


async def test_what_ended_while_the_row_was_read_is_written_before_it_is_judged(storage, host):
    """The command ends between the read and the question whether it runs: then it is recorded, and not in the store."""
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        recorded = [observed()]

        async def write() -> None:
            events, recorded[:] = recorded[:], []
            await storage.append(events)

        keeper.on_flush = write
        await keeper.host_sync.settled()
        assert recorded == []
    assert await commands_in(storage) == []


async def test_a_row_waits_while_what_was_recorded_can_not_be_written(storage, host):
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        keeper.is_stored = False
        await keeper.sync()
        assert await commands_in(storage) == []
        await storage.append([observed()])
        keeper.is_stored = True
        await keeper.sync()
    assert await commands_in(storage) == []


async def test_a_young_row_waits_for_what_another_process_observes(engine, storage, host):
    other = Storage(engine.beside(storage), "other")
    await other.append([invocation(command="before")])
    await UptimeStore(other.engine, other.run).put_run(Run(started_at=NOON, seen_at=NOON, ended_at=None, ending=None))
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.log("play", text(0))
        host.log("stop", text(0))
        await keeper.sync()
        assert await commands_in(storage) == []
        await other.append([observed()])
        await keeper.clock.advance(11)
        await keeper.sync()
    assert await commands_in(storage) == ["stop"]
    await other.close()


async def test_rows_of_an_earlier_process_are_matched_by_their_time(engine, storage, host):
    """It was ended before it could read them."""
    await storage.append([observed(), observed("long", -600, 600), told("logged")])
    for command in ("play", "long", "logged", "other"):
        host.log(command, text(1))
    async with engine.storage() as later, kept(later, host.path) as keeper:
        await keeper.clock.advance(3600)
        await keeper.sync()
    assert sorted(await commands_in(storage)) == ["logged", "logged", "other"]


async def test_our_own_commands_are_no_commands_of_the_host_either(storage, host):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed("health", is_own=True)])
        host.log("health", text(1))
        await keeper.sync()
    assert await commands_in(storage) == []


async def test_matches_are_forgotten_after_a_day(storage, host):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed()])
        host.log("play", text(1))
        await keeper.sync()
        await keeper.clock.advance(2 * 86_400)
        await keeper.sync()
        assert await storage.rows("SELECT seq FROM @host_matches") == [(1,)]  # it was still of use to the mirror
        await storage.append([told("stop")])
        await keeper.close()
    assert host.logs() == ["play", "stop"]
    async with kept(storage, host.path, keeper.clock) as keeper:
        await keeper.clock.advance(3601)
        await keeper.sync()
    assert await storage.rows("SELECT COUNT(*) FROM @host_matches") == [(0,)]
    assert host.logs() == ["play", "stop"]


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind is not Kind.LOGGED and not kind.is_component])
async def test_every_kind_of_command_is_matched(storage, host, kind):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed(kind=kind)])
        host.log("play", text(1))
        await keeper.sync()
    assert await commands_in(storage) == []


async def test_a_button_is_no_command_of_the_hosts_and_is_not_mirrored(storage, host):
    async with kept(storage, host.path) as keeper:
        await storage.append([observed(kind=Kind.BUTTON)])
        host.log("play", text(1))
        await keeper.sync()
    assert await commands_in(storage) == ["play"]
    assert host.logs() == ["play"]
