"""The file of open invocations: what stands there, who may touch it, and what it never does to the bot."""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.ended import Origin
from botmon_cog.domain.models import AnsweredElsewhere, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.log import RunKey
from botmon_cog.store.queue import open_file, open_slots
from botmon_cog.store.queue.left_files import LeftFile, left_files
from botmon_cog.store.queue.open_file import NOWHERE, OpenFile
from botmon_cog.store.queue.open_slots import HEADER_BYTES, IS_OWN, KIND_CODES, MOST_SLOTS, SLOT_BYTES, Left
from botmon_cog.threads import in_thread
from tests.child import Child
from tests.crash_children import FEW_KB, fork_and_wait, hold_open, many_on_a_full_disk
from tests.storage_helpers import invocation

RUN = RunKey(token=4711, instance="main", started_at=datetime(2026, 1, 5, 12, tzinfo=UTC))
STARTED_AT = datetime(2026, 1, 5, 12, 30, 0, 250_000, tzinfo=UTC)
DISCORD_ID = (int(STARTED_AT.timestamp() * 1000) - 1_420_070_400_000 - 125) << 22
"""Made 125 ms before it came."""


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "bot.spool.db"


@pytest.fixture
def file(spool: Path):
    made = OpenFile(lambda: spool, RUN)
    made.create()
    with closing(made):
        yield made
    made.abandon()


def add(
    file: OpenFile,
    name: str = "play",
    slot: int = NOWHERE,
    *,
    origin: Origin = (DISCORD_ID, 0, 0, 0),
    shard_id: int = 0,
    kind: int = 0,
    flags: int = 0,
) -> int:
    what = bytes((kind, flags)) + name.encode()
    return file.rewrite(slot, STARTED_AT.timestamp(), origin, shard_id, what)


def left_of(file: OpenFile) -> Left:
    """What would be found if the process was killed now."""
    assert file.path is not None
    left = open_slots.read(file.path.read_bytes())
    assert left is not None
    return left


def names(file: OpenFile) -> list[str]:
    return [opened.command for opened in left_of(file).opened]


def ended(name: str = "play", **fields: object) -> Invocation:
    return invocation(command=name, started_at=STARTED_AT, **fields)


# -- what stands there -------------------------------------------------------------------------------------------------


def test_file_is_private_beside_the_spool_and_gone_once_it_is_closed(file: OpenFile, tmp_path: Path):
    assert file.path is not None
    assert file.path.parent == tmp_path
    assert file.path.match("bot.spool.*.open")
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
    left = left_of(file)
    assert (left.run, left.pid, left.opened, left.ended) == (RUN, os.getpid(), [], [])
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_open_invocation_is_read_back_with_all_that_was_known_of_it(file: OpenFile):
    add(file, "music play", origin=(DISCORD_ID, 1, 7 << 22, 3), shard_id=3, kind=KIND_CODES[Kind.HYBRID_SLASH])
    assert left_of(file).opened == [
        Invocation(
            kind=Kind.HYBRID_SLASH,
            command="music play",
            outcome=Outcome.CRASHED,
            started_at=STARTED_AT,
            gateway_delay_s=pytest.approx(0.125),  # pyright: ignore[reportArgumentType]
            guild_id=7 << 22,
            channel_id=3,
            user_id=1,
            shard_id=3,
            discord_id=DISCORD_ID,
        )
    ]


def test_ended_invocation_is_read_back_as_it_ended(file: OpenFile):
    slot = add(file, "play", origin=(DISCORD_ID, 1, 0, 0), flags=IS_OWN)
    how = {"kind": Kind.PREFIX, "outcome": Outcome.ERROR, "duration_s": 1.5, "response_s": None, "is_own": True}
    file.ended(slot, 8, ended(error_type="ValueError", **how))
    left = left_of(file)
    assert left.opened == []
    ((seq, row),) = left.ended
    assert isinstance(row, Invocation)
    assert seq == 8
    assert {name: getattr(row, name) for name in how} == how
    assert (row.command, row.error_type, row.started_at, row.user_id) == ("play", "ValueError", STARTED_AT, 1)


def test_what_another_process_answered_stays_set_aside(file: OpenFile):
    file.ended(add(file), 2, ended(outcome=Outcome.OK), is_elsewhere=True)
    ((_, row),) = left_of(file).ended
    assert isinstance(row, AnsweredElsewhere)
    assert (row.discord_id, row.received_at, row.invocation.outcome) == (DISCORD_ID, STARTED_AT, Outcome.OK)


def test_ended_invocation_stands_there_until_its_event_is_settled(file: OpenFile):
    for seq in (3, 4, 9):
        file.ended(add(file, f"command {seq}"), seq, ended(f"command {seq}"))
    file.settle(2)
    assert [seq for seq, _ in left_of(file).ended] == [3, 4, 9]
    file.settle(4)
    assert [seq for seq, _ in left_of(file).ended] == [9]
    assert {add(file, "new"), add(file, "new")} < {HEADER_BYTES + n * SLOT_BYTES for n in range(3)}, "used again"
    assert names(file) == ["new", "new"]
    assert [seq for seq, _ in left_of(file).ended] == [9]


def test_removed_invocation_is_not_there_any_more(file: OpenFile):
    add(file, "first")
    file.remove(add(file, "second"))
    assert names(file) == ["first"]


def test_invocation_whose_name_is_known_better_later_stays_one(file: OpenFile):
    slot = add(file, "skip")
    assert add(file, "PlayerView.skip", slot) == slot
    assert names(file) == ["PlayerView.skip"]


ids = st.integers(0, 2**63 - 1)
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=98)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(list(Kind)), texts, ids, ids, ids, st.sampled_from(list(Outcome)), st.floats(0, 1e6))
def test_any_value_is_read_back(kind, name, user_id, guild_id, channel_id, outcome, duration_s):
    slot = bytearray(SLOT_BYTES)
    what = open_slots.what(kind, name, is_own=False)
    values = (STARTED_AT.timestamp(), DISCORD_ID, user_id, guild_id, channel_id, 2, what)
    open_slots.WHOLE.pack_into(slot, 0, *values, open_slots.ENDED)
    how = (5, duration_s, duration_s, open_slots.OUTCOME_CODES[outcome], KIND_CODES[kind], 0, b"")
    open_slots.END.pack_into(slot, open_slots.ENDED_AT, *how)
    header = bytearray(HEADER_BYTES)
    header[: len(open_slots.MAGIC)] = open_slots.MAGIC
    head = open_slots.header_of(RUN, 1)
    header[8 : len(head)] = head[8:]
    left = open_slots.read(bytes(header + slot))
    assert left is not None
    ((_, row),) = left.ended
    assert isinstance(row, Invocation)
    assert (row.kind, row.outcome, row.duration_s) == (kind, outcome, duration_s)
    assert row.command == name.encode()[: open_slots.NAME_BYTES].decode("utf-8", "ignore")
    assert (row.user_id or 0, row.guild_id or 0, row.channel_id or 0) == (user_id, guild_id, channel_id)


def test_slots_that_a_power_cut_left_half_written_are_counted_and_left_out(file: OpenFile):
    add(file, "whole")
    add(file, "no time", origin=(1, 0, 0, 0))
    add(file, "no kind", kind=200)
    assert file.path is not None
    content = bytearray(file.path.read_bytes())
    content[HEADER_BYTES + SLOT_BYTES : HEADER_BYTES + SLOT_BYTES + 8] = bytes(8)
    left = open_slots.read(bytes(content))
    assert left is not None
    assert ([opened.command for opened in left.opened], left.damaged) == (["whole"], 2)


# -- how many, and on what ---------------------------------------------------------------------------------------------


def test_file_grows_up_to_4096_and_keeps_no_more_than_that(file: OpenFile):
    slots = [add(file, f"c{n}") for n in range(MOST_SLOTS + 10)]
    assert slots[MOST_SLOTS:] == [NOWHERE] * 10
    assert len(set(slots)) == MOST_SLOTS + 1
    assert names(file) == [f"c{n}" for n in range(MOST_SLOTS)]
    file.remove(slots[5])
    assert add(file, "again") == slots[5]


@pytest.mark.parametrize("discord_id", [2**63, -(2**63) - 1])
def test_id_that_is_none_is_not_kept_and_raises_nothing(file: OpenFile, discord_id: int):
    assert add(file, origin=(discord_id, 0, 0, 0)) == NOWHERE
    assert names(file) == []
    slot = add(file)
    assert add(file, origin=(discord_id, 0, 0, 0)) == NOWHERE
    file.remove(slot)
    assert names(file) == []


@pytest.mark.parametrize("storage", [StorageConfig(url=":memory:"), StorageConfig(spool_max_mb=0)])
def test_there_is_none_if_nothing_may_be_left_on_disk(storage: StorageConfig, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file = MonitoringSystem(Config(storage=storage)).open_file
    file.create()
    assert file.path is None
    assert add(file) == NOWHERE
    file.ended(NOWHERE, 1, ended())
    file.remove(NOWHERE)
    file.settle(1)
    file.close()
    assert list(tmp_path.iterdir()) == []


def test_file_that_can_not_be_made_is_said_and_costs_nothing_else(tmp_path: Path, caplog):
    (tmp_path / "occupied").write_text("a file")
    file = OpenFile(lambda: tmp_path / "occupied" / "bot.spool.db", RUN)
    file.create()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("which commands run when this process is killed will not be known: ")
    assert add(file) == NOWHERE


def test_file_that_could_not_be_finished_is_not_left_behind(spool: Path, tmp_path: Path, monkeypatch, caplog):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENODEV, "no such device")

    monkeypatch.setattr(open_file.mmap, "mmap", refuse)
    file = OpenFile(lambda: spool, RUN)
    file.create()
    assert list(tmp_path.iterdir()) == []
    assert "no such device" in caplog.text


async def test_full_disk_keeps_what_there_is_room_for_and_kills_nobody(tmp_path: Path):
    """A page that the disk has no room for kills whoever touches it."""
    with Child(many_on_a_full_disk, tmp_path, disk=(tmp_path, FEW_KB)) as child:
        kept, last = await child.answer()
        assert (kept, last) == (64, NOWHERE)
        assert await asyncio.to_thread(child.wait) == 0


# -- whose it is -------------------------------------------------------------------------------------------------------


def found(spool: Path) -> list[LeftFile]:
    """What a process that comes now would get."""
    files = left_files(spool)
    for each in files:
        each.release()
    return files


def claimed(spool: Path) -> list[str]:
    """The commands in it."""
    return sorted(opened.command for one in found(spool) if one.left is not None for opened in one.left.opened)


async def test_file_is_nobodys_else_while_its_process_lives_and_anybodys_once_it_is_killed(spool: Path):
    with Child(hold_open, spool, "convert") as child:
        await child.answer()
        assert claimed(spool) == []
        child.kill()
    assert claimed(spool) == ["convert"]


async def test_forked_child_that_outlives_its_parent_does_not_hold_the_file(spool: Path):
    with Child(fork_and_wait, spool, "convert") as child:
        grandchild = await child.answer()
        try:
            assert claimed(spool) == []
            child.kill()
            os.kill(grandchild, 0)  # it lives
            assert claimed(spool) == ["convert"]
        finally:
            os.kill(grandchild, 9)


def test_forked_child_does_not_take_its_parents_file_away(file: OpenFile, spool: Path):
    add(file, "convert")
    pid = os.fork()
    if not pid:
        file.close()
        file.settle(10)
        os._exit(0 if add(file) == NOWHERE else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert names(file) == ["convert"]
    assert claimed(spool) == []


def test_of_two_that_come_at_once_one_gets_the_file(file: OpenFile, spool: Path):
    add(file, "convert")
    file.abandon()
    first, second = left_files(spool), left_files(spool)
    try:
        assert (len(first), len(second)) == (1, 0)
        first[0].remove()
    finally:
        first[0].release()
    assert left_files(spool) == []


def test_files_of_another_bot_and_of_others_are_left_alone(tmp_path: Path):
    for name in ("bot-1.spool.a.open", "bot-12.spool.b.open", "bot.spool.c.opened", "bot.spool.open"):
        (tmp_path / name).write_bytes(b"")
    assert [one.path.name for one in found(tmp_path / "bot-1.spool.db")] == ["bot-1.spool.a.open"]


def test_file_that_was_never_finished_holds_nothing(tmp_path: Path, spool: Path):
    for name, content in (("a", b""), ("b", bytes(HEADER_BYTES + SLOT_BYTES))):
        (tmp_path / f"bot.spool.{name}.open").write_bytes(content)
    assert [(one.left, one.problem) for one in found(spool)] == [(None, None)] * 2


@pytest.mark.parametrize("change", ["magic", "version"])
def test_file_of_another_version_or_program_can_not_be_read(file: OpenFile, spool: Path, change: str):
    assert file.path is not None
    content = bytearray(file.path.read_bytes())
    content[0 if change == "magic" else 8] = 0xEE
    file.path.write_bytes(content)
    file.abandon()
    (one,) = found(spool)
    assert one.left is None
    assert one.problem is not None


async def test_thread_that_looks_is_gone_afterwards_and_its_error_is_raised():
    async def fail() -> None:
        await in_thread(lambda: 1 // 0)

    assert await in_thread(lambda: "looked") == "looked"
    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not any(thread.name.startswith("botmon-left") for thread in threading.enumerate())


def test_closing_waits_for_what_is_still_in_use(file: OpenFile, tmp_path: Path):
    """A command that reloads the extension runs on after it was unloaded."""
    running, finished = add(file, "reload"), add(file, "play")
    file.ended(finished, 1, ended())
    file.close()
    assert names(file) == ["reload"]
    file.settle(1)
    assert names(file) == ["reload"]
    file.remove(running)
    assert list(tmp_path.iterdir()) == []
    assert add(file) == NOWHERE
