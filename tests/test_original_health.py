"""The original's `HealthCheck`: this instant, by the original's limits."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import psutil
import pytest

from botmon_cog import Monitors
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.testing import ManualClock
from tests.original_helpers import MIB, NOON, Memory, monitors


class Times(NamedTuple):
    user: float
    system: float


class Machine:
    """What psutil reads."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.memory_percent = self.cpu_percent = 10.0
        self.asked: list[float | None] = []
        monkeypatch.setattr(psutil.Process, "memory_info", lambda _: Memory(100 * MIB + 12_345, 300 * MIB))
        monkeypatch.setattr(psutil.Process, "memory_percent", lambda _: self.memory_percent)
        monkeypatch.setattr(psutil.Process, "cpu_times", lambda _: Times(1.5, 0.5))
        monkeypatch.setattr(psutil.Process, "cpu_percent", self._cpu_percent)

    def _cpu_percent(self, _: object, interval: float | None = None) -> float:
        self.asked.append(interval)
        return self.cpu_percent if len(self.asked) % 2 == 0 else 0.0


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
async def made(tmp_path: Path, clock: ManualClock) -> AsyncIterator[Monitors]:
    async with monitors(tmp_path / "bot.db", clock=clock) as four:
        yield four


async def answer(made: Monitors, monkeypatch: pytest.MonkeyPatch, sample: DatabaseSample) -> dict[str, Any]:
    async def sampled() -> DatabaseSample:
        return sample

    monkeypatch.setattr(made.system.database, "sample", sampled)
    return await made.health.check_database()


async def test_memory_is_judged_by_the_machines(made: Monitors, machine: Machine):
    assert list((await made.health.check_memory()).items()) == [
        ("rss", 104_869_945),
        ("rss_mb", 100.01),
        ("vms", 314_572_800),
        ("vms_mb", 300.0),
        ("percent", 10.0),
        ("status", "healthy"),
    ]
    found = []
    for machine.memory_percent in (60.0, 60.1, 80.0, 80.1):
        found.append((await made.health.check_memory())["status"])
    assert found == ["healthy", "warning", "warning", "critical"]


async def test_processor_is_measured_at_once_without_blocking(made: Monitors, machine: Machine):
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(others())
    assert list((await made.health.check_cpu()).items()) == [
        ("percent", 10.0),
        ("user_time", 1.5),
        ("system_time", 0.5),
        ("status", "healthy"),
    ]
    task.cancel()
    assert turns > 100
    assert machine.asked == [None, None], "psutil itself would wait"
    found = []
    for machine.cpu_percent in (60.0, 60.1, 80.0, 80.1):
        found.append((await made.health.check_cpu())["status"])
    assert found == ["healthy", "warning", "warning", "critical"]


async def test_processor_of_this_process_really_is_measured(made: Monitors):
    """With psutil as it is, at the first call."""

    async def work() -> None:
        while True:
            sum(range(10_000))
            await asyncio.sleep(0)

    task = asyncio.create_task(work())
    async with asyncio.timeout(10):
        while not (await made.health.check_cpu())["percent"]:
            """A machine that has other things to do gives this process no time."""
    task.cancel()


async def test_database_that_answers(made: Monitors, tmp_path: Path):
    for guild in ("1", "2"):
        await made.logger.log_command(guild, None, "7", None, "play")
    found = await made.health.check_database()
    assert list(found) == ["connected", "response_time", "server_count", "database_size_mb", "status"]
    assert (found["connected"], found["server_count"], found["status"]) == (True, 2, "healthy")
    assert found["response_time"] == 0.0, "the clock stands still"
    assert found["database_size_mb"] > 0


@pytest.mark.parametrize(("seconds", "status"), [(1.0, "healthy"), (1.1, "slow")])
async def test_database_is_slow_over_a_second(
    made: Monitors, monkeypatch: pytest.MonkeyPatch, seconds: float, status: str
):
    found = await answer(made, monkeypatch, DatabaseSample(response_time_s=seconds, size_bytes=MIB))
    assert (found["connected"], found["response_time"], found["status"]) == (True, seconds, status)


@pytest.mark.parametrize(
    "sample",
    [
        DatabaseSample(error="disk I/O error"),
        DatabaseSample(response_time_s=0.1, size_bytes=MIB, refusal="disk I/O error"),
    ],
    ids=["silent", "full"],
)
async def test_database_that_does_not_answer(made: Monitors, monkeypatch: pytest.MonkeyPatch, sample: DatabaseSample):
    assert await answer(made, monkeypatch, sample) == {
        "connected": False,
        "status": "error",
        "error": "disk I/O error",
    }


@pytest.mark.parametrize(
    ("n", "failed", "rate", "status"),
    [
        (0, 0, 0.0, "healthy"),
        (10, 1, 10.0, "healthy"),
        (9, 1, pytest.approx(100 / 9), "warning"),
        (5, 1, 20.0, "warning"),
        (4, 1, 25.0, "critical"),
        (200, 200, 100.0, "critical"),
    ],
)
async def test_failed_commands_of_the_last_hour(
    made: Monitors, clock: ManualClock, n: int, failed: int, rate: float, status: str
):
    await made.logger.log_command("1", None, "7", None, "play", success=False)
    await clock.advance(3_601)
    for number in range(n):
        await made.logger.log_command("1", None, "7", None, "play", success=number >= failed)
    await made.logger.log_command("2", None, "7", None, "play")
    found = await made.health.check_error_rate("1")
    assert list(found.items()) == [
        ("total_commands", n),
        ("failed_commands", failed),
        ("error_rate", rate),
        ("status", status),
    ]
    assert (await made.health.check_error_rate())["total_commands"] == n + 1


async def test_full_report_has_all_four(made: Monitors, machine: Machine):
    report = await made.health.get_full_health_report("1")
    assert list(report) == [
        "timestamp",
        "overall_status",
        "memory",
        "database",
        "cpu",
        "error_rate",
        "uptime_seconds",
    ]
    assert datetime.fromisoformat(report["timestamp"]) == NOON
    assert report["overall_status"] == "healthy"
    assert report["uptime_seconds"] >= 0
    assert json.loads(json.dumps(report)) == report


@pytest.mark.parametrize(
    ("memory", "cpu", "overall"),
    [
        (10.0, 10.0, "healthy"),
        (61.0, 10.0, "degraded"),
        (10.0, 61.0, "degraded"),
        (61.0, 81.0, "unhealthy"),
        (100.0, 10.0, "unhealthy"),
    ],
)
async def test_overall_status_is_the_worst(made: Monitors, machine: Machine, memory: float, cpu: float, overall: str):
    machine.memory_percent, machine.cpu_percent = memory, cpu
    assert (await made.health.get_full_health_report())["overall_status"] == overall
    machine.memory_percent = machine.cpu_percent = 10.0
    assert (await made.health.get_full_health_report())["overall_status"] == "healthy", "this instant, at each call"


async def test_what_psutil_cannot_read_costs_its_part(
    made: Monitors, machine: Machine, monkeypatch: pytest.MonkeyPatch
):
    def refuse(*_: object) -> float:
        raise psutil.AccessDenied(1, "python", "not allowed here")

    monkeypatch.setattr(psutil.Process, "memory_info", refuse)
    monkeypatch.setattr(psutil.Process, "cpu_percent", refuse)
    report = await made.health.get_full_health_report()
    assert report["overall_status"] == "unhealthy"
    for part in ("memory", "cpu"):
        assert list(report[part]) == ["status", "error"]
        assert report[part]["status"] == "error"
        assert "not allowed here" in report[part]["error"]
    assert report["database"]["status"] == report["error_rate"]["status"] == "healthy"


async def test_the_last_hundred_reports_are_kept(made: Monitors, monkeypatch: pytest.MonkeyPatch, machine: Machine):
    monkeypatch.setattr("botmon_cog.original.health_check._CPU_WINDOW_S", 0)
    assert made.health.health_history == []
    for machine.memory_percent in map(float, range(103)):
        report = await made.health.get_full_health_report()
    assert len(made.health.health_history) == 100
    assert [each["memory"]["percent"] for each in made.health.health_history[:2]] == [3.0, 4.0]
    report["memory"].clear()
    assert made.health.health_history[-1]["memory"]["percent"] == 102.0, "what the host changes is its own"
