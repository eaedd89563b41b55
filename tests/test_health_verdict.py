"""The whole from its components: the worst, the first of equals, and what `[health] watch` leaves out."""

from __future__ import annotations

from itertools import pairwise
from typing import get_args

import msgspec
import pytest

from botmon_cog.config import ComponentName, HealthConfig
from botmon_cog.domain.health import Judge
from botmon_cog.domain.samples import (
    CommandsSample,
    DatabaseSample,
    MonitorSample,
    ProcessSample,
    Sample,
    Samples,
)
from tests.health_samples import DEFAULTS, NOON, PLAY, WELL, samples, settled, shards

NAMES = get_args(ComponentName)
WARNINGS = {
    "database": {"database": {"response_time_s": 1.0}},
    "gateway": {"gateway": {"shards": shards(1, {}, latency_s=2.0)}},
    "loop": {"loop": {"p99_s": 0.5}},
    "error_rate": {"commands": {"total": 100, "errors": 10}},
    "commands": {"commands": {"slow": (PLAY,)}},
    "memory": {"process": {"rss_bytes": 85, "limit_bytes": 100}},
    "cpu": {"process": {"cpu_percent": 85.0}},
    "files": {"process": {"files": 900}},
    "rest": {"rest": {"rate_limits_1h": 130}},
    "monitor": {"monitor": {"dropped": 1}},
}
CRITICAL = {
    "database": {"database": {"error": "gone"}},
    "gateway": {"gateway": {"shards": shards(1, {0: 90.0})}},
    "loop": {"loop": {"p99_s": 3.0}},
    "error_rate": {"commands": {"total": 100, "errors": 50}},
    "memory": {"process": {"rss_bytes": 99, "limit_bytes": 100}},
    "cpu": {"process": {"cpu_percent": 99.0}},
    "files": {"process": {"files": 1024}},
    "rest": {"rest": {"rate_limits_1h": 9_000}},
}


def together(*parts: dict[str, dict[str, object]]) -> dict[str, dict[str, object]]:
    merged: dict[str, dict[str, object]] = {}
    for part in parts:
        for name, values in part.items():
            merged[name] = merged.get(name, {}) | values
    return merged


def test_the_tables_here_name_every_component_in_order():
    assert tuple(WARNINGS) == NAMES
    assert set(NAMES) - set(CRITICAL) == {"commands", "monitor"}
    assert tuple(settled().components) == NAMES


@pytest.mark.parametrize(("first", "second"), [*pairwise(NAMES)])
def test_of_equals_the_first_component_s_reason_is_told(first, second):
    report = settled(**together(WARNINGS[first], WARNINGS[second]))
    assert {report.components[first].status, report.components[second].status} <= {"warning", "slow"}
    assert (report.overall_status, report.reason) == ("degraded", report.components[first].reason)
    assert report.remedy == report.components[first].remedy
    assert [problem.key.split(".")[0] for problem in report.problems] == [first, second]


@pytest.mark.parametrize("worse", CRITICAL)
def test_the_worst_component_s_reason_is_told_wherever_it_stands(worse):
    other = "database" if worse != "database" else "monitor"
    report = settled(**together(WARNINGS[other], CRITICAL[worse]))
    assert report.components[worse].status in {"critical", "error"}
    assert (report.overall_status, report.reason) == ("unhealthy", report.components[worse].reason)


def test_a_warning_goes_before_an_unknown_only_where_its_component_does():
    unread = {"process": {"rss_bytes": None}}
    assert settled(**together(unread, WARNINGS["rest"])).reason == "the memory of this process can't be read"
    assert settled(**together(unread, WARNINGS["loop"])).reason == settled(**WARNINGS["loop"]).reason


def test_before_the_first_sample_nothing_is_known():
    judge = Judge(DEFAULTS)
    for report in (judge.look(Samples(taken_at=NOON), 1.0), judge.step(Samples(taken_at=NOON), 1.0)):
        assert (report.overall_status, report.reason, report.problems) == ("unknown", None, ())
        assert {component.status for component in report.components.values()} == {"unknown"}
        assert tuple(report.components) == NAMES


def test_what_nobody_watches_here_is_left_out():
    alone = Samples(taken_at=NOON, database=WELL.database, process=WELL.process, monitor=MonitorSample())
    report = Judge(DEFAULTS).step(alone, 1.0)
    assert report.overall_status == "healthy"
    assert tuple(report.components) == ("database", "memory", "cpu", "files", "monitor")
    assert report.gateway.status == "unwatched"


def test_a_bot_of_which_nothing_can_be_told_yet_is_unknown_until_something_can():
    young = ProcessSample(rss_bytes=1, cpu_percent=None, is_cpu_measured=False, files=1)
    config = HealthConfig(watch=("memory", "cpu"))
    assert Judge(config).step(Samples(taken_at=NOON, process=young), 1.0).overall_status == "unknown"
    grown = msgspec.structs.replace(young, cpu_percent=3.0, is_cpu_measured=True)
    assert Judge(config).step(Samples(taken_at=NOON, process=grown), 1.0).overall_status == "healthy"


@pytest.mark.parametrize("name", NAMES)
def test_a_component_that_is_not_watched_is_neither_judged_nor_told(name):
    config = HealthConfig(watch=tuple(other for other in NAMES if other != name))
    report = settled(config, **together(WARNINGS[name], CRITICAL.get(name, {})))
    assert (report.overall_status, report.problems) == ("healthy", ())
    assert report[name].status == "unwatched"
    assert name not in report.components


def test_the_order_of_watch_does_not_matter():
    config = HealthConfig(watch=("monitor", "loop", "database"))
    report = settled(config, **together(WARNINGS["monitor"], WARNINGS["loop"]))
    assert tuple(report.components) == ("database", "loop", "monitor")
    assert report.reason == report.loop.reason


def test_a_bot_that_watches_nothing_is_unknown():
    assert settled(HealthConfig(watch=()), **CRITICAL["database"]).overall_status == "unknown"


def test_the_monitor_alone_never_makes_a_bot_unhealthy():
    grave = MonitorSample(
        dropped=10**9, failures=10**9, failed_lately=True, trouble="x", spooled=10**9, unreachable=("y",), broken=("z",)
    )
    report = Judge(DEFAULTS).step(Samples(taken_at=NOON, monitor=grave), 1.0)
    assert (report.overall_status, report.monitor.status) == ("degraded", "warning")
    assert {problem.severity for problem in report.problems} == {"warning"}


def test_everything_at_once_is_told_in_order():
    report = settled(**together(*WARNINGS.values(), *CRITICAL.values()))
    assert report.overall_status == "unhealthy"
    assert report.reason == "the database does not answer: gone"
    assert [name for name, part in report.components.items() if part.status == "healthy"] == []
    firsts = [problem.key.split(".")[0] for problem in report.problems]
    assert list(dict.fromkeys(firsts)) == list(NAMES)


def test_a_component_that_its_source_has_lost_keeps_its_level():
    judge = Judge(DEFAULTS)
    for at in range(3):
        judge.step(samples(at, **CRITICAL["cpu"]), 1.0)
    lost: dict[str, Sample] = {"process": ProcessSample(), "database": DatabaseSample(response_time_s=0.1)}
    for at in range(3, 9):
        report = judge.step(Samples(taken_at=NOON, commands=CommandsSample(), **lost), 1.0)  # pyright: ignore[reportArgumentType]
        assert (report.cpu.status, report.memory.status) == ("critical", "unknown"), at
