"""What holds of every verdict, whatever the samples say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import get_args

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import ComponentName, HealthConfig
from botmon_cog.config.metrics import METRICS
from botmon_cog.config.tables import AlertsConfig
from botmon_cog.domain.reports.health import HealthReport
from botmon_cog.domain.samples import Block, GatewaySample, LoopRun, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.health.components.commands import CommandsSample, SlowCommand
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.disk import DiskSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.components.voice import VoiceSample
from botmon_cog.health.debounce import LEAVE_SHARE
from botmon_cog.health.rules import metric
from botmon_cog.health.words import recovered, sentence, words_of
from botmon_cog.monitors.fault_runs import FaultRun
from botmon_cog.monitors.recent_outcomes import FailingCommand
from botmon_cog.monitors.refusals import RefusedCommand
from tests.health_samples import NOON, WELL, Bot, component, shards

BADNESS = {"unknown": 0, "healthy": 0, "degraded": 1, "unhealthy": 2}
GRAVITY = {"unknown": 0, "healthy": 0, "warning": 1, "critical": 2}

odd = st.one_of(
    st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, 0.0]), st.integers()
)
maybe = st.none() | odd
whole = st.integers(-(10**40), 10**40) | st.integers(-1, 2_000)
maybe_whole = st.none() | whole
text = st.text(min_size=1, max_size=9)
maybe_text = st.none() | text
moment = st.datetimes().map(lambda when: when.replace(tzinfo=NOON.tzinfo))


def made(kind: type[object], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def several(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


blocks = made(Block, who=text, where=text, inside=maybe_text, n=whole, total_s=odd, longest_s=odd, last_at=moment)
connections = made(
    ShardSample,
    shard_id=whole,
    latency_s=maybe,
    usual_latency_s=maybe,
    is_connected=st.booleans(),
    down_s=odd,
    reconnects_1h=whole,
)
runs = made(FaultRun, n=whole, people=whole, took_s=odd, lasted_s=odd)
failing = made(
    FailingCommand,
    command=text,
    calls=whole,
    faults=whole,
    late=whole,
    unanswered=whole,
    run=runs,
    fingerprint=maybe_whole,
    error_type=maybe_text,
)
SAMPLES = {
    "database": made(
        DatabaseSample, response_time_s=maybe, size_bytes=maybe_whole, error=maybe_text, refusal=maybe_text
    ),
    "gateway": made(
        GatewaySample,
        shards=several(connections),
        heartbeats_blocked_1h=whole,
        identifies_left=maybe_whole,
        identifies_total=maybe_whole,
        identifies_reset_s=maybe,
    ),
    "loop": made(
        LoopSample,
        p50_s=maybe,
        p99_s=maybe,
        max_s=maybe,
        blocked_s=odd,
        blocks=several(blocks),
        worst=st.none() | blocks,
    ),
    "commands": made(
        CommandsSample,
        total=whole,
        errors=whole,
        late=whole,
        unanswered=whole,
        failing=several(failing),
        refused=several(made(RefusedCommand, command=text, n=whole, servers=whole, lacks=maybe_text)),
        servers=whole,
        slow=several(made(SlowCommand, command=text, p95_s=odd, usual_s=odd, n=whole)),
    ),
    "memory": made(
        MemorySample,
        process_bytes=maybe_whole,
        virtual_bytes=maybe_whole,
        used_bytes=maybe_whole,
        limit_bytes=maybe_whole,
        is_contained=st.booleans(),
        growth_bytes_per_h=maybe,
        cause=maybe_text,
    ),
    "cpu": made(
        CpuSample,
        percent=maybe,
        quota_percent=maybe,
        quota_cores=maybe,
        throttled_share=maybe,
        system_percent=maybe,
        cause=maybe_text,
    ),
    "disk": made(DiskSample, free_bytes=whole, total_bytes=whole),
    "files": made(FilesSample, files=maybe_whole, limit=maybe_whole, cause=maybe_text),
    "rest": made(RestSample, rate_limits_1h=whole, global_rate_limits_1h=whole, server_errors_1h=whole),
    "voice": made(VoiceSample, connections=whole, lost=whole, lost_s=odd, latency_s=maybe),
    "monitor": made(
        MonitorSample,
        dropped=whole,
        spooled=whole,
        failed_lately=st.booleans(),
        last_error=maybe_text,
        trouble=maybe_text,
        loops=several(made(LoopRun, name=text, last_at=st.none() | moment, is_late=st.booleans())),
        unreachable=several(text),
        broken=several(text),
        hints=several(text),
        cpu_percent=maybe,
    ),
}
anything = st.fixed_dictionaries({name: st.none() | of for name, of in SAMPLES.items()})
alerts = st.builds(
    lambda warning_s, critical_s, recover_s: AlertsConfig(after_s=(warning_s, critical_s), recover_after_s=recover_s),
    st.sampled_from([0.0, 60.0, 900.0]),
    st.sampled_from([0.0, 120.0]),
    st.sampled_from([0.0, 60.0, 180.0]),
)


def checks(bot: Bot, series: Sequence[dict[str, object]]) -> list[HealthReport]:
    return [bot.check(**each) for each in series]


@given(alerts, st.lists(anything, max_size=6))
@settings(max_examples=80)
def test_no_sample_raises_and_every_verdict_is_whole(config, series):
    bot = Bot(alerts=config)
    for each in series:
        for report in (bot.check(**each), bot.look()):
            assert bot.failures.n == 0, bot.failures.last
            assert report.overall_status in BADNESS
            assert (report.reason is None) == (report.overall_status in {"healthy", "unknown"})
            for part in report.components.values():
                assert GRAVITY[part.status] == max((GRAVITY[p.severity] for p in part.problems), default=0)
            assert BADNESS[report.overall_status] >= max((GRAVITY[p.severity] for p in report.problems), default=0)
            for problem in report.troubles:
                assert sentence(problem.reason)
                assert "this version does not know" not in words_of(problem.reason).what
                assert recovered(problem.reason) != "all is well"
                assert (problem.lasting is None) or GRAVITY[problem.lasting] <= 2
    assert msgspec.json.encode([row.reason for row in bot.kept])


@given(anything)
@settings(max_examples=80)
def test_no_sample_is_too_odd_to_be_shown(seen):
    for name, each in seen.items():
        if each is not None:
            shown = [*component(name).numbers(each, NOON), *component(name).brief(each)]
            assert all(isinstance(line, str) for line in shown)
            told = [metric(metric_, {name: each}) for metric_ in METRICS if metric_ != "uptime_s"]
            assert all(value is None or isinstance(value, int | float) for value in told)


@given(alerts, st.lists(anything, max_size=4), st.lists(anything, max_size=3))
@settings(max_examples=80)
def test_looking_changes_nothing(config, series, looks):
    bot, alone = Bot(alerts=config), Bot(alerts=config)
    for each in series:
        for other in looks:
            first, second = bot.look(**other), bot.look()
            assert msgspec.json.encode(first.problems) == msgspec.json.encode(second.problems)
        assert bot.check(**each).troubles == alone.check(**each).troubles


def of_cpu(percent: float) -> dict[str, Sample]:
    return {"cpu": CpuSample(percent=percent)}


@given(alerts, st.sampled_from(["warning", "critical"]), st.data())
@settings(max_examples=80)
def test_what_wanders_between_leaving_and_entering_never_flaps(config, severity, data):
    health = HealthConfig(watch=("cpu",), cpu_percent=(80.0 if severity == "warning" else 1.0, 95.0))
    limit = 80.0 if severity == "warning" else 95.0
    band = st.floats(LEAVE_SHARE * limit, limit, exclude_max=True)
    wander = [of_cpu(percent) for percent in data.draw(st.lists(band, min_size=1, max_size=40))]
    assert severity not in {report.components["cpu"].status for report in checks(Bot(health, config), wander)}
    bot = Bot(health, config)
    checks(bot, [of_cpu(limit)] * 5)
    assert bot.look().components["cpu"].status == severity
    assert {report.components["cpu"].status for report in checks(bot, wander)} == {severity}


def bad(level: tuple[float, ...]) -> dict[str, object]:
    """The higher each number, the worse the samples."""
    memory, cpu, files, lag, blocked, latency, reconnects, down, limits, errors, db, lost, voice = level
    connections = shards(1, {0: down} if down > 1 else {}, usual_latency_s=latency, reconnects_1h=reconnects)
    return {
        "memory": {"used_bytes": memory, "limit_bytes": 100},
        "cpu": {"percent": cpu},
        "files": {"files": files, "limit": 100},
        "loop": {"p99_s": lag, "blocked_s": blocked},
        "gateway": {"shards": connections, "identifies_left": max(200 - reconnects, 0)},
        "rest": {"rate_limits_1h": limits, "server_errors_1h": errors},
        "database": {"response_time_s": db, "error": "gone" if db > 5 else None},
        "monitor": {"dropped": lost},
        "voice": {"latency_s": voice},
    }


LARGEST = (100, 120, 100, 4, 60, 20, 300, 120, 2_000, 500, 9, 2, 3)
figures = st.tuples(*(st.integers(0, n) if n > 20 else st.floats(0, n) for n in LARGEST))


@given(st.lists(figures, max_size=8), figures, figures)
@settings(max_examples=80)
def test_worse_samples_never_give_a_better_verdict_from_the_same_state(history, one, other):
    worse, better = Bot(), Bot()
    for bot in (worse, better):
        checks(bot, [bad(level) for level in history])
    high = worse.check(**bad(tuple(map(max, one, other))))
    low = better.check(**bad(tuple(map(min, one, other))))
    assert BADNESS[high.overall_status] >= BADNESS[low.overall_status]
    for name, part in low.components.items():
        assert GRAVITY[high.components[name].status] >= GRAVITY[part.status], name


@given(st.lists(st.floats(0, 100), max_size=60))
@settings(max_examples=100)
def test_a_level_changes_no_more_often_than_its_checks_allow(series):
    bot = Bot(HealthConfig(watch=("cpu",)))
    statuses = [report.components["cpu"].status for report in checks(bot, list(map(of_cpu, series)))]
    changes = [at for at in range(1, len(statuses)) if (statuses[at] == "healthy") != (statuses[at - 1] == "healthy")]
    assert all(later - earlier >= 3 for earlier, later in pairwise(changes))


def test_every_component_has_a_strategy_here():
    assert set(SAMPLES) == set(get_args(ComponentName)) == set(WELL)
