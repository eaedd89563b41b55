"""What holds of every verdict, whatever the samples say."""

from __future__ import annotations

import math
import pickle
from itertools import pairwise

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import Judge
from botmon_cog.domain.samples import (
    Block,
    CommandsSample,
    DatabaseSample,
    GatewaySample,
    LoopRun,
    LoopSample,
    MonitorSample,
    ProcessSample,
    RestSample,
    Samples,
    ShardSample,
    SlowCommand,
)
from tests.health_samples import DEFAULTS, NOON, of_memory, samples, shards, steps

BADNESS = {"unknown": 0, "healthy": 0, "degraded": 1, "unhealthy": 2}
GRAVITY = {"unknown": 0, "healthy": 0, "warning": 1, "slow": 1, "critical": 2, "error": 2}

odd = st.one_of(
    st.floats(), st.sampled_from([math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, -0.0, 0.0]), st.integers()
)
maybe = st.none() | odd
whole = st.integers(-(10**40), 10**40) | st.integers(-1, 2_000)
text = st.text(min_size=1, max_size=9)
moment = st.datetimes().map(lambda when: when.replace(tzinfo=NOON.tzinfo))


def made(kind: type[msgspec.Struct], **fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def several(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(of, max_size=3).map(tuple)


processes = made(
    ProcessSample,
    rss_bytes=st.none() | whole,
    vms_bytes=st.none() | whole,
    limit_bytes=st.none() | whole,
    is_contained=st.booleans(),
    growth_bytes_per_h=maybe,
    cpu_percent=maybe,
    is_cpu_measured=st.booleans(),
    files=st.none() | whole,
    files_limit=st.none() | whole,
)
blocks = made(Block, who=text, where=text, inside=st.none() | text, n=whole, total_s=odd, longest_s=odd, last_at=moment)
loops = made(LoopSample, p50_s=maybe, p99_s=maybe, max_s=maybe, blocked_s=odd, blocks=several(blocks))
connections = made(
    ShardSample, shard_id=whole, latency_s=maybe, is_connected=st.booleans(), down_s=odd, reconnects_1h=whole
)
gateways = made(
    GatewaySample,
    shards=several(connections),
    heartbeats_blocked_1h=whole,
    identifies_left=st.none() | whole,
    identifies_reset_at=st.none() | moment,
)
rests = made(RestSample, rate_limits_1h=whole, global_rate_limits_1h=whole, server_errors_1h=whole)
slow_commands = made(SlowCommand, command=text, p95_s=odd, usual_s=odd, n=whole)
commands = made(CommandsSample, total=whole, errors=whole, late=whole, unanswered=whole, slow=several(slow_commands))
databases = made(DatabaseSample, response_time_s=maybe, error=st.none() | text, refusal=st.none() | text)
monitors = made(
    MonitorSample,
    dropped=whole,
    spooled=whole,
    failed_lately=st.booleans(),
    trouble=st.none() | text,
    loops=several(made(LoopRun, name=text, last_at=st.none() | moment, is_late=st.booleans())),
    unreachable=several(text),
    broken=several(text),
)
anything = made(
    Samples,
    taken_at=moment,
    process=st.none() | processes,
    loop=st.none() | loops,
    gateway=st.none() | gateways,
    rest=st.none() | rests,
    commands=st.none() | commands,
    database=st.none() | databases,
    monitor=st.none() | monitors,
)
configs = st.builds(
    lambda window, enter, leave, share: HealthConfig(
        checks_window=window, checks_to_enter=min(enter, window), checks_to_leave=leave, leave_share=share
    ),
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(1, 4),
    st.floats(0.1, 1.0),
)


@given(configs, st.lists(anything, max_size=6))
@settings(max_examples=150, deadline=None)
def test_no_sample_raises_and_every_verdict_is_whole(config, series):
    judge = Judge(config)
    for each in series:
        for report in (judge.step(each, 1.0), judge.look(each, 1.0)):
            assert report.overall_status in BADNESS
            assert (report.reason is None) == (report.overall_status in {"healthy", "unknown"})
            assert all(problem.reason and problem.key for problem in report.problems)
            for part in report.components.values():
                assert part.status in GRAVITY
                assert (part.reason is None) <= (part.problems == ())
                assert GRAVITY[part.status] == max((GRAVITY[p.severity] for p in part.problems), default=0)
            assert BADNESS[report.overall_status] >= max((GRAVITY[p.severity] for p in report.problems), default=0)
            assert "critical" not in {problem.severity for problem in report.monitor.problems}


@given(configs, st.lists(anything, max_size=4), st.lists(anything, max_size=3))
@settings(max_examples=80, deadline=None)
def test_looking_changes_nothing(config, series, looks):
    judge = Judge(config)
    steps(judge, series)
    before = pickle.dumps(judge._levels)
    for each in looks:
        first, second = judge.look(each, 1.0), judge.look(each, 1.0)
        assert msgspec.json.encode(first) == msgspec.json.encode(second)
    assert pickle.dumps(judge._levels) == before


@given(configs, st.sampled_from(["warning", "critical"]), st.data())
@settings(max_examples=150, deadline=None)
def test_what_wanders_between_leaving_and_entering_never_flaps(config, severity, data):
    config = msgspec.structs.replace(config, cpu_warning_percent=80.0 if severity == "warning" else 1.0)
    limit = config.cpu_warning_percent if severity == "warning" else config.cpu_critical_percent
    band = st.floats(config.leave_share * limit, limit, exclude_max=config.leave_share < 1)
    wander = data.draw(st.lists(band, min_size=1, max_size=40))
    if config.leave_share < 1:
        outside = [report.cpu.status for report in steps(Judge(config), map(of_cpu, wander))]
        assert severity not in outside
    judge = Judge(config)
    steps(judge, map(of_cpu, [limit] * config.checks_window))
    assert judge.look(of_cpu(limit), 1.0).cpu.status == severity
    assert {report.cpu.status for report in steps(judge, map(of_cpu, wander))} == {severity}


def of_cpu(percent: float) -> Samples:
    return samples(process={"cpu_percent": percent})


def bad(level: tuple[float, ...]) -> Samples:
    """The higher each number, the worse the samples."""
    memory, cpu, files, lag, blocked, latency, reconnects, down, limits, errors, failed, db, lost = level
    return samples(
        process={"rss_bytes": memory, "limit_bytes": 100, "cpu_percent": cpu, "files": files, "files_limit": 100},
        loop={"p99_s": lag, "blocked_s": blocked},
        gateway={
            "shards": shards(1, {0: down} if down > 1 else {}, latency_s=latency, reconnects_1h=reconnects),
            "identifies_left": max(200 - reconnects, 0),
        },
        rest={"rate_limits_1h": limits, "server_errors_1h": errors},
        commands={"total": 100, "errors": failed},
        database={"response_time_s": db, "error": "gone" if db > 5 else None},
        monitor={"dropped": lost},
    )


LARGEST = (100, 120, 100, 4, 60, 20, 300, 120, 2_000, 500, 100, 9, 2)
figures = st.tuples(*(st.integers(0, n) if n > 20 else st.floats(0, n) for n in LARGEST))


@given(configs, st.lists(figures, max_size=8), figures, figures)
@settings(max_examples=150, deadline=None)
def test_worse_samples_never_give_a_better_verdict_from_the_same_state(config, history, one, other):
    worse, better = Judge(config), Judge(config)
    for judge in (worse, better):
        steps(judge, map(bad, history))
    high = worse.step(bad(tuple(map(max, one, other))), 1.0)
    low = better.step(bad(tuple(map(min, one, other))), 1.0)
    assert BADNESS[high.overall_status] >= BADNESS[low.overall_status]
    for name, component in low.components.items():
        assert GRAVITY[high.components[name].status] >= GRAVITY[component.status], name


@given(st.lists(st.floats(0, 100), max_size=60))
@settings(max_examples=100, deadline=None)
def test_a_level_changes_no_more_often_than_its_checks_allow(series):
    statuses = [report.memory.status for report in steps(Judge(DEFAULTS), map(of_memory, series))]
    changes = [at for at in range(1, len(statuses)) if (statuses[at] == "healthy") != (statuses[at - 1] == "healthy")]
    assert all(later - earlier >= 3 for earlier, later in pairwise(changes))
