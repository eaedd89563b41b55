"""What ran when a process was killed: each invocation is one row after the next start, and is named."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from botmon_cog.clock import SystemClock
from botmon_cog.database_url import is_postgres
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.errors import StorageError
from botmon_cog.monitors.crashes import CrashKeeper
from botmon_cog.monitors.failures import Failures
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.crashes import Crashes, crash_run
from botmon_cog.store.history import HistoryFilter
from botmon_cog.store.log import Batch, RunKey
from botmon_cog.store.queue.open_file import OpenFile
from botmon_cog.store.queue.open_slots import Left
from botmon_cog.store.queue.spool import Spool
from tests.child import Child
from tests.crash_children import STEPS, die_within, open_one, serve_bots
from tests.engines import Engine, Storage
from tests.faults import drained, full, locked, make_system, stored
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running
from tests.sigterm_children import bot_at_work
from tests.storage_helpers import invocation

NOW = datetime.now(UTC).replace(microsecond=0)
OUTCOMES = {"ping": "ok", "both": "ok", "plain": "ok", "fail": "error", "hang": "crashed"}
"""How each command of the busy bot ends, if it may."""
AT_ONCE = 9
"""The most of them that run at once: one hangs, and a round of four overlaps with the next one."""


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "bot.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "spool.db"


async def entries(system: MonitoringSystem) -> list[HistoryEntry]:
    return (await system.store.history.find(HistoryFilter(limit=100_000)))[::-1]


async def next_start(url: str, spool: Path) -> list[HistoryEntry]:
    """What is recorded once a process has come after the one that died; nothing is left on disk but the spool."""
    async with make_system(url, spool=str(spool)) as system:
        await drained(system)
        await system.crashes.step()  # what the spool had came first
        found = await entries(system)
    assert open_files(spool) == []
    return found


def open_files(spool: Path) -> list[str]:
    return [path.name for path in spool.parent.glob("*.open")]


# -- killed at any moment ----------------------------------------------------------------------------------------------


@dataclass
class Life:
    """One bot, from its start until it was killed.

    Attributes:
        began: (command, id) of what said so.
    """

    began: list[tuple[str, int]] = field(default_factory=list)

    def check(self, found: list[HistoryEntry]) -> None:
        """Whatever began is there once; what is there besides had not begun yet, or belongs to no command."""
        by_id = Counter(entry.discord_id for entry in found)
        assert [id_ for id_, n in by_id.items() if n > 1] == []
        assert [one for one in self.began if one[1] not in by_id] == []
        assert sum(entry.outcome == "crashed" for entry in found) <= AT_ONCE
        for entry in found:
            assert entry.outcome in {OUTCOMES[entry.command], "crashed"}, entry
            if entry.outcome == "crashed":
                assert entry.duration_s is None
            assert entry.kind == {"both": "hybrid_slash", "plain": "prefix"}.get(entry.command, "slash")


async def lives(child: Child, url: str, spool: Path, step: str, times: int, delay_s: float) -> Life:
    """Start a bot and kill it: at that step, or so long after it is in use."""
    life = Life()
    child.send([url, str(spool), step, times])
    said, process = await child.answer()
    assert said == "process"
    while True:
        said, *about = await child.answer()
        if said == "began":
            life.began.append((about[0], about[1]))
        elif said == "busy" and not step:
            await asyncio.sleep(delay_s)
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        elif said == "gone":
            assert about == [-signal.SIGKILL]
            return life
        else:
            assert said == "busy", f"it was not killed: {said}"


async def test_bot_killed_between_any_two_steps_has_each_invocation_once(tmp_path: Path):
    rng = random.Random(full(60, 4))
    with Child(serve_bots) as child:
        for step in STEPS * full(3, 1):
            folder = tmp_path / f"{step} {rng.random()}"
            folder.mkdir()
            url, spool = str(folder / "bot.db"), folder / "spool.db"
            life = await lives(child, url, spool, step, rng.randint(3, 20), 0)
            found = await next_start(url, spool)
            life.check(found)
            assert ("hang", "crashed") in {(entry.command, entry.outcome) for entry in found}
            await stored(url)
            assert await next_start(url, spool) == found
        child.send("enough")


async def test_bot_killed_at_any_instant_has_each_invocation_once(url: str, spool: Path):
    """Of one bot, with one database: what was recovered before stays as it is."""
    rng = random.Random(full(61, 5))
    times = full(50, 4 if is_postgres(url) else 8)
    began = 0
    recorded: set[int] = set()
    with Child(serve_bots) as child:
        for _ in range(times):
            life = await lives(child, url, spool, "", 0, rng.uniform(0, 0.3))
            found = await next_start(url, spool)
            life.check([entry for entry in found if entry.id not in recorded])
            began += len(life.began)
            assert recorded <= {entry.id for entry in found}
            recorded = {entry.id for entry in found}
        child.send("enough")
    await stored(url)
    assert began > times
    print(f"{times} kills: {began} began, {len(recorded)} recorded")  # noqa: T201


@pytest.mark.parametrize(
    ("how", "row"),
    [
        ("hang", ("slash", "hang")),
        ("leave", ("slash", "leave")),
        ("!music play song", ("prefix", "music play")),
        ("press", ("button", "Panel.press")),
    ],
)
async def test_what_kills_the_bot_is_named(how: str, row: tuple[str, str], tmp_path: Path, spool: Path, caplog):
    url = str(tmp_path / "bot.db")
    with Child(die_within, url, spool, how) as child:
        code = await asyncio.to_thread(child.wait)
    assert code == (7 if how == "leave" else -signal.SIGKILL)
    found = [entry for entry in await next_start(url, spool) if entry.command != "panel"]
    assert [(str(e.kind), e.command, str(e.outcome), e.duration_s) for e in found] == [(*row, "crashed", None)]
    (entry,) = found
    assert entry.user_id is not None
    assert entry.gateway_delay_s is not None
    shown = f"/{row[1]}" if row[0] == "slash" else row[1]
    assert f"the bot died while {shown} ran; recorded as `crashed`" in caplog.text


async def test_command_that_is_to_be_left_out_is_left_out_of_a_crash(tmp_path: Path, spool: Path):
    url = str(tmp_path / "bot.db")
    with Child(die_within, url, spool, "secret") as child:
        assert await asyncio.to_thread(child.wait) == -signal.SIGKILL
    assert len(open_files(spool)) == 1
    assert await next_start(url, spool) == []


# -- ended in good order -----------------------------------------------------------------------------------------------


async def test_clean_end_leaves_no_file_and_a_command_that_reloads_us_ends_as_it_ends(tmp_path: Path):
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "bot.db"))

    @bot.tree.command(description="r")
    async def reload(interaction) -> None:
        await bot.reload_extension(EXTENSION)
        assert len(open_files(tmp_path / "spool.db")) == 2
        await interaction.response.send_message("again")

    async with running(bot) as rig:
        assert len(open_files(tmp_path / "spool.db")) == 1
        await rig.discord.user.slash(rig.discord.channel, "reload")
        await rig.discord.settled()
        row = await rig.only_row()
        assert (row.command, row.outcome) == ("reload", "ok")
        assert len(open_files(tmp_path / "spool.db")) == 1
        await bot.unload_extension(EXTENSION)
        assert open_files(tmp_path / "spool.db") == []


@pytest.mark.parametrize("is_away", [False, True])
async def test_sigterm_leaves_no_file(url: str, spool: Path, is_away: bool):
    """What runs is `cancelled`; what the database does not take by then is in the spool."""
    with Child(bot_at_work, url, spool, "") as child:
        await child.answer()
        assert len(open_files(spool)) == 1
        async with locked(url) if is_away else nullcontext():
            os.kill(child.pid, signal.SIGTERM)
            assert await asyncio.to_thread(child.wait) == -signal.SIGTERM
        assert open_files(spool) == []
    found = await next_start(url, spool)
    assert sorted((entry.command, entry.outcome) for entry in found) == [("hang", "cancelled"), ("ping", "ok")]


async def test_slots_are_free_again_once_rows_are_stored(tmp_path: Path):
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "bot.db"))

    @bot.tree.command(description="p")
    async def ping(interaction) -> None:
        await interaction.response.send_message("pong")

    @bot.command()
    async def plain(ctx) -> None:
        await ctx.send("plain")

    async with running(bot) as rig:
        for _ in range(70):  # more than there are slots in the beginning
            await rig.discord.user.slash(rig.discord.channel, "ping")
        await rig.discord.user.send(rig.discord.channel, "!plain")
        await rig.discord.channel.next_message()
        assert len(await rig.rows()) == 71
        file = cog_of(bot).system.open_file
        assert len(file._free) == file._slots


# -- what becomes of it ------------------------------------------------------------------------------------------------


def left(run: RunKey, *opened: Invocation, ended: dict[int, Invocation] | None = None) -> Left:
    return Left(run, 1, opened, sorted((ended or {}).items()), 0)


def crashed(name: str, discord_id: int, kind: Kind = Kind.SLASH, at: datetime = NOW) -> Invocation:
    values = {"outcome": Outcome.CRASHED, "started_at": at, "discord_id": discord_id, "kind": kind}
    return invocation(command=name, duration_s=None, response_s=None, **values)


async def rows_of(storage: Storage) -> list[tuple[str, str]]:
    found = await storage.history.find(HistoryFilter(limit=1000))
    return sorted((entry.command, str(entry.outcome)) for entry in found)


async def test_recovery_that_is_repeated_doubles_nothing(storage: Storage):
    run = RunKey.new("main", NOW)
    done = invocation(command="done", discord_id=9, started_at=NOW)
    await storage.log.append([Batch(run=run, first_seq=1, events=[invocation(command="before", started_at=NOW)])])
    what = left(run, crashed("convert", 1), crashed("play", 2), ended={3: done})
    crashes = Crashes(storage.engine)
    assert [one.command for one in await crashes.append(what)] == ["convert", "play"]
    for _ in range(2):
        await crashes.append(what)
        expected = [("before", "ok"), ("convert", "crashed"), ("done", "ok"), ("play", "crashed")]
        assert await rows_of(storage) == expected
        await storage.rollups.catch_up()


async def test_row_that_is_stored_already_keeps_what_the_file_does_not_know(storage: Storage):
    run = RunKey.new("main", NOW)
    rich = invocation(command="play", discord_id=9, started_at=NOW, details="all of it", username="ann")
    poor = invocation(command="play", discord_id=9, started_at=NOW, details=None, username=None)
    await storage.log.append([Batch(run=run, first_seq=5, events=[rich])])
    await Crashes(storage.engine).append(left(run, ended={5: poor, 7: poor}))
    found = await storage.history.find(HistoryFilter(limit=10))
    assert sorted((entry.details, entry.username) for entry in found if entry.details) == [("all of it", "ann")]
    assert len(found) == 2


async def test_interaction_that_another_process_recorded_is_no_crash(storage: Storage):
    """Two processes with one token both had it open; a message may be several commands, each with an end of its own."""
    other = invocation(command="play", discord_id=9, started_at=NOW + timedelta(seconds=30))
    message = invocation(command="sudo", kind=Kind.PREFIX, discord_id=10, started_at=NOW)
    await storage.log.append([Batch(run=RunKey.new("main", NOW), first_seq=1, events=[other, message])])
    what = left(RunKey.new("main", NOW), crashed("play", 9), crashed("stop", 10, Kind.PREFIX), crashed("skip", 11))
    assert [one.command for one in await Crashes(storage.engine).append(what)] == ["stop", "skip"]
    assert await rows_of(storage) == [("play", "ok"), ("skip", "crashed"), ("stop", "crashed"), ("sudo", "ok")]


async def test_crashes_are_in_no_rate_of_the_next_process(tmp_path: Path, spool: Path):
    leave(spool, "convert", "convert")
    async with make_system(tmp_path / "bot.db", spool=str(spool)) as system:
        assert [entry.outcome for entry in await entries(system)] == ["crashed", "crashed"]
        minutes = await system.store.log.outcomes_by_minute(NOW - timedelta(days=1))
        assert sum(n for _, n, _ in minutes) == 0


def leave(spool: Path, *names: str, run: RunKey | None = None, ended: Invocation | None = None) -> None:
    """Leave what a process does that dies; the first one had ended as event 1, if `ended` says how."""
    file = OpenFile(lambda: spool, run or RunKey.new("main", datetime.now(UTC)))
    file.create()
    slots = [open_one(file, name) for name in names]
    if ended is not None:
        file.ended(slots[0], 1, ended)
    file.abandon()


async def test_what_waits_in_the_spool_comes_first(tmp_path: Path, spool: Path):
    run = RunKey.new("main", datetime.now(UTC))
    rich = invocation(command="play", details="from the spool", started_at=NOW)
    leave(spool, "play", run=run, ended=rich)
    waiting = Spool(lambda: spool, max_bytes=10**6, clock=SystemClock())
    await waiting.add(Batch(run=run, first_seq=1, events=[rich]))
    await waiting.close()
    async with make_system(tmp_path / "bot.db", spool=str(spool)) as system:
        await drained(system)
        await system.crashes.step()
        assert [entry.details for entry in await entries(system)] == ["from the spool"]
    assert open_files(spool) == []


async def test_store_that_is_away_is_tried_again_and_said_once(spool: Path, caplog):
    class Away:
        error: Exception | None = StorageError("away")
        n = 0

        async def append(self, _: Left) -> list[Invocation]:
            if self.error is not None:
                raise self.error
            self.n += 1
            return []

    leave(spool, "convert")
    clock = SystemClock()
    failures = Failures(clock)
    keeper = CrashKeeper(
        away := Away(),  # pyright: ignore[reportArgumentType]
        Spool(lambda: spool, max_bytes=1, clock=clock),
        lambda: spool,
        failures,
        5.0,
    )
    for _ in range(2):
        await keeper.step()
    assert len(open_files(spool)) == 1
    said = [record.getMessage() for record in caplog.records]
    assert said == ["can't record what ran when the bot died, will try again: away"]
    away.error = RuntimeError("broken")
    await keeper.step()
    assert (failures.n, len(open_files(spool))) == (1, 1)
    away.error = None
    await keeper.step()
    await keeper.step()
    assert (away.n, open_files(spool)) == (1, [])


async def test_file_that_can_not_be_read_is_said_once_and_stays(tmp_path: Path, spool: Path, caplog):
    (tmp_path / "spool.x.open").write_bytes(b"what is this" * 1000)
    async with make_system(tmp_path / "bot.db", spool=str(spool)) as system:
        await system.crashes.step()
        assert system.failures.n == 0
    said = [message for message in caplog.messages if "is left alone" in message]
    assert len(said) == 1
    assert said[0].endswith("it is no file of open invocations")
    assert open_files(spool) == ["spool.x.open"]


# -- named in the history ----------------------------------------------------------------------------------------------


async def test_downtime_names_what_ran_when_the_bot_died(tmp_path: Path, spool: Path, caplog):
    url = str(tmp_path / "bot.db")
    async with make_system(url, spool=str(spool)) as dying:
        await dying.uptime.begin()
    leave(spool, "convert", "play", "convert", run=dying.store.run)
    async with make_system(url, spool=str(spool)) as system:
        await system.uptime.begin()
        assert system.uptime.previous is not None
        assert system.uptime.previous.running == ("/convert", "/play")
        assert "ended without a word, some time after" in caplog.text
        assert ", while /convert and /play ran" in caplog.text
        day, *_ = await system.uptime.report()
        assert [(gap.kind, gap.running) for gap in day.gaps] == [("unwatched", ()), ("crash", ("/convert", "/play"))]


async def test_run_of_a_crash_is_no_run_of_the_uptime(engine: Engine):
    async with engine.storage() as storage:
        run = RunKey.new("main", NOW)
        await Crashes(storage.engine).append(left(run, crashed("convert", 1)))
        assert await storage.uptime.runs(NOW - timedelta(days=1)) == []
        assert crash_run(run).token == -run.token
