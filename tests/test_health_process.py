"""Memory, processor and open files: what is seen of them, what is made of it, and what a refused source costs."""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from botmon_cog.config import HealthConfig
from botmon_cog.health.component import Component, Finding, Words
from botmon_cog.health.components.cpu import Cpu
from botmon_cog.health.components.files import Files, FilesSample
from botmon_cog.health.components.memory import Memory, MemorySample
from botmon_cog.health.process import CpuMeter, ProcessReader
from botmon_cog.health.rules import metric
from botmon_cog.health.sources import Sources
from botmon_cog.health.words import words_of
from botmon_cog.monitors.failures import Failures
from botmon_cog.testing import ManualClock
from tests.child import Child, Talk
from tests.health_samples import sources_of
from tests.process_helpers import GROUPS, MIB, reader_of, tree

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CONFIG = HealthConfig()
REFUSALS = [psutil.AccessDenied(), psutil.ZombieProcess(1), OSError("no"), ValueError("odd")]


def reached(component: Component, sample: object) -> dict[str, Finding]:
    """The findings that are beyond their first limit, by key."""
    found = component.judge(sample, CONFIG)
    return {each.key: each for each in found if each.value is not None and each.value >= (each.limits[0] or 0)}


def words(component: Component, finding: Finding) -> Words:
    assert finding.reason.what in {each.name for each in component.troubles}
    return words_of(finding.reason)


def reads(reader: ProcessReader) -> Sources:
    return sources_of(clock=reader.clock, process=reader)


def lines(component: Component, sample: object) -> str:
    return "\n".join(component.numbers(sample, NOW))


# -- memory ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["v1", "v2"])
async def test_a_container_is_judged_by_all_that_runs_in_it(version):
    reader, process = reader_of(ManualClock(), GROUPS / version)
    process.rss_bytes = 120 * MIB
    memory = Memory(reads(reader))
    sample = await memory.sample()
    assert (sample.used_bytes, sample.limit_bytes, sample.is_contained) == (410 * MIB, 512 * MIB, True)
    assert metric("memory.rss_mb", {"memory": sample}) == pytest.approx(120 * 1.048576), "this process alone"
    said = words(memory, reached(memory, sample)["memory"])
    assert said.what == "the bot uses 80 % of its container's memory"
    assert said.detail == "410 MiB of 512 MiB, 120 MiB by this process"
    assert "ffmpeg" in (said.remedy or ""), "what the bot started takes most of it"
    assert lines(memory, sample) == "410 MiB, 80 % of the container's 512 MiB, 120 MiB by this process, 900 MiB virtual"


async def test_a_limit_that_is_none_leaves_the_machine(tmp_path):
    total_bytes = psutil.virtual_memory().total
    for limit in ("9223372036854771712", str(total_bytes), "0", "max"):
        root = tree(tmp_path, "4:memory:/bot\n0::/\n", **{"memory/memory.limit_in_bytes": limit, "memory.max": limit})
        sample = await Memory(reads(reader_of(ManualClock(), root)[0])).sample()
        assert (sample.limit_bytes, sample.is_contained, sample.used_bytes) == (total_bytes, False, 200 * MIB)


@pytest.mark.parametrize("cgroup", ["nonsense\n", "0::/\n"])
async def test_groups_that_can_not_be_read_leave_the_machine(tmp_path, cgroup):
    root = tree(tmp_path, cgroup)
    (root / "sys/fs/cgroup/memory.max").mkdir(parents=True)  # a directory is no file
    sample = await Memory(reads(reader_of(ManualClock(), root)[0])).sample()
    assert (sample.limit_bytes, sample.is_contained) == (psutil.virtual_memory().total, False)


async def test_usage_that_a_container_hides_is_this_process(tmp_path):
    root = tree(tmp_path, "0::/\n", **{"memory.max": str(400 * MIB)})
    (root / "sys/fs/cgroup/memory.current").mkdir()
    sample = await Memory(reads(reader_of(ManualClock(), root)[0])).sample()
    assert (sample.used_bytes, sample.limit_bytes, sample.is_contained) == (200 * MIB, 400 * MIB, True)


async def test_a_leak_of_what_the_bot_started_is_told_with_the_time_that_is_left(tmp_path):
    clock = ManualClock()
    reader, _ = reader_of(clock, tmp_path)
    memory = Memory(reads(reader))
    for minute in range(0, 241, 5):
        used = str((100 + minute) * MIB)
        tree(
            tmp_path,
            "0::/\n",
            **{"memory.max": str(512 * MIB), "memory.current": used, "memory.stat": "inactive_file 0"},
        )
        sample = await memory.sample()
        await clock.advance(300)
    found = reached(memory, sample)
    assert set(found) == {"memory.growth"}
    said = words(memory, found["memory.growth"])
    assert said.what == "the bot's memory grows by 60 MiB an hour"
    assert said.detail == "340 MiB of 512 MiB, full in 2 h 52 min"


def test_what_a_machine_does_not_say_is_unknown_with_its_cause():
    memory = Memory(
        sources_of(
            clock=reader_of(ManualClock(), Path("/nowhere"))[0].clock,
            process=reader_of(ManualClock(), Path("/nowhere"))[0],
        )
    )
    hidden = MemorySample(limit_bytes=MIB, cause="NoSuchProcess: gone")
    endless = MemorySample(used_bytes=MIB, cause="OSError: 0 bytes")
    for sample, what in ((hidden, "memory.unread"), (endless, "memory.no_limit")):
        reason = memory.unread(sample)
        assert reason is not None
        assert (reason.what, reason.values, reason.owners_only) == (what, {"cause": sample.cause}, True)
        assert words_of_unread(memory, reason).detail == sample.cause
        assert not reached(memory, sample)
    assert memory.unread(MemorySample(used_bytes=1, limit_bytes=2)) is None


def words_of_unread(component: Component, reason) -> Words:
    assert reason.what in {each.name for each in component.troubles}
    return words_of(reason)


async def test_a_machine_without_a_total_has_no_limit(tmp_path, monkeypatch):
    """gVisor and others say that MemTotal is 0."""
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"total": 0}))
    memory = Memory(reads(reader_of(ManualClock(), tmp_path)[0]))
    sample = await memory.sample()
    assert (sample.used_bytes, sample.limit_bytes, sample.percent) == (200 * MIB, None, None)
    assert memory.unread(sample).what == "memory.no_limit"
    assert "0 bytes" in (sample.cause or "")


# -- processor ---------------------------------------------------------------------------------------------------------


def group_v2(root: Path, used_s: float, periods: int, throttled: int) -> Path:
    stat = f"usage_usec {round(used_s * 1e6)}\nnr_periods {periods}\nnr_throttled {throttled}"
    return tree(root, "0::/\n", **{"cpu.max": "150000 100000", "cpu.stat": stat})


async def test_a_quota_is_judged_by_all_that_runs_in_the_container(tmp_path):
    clock = ManualClock()
    reader, process = reader_of(clock, group_v2(tmp_path, 100.0, 1_000, 10))
    cpu = Cpu(reads(reader))
    first = await cpu.sample()
    assert (first.percent, first.quota_percent, cpu.is_known(first)) == (None, None, False)
    assert cpu.unread(first) is None, "there was no time to measure, which is no fault"
    await clock.advance(10)
    process.used_s += 3
    group_v2(tmp_path, 113.5, 1_100, 20)
    sample = await cpu.sample()
    assert (sample.percent, sample.quota_percent) == (pytest.approx(30), pytest.approx(90))
    assert sample.throttled_share == pytest.approx(0.1)
    found = reached(cpu, sample)
    assert set(found) == {"cpu"}
    said = words(cpu, found["cpu"])
    assert said.what == "the container uses 90 % of the processor time that it is allowed"
    assert said.detail == "1.5 cores allowed, 20 % by this process"
    assert "container 90 % of its 1.5 cores, held back in 10 % of its time slices" in lines(cpu, sample)


async def test_being_held_back_is_a_reason_of_its_own(tmp_path):
    clock = ManualClock()
    reader, process = reader_of(clock, group_v2(tmp_path, 0.0, 0, 0))
    cpu = Cpu(reads(reader))
    await clock.advance(60)
    process.used_s += 6
    group_v2(tmp_path, 6.0, 100, 30)
    found = reached(cpu, sample := await cpu.sample())
    assert set(found) == {"cpu.throttled"}
    assert found["cpu.throttled"].limits == (0.25, None)
    assert words(cpu, found["cpu.throttled"]).what == "the container is held back in 30 % of its time slices"
    await clock.advance(60)
    group_v2(tmp_path, 6.1, 104, 34)
    sample = await cpu.sample()
    assert sample.throttled_share == 0, "in four slices of a minute it was idle"
    await clock.advance(60)
    group_v2(tmp_path, 0.1, 4, 4)
    sample = await cpu.sample()
    assert (sample.throttled_share, sample.quota_percent) == (None, None), "the counters began anew"
    assert [each.value for each in cpu.judge(sample, CONFIG) if each.key == "cpu.throttled"] == [None]


async def test_a_quota_beyond_the_cores_is_bounded_by_them(tmp_path):
    clock = ManualClock()
    root = tree(tmp_path, "0::/\n", **{"cpu.max": "800000 100000", "cpu.stat": "usage_usec 0"})
    cpu = Cpu(reads(reader_of(clock, root)[0]))
    await clock.advance(10)
    tree(root, "0::/\n", **{"cpu.stat": "usage_usec 19000000"})
    sample = await cpu.sample()
    assert (sample.quota_cores, sample.quota_percent) == (2, pytest.approx(95))


async def test_without_a_quota_the_share_of_one_core_counts(tmp_path):
    clock = ManualClock()
    reader, process = reader_of(clock, tmp_path)
    cpu = Cpu(reads(reader))
    await clock.advance(10)
    process.used_s += 12
    sample = await cpu.sample()
    assert (sample.percent, sample.quota_cores, sample.threads) == (pytest.approx(120), None, 7)
    assert 0 <= sample.system_percent <= 100
    (finding,) = cpu.judge(sample, CONFIG)
    assert words(cpu, finding).what == "the bot keeps 120 % of a processor core busy"
    await clock.advance(2)
    process.used_s += 2
    assert (await cpu.sample()).percent == sample.percent, "over 2 s the number means nothing"


async def test_processor_time_that_is_refused_for_a_while_is_measured_again():
    clock = ManualClock()
    used: list[float | None] = [1.0, None, 4.0, 9.0]
    meter = CpuMeter(clock, lambda: used.pop(0))
    found = []
    for _ in range(3):
        await clock.advance(10)
        assert meter.look()
        found.append(meter.percent)
    assert found == [None, None, pytest.approx(50)]


# -- files, and what is refused ----------------------------------------------------------------------------------------


def test_open_files_are_judged_by_their_limit_if_there_is_one():
    files = Files(
        sources_of(
            clock=reader_of(ManualClock(), Path("/nowhere"))[0].clock,
            process=reader_of(ManualClock(), Path("/nowhere"))[0],
        )
    )
    found = reached(files, FilesSample(files=900, limit=1_024))
    assert words(files, found["files"]).what == "the bot has 900 of at most 1,024 files open"
    assert not reached(files, FilesSample(files=900))
    assert files.unread(FilesSample(files=900)) is None
    assert lines(files, FilesSample(files=900)) == "900"


@pytest.mark.parametrize(
    ("source", "fields"),
    [
        ("memory_info", {"used_bytes", "process_bytes", "virtual_bytes"}),
        ("processor_s", {"percent"}),
        ("num_threads", {"threads"}),
        ("num_fds", {"files"}),
        ("create_time", set()),
    ],
)
@pytest.mark.parametrize("error", REFUSALS)
async def test_a_refused_source_costs_its_field_and_one_line_in_the_log(tmp_path, caplog, source, fields, error):
    clock = ManualClock()
    failures = Failures(clock)
    with caplog.at_level(logging.WARNING):
        reader, _ = reader_of(clock, tmp_path, failures, **{source: error})
        components = Memory(reads(reader)), Cpu(reads(reader)), Files(reads(reader))
        for _ in range(4):
            await clock.advance(60)
            samples = [await component.sample() for component in components]
    seen = ("used_bytes", "process_bytes", "virtual_bytes", "limit_bytes", "percent", "threads", "files")
    lost = {name for sample in samples for name in seen if getattr(sample, name, 0) is None}
    assert lost - ({"percent"} if source in {"memory_info", "num_fds"} else set()) == fields
    assert len(caplog.records) == 1
    assert failures.n == isinstance(error, ValueError), "what the system refuses is no fault of ours"
    unread = [component.unread(sample) for component, sample in zip(components, samples, strict=True)]
    causes = [reason.values["cause"] for reason in unread if reason is not None]
    assert causes == ([f"{type(error).__name__}: {error}"] if fields - {"threads"} else [])


async def test_what_is_refused_no_longer_is_known_again(tmp_path):
    reader, process = reader_of(ManualClock(), tmp_path, num_fds=OSError("no"))
    files = Files(reads(reader))
    assert files.unread(await files.sample()) is not None
    process.refused.clear()
    sample = await files.sample()
    assert (sample.files, sample.cause, files.unread(sample)) == (33, None, None)


def test_a_process_tells_its_age_or_began_now(tmp_path):
    assert reader_of(ManualClock(), tmp_path)[0].uptime_s == pytest.approx(100)
    assert reader_of(ManualClock(), tmp_path, create_time=psutil.AccessDenied())[0].uptime_s == 0


# -- a machine without /proc -------------------------------------------------------------------------------------------


async def report_of_a_bot(talk: Talk) -> None:
    """What a bot's own report says of itself, and what it shows its owner, on a machine whose `/proc` is empty."""
    from tests.harness import cog_of, make_bot, running  # noqa: PLC0415 (needs the whole package)

    assert not any(Path("/proc").iterdir())
    async with running(make_bot()) as rig:
        system = cog_of(rig.bot).system
        await rig.clock.advance(60)
        report = await system.health.check()
        talk.send(
            {
                name: [health.status, health.unread and health.unread.what, health.unread and health.unread.values]
                for name, health in report.components.items()
            }
        )
        talk.send([report.uptime_s, report.overall_status])


async def read_all(talk: Talk) -> None:
    """The three components alone."""
    clock = ManualClock()
    reader = ProcessReader(clock, Failures(clock))
    components = Memory(reads(reader)), Cpu(reads(reader)), Files(reads(reader))
    await clock.advance(60)
    for component in components:
        sample = await component.sample()
        reason = component.unread(sample)
        talk.send([component.name, list(component.brief(sample)), reason and reason.what, reason and reason.values])
    talk.send(reader.uptime_s)


def without_proc(function) -> Child:
    child = Child(function, disk=(Path("/proc"), 4096))
    if child.disk != "tmpfs":
        child.kill()
        assert "CI" not in os.environ, "where the tests must run, they may mount"
        pytest.skip("nothing may be mounted here")
    return child


def test_without_proc_what_can_not_be_read_is_unknown_and_says_why():
    with without_proc(read_all) as child:
        memory, cpu, files, uptime_s = (child.receive() for _ in range(4))
        assert child.wait() == 0
    assert memory[:3] == ["memory", [], "memory.unread"]
    assert "NoSuchProcess" in memory[3]["cause"]
    assert cpu[0] == "cpu"
    assert cpu[2] is None, "the kernel tells processor time without /proc"
    assert cpu[1][0].startswith("CPU ")
    assert files[:3] == ["files", [], "files.unread"]
    assert "NoSuchProcess" in files[3]["cause"]
    assert uptime_s == 0


def test_a_bot_without_proc_loads_the_extension_and_its_report_says_what_is_unknown():
    with without_proc(report_of_a_bot) as child:
        components, (uptime_s, status) = child.receive(), child.receive()
        assert child.wait() == 0
    for name in ("memory", "files"):
        health, what, values = components[name]
        assert (health, what) == ("unknown", f"{name}.unread")
        assert "NoSuchProcess" in values["cause"]
    assert components["cpu"][:2] == ["healthy", None]
    assert components["database"][:2] == ["healthy", None], "what needs no /proc is seen as ever"
    assert status == "degraded"
    assert uptime_s >= 60, "counted from when the extension was loaded"
