"""Whatever a report holds, what is drawn from it is within Discord's limits and fits a phone."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.cog import embeds
from botmon_cog.discord_ui.parts import NARROW_COLUMNS, TABLE_COLUMNS
from botmon_cog.domain import text
from botmon_cog.domain.alerts import Alert, AlertMessage, AlertsOverview, Mute, Notice, NoticeItem
from botmon_cog.domain.periods import before, last_days, report_period
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.reports import (
    Bottleneck,
    CommandCounts,
    CommandPerformance,
    ComponentCounts,
    ComponentHealth,
    HealthMoment,
    HealthReport,
    HourCount,
    OperationPerformance,
    Percentiles,
    PerformanceReport,
    Problem,
    StatisticsReport,
)
from botmon_cog.domain.reports.errors import Refusal
from botmon_cog.domain.reports.fleet import FleetHealth, ProcessHealth
from botmon_cog.domain.samples import (
    Block,
    GatewaySample,
    LoopRun,
    LoopSample,
    RestSample,
    ShardSample,
)
from botmon_cog.domain.uptime import Gap, Uptime
from botmon_cog.health.component import Effect
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.components.commands import CommandsSample, SlowCommand
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.components.voice import VoiceSample
from botmon_cog.testing.limits import check_message
from botmon_cog.timezones import find_zone

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
ODD_TEXTS = [
    "",
    " ",
    "`",
    "```",
    "a`b```c",
    "\n\n",
    "@everyone",
    "<@123>",
    "<t:0:R>",
    "**x**",
    "[a](https://x.example)",
]
ODD_TEXTS += [
    "שלום עולם",
    "مرحبا\u202edlrow",
    "音楽" * 80,
    "🎵" * 200,
    "a" * 5000,
    "e\u0301" * 900,
    "\ud800",
    "\\" * 300,
    "\u200b",
]


def made(kind, /, **fields):
    """As `st.builds`, which looks up type hints in `sys.modules`, where a reload of the extension leaves gaps."""
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


names = st.sampled_from(ODD_TEXTS) | st.text(max_size=120)
maybe_names = st.none() | names
numbers = st.integers(min_value=0, max_value=2**63) | st.integers(min_value=0, max_value=30)
seconds = st.none() | st.floats()
shares = st.none() | st.floats()
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
percentiles = made(Percentiles, n=numbers, p50_s=seconds, p90_s=seconds, p95_s=seconds, p99_s=seconds, max_s=seconds)
severities = st.sampled_from(["warning", "critical"])
keys = names | st.sampled_from(
    ["database", "gateway.shard.3", "commands.play", "rule.players", "loop.blocked", "*", "."]
)
reasons = st.tuples(names, maybe_names).map(
    lambda drawn: (
        Reason.of("database.away", said=drawn[0])
        if drawn[1] is None
        else Reason.of("rule.broken", metric="players", value=1.0, side="over", limit=0.0, message=drawn[1])
    )
)
maybe_reasons = st.none() | reasons
problems = made(Problem, key=keys, severity=severities, reason=reasons, since=moments)
maybe_numbers = st.none() | numbers
maybe_moments = st.none() | moments
flags = st.booleans()


def some(values):
    """None, few, or more than are ever shown: a few several times, which are made more quickly."""
    return st.tuples(st.lists(values, max_size=2), st.sampled_from([1, 7])).map(
        lambda drawn: tuple(drawn[0] * drawn[1])
    )


blocks = made(
    Block,
    who=names,
    where=names,
    inside=maybe_names,
    n=numbers,
    total_s=st.floats(),
    longest_s=st.floats(),
    last_at=moments,
)
shards = made(
    ShardSample,
    shard_id=numbers,
    latency_s=seconds,
    is_connected=flags,
    down_s=st.floats(),
    since=maybe_moments,
    reconnects_1h=numbers,
)
slow_commands = made(SlowCommand, command=names, p95_s=st.floats(), usual_s=st.floats(), n=numbers)
verdicts = st.sampled_from(["healthy", "degraded", "unhealthy", "unknown", "?"])
samples = {
    "database": made(DatabaseSample, response_time_s=seconds, size_bytes=maybe_numbers),
    "gateway": made(
        GatewaySample,
        shards=some(shards),
        heartbeats_blocked_1h=numbers,
        identifies_left=maybe_numbers,
        identifies_total=maybe_numbers,
    ),
    "loop": made(LoopSample, p50_s=seconds, p99_s=seconds, max_s=seconds, blocked_s=st.floats(), blocks=some(blocks)),
    "commands": made(
        CommandsSample, total=numbers, errors=numbers, late=numbers, unanswered=numbers, slow=some(slow_commands)
    ),
    "memory": made(
        MemorySample,
        process_bytes=maybe_numbers,
        virtual_bytes=maybe_numbers,
        used_bytes=maybe_numbers,
        limit_bytes=maybe_numbers,
        is_contained=flags,
        growth_bytes_per_h=seconds,
    ),
    "cpu": made(CpuSample, percent=shares, quota_percent=shares, system_percent=shares, threads=maybe_numbers),
    "files": made(FilesSample, files=maybe_numbers, limit=maybe_numbers),
    "rest": made(
        RestSample, rate_limits_1h=numbers, global_rate_limits_1h=numbers, server_errors_1h=numbers, late_1h=numbers
    ),
    "voice": made(VoiceSample, connections=numbers, lost=numbers, latency_s=seconds),
    "monitor": made(
        MonitorSample,
        queued=numbers,
        spooled=numbers,
        spool_bytes=numbers,
        dropped=numbers,
        failures=numbers,
        last_error=maybe_names,
        loops=some(made(LoopRun, name=names, last_at=maybe_moments, is_late=flags)),
        unreachable=some(names),
        broken=some(names),
        hints=some(names),
        cpu_percent=shares,
    ),
}
told_components = {kind.name: object.__new__(kind) for kind in COMPONENTS}
"""To tell their numbers they need nothing that they are made with."""
health_reports = made(
    HealthReport,
    overall_status=verdicts,
    components=st.fixed_dictionaries(
        {
            name: made(
                ComponentHealth,
                status=st.sampled_from(["healthy", "warning", "critical", "unknown", "?"]),
                problems=some(problems),
                unread=maybe_reasons,
                watched=some(reasons),
                sample=st.none() | sample,
            )
            for name, sample in samples.items()
        }
    ),
    rules=some(problems),
    uptime_s=st.floats(),
    watched_s=st.floats(),
    checked_at=moments,
)
gaps = made(Gap, kind=st.sampled_from(["crash", "stop", "gateway", "unwatched"]), began_at=moments, ended_at=moments)
uptimes = some(
    made(Uptime, hours=st.sampled_from([24.0, 168.0, 720.0]), up_share=shares, watched_s=st.floats(), gaps=some(gaps))
)
glances = made(
    embeds.Glance,
    commands_1h=st.none() | st.tuples(numbers, numbers),
    scope=maybe_names,
    calm_since=maybe_moments,
    uptimes=uptimes,
    fleet=some(
        made(
            ProcessHealth,
            instance=names,
            started_at=moments,
            seen_at=moments,
            status=verdicts,
            reason=maybe_reasons,
            checked_at=maybe_moments,
        )
    ).map(FleetHealth.of),
)
histories = st.lists(made(HealthMoment, occurred_at=moments, status=verdicts, reason=maybe_reasons), max_size=20)
items = made(
    NoticeItem,
    scope=names,
    key=keys,
    change=st.sampled_from(["fired", "worsened", "still", "recovered"]),
    severity=severities,
    reason=reasons,
    since=moments,
    ended_at=maybe_moments,
    relapses=numbers,
)
all_notices = made(
    Notice,
    kind=st.sampled_from(["alert", "reminder", "recovery"]),
    items=some(items).filter(bool),
    instance=names,
    made_at=moments,
    next_reminder_at=maybe_moments,
    held_back=maybe_names,
    waiting=numbers,
    spooled=numbers,
    lost=numbers,
)
messages = made(
    AlertMessage,
    message_id=names,
    instance=names,
    audience=names,
    notice=all_notices,
    made_at=moments,
    state=st.sampled_from(["due", "sent", "failed"]),
    is_repeat=flags,
    result=maybe_names,
)
mutes = made(Mute, scope=st.just("a"), key=keys, until=moments, by=names, made_at=moments)
alerts = made(
    Alert,
    scope=st.just("a"),
    key=keys,
    state=st.sampled_from(["firing", "resolved"]),
    severity=severities,
    reason=reasons,
    since=moments,
    seen_at=moments,
    ended_at=maybe_moments,
)
overviews = made(
    AlertsOverview,
    firing=some(alerts),
    pending=some(alerts),
    mutes=some(mutes),
    maintenance_until=maybe_moments,
)
counts = made(
    CommandCounts,
    command=names,
    n=numbers,
    ok=numbers,
    user_error=numbers,
    denied=numbers,
    refused=numbers,
    error=numbers,
    late=numbers,
    unanswered=numbers,
    cancelled=numbers,
    crashed=numbers,
)
admin_views = made(
    embeds.AdminView,
    status=verdicts,
    effect=st.sampled_from(Effect),
    since=maybe_moments,
    told_at=maybe_moments,
    is_alerting=flags,
    server=st.none()
    | made(
        embeds.ServerHour,
        commands=numbers,
        failed=numbers,
        slow=numbers,
        typical_s=seconds,
        usual_s=seconds,
        by_command=some(counts),
        refusals=some(
            made(Refusal, command=names, lacks=maybe_names, error_message=maybe_names, n=numbers, last_at=moments)
        ),
    ),
    past=some(st.tuples(moments, verdicts)),
    uptimes=uptimes,
    watched_s=st.floats(),
    checked_at=moments,
)
components = made(
    ComponentCounts,
    name=names,
    n=numbers,
    ok=numbers,
    error=numbers,
    late=numbers,
    duration=percentiles,
    response=percentiles,
)


@st.composite
def statistics_reports(draw: st.DrawFn) -> StatisticsReport:
    zone = find_zone(
        draw(st.sampled_from(["UTC", "America/Argentina/ComodRivadavia", "America/North_Dakota/New_Salem"]))
    )
    period = report_period(draw(st.sampled_from(["today", "weekly", "monthly"])), NOW, zone)
    hours = draw(st.lists(st.tuples(st.integers(0, 800), numbers), max_size=40))
    found = draw(st.lists(counts, max_size=12))
    return StatisticsReport(
        guild_id=draw(st.none() | st.just("1")),
        guild_name=draw(maybe_names),
        period=period,
        previous=before(period),
        total_commands=draw(numbers),
        outcomes=draw(counts),
        previous_commands=draw(numbers),
        unique_users=draw(numbers),
        previous_users=draw(numbers),
        faults=draw(numbers),
        fault_rate=draw(shares),
        previous_fault_rate=draw(shares),
        commands=tuple(found * draw(st.sampled_from([1, 50]))),
        previous_by_command={c.command: draw(numbers) for c in found},
        hours=tuple(HourCount(start=period.start + timedelta(hours=h), n=n, faults=0) for h, n in sorted(hours)),
        previous_hours=(),
        total_songs=draw(numbers),
        total_playtime_s=draw(numbers),
        total_playtime_hours=0.0,
        total_skips=draw(numbers),
        skip_rate=draw(shares),
        previous_skip_rate=draw(shares),
        total_pauses=draw(numbers),
        unused_commands=tuple(draw(st.lists(names, max_size=9))),
        first_seen=draw(st.none() | moments),
    )


@st.composite
def performance_reports(draw: st.DrawFn) -> PerformanceReport:
    period = last_days(draw(st.sampled_from([1, 7, 30])), NOW)
    found = draw(
        st.lists(
            made(
                CommandPerformance,
                command=names,
                duration=percentiles,
                response=percentiles,
                previous=percentiles,
                slow_share=st.floats(),
            ),
            max_size=10,
        )
    )
    days = draw(
        st.lists(st.tuples(st.dates().map(str) | st.just("2026-11-22") | st.just("2026-11-23"), seconds), max_size=40)
    )
    return PerformanceReport(
        guild_id=draw(st.none() | st.just("1")),
        period=period,
        command=draw(st.none() | names),
        total_commands=draw(numbers),
        command_threshold_s=draw(st.floats()),
        response_threshold_s=draw(st.floats()),
        duration=draw(percentiles),
        response=draw(percentiles),
        gateway_delay=draw(percentiles),
        late=draw(numbers),
        unanswered=draw(numbers),
        commands=tuple(found * draw(st.sampled_from([1, 50]))),
        operations=tuple(
            draw(st.lists(made(OperationPerformance, name=names, duration=percentiles, failed=numbers), max_size=9))
        ),
        bottlenecks=tuple(
            draw(
                st.lists(
                    made(
                        Bottleneck,
                        name=names,
                        metric=st.sampled_from(["command", "response", "voice_connect"]),
                        severity=st.sampled_from(["low", "medium", "high", "critical"]),
                        threshold_s=st.floats(),
                        p95_s=st.floats(),
                        slow_share=st.floats(),
                        n=numbers,
                    ),
                    max_size=9,
                )
            )
        ),
        components=tuple(draw(st.lists(components, max_size=5)) * draw(st.sampled_from([1, 50]))),
        by_day=tuple(days),
        by_day_command=draw(maybe_names),
    )


any_report = settings(deadline=None, max_examples=50)


def assert_shows(embed: discord.Embed, columns: int = TABLE_COLUMNS) -> None:
    body = {"embeds": [embed.to_dict()]}
    assert check_message(body, is_v2=False) == []
    assert json.dumps(body, ensure_ascii=False).encode()
    parts = [embed.title or "", embed.description or "", embed.footer.text or ""]
    parts += [part for field in embed.fields for part in (field.name or "", field.value or "")]
    assert sum(len(part.encode("utf-16-le")) // 2 for part in parts) <= 6000
    for part in parts[:2] + parts[3:]:  # a footer knows no Markdown
        blocks = part.split("```")
        assert len(blocks) % 2 == 1, f"a code block is left open in {part!r}"
        assert "````" not in part
        for block in blocks[1::2]:
            assert max(map(text.columns, block.splitlines())) <= columns, block
        outside = re.sub(r"`[^`]*`", "", "".join(blocks[::2]))
        assert not re.search(r"@everyone|<@\d|\]\(http", outside), outside


@settings(any_report, max_examples=25)  # each is made of hundreds of values
@given(health_reports, glances, histories)
def test_health(report, glance, history):
    assert_shows(embeds.health(report, told_components, glance, history, NOW))
    assert_shows(embeds.health_details(report, told_components, glance, NOW))


@any_report
@given(admin_views)
def test_health_for_admins(view):
    assert_shows(embeds.health_for_admins(view, NOW))
    assert_shows(embeds.details_for_admins(view, NOW))


@any_report
@given(histories, uptimes)
def test_health_history(history, known):
    assert_shows(embeds.health_history(embeds.changes_for_owners(history), known, NOW))


@any_report
@given(statistics_reports())
def test_statistics(report):
    assert_shows(embeds.statistics(report, NOW))
    assert_shows(embeds.statistics(report, NOW, columns=NARROW_COLUMNS), NARROW_COLUMNS)


@any_report
@given(performance_reports())
def test_performance(report):
    assert_shows(embeds.performance(report, NOW))


@any_report
@given(all_notices, flags)
def test_news(told, is_repeat):
    assert_shows(embeds.notice(told, is_repeat=is_repeat))
    words = embeds.plain(told, is_repeat=is_repeat)
    assert all(line.strip() for line in words.splitlines())
    assert "<t:" not in words.replace("<t:0:R>", "")  # but where somebody's text has it


@any_report
@given(overviews, some(messages), mutes, keys, flags)
def test_alerts(overview, told, mute, key, was_muted):
    assert_shows(embeds.alerts_list(overview))
    assert_shows(embeds.alerts_history(told))
    assert_shows(embeds.muted(mute))
    assert_shows(embeds.unmuted(key, was_muted=was_muted))


@any_report
@given(st.text(max_size=600), st.text(max_size=9000))
def test_clamp_alone(title, words):
    embed = discord.Embed(title=title, description=words)
    for _ in range(25):
        embed.add_field(name=title, value=words)
    embed.set_footer(text=words)
    assert check_message({"embeds": [embeds.clamp(embed).to_dict()]}, is_v2=False) == []


def test_clamp_closes_the_code_block_that_it_cuts():
    embed = embeds.clamp(discord.Embed(title="t").add_field(name="n", value="```\n" + "x" * 2000 + "\n```"))
    value = embed.fields[0].value
    assert value is not None
    assert len(value) <= 1024
    assert value.endswith("…\n```")


def test_clamp_counts_the_strictest_way():
    embed = embeds.clamp(discord.Embed(title="🎵" * 200))
    assert embed.title is not None
    assert len(embed.title.encode("utf-16-le")) // 2 <= 256


@pytest.mark.parametrize("n_fields", [25, 30])
def test_clamp_drops_from_the_end_what_is_over_the_total(n_fields):
    embed = discord.Embed(title="t", description="d" * 3000)
    for index in range(n_fields):
        embed.add_field(name=str(index), value="v" * 500)
    kept = embeds.clamp(embed)
    assert [field.name for field in kept.fields] == ["0", "1", "2", "3", "4", "5"]
    assert len(kept) <= 6000
