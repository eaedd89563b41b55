"""Totals go on over restarts, whatever ends a process, and never fall."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec

from botmon_cog.clock import SystemClock
from botmon_cog.domain.models import BackgroundKind, Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.totals import MOST_COMMANDS, OTHER, KeptTotals, Totals
from botmon_cog.exporters.totals import TotalsKeeper
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.store.queue.pending import Pending
from botmon_cog.testing import ManualClock
from tests.engines import Storage
from tests.storage_helpers import autocompletion, background_failure, elsewhere, invocation, music, sample
from tests.totals_children import shown

ROOT = Path(__file__).parents[1]


def keeper_of(storage: Storage) -> TotalsKeeper:
    clock = ManualClock()
    return TotalsKeeper(
        storage.totals, storage.run, Pending(storage.run), None, clock, Failures(clock), LoopRuns(SystemClock())
    )


def calls(*commands: str, kind: Kind = Kind.SLASH) -> Totals:
    totals = Totals()
    totals.add_invocations([(command, kind, Outcome.OK) for command in commands], [(None, None, None)] * len(commands))
    return totals


# -- over restarts -----------------------------------------------------------------------------------------------------


def test_no_counter_falls_wherever_a_process_is_killed(tmp_path: Path) -> None:
    """A process dies before and after each step that touches what is kept; the store is locked for a while in each."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.totals_children", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2_000:]
    found = json.loads(done.stdout)
    assert found["fell"] is None
    assert {"calls": found["calls"], "background": found["background"]} == found["rows"], "each row counts once"
    assert found["lives"] >= found["steps"] >= 50, "so many steps were each the last one of a life"


async def test_what_was_stored_before_totals_were_kept_is_not_in_them(engine, storage) -> None:
    await storage.append([invocation()])
    async with engine.storage() as later:
        keeper = keeper_of(later)
        assert keeper.read() is None, "nothing is shown before it is known what earlier processes did"
        await keeper.step()
        await storage.append([invocation(command="skip", duration_s=0.25, response_s=0.01, gateway_delay_s=0.02)])
        await keeper.step()
        totals = keeper.read()
    assert totals is not None
    assert totals.calls == {("skip", Kind.SLASH, Outcome.OK): 1}
    assert (totals.durations["skip"].total_us, totals.responses["skip"].total_us) == (250_000, 10_000)
    assert totals.delays.distribution[:2] == (1, 0.02)


async def test_the_log_gives_what_the_process_itself_counted(engine, storage) -> None:
    """Of every kind of event, to the last bucket and microsecond."""
    events = [
        *(invocation(command=name, duration_s=n / 7, response_s=n / 70, gateway_delay_s=n / 900) for n, name in
          enumerate(("play", "skip", "lyrics", "play"), 1)),
        invocation(outcome=Outcome.CANCELLED, duration_s=9.0),
        invocation(kind=Kind.BUTTON, command="Next page", duration_s=0.1),
        invocation(kind=Kind.LOGGED, command="what somebody typed", outcome=Outcome.ERROR),
        invocation(command="health", is_own=True, duration_s=1.0),
        autocompletion(command="play", n=5, failed=2),
        background_failure(kind=BackgroundKind.LOOP, n=3),
        music(),
        music(type=MusicEventType.SKIP),
        sample(),
        elsewhere(),
    ]  # fmt: skip
    async with engine.storage() as first:
        keeper = keeper_of(first)
        await keeper.step()
        await storage.append(events)
        await keeper.step()
        from_log = keeper.read()
    pending = Pending(storage.run)
    clock = ManualClock()
    own = TotalsKeeper(storage.totals, storage.run, pending, None, clock, Failures(clock), LoopRuns(clock))
    pending.queue.extend(events)
    batch = pending.oldest(len(events))
    assert batch is not None
    pending.remove(batch, len(events))
    own._count()
    assert from_log is not None
    assert shown(own._totals) == shown(from_log)
    assert shown(from_log)["background loop"] == 3
    assert ("Next page", Kind.BUTTON, Outcome.OK) not in from_log.calls
    assert from_log.calls[OTHER, Kind.LOGGED, Outcome.ERROR] == 1
    assert not any(name == "health" for name, *_ in from_log.calls), "ours are in no report"


async def test_what_was_stored_in_weeks_is_counted_in_lots(engine, storage, monkeypatch) -> None:
    monkeypatch.setattr("botmon_cog.store.totals._LOT", 3)
    async with engine.storage() as first:
        await keeper_of(first).step()
    await storage.append([invocation(command=f"command {n}") for n in range(8)])
    async with engine.storage() as second, engine.storage() as third:
        await second.append([invocation(), music()])
        keeper = keeper_of(third)
        await keeper.step()
        totals = keeper.read()
    assert totals is not None
    assert (totals.calls.total(), totals.music.total()) == (9, 1)


async def test_another_process_takes_the_totals_over_and_the_first_one_leaves_them_to_it(engine, storage) -> None:
    keeper = keeper_of(storage)
    await keeper.step()
    async with engine.storage() as later:
        taking = keeper_of(later)
        await taking.step()
        await storage.append([invocation()])
        await keeper.step()  # it must not put its own, which lack what the later one did, in their place
        await later.append([invocation(command="skip")])
        await taking.step()
    async with engine.storage() as last:
        final = keeper_of(last)
        await final.step()
        totals = final.read()
    assert totals is not None
    assert totals.calls == {("play", Kind.SLASH, Outcome.OK): 1, ("skip", Kind.SLASH, Outcome.OK): 1}


async def test_each_instance_has_its_own(engine, storage) -> None:
    keeper = keeper_of(storage)
    await keeper.step()
    async with engine.storage("another") as another:
        await another.append([invocation()])
    await keeper.step()
    totals = keeper.read()
    assert totals is not None
    assert not totals.calls


# -- names -------------------------------------------------------------------------------------------------------------


def test_only_so_many_commands_have_a_name_and_those_keep_it() -> None:
    totals = calls(*(f"command {n}" for n in range(MOST_COMMANDS + 5)), "command 3")
    assert len({name for name, *_ in totals.calls}) == MOST_COMMANDS + 1
    assert totals.calls[OTHER, Kind.SLASH, Outcome.OK] == 5
    assert totals.calls["command 3", Kind.SLASH, Outcome.OK] == 2


def test_what_people_type_or_hosts_write_is_no_name() -> None:
    typed = calls("x" * 101, "line\nbreak", "\0", "\N{REPLACEMENT CHARACTER}")
    assert {name for name, *_ in typed.calls} == {OTHER}
    for kind in (Kind.BUTTON, Kind.SELECT, Kind.MODAL, Kind.LOGGED):
        assert {name for name, *_ in calls("secret", kind=kind).calls} == {OTHER}


def test_merging_keeps_within_the_most_names_and_loses_nothing() -> None:
    totals, more = calls(*(f"a{n}" for n in range(150))), calls(*(f"b{n}" for n in range(150)), "a1")
    totals.merge(more)
    assert totals.calls.total() == 301
    assert len(totals.names) == MOST_COMMANDS
    assert totals.calls["a1", Kind.SLASH, Outcome.OK] == 2


def test_kept_totals_are_the_same_when_they_come_back() -> None:
    totals = calls("play", "skip")
    totals.add_invocations([("play", Kind.PREFIX, Outcome.LATE)], [(3_100_000, 3_050_000, 40_000)])
    totals.add_completions("play", 4, 1)
    totals.background[BackgroundKind.TASK] += 2
    totals.music[MusicEventType.PAUSE] += 1
    again = msgspec.json.decode(msgspec.json.encode(totals.kept()), type=KeptTotals).totals()
    assert shown(again) == shown(totals)
    assert again.names == totals.names == {"play", "skip"}
