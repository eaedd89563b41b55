"""Alerts of the owner's own: `[[alerts.rule]]` over what the components see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from botmon_cog.config import RuleConfig
from botmon_cog.config.metrics import CUSTOM, METRICS, rule_keys
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.component import Finding, Trouble

Seen = Mapping[str, Sample | None]
"""By component: what it saw, None if there was nothing to see; without those that could not look."""


def _broken(metric: str, message: str | None = None, **_: object) -> str:
    if message:
        return "{message}"
    unit = f" {METRICS[metric].unit}".rstrip() if metric in METRICS else ""
    return f"{{metric:metric}} is {{value:figure}}{unit}, {{side}} {{limit:figure}}{unit}"


BROKEN = Trouble("rule.broken", _broken, "{metric:metric} is within its limit")


class Rules:
    """Holds each look against every rule."""

    def __init__(self, rules: Sequence[RuleConfig]) -> None:
        self._rules = dict(zip(rule_keys(rules), rules, strict=True))

    def judge(self, seen: Seen, custom: Mapping[str, float], uptime_s: float) -> list[Finding]:
        """`custom`: the host's own metrics and operations since the check before, by name: see `Metrics.recent`."""
        found: list[Finding] = []
        for key, rule in self._rules.items():
            value = _value(rule.metric, seen, custom, uptime_s)
            side, limit = ("over", rule.over) if rule.over is not None else ("under", rule.under or 0.0)
            is_beyond = None if value is None else value > limit if side == "over" else value < limit
            level = BROKEN.level(
                None if is_beyond is None else float(is_beyond),
                (1.0, 1.0 if rule.severity == "critical" else None),
                key,
                metric=rule.metric,
                value=value,
                side=side,
                limit=limit,
                message=rule.message or None,
            )
            found.append(replace(level, hold_s=rule.for_s))
        return found


def metric(name: str, seen: Seen) -> float | None:
    """The value of one of the components' metrics; None where it is not known."""
    metric = METRICS[name]
    component, _, field = (metric.of or name).partition(".")
    sample = seen.get(component)
    value = None if sample is None else finite(getattr(sample, field))
    if value is None:
        return None
    return value * 1e3 if metric.unit == "ms" else value / 1e6 if metric.unit.startswith("MB") else value


def _value(name: str, seen: Seen, custom: Mapping[str, float], uptime_s: float) -> float | None:
    if name.startswith(CUSTOM):
        return finite(custom.get(name.removeprefix(CUSTOM)))
    return finite(uptime_s) if name == "uptime_s" else metric(name, seen)
