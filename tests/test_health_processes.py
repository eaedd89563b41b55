"""Processes of one bot on one PostgreSQL: each is judged by what it did itself, and the owners hear of a thing once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import pytest
from msgspec.structs import replace

from botmon_cog.cog import embeds
from botmon_cog.config import Config, StorageConfig
from botmon_cog.domain.alerts import Notice, Sent
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import HealthReport
from botmon_cog.domain.samples import GatewaySample, ShardSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import ManualClock
from tests.alert_helpers import START, told
from tests.faults import full
from tests.harness import make_health
from tests.postgres_server import PostgresServer
from tests.storage_helpers import invocation

APP = "app"
MINUTE_S = 60.0
EIGHT = tuple(f"eu-{n}" for n in range(1, 9))
WATCHED = ("database", "gateway", "commands", "monitor")
"""What does not depend on how busy the machine is."""


class Owner:
    """Attributes:
    messages: `alert: fired memory`, oldest first, each with the process that sent it.
    notice: the same, as it was sent.
    """

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []
        self.notices: list[Notice] = []

    async def take(self, notice: Notice, by: str) -> Sent:
        self.notices.append(notice)
        self.messages += [(text, by) for text in told([notice])]
        return Sent(state="told", words="DM to 1 owner")


class Process:
    """One process of the bot, from its start to its end."""

    def __init__(self, instance: str, url: str, clock: ManualClock, owner: Owner, spool: Path | None) -> None:
        self.instance = instance
        storage = StorageConfig(
            url=url,
            linger_ms=0,
            spool=str(spool or ""),
            spool_max_mb=0 if spool is None else 10,
            connect_timeout_s=5.0,
            close_timeout_s=1.0,
        )
        health = make_health(watch=WATCHED, interval_s=MINUTE_S, database_timeout_s=10.0)
        self.system = MonitoringSystem(Config(instance=instance, storage=storage, health=health), clock=clock)
        self._clock = clock
        self._owner = owner
        self._ready_s = clock.monotonic() + 20
        self._users = 0
        self.system.sources.gateway = self._gateway

    async def start(self) -> None:
        await self.system.start()
        await self.system.uptime.begin("3f2a", "3.12", "2.4", "0.1")

    async def stop(self) -> None:
        await self.system.uptime.end("stopped")
        await self.system.close()

    def _gateway(self) -> GatewaySample:
        """It connects a while after the start, loses that connection once, and has it again."""
        passed_s = self._clock.monotonic() - self._ready_s
        is_connected = passed_s >= 0
        return GatewaySample(
            shards=(
                ShardSample(
                    shard_id=0,
                    is_connected=is_connected,
                    down_s=0.0 if is_connected else passed_s + 20,
                    reconnects_1h=int(is_connected),
                    latency_s=0.05 if is_connected else None,
                    usual_latency_s=0.05 if is_connected else None,
                ),
            ),
            identifies_left=900,
        )

    def use(self, outcome: Outcome, times: int, command: str = "play") -> None:
        for _ in range(times):
            self._users += 1
            one = invocation(command=command, outcome=outcome, started_at=self._clock.now(), duration_s=0.2)
            self.system.recorder.record(replace(one, user_id=str(self._users), error_type=ERRORS.get(outcome)))

    async def check(self) -> HealthReport:
        report = await self.system.check(APP)
        await self.system.alerts.deliver(APP, self._send)
        return report

    async def _send(self, notice: Notice, is_repeat: bool) -> Sent:
        assert not is_repeat
        return await self._owner.take(notice, self.instance)


ERRORS = {Outcome.ERROR: "ValueError"}


class Rig:
    """Processes that come and go. They check at the same moment, or one after the other over the whole minute."""

    def __init__(self, url: str, spools: Sequence[Path] = (), *, is_staggered: bool = False) -> None:
        """`spools`: one for each machine, to which the processes are dealt in turn; none leave them without."""
        self._is_staggered = is_staggered
        self._spools = cycle(spools or [None])
        self.url = url
        self.clock = ManualClock(START)
        self.owner = Owner()
        self.processes: dict[str, Process] = {}

    def __getitem__(self, instance: str) -> Process:
        return self.processes[instance]

    async def start(self, *instances: str) -> None:
        for instance in instances:
            self.processes[instance] = Process(instance, self.url, self.clock, self.owner, next(self._spools))
            await self.processes[instance].start()

    async def stop(self, *instances: str) -> None:
        for instance in instances:
            await self.processes.pop(instance).stop()

    async def minute(self) -> dict[str, str]:
        """A minute passes, and each has checked once; how each of them is."""
        if self._is_staggered:
            reports: list[HealthReport] = []
            for process in self.processes.values():
                await self.clock.advance(MINUTE_S / len(self.processes))
                reports.append(await process.check())
        else:
            await self.clock.advance(MINUTE_S)
            reports = await asyncio.gather(*(process.check() for process in self.processes.values()))
        return {instance: report.overall_status for instance, report in zip(self.processes, reports, strict=True)}

    async def minutes(self, n: int) -> dict[str, str]:
        """How each of them is at the end."""
        for _ in range(n - 1):
            await self.minute()
        return await self.minute()

    def failures(self) -> set[str | None]:
        return {process.system.failures.last for process in self.processes.values()}


@asynccontextmanager
async def processes(
    url: str, *instances: str, spools: Sequence[Path] = (), is_staggered: bool = False
) -> AsyncIterator[Rig]:
    rig = Rig(url, spools, is_staggered=is_staggered)
    try:
        await rig.start(*instances)
        yield rig
    finally:
        await rig.stop(*rig.processes)


def healthy(instances: Iterable[str]) -> dict[str, str]:
    return dict.fromkeys(instances, "healthy")


async def test_one_sick_process_makes_no_other_sick(postgres_store_url: str) -> None:
    async with processes(postgres_store_url, "sick", "well") as rig:
        for minute in range(20):
            rig["sick"].use(Outcome.ERROR, 3)
            rig["well"].use(Outcome.OK, 3)
            if minute == 10:  # what a process learns from the database at its start is its own, too
                await rig.stop("well")
                await rig.start("well")
            assert (await rig.minute())["well"] == "healthy"
        assert rig.owner.messages == [("alert: fired commands.failing.play", "sick")]
        fleet = await rig["well"].system.fleet.report()
        assert [(each.instance, each.status) for each in fleet.processes] == [
            ("sick", "unhealthy"),
            ("well", "healthy"),
        ]
        assert fleet.well == 1
        assert fleet.worst is not None
        assert fleet.worst.reason is not None
        assert fleet.worst.reason.values["command"] == "play"
        shown = await shown_by(rig["well"])
        assert "🔴 Unhealthy (sick): /play failed" in shown
        assert "1 of 2 processes are well" in shown
        assert rig.failures() == {None}


async def shown_by(process: Process) -> str:
    """`/health` of one process, to the owner."""
    system = process.system
    glance = embeds.Glance(fleet=await system.fleet.report(), instance=process.instance)
    embed = embeds.health(await system.health.report(), system.health.components, glance, [], system.clock.now())
    return f"{embed.title}\n{embed.description}"


async def test_a_rolling_deploy_of_eight_processes_is_no_news(postgres_store_url: str) -> None:
    async with processes(postgres_store_url, *EIGHT) as rig:

        async def live(minutes: int) -> None:
            for minute in range(minutes):
                for n, process in enumerate(rig.processes.values()):
                    process.use(Outcome.OK, 8)
                    process.use(Outcome.ERROR, int((minute + n) % 8 == 0), "lyrics")
                assert await rig.minute() == healthy(rig.processes)

        await live(5)
        for instance in EIGHT:
            await rig.stop(instance)
            await rig.clock.advance(15)
            await rig.start(instance)
            await live(full(5, 2))
        await live(5)
        assert rig.owner.messages == []
        fleet = await rig[EIGHT[0]].system.fleet.report()
        assert (len(fleet.processes), fleet.well, fleet.worst) == (8, 8, None)
        assert rig.failures() == {None}


@pytest.mark.parametrize("is_staggered", [False, True])
async def test_a_command_that_fails_in_all_of_them_is_told_once_and_is_over_once(
    postgres_store_url: str, is_staggered: bool
) -> None:
    async with processes(postgres_store_url, *EIGHT, is_staggered=is_staggered) as rig:

        async def fail(minutes: int) -> None:
            for minute in range(minutes):
                for n, process in enumerate(rig.processes.values()):
                    process.use(Outcome.OK, 3)
                    process.use(Outcome.ERROR, 3 if minute >= n else 0, "lyrics")
                statuses = await rig.minute()
            assert set(statuses.values()) == {"unhealthy"}

        await fail(full(40, 25))
        assert [text for text, _ in rig.owner.messages] == ["alert: fired commands.failing.lyrics"]
        first = rig.owner.messages[0][1]
        assert f"{rig.owner.notices[0].instance} · next reminder" in str(
            embeds.notice(rig.owner.notices[0]).footer.text
        )
        overview = await rig[EIGHT[-1]].system.alerts.overview()
        assert [alert.key for alert in overview.firing] == ["commands.failing.lyrics"]
        assert "in 8 processes" in str(embeds.alerts_list(overview).description)
        await rig.stop(first)  # a deploy of one of them, under the same name
        await rig.clock.advance(15)
        await rig.start(first)
        await rig.minutes(100)
        assert await rig.minutes(1) == healthy(rig.processes)
        assert [text for text, _ in rig.owner.messages[1:]] == ["recovery: recovered commands.failing.lyrics"]
        assert rig.owner.notices[1].items[0].since <= rig.owner.notices[0].items[0].since
        assert rig.failures() == {None}


async def test_a_deploy_under_new_names_leaves_no_alert_open(postgres_store_url: str) -> None:
    async with processes(postgres_store_url, "pod-1", "pod-2") as rig:
        for _ in range(20):
            for process in rig.processes.values():
                process.use(Outcome.ERROR, 3)
            await rig.minute()
        await rig.stop("pod-1", "pod-2")
        await rig.start("pod-3", "pod-4")
        for _ in range(20):
            for process in rig.processes.values():
                process.use(Outcome.OK, 3)
            assert await rig.minute() == healthy(rig.processes)
        assert [text for text, _ in rig.owner.messages] == [
            "alert: fired commands.failing.play",
            "recovery: recovered commands.failing.play",
        ]
        assert rig.failures() == {None}


@pytest.mark.parametrize("is_staggered", [False, True])
async def test_what_all_of_them_see_is_told_once_and_is_over_once(postgres_store_url: str, is_staggered: bool) -> None:
    async with processes(postgres_store_url, *EIGHT, is_staggered=is_staggered) as rig:

        async def be_slow() -> DatabaseSample:
            return DatabaseSample(response_time_s=2.0)

        for _ in range(3):
            assert await rig.minute() == healthy(EIGHT)
        for process in rig.processes.values():
            process.system.database.sample = be_slow
        assert await rig.minutes(25) == dict.fromkeys(EIGHT, "degraded")
        assert [text for text, _ in rig.owner.messages] == ["alert: fired database.slow"]
        for process in rig.processes.values():
            del process.system.database.sample
        assert await rig.minutes(10) == healthy(EIGHT)
        assert [text for text, _ in rig.owner.messages[1:]] == ["recovery: recovered database.slow"]
        assert rig.failures() == {None}


@pytest.mark.parametrize(
    ("machines", "is_staggered", "told_by"),
    [(1, False, "machine"), (1, True, "machine"), (2, True, "machine"), (0, False, "process")],
)
async def test_a_database_that_is_away_is_told_once_from_each_machine_and_is_back_once(
    private_postgres: PostgresServer, tmp_path: Path, machines: int, is_staggered: bool, told_by: str
) -> None:
    """Without a common database and without a disk nobody can agree with anybody: then each process tells it."""
    spools = [tmp_path / f"machine-{n}" / "spool.db" for n in range(machines)]
    for spool in spools:
        spool.parent.mkdir()
    url = private_postgres.create_database()
    async with processes(url, *EIGHT, spools=spools, is_staggered=is_staggered) as rig:
        for _ in range(3):
            assert await rig.minute() == healthy(EIGHT)
        await asyncio.to_thread(private_postgres.stop)
        assert await rig.minutes(6) == dict.fromkeys(EIGHT, "unhealthy")
        told_n = machines or len(EIGHT)
        assert [text for text, _ in rig.owner.messages] == ["alert: fired database"] * told_n
        assert len({by for _, by in rig.owner.messages}) == told_n
        assert {notice.told_by for notice in rig.owner.notices} == {told_by}
        assert f"once from each {told_by}" in str(embeds.notice(rig.owner.notices[0]).description)
        await asyncio.to_thread(private_postgres.start)
        assert await rig.minutes(8) == healthy(EIGHT)
        assert [text for text, _ in rig.owner.messages[told_n:]] == ["recovery: recovered database"]
        assert rig.owner.notices[-1].told_by == ""
        if machines != 1:
            return
        await asyncio.to_thread(private_postgres.stop)
        await rig.minutes(6)
        await asyncio.to_thread(private_postgres.start)
        await rig.minutes(8)
        again = [text for text, _ in rig.owner.messages[told_n + 1 :]]
        assert again == ["alert: fired database", "recovery: recovered database"]
