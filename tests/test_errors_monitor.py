"""Error groups over a running system: what is recorded is counted, what is muted counts in no verdict."""

from __future__ import annotations

import logging
from datetime import timedelta

import discord
import pytest

from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports.errors import ErrorState
from botmon_cog.domain.uptime import Run
from botmon_cog.errors import StorageError
from botmon_cog.monitors.errors import ErrorMonitor
from botmon_cog.monitors.recent_outcomes import OutcomeCounts
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.engines import Engine
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, unanswered_slash
from tests.storage_helpers import EVER, NOON, background_failure, invocation
from tests.test_store_errors import LOOP, LYRICS, PLAY, failed, group

HOUR = timedelta(hours=1)


def make(engine: Engine) -> tuple[MonitoringSystem, ErrorMonitor]:
    config = Config(storage=StorageConfig(url=engine.url, spool_max_mb=0))
    system = MonitoringSystem(config, engine=engine.make(), clock=ManualClock(NOON))
    return system, system.errors


async def test_what_was_just_recorded_is_in_every_answer(engine):
    system, errors = make(engine)
    async with system:
        record = system.recorder.record
        record(group())
        record(failed())
        assert [each.n for each in await errors.counts(EVER)] == [1]
        record(failed())
        details = await errors.details(LYRICS, EVER)
        assert details is not None
        assert (details.counts.n, details.counts.state) == (2, ErrorState.NEW)
        record(failed(guild_id="2"))
        assert [each.n for each in await errors.causes_of("lyrics", EVER)] == [3]
        assert [each.n for each in await errors.causes_of("lyrics", EVER, "2")] == [1]
        record(failed(PLAY, command="purge", outcome=Outcome.REFUSED, lacks="Manage Messages"))
        assert [each.lacks for each in await errors.refusals("1", EVER)] == ["Manage Messages"]
        assert len(await errors.recent_ids(EVER)) == 2
        await system.store.uptime.put_run(Run(started_at=NOON, seen_at=NOON, version="9c1d"))
        assert [each.version for each in await errors.deploys(NOON)] == ["9c1d"]
        assert await errors.details(LOOP, EVER) is None


async def test_what_owners_say_is_said_now(engine):
    system, errors = make(engine)
    async with system:
        system.recorder.record(group())
        system.recorder.record(failed())
        await errors.resolve(LYRICS, "1")
        (found,) = await errors.counts(EVER)
        assert (found.state, found.resolved_at) == (ErrorState.RESOLVED, NOON)
        await errors.reopen(LYRICS)
        assert [each.state for each in await errors.counts(EVER)] == [ErrorState.NEW]
        await errors.mute(LYRICS, NOON + HOUR, "1")
        assert [each.state for each in await errors.counts(EVER)] == [ErrorState.MUTED]
        await errors.unmute(LYRICS)
        assert [each.state for each in await errors.counts(EVER)] == [ErrorState.NEW]


async def test_what_is_muted_leaves_the_rates_at_once_and_comes_back_with_its_end(engine):
    system, errors = make(engine)
    async with system:
        clock = system.clock
        assert isinstance(clock, ManualClock)
        record = system.recorder.record
        for event in (
            *(failed() for _ in range(3)),
            failed(outcome=Outcome.LATE),
            failed(outcome=Outcome.UNANSWERED),
            failed(outcome=Outcome.REFUSED),  # in no rate, muted or not
            failed(PLAY, command="play"),
            *(invocation() for _ in range(10)),
        ):
            record(event)
        all_of_them = OutcomeCounts(total=16, errors=6, late=1, unanswered=1)
        assert system.recent.counts() == all_of_them
        await errors.mute(LYRICS, NOON + HOUR / 2, "1")
        assert errors.muted == {LYRICS}
        without = OutcomeCounts(total=11, errors=1, late=0, unanswered=0)
        assert system.recent.counts() == without
        record(failed())
        assert system.recent.counts() == without
        assert [each.n for each in await errors.counts(EVER) if each.fingerprint == LYRICS] == [7], "the rows are there"
        await clock.advance(40 * 60)
        record(failed(started_at=clock.now()))
        await errors.step()
        assert errors.muted == frozenset()
        assert system.recent.counts() == OutcomeCounts(total=18, errors=8, late=1, unanswered=1)
        await clock.advance(25 * 60)
        assert system.recent.counts() == OutcomeCounts(total=1, errors=1, late=0, unanswered=0)
        await errors.mute(LYRICS, clock.now() + HOUR, "1")
        assert system.recent.counts() == OutcomeCounts(0, 0, 0, 0)


async def test_a_mute_is_known_to_other_processes_and_to_the_next_one(engine):
    system, errors = make(engine)
    async with system:
        system.recorder.record(failed())
        system.recorder.record(invocation())
        await system.flush()
        other, theirs = make(engine)
        async with other:
            assert other.recent.counts().errors == 1
            await errors.mute(LYRICS, NOON + HOUR, "1")
            other.recorder.record(failed())
            assert other.recent.counts().errors == 2
            await theirs.step()
            assert other.recent.counts().errors == 0, "what it looked back on, too"
        third, _ = make(engine)
        async with third:
            assert third.recent.counts() == OutcomeCounts(total=1, errors=0, late=0, unanswered=0)


async def test_background_failures_reach_the_list(engine):
    system, errors = make(engine)
    async with system:
        system.recorder.record(background_failure(fingerprint=LOOP, n=4))
        assert [(each.what, each.n) for each in await errors.counts(EVER)] == [("Music.on_message", 4)]


async def test_without_the_database_callers_are_told_and_a_step_keeps_what_it_knew(tmp_path, caplog):
    system, errors = make(Engine("sqlite", str(tmp_path / "botmon.db")))
    async with system:
        system.recorder.record(failed())
        await errors.mute(LYRICS, NOON + HOUR, "1")

        async def away(_script: object) -> object:
            _script.close()  # pyright: ignore[reportAttributeAccessIssue]
            raise StorageError("the disk is gone")

        for name in ("read", "write"):
            setattr(system.store.engine, name, away)
        with pytest.raises(StorageError):
            await errors.deploys(NOON)
        with pytest.raises(StorageError):
            await errors.resolve(LYRICS, "1")
        with caplog.at_level(logging.WARNING, "botmon_cog.monitors.errors"):
            await errors.step()
        assert "can't read which errors are muted: the disk is gone" in caplog.text
        assert errors.muted == {LYRICS}
        for name in ("read", "write"):
            delattr(system.store.engine, name)


async def test_a_group_and_its_mute_outlive_the_extension_that_saw_it(engine):
    bot = make_bot()
    bot.botmon_config = make_config(engine.url)  # pyright: ignore[reportAttributeAccessIssue]

    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: discord.Interaction) -> None:
        raise ValueError("API key wrong")

    async with running(bot) as rig:
        for start in (1, 2):
            for _ in range(3):
                await unanswered_slash(rig, "lyrics")
            await rig.rows()
            system, period = cog_of(bot).system, last_days(7, rig.clock.now())
            (found,) = await system.errors.counts(period)
            assert (found.what, found.error_type, found.n, found.people) == ("lyrics", "ValueError", 3 * start, 1)
            details = await system.errors.details(found.fingerprint, period)
            assert details is not None
            assert 'raise ValueError("API key wrong")' in (details.traceback or "")
            if start == 1:
                assert (await system.health.check()).components["commands"].sample.errors == 3
                await system.errors.mute(found.fingerprint, rig.clock.now() + HOUR, "1")
            assert (await system.health.check()).components["commands"].sample.errors == 0
            await bot.reload_extension(EXTENSION)
