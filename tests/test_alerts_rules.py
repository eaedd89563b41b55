"""Alert rules of the owner's own: what they may name, and when they hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, RuleConfig, read_config
from botmon_cog.config.metrics import METRICS, RULES
from botmon_cog.domain.samples import GatewaySample, LoopSample, RestSample, Sample, ShardSample
from botmon_cog.errors import ConfigError
from botmon_cog.health.component import Finding
from botmon_cog.health.components import COMPONENTS
from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.health.components.cpu import CpuSample
from botmon_cog.health.components.database import DatabaseSample
from botmon_cog.health.components.files import FilesSample
from botmon_cog.health.components.memory import MemorySample
from botmon_cog.health.components.monitor import MonitorSample
from botmon_cog.health.debounce import Debouncer, Now
from botmon_cog.health.rules import Rules
from botmon_cog.health.words import sentence
from tests.alert_helpers import START
from tests.health_samples import WELL, component

NAN, INF = float("nan"), float("inf")
FULL: dict[str, Sample | None] = {
    "memory": MemorySample(
        process_bytes=200_000_000, used_bytes=200_000_000, limit_bytes=800_000_000, growth_bytes_per_h=5_000_000
    ),
    "cpu": CpuSample(percent=30, system_percent=40, threads=12),
    "disk": WELL["disk"],
    "files": FilesSample(files=50, limit=200),
    "loop": LoopSample(p50_s=0.001, p99_s=0.02, max_s=0.3, blocked_s=4),
    "gateway": GatewaySample(
        shards=(
            ShardSample(shard_id=0, latency_s=0.1, is_connected=True, reconnects_1h=2),
            ShardSample(shard_id=1, latency_s=0.4, is_connected=False, reconnects_1h=3),
            ShardSample(shard_id=2, latency_s=NAN, is_connected=False),
        )
    ),
    "rest": RestSample(rate_limits_1h=7, server_errors_1h=8),
    "commands": CommandsSample(total=100, errors=5, late=2, unanswered=1),
    "database": DatabaseSample(response_time_s=0.05, size_bytes=9_000_000),
    "monitor": MonitorSample(queued=4, spooled=5, dropped=6),
}
VALUES = {
    "memory.percent": 25,
    "memory.rss_mb": 200,
    "memory.growth_mb_per_h": 5,
    "cpu.percent": 30,
    "cpu.system_percent": 40,
    "disk.free_mb": 40_000,
    "files.percent": 25,
    "threads": 12,
    "loop.lag_p99_ms": 20,
    "loop.lag_max_ms": 300,
    "loop.blocked_s": 4,
    "gateway.latency_ms": 400,
    "gateway.reconnects_1h": 5,
    "gateway.shards_down": 2,
    "rest.rate_limits_1h": 7,
    "rest.server_errors_1h": 8,
    "commands.total_1h": 100,
    "commands.error_rate": 0.05,
    "commands.late_1h": 2,
    "commands.unanswered_1h": 1,
    "database.response_ms": 50,
    "database.size_mb": 9,
    "monitor.queued": 4,
    "monitor.spooled": 5,
    "monitor.dropped": 6,
    "uptime_s": 60,
    "custom.players": 11,
}

WATCHED = {kind.name: component(kind.name) for kind in COMPONENTS}


def judged(
    *rules: RuleConfig, players: float | None = 11.0, is_empty: bool = False, **samples: Sample
) -> list[Finding]:
    seen = {name: None if is_empty else (FULL | samples).get(name) for name in WATCHED}
    return Rules(rules).judge(seen, {} if players is None else {"players": players}, 60.0)


def keys(*rules: RuleConfig, **samples: Sample) -> list[str]:
    """Of those that are broken."""
    return [finding.key for finding in judged(*rules, **samples) if finding.value]


def test_every_metric_that_may_be_named_can_be_read():
    assert set(METRICS) | {"custom.players"} == set(VALUES)


def test_the_documentation_has_every_metric():
    text = (Path(__file__).parents[1] / "docs" / "alerts.md").read_text(encoding="utf-8")
    for name, (words, unit, _) in METRICS.items():
        assert f"| `{name}` | {words} | {unit} |" in text


@pytest.mark.parametrize("metric", VALUES)
def test_a_rule_is_broken_beyond_its_limit_only(metric):
    value = VALUES[metric]
    assert keys(RuleConfig(metric=metric, over=value * 0.99)) == [f"rule.{metric}"]
    assert keys(RuleConfig(metric=metric, over=value * 1.01)) == []
    assert keys(RuleConfig(metric=metric, under=value * 1.01)) == [f"rule.{metric}"]
    assert keys(RuleConfig(metric=metric, under=value * 0.99)) == []


@pytest.mark.parametrize("metric", [metric for metric in VALUES if metric != "uptime_s"])
def test_without_a_value_a_rule_is_neither_good_nor_bad(metric):
    (finding,) = judged(RuleConfig(metric=metric, over=0), players=None, is_empty=True)
    assert finding.value is None


@pytest.mark.parametrize("value", [NAN, INF, -INF])
def test_what_is_no_number_is_no_value(value):
    (finding,) = judged(RuleConfig(metric="custom.players", over=0), players=value)
    assert (finding.value, finding.reason.values["value"]) == (None, None)


def test_the_limit_itself_is_not_beyond():
    assert keys(RuleConfig(metric="threads", over=12), RuleConfig(metric="threads", under=12)) == []


def test_few_commands_have_no_error_rate():
    rule = RuleConfig(metric="commands.error_rate", over=0)
    few = replace(FULL["commands"], total=19)
    assert keys(rule, commands=replace(few, total=20)) == ["rule.commands.error_rate"]
    assert keys(rule, commands=few) == []


def test_it_must_hold_for_as_long_as_it_says_and_what_is_not_known_does_not_interrupt():
    rules = Rules([RuleConfig(metric="custom.players", under=5, for_s=180)])
    debouncer = Debouncer(AlertsConfig(recover_after_s=0))
    found: list[str | None] = []
    for minute, value in enumerate([3, 3, None, 3, 9, 3, 3, 3, 3, 9]):
        broken = rules.judge({}, {} if value is None else {"players": value}, 0.0)
        troubles = debouncer.step({RULES: broken}, Now(at=START, at_s=minute * 60.0, age_s=minute * 60.0))
        found.append(troubles[0].lasting if troubles else None)
    assert found == [None] * 3 + ["warning"] + [None] * 4 + ["warning", None]


def test_it_may_have_to_hold_for_longer_than_the_checks_that_are_remembered():
    rules = Rules([RuleConfig(metric="custom.players", under=5, for_s=900)])
    debouncer = Debouncer(AlertsConfig())
    found: list[bool] = []
    for minute in range(18):
        broken = rules.judge({}, {"players": 3.0}, 0.0)
        found.append(bool(debouncer.step({RULES: broken}, Now(at=START, at_s=minute * 60.0, age_s=minute * 60.0))))
    assert found == [False] * 15 + [True] * 3


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        (RuleConfig(metric="threads", over=5, message="too many threads"), "too many threads"),
        (RuleConfig(metric="memory.rss_mb", over=150), "the memory of this process is 200 MB, over 150 MB"),
        (RuleConfig(metric="memory.percent", under=99.5), "the memory of this process is 25 %, under 99.5 %"),
        (RuleConfig(metric="custom.players", under=20_000), "players is 11, under 20,000"),
        (
            RuleConfig(metric="commands.error_rate", over=0.01),
            "the bot's share of failed commands (0 to 1) is 0.05, over 0.01",
        ),
    ],
)
def test_the_message_or_else_a_sentence(rule, reason):
    assert [sentence(finding.reason) for finding in judged(rule)] == [reason]


def test_several_rules_about_one_metric_are_told_apart():
    rules = [
        RuleConfig(metric="threads", over=10),
        RuleConfig(metric="threads", over=11.5, severity="critical"),
        RuleConfig(metric="uptime_s", over=1),
    ]
    assert keys(*rules) == ["rule.threads.over_10", "rule.threads.over_11.5", "rule.uptime_s"]


# -- in the configuration ----------------------------------------------------------------------------------------------


def read(tmp_path, *rules: str):
    path = tmp_path / "botmon.toml"
    path.write_text("\n".join(f"[[alerts.rule]]\n{rule}" for rule in rules), encoding="utf-8")
    return read_config(path)


def test_a_rule_is_read(tmp_path):
    config = read(tmp_path, 'metric = "custom.players"\nunder = 5\nfor = 60\nseverity = "critical"\nmessage = "empty"')
    assert config.alerts.rule == (
        RuleConfig(metric="custom.players", under=5, for_s=60, severity="critical", message="empty"),
    )


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (['metric = "memory.rss"\nover = 1'], "'memory.rss' is no metric (did you mean 'memory.rss_mb'?). Allowed: "),
        (['metric = "zzzzzz"\nover = 1'], "alerts.rule[1].metric: 'zzzzzz' is no metric. Allowed: memory.percent, "),
        (['metric = "custom."\nover = 1'], "alerts.rule[1].metric: 'custom.' is no metric"),
        (['metric = "threads"'], "alerts.rule[1]: needs exactly one of over and under"),
        (['metric = "threads"\nover = 1\nunder = 0'], "alerts.rule[1]: needs exactly one of over and under"),
        (['metric = "threads"\nover = nan'], "alerts.rule[1].over: nan can't be used. Allowed: a finite number"),
        (['metric = "threads"\nunder = -inf'], "alerts.rule[1].under: -inf can't be used. Allowed: a finite number"),
        (
            ['metric = "uptime_s"\nover = 1', *['metric = "threads"\nover = 1'] * 2],
            "alerts.rule[3]: has the metric and the limit of alerts.rule[2]",
        ),
    ],
)  # fmt: skip
def test_a_rule_that_cannot_be_is_refused(tmp_path, rules, message):
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, *rules)
    assert message in str(caught.value)
