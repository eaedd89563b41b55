"""Every component in every status, with what is wrong and what to do about it, in words."""
# ruff: noqa: E501 (a table is read across)

from __future__ import annotations

import math
from datetime import timedelta

import msgspec
import pytest

from botmon_cog.domain.health import Judge, error_rate_health
from botmon_cog.domain.reports import Problem
from botmon_cog.domain.samples import LoopRun, SlowCommand
from tests.health_samples import BLOCK, DEFAULTS, GB, MINUTE, NOON, PLAY, SHARD, only, samples, settled, shards, steps

LATE = LoopRun(name="health check", last_at=NOON - timedelta(hours=2), is_late=True)
DUE = LoopRun(name="clean-up", last_at=NOON)
RESET = {"identifies_reset_at": NOON + timedelta(hours=3, minutes=4)}
INSIDE = msgspec.structs.replace(BLOCK, inside="requests.sessions.send")
LONG_AGO = msgspec.structs.replace(BLOCK, last_at=NOON - timedelta(minutes=30))

CASES = [
    # database
    ({"database": {"error": "database is locked"}}, "database", "error", "does not answer: database is locked", "other process"),
    ({"database": {"response_time_s": None}}, "database", "error", "does not answer: no reason given", "log"),
    ({"database": {"refusal": "database or disk is full"}}, "database", "error", "takes no rows: database or", "Make room"),
    ({"database": {"error": "attempt to write a readonly database"}}, "database", "error", "readonly", "Let the bot's user"),
    ({"database": {"error": "file is not a database"}}, "database", "error", "not a database", "Move the damaged file"),
    ({"database": {"response_time_s": 0.25}}, "database.slow", "slow", "takes 250 ms to answer", "another process"),
    # gateway
    ({"gateway": {"shards": shards(1, {0: 61.0})}}, "gateway", "critical", "not been connected to Discord for 1 min", "discordstatus"),
    ({"gateway": {"shards": shards(3, {0: 600.0, 1: 90.0, 2: 120.0})}}, "gateway", "critical", "none of 3 shards has been connected to Discord for 1 min 30 s", "restart"),
    ({"gateway": {"shards": shards(3, {1: 61.0})}}, "gateway.shard.1", "warning", "shard 1 has not been connected to Discord for 1 min", "log"),
    ({"gateway": {"shards": shards(9, {7: 61.0, 2: 300.0})}}, "gateway.shard.2", "warning", "2 of 9 shards are not connected to Discord (2, 7), the longest for 5 min", "log"),
    ({"gateway": {"shards": shards(9, {n: 70.0 + n for n in range(7)})}}, "gateway.shard.6", "warning", "7 of 9 shards are not connected to Discord (6, 5, 4, 3, 2, …), the longest", "log"),
    ({"gateway": {"shards": shards(1, {}, latency_s=1.0)}}, "gateway.latency", "warning", "answers heartbeats only after 1 s", "network"),
    ({"gateway": {"shards": (*shards(2, {}), msgspec.structs.replace(SHARD, shard_id=2, latency_s=10.0))}}, "gateway.latency", "critical", "heartbeats of shard 2 only after 10 s", "network"),
    ({"gateway": {"shards": shards(1, {}, reconnects_1h=6)}}, "gateway.reconnects", "warning", "the bot had to reconnect to Discord 6 times within the hour", "network"),
    ({"gateway": {"shards": shards(2, {}, reconnects_1h=30)}}, "gateway.reconnects", "critical", "shard 0 had to reconnect to Discord 30 times", "network"),
    ({"gateway": {"identifies_left": 99}}, "gateway.identifies", "warning", "may begin only 99 more sessions with Discord", "crash loop"),
    ({"gateway": {"identifies_left": 1} | RESET}, "gateway.identifies", "warning", "only 1 more session with Discord for 3 h", "rarely"),
    ({"gateway": {"identifies_left": 0} | RESET}, "gateway.identifies", "critical", "begin no more sessions for 3 h", "Don't restart"),
    ({"gateway": {"heartbeats_blocked_1h": 3}}, "gateway.heartbeat", "warning", "10 s or more, 3 times within the hour", "blocks the event loop"),
    # event loop
    ({"loop": {"blocked_s": 5.0, "blocks": (BLOCK,)}}, "loop.blocked", "warning", "was blocked for 5 s in ten minutes, most by /play (cogs/music.py:42 in play)", "asyncio.to_thread"),
    ({"loop": {"blocked_s": 30.0, "blocks": (INSIDE, BLOCK)}}, "loop.blocked", "critical", "/play (cogs/music.py:42 in play, waiting in requests.sessions.send)", "aiohttp for requests"),
    ({"loop": {"blocked_s": 5.0, "blocks": (LONG_AGO,)}}, "loop.blocked", "warning", "was blocked for 5 s in ten minutes", "to_thread"),
    ({"loop": {"p99_s": 0.25}}, "loop.lag", "warning", "every hundredth callback waits 250 ms or more", "what else runs there"),
    ({"loop": {"p99_s": 2.0, "blocks": (BLOCK,)}}, "loop.lag", "critical", "waits 2 s or more for the event loop, which /play (cogs/music.py:42 in play) blocked most", "to_thread"),
    # commands
    ({"commands": {"errors": 5}}, "error_rate", "warning", "5 % of the last hour's commands failed (5 of 100)", "tracebacks"),
    ({"commands": {"total": 250, "errors": 77}}, "error_rate", "critical", "31 % of the last hour's commands failed (77 of 250)", "/perf"),
    ({"commands": {"errors": 30, "late": 12, "unanswered": 4}}, "error_rate", "critical", "(30 of 100), 12 too late for Discord and 4 without an answer", "defer()"),
    ({"commands": {"errors": 6, "unanswered": 4}}, "error_rate", "warning", "(6 of 100), 4 without an answer", "defer()"),
    ({"commands": {"errors": 6, "late": 3}}, "error_rate", "warning", "failed (6 of 100)", "tracebacks"),
    ({"commands": {"slow": (PLAY,)}}, "commands.play", "warning", "/play is slow (p95 4.1 s, last week 0.9 s)", "waits for"),
    # process
    ({"process": {"rss_bytes": 80, "limit_bytes": 100}}, "memory", "warning", "the bot uses 80 % of this machine's memory", "Restart"),
    ({"process": {"rss_bytes": 92, "limit_bytes": 100, "is_contained": True}}, "memory", "critical", "the bot uses 92 % of its container's memory", "caches"),
    ({"process": {"growth_bytes_per_h": 5e7, "rss_bytes": GB // 2, "limit_bytes": GB}}, "memory.growth", "warning", "grows by 48 MiB an hour and will be full in 10 h", "only ever added to"),
    ({"process": {"growth_bytes_per_h": 5e7, "limit_bytes": None}}, "memory.growth", "warning", "the bot's memory grows by 48 MiB an hour", "A restart buys time"),
    ({"process": {"cpu_percent": 80.0}}, "cpu", "warning", "keeps 80 % of a processor core busy", "thread"),
    ({"process": {"cpu_percent": 190.0}}, "cpu", "critical", "keeps 190 % of a processor core busy", "shards"),
    ({"process": {"files": 820}}, "files", "warning", "has 820 of at most 1,024 files open", "never closed"),
    ({"process": {"files": 1024}}, "files", "critical", "has 1,024 of at most 1,024 files open", "ulimit"),
    # REST
    ({"rest": {"rate_limits_1h": 120}}, "rest.rate_limits", "warning", "held the bot back 120 times within the hour (rate limits)", "in a loop"),
    ({"rest": {"rate_limits_1h": 1_200, "global_rate_limits_1h": 3}}, "rest.rate_limits", "critical", "1,200 times within the hour (rate limits), 3 of them for everything", "shuts"),
    ({"rest": {"server_errors_1h": 30}}, "rest.server_errors", "warning", "30 requests failed within the hour because of Discord's own errors", "discordstatus"),
    ({"rest": {"server_errors_1h": 300}}, "rest.server_errors", "critical", "300 requests failed", "nothing to do"),
    # the monitor
    ({"monitor": {"dropped": 1}}, "monitor.lost", "warning", "1 row was lost since the start", "botmon_cog"),
    ({"monitor": {"trouble": "the file was deleted or replaced"}}, "monitor.trouble", "warning", "the file was deleted or replaced", "new file"),
    ({"monitor": {"failed_lately": True}}, "monitor.failures", "warning", "the monitor itself failed within the last hour", "botmon_cog"),
    ({"monitor": {"loops": (DUE, LATE)}}, "monitor.loops", "warning", "a loop of the monitor should have run long since: health check", "Reloading"),
    ({"monitor": {"unreachable": ("DMs to owner 123 are closed",)}}, "monitor.unreachable", "warning", "a way to the owners is closed: DMs to owner 123 are closed", "channel_id"),
    ({"monitor": {"broken": ("/healthz is off: no port",)}}, "monitor.broken", "warning", "/healthz is off: no port", "reload"),
    ({"monitor": {"spooled": 12_345}}, "monitor.spool", "warning", "12,345 rows wait on disk for the database", "Nothing is lost"),
]  # fmt: skip


@pytest.mark.parametrize(("parts", "key", "status", "reason", "remedy"), CASES, ids=[f"{c[1]}-{c[2]}" for c in CASES])
def test_what_is_not_well_is_named_with_its_number_and_a_remedy(parts, key, status, reason, remedy):
    report = settled(**parts)
    problem = only(report)
    name = key.split(".")[0]
    component = report.components[name]
    assert (problem.key, component.status) == (key, status)
    assert problem.severity == ("critical" if status in {"critical", "error"} else "warning")
    assert reason in problem.reason
    assert remedy in str(problem.remedy)
    assert (component.reason, component.remedy) == (problem.reason, problem.remedy)
    assert (report.reason, report.remedy) == (problem.reason, problem.remedy)
    assert report.overall_status == ("unhealthy" if problem.severity == "critical" else "degraded")
    assert not problem.reason.endswith(".")
    assert problem.is_shared == (name == "database")
    others = [other.status for other_name, other in report.components.items() if other_name != name]
    assert others == ["healthy"] * 9


HARMLESS = [
    {"gateway": {"shards": shards(1, {0: 60.0})}},
    {"gateway": {"shards": shards(3, {0: 5.0, 1: 5.0, 2: 5.0})}},
    {"gateway": {"shards": shards(1, {}, latency_s=0.99, reconnects_1h=5)}},
    {"gateway": {"identifies_left": 100}},
    {"gateway": {"identifies_left": 0, "identifies_reset_at": NOON}},
    {"gateway": {"identifies_left": 3, "identifies_reset_at": NOON - MINUTE}},
    {"gateway": {"identifies_left": None}},
    {"loop": {"p99_s": 0.249, "blocked_s": 4.9, "blocks": (BLOCK,)}},
    {"database": {"response_time_s": 0.249}},
    {"commands": {"total": 100, "errors": 4}},
    {"commands": {"total": 19, "errors": 0}},
    {
        "process": {
            "rss_bytes": 799,
            "limit_bytes": 1000,
            "cpu_percent": 79.9,
            "files": 819,
            "growth_bytes_per_h": 4.9e7,
        }
    },
    {"process": {"growth_bytes_per_h": -1e9}},
    {"rest": {"rate_limits_1h": 119, "server_errors_1h": 29, "late_1h": 500}},
    {"monitor": {"queued": 40_000, "failures": 3, "last_error": "ValueError: old", "loops": (DUE,)}},
]


@pytest.mark.parametrize("parts", HARMLESS, ids=str)
def test_what_is_inside_its_limits_is_well(parts):
    report = settled(**parts)
    assert (report.overall_status, report.reason, report.remedy, report.problems) == ("healthy", None, None, ())
    assert [component.status for component in report.components.values()] == ["healthy"] * 10


UNKNOWN = [
    ({"process": {"rss_bytes": None}}, "memory", "the memory of this process can't be read"),
    ({"process": {"cpu_percent": None}}, "cpu", "the processor time of this process can't be read"),
    ({"process": {"files": None}}, "files", "the open files of this process can't be read"),
    ({"process": {"cpu_percent": None, "is_cpu_measured": False}}, "cpu", None),
    ({"commands": {"total": 19, "errors": 19}}, "error_rate", None),
    ({"gateway": {"shards": ()}}, "gateway", None),
    ({"loop": {"p99_s": None}}, "loop", None),
    ({"loop": {"p99_s": math.nan}}, "loop", None),
    ({"process": {"cpu_percent": math.inf}}, "cpu", "the processor time of this process can't be read"),
    ({"database": {"response_time_s": math.nan}}, "database", None),
]


@pytest.mark.parametrize(("parts", "name", "reason"), UNKNOWN, ids=str)
def test_what_can_t_be_read_is_unknown_and_what_has_nothing_to_say_yet_changes_nothing(parts, name, reason):
    report = settled(**parts)
    component = report.components[name]
    assert (component.status, component.reason, component.problems) == ("unknown", reason, ())
    assert report.overall_status == ("healthy" if reason is None else "degraded")
    assert report.reason == reason
    assert (component.remedy is None) == (reason is None)


def test_a_level_without_a_number_is_neither_good_nor_bad():
    known = settled()
    assert known.unknown == ()
    growing = Judge(DEFAULTS)
    fast = {"growth_bytes_per_h": 1e9}
    assert "memory.growth" in {
        problem.key for problem in steps(growing, [samples(n, process=fast) for n in range(3)])[-1].problems
    }
    started = settled(process={"growth_bytes_per_h": None}, gateway={"identifies_left": None})
    assert started.unknown == ("gateway.identifies", "memory.growth")
    assert (started.memory.status, started.gateway.status) == ("healthy", "healthy")


def test_a_rate_of_nothing_is_over_and_one_of_too_few_commands_waits():
    judge = Judge(DEFAULTS)
    bad = {"total": 100, "errors": 50}
    assert steps(judge, [samples(n, commands=bad) for n in range(3)])[-1].error_rate.status == "critical"
    few = {"total": 5, "errors": 1}
    assert steps(judge, [samples(n, commands=few) for n in range(3, 9)])[-1].error_rate.status == "critical"
    none = {"total": 0, "errors": 0}
    assert steps(judge, [samples(n, commands=none) for n in range(9, 12)])[-1].error_rate.status == "healthy"


def test_several_problems_of_a_component_are_told_the_worst_first():
    report = settled(
        gateway={"shards": shards(2, {}, latency_s=2.0, reconnects_1h=40), "heartbeats_blocked_1h": 4},
        commands={"slow": (PLAY, SlowCommand(command="show info", p95_s=3.0, usual_s=0.5, n=30))},
    )
    assert [problem.key for problem in report.gateway.problems] == [
        "gateway.reconnects",
        "gateway.latency",
        "gateway.heartbeat",
    ]
    assert (report.gateway.status, report.gateway.reason) == ("critical", report.gateway.problems[0].reason)
    assert [problem.key for problem in report.commands.problems] == ["commands.play", "commands.show info"]


def test_the_monitor_tells_what_is_lost_before_what_went_wrong_before_what_waits():
    grave = {"dropped": 2, "trouble": "the database was damaged", "failed_lately": True, "spooled": 9}
    report = settled(monitor=grave | {"loops": (LATE, LATE), "unreachable": ("a", "b"), "broken": ("c",)})
    assert [problem.key.removeprefix("monitor.") for problem in report.monitor.problems] == [
        "lost",
        "trouble",
        "failures",
        "loops",
        "unreachable",
        "broken",
        "spool",
    ]
    assert report.monitor.reason == "2 rows were lost since the start"
    assert (report.overall_status, report.monitor.status) == ("degraded", "warning")
    assert "; ".join("ab") in report.monitor.problems[4].reason
    assert settled(monitor={"spooled": 1}).reason == "1 row waits on disk for the database"


def test_a_slow_command_is_over_once_it_is_missing_for_long_enough():
    judge = Judge(DEFAULTS)
    slow = [samples(n, commands={"slow": (PLAY,)}) for n in range(3)]
    reports = steps(judge, [*slow, *(samples(n) for n in range(3, 6))])
    assert [[problem.reason for problem in report.commands.problems] for report in reports] == (
        [[], []] + [["/play is slow (p95 4.1 s, last week 0.9 s)"]] * 3 + [[]]
    )
    assert only(reports[4]).since == NOON


@pytest.mark.parametrize(
    ("down_s", "longest_s"), [({0: 61.0, 1: 300.0}, 300), ({0: 61.0, 1: 300.0, 2: 90.0}, 61), ({1: math.inf}, 1e9)]
)
def test_a_connection_is_lost_since_it_was_lost_not_since_it_was_noticed(down_s, longest_s):
    problem = only(Judge(DEFAULTS).step(samples(gateway={"shards": shards(3, down_s)}), 0.0))
    assert problem.since == NOON - timedelta(seconds=longest_s)


def test_the_numbers_are_in_the_report_whatever_they_are():
    report = settled()
    assert (report.memory.percent, report.memory.rss_bytes, report.memory.vms_bytes) == (10.0, 100_000_000, GB)
    assert (report.cpu.percent, report.cpu.system_percent, report.cpu.threads) == (5.0, 20.0, 9)
    assert (report.files.files, report.files.limit) == (30, 1024)
    assert (report.database.response_time_s, report.database.size_bytes) == (0.002, 1_000_000)
    assert (report.error_rate.error_rate, report.error_rate.total, report.error_rate.errors) == (0.01, 100, 1)
    assert report.gateway.sample is not None
    assert report.loop.sample is not None
    assert report.rest.sample is not None
    assert (report.monitor.queued, report.uptime_s, report.checked_at) == (3, 60.0, NOON + 4 * MINUTE)


@pytest.mark.parametrize(
    ("total", "errors", "status"),
    [(100, 4, "healthy"), (100, 5, "warning"), (100, 25, "critical"), (19, 19, "unknown"), (0, 0, "healthy")],
)
def test_one_hour_s_commands_can_be_judged_without_a_process(total, errors, status):
    found = error_rate_health(total, errors, DEFAULTS)
    assert (found.status, found.problems) == (status, ())
    assert (found.reason is None) == (status in {"healthy", "unknown"})


def test_a_problem_says_of_itself_what_an_alert_needs():
    problem = only(settled(database={"error": "gone"}))
    assert problem == Problem(
        key="database",
        severity="critical",
        reason="the database does not answer: gone",
        remedy="See the bot's log for what the database said.",
        since=NOON,
        is_shared=True,
    )
