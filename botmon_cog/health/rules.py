"""Alerts of the owner's own: `[[alerts.rule]]` over what the components see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botmon_cog.config import RuleConfig
from botmon_cog.config.metrics import CUSTOM, METRICS, RULES, rule_keys
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.component import Component, Finding, Saying, Words

RULE_WHAT = "rule.broken"
_UPTIME = "uptime_s"
_LONG, _ENDLESS = 1e4, 1e15
"""From the first on a number is written without decimals, from the second on with an exponent."""

Seen = Mapping[str, tuple[Sample | None, bool]]
"""By component: what it saw, and whether it could look at all."""


class Rules:
    """Holds each look against every rule."""

    def __init__(self, rules: Sequence[RuleConfig]) -> None:
        self._rules = dict(zip(rule_keys(rules), rules, strict=True))

    def judge(
        self, components: Mapping[str, Component[Any]], seen: Seen, custom: Mapping[str, float], uptime_s: float
    ) -> list[Finding]:
        """`custom`: the means of the host's own metrics since the check before, by name."""
        found: list[Finding] = []
        for key, rule in self._rules.items():
            value = _value(rule.metric, components, seen, custom, uptime_s)
            side, limit = ("over", rule.over) if rule.over is not None else ("under", rule.under or 0.0)
            is_beyond = None if value is None else value > limit if side == "over" else value < limit
            found.append(
                Finding(
                    key=key,
                    reason=Reason.of(
                        RULE_WHAT, metric=rule.metric, value=value, side=side, limit=limit, message=rule.message or None
                    ),
                    value=None if is_beyond is None else float(is_beyond),
                    limits=(1.0, 1.0 if rule.severity == "critical" else None),
                    hold_s=rule.for_s,
                )
            )
        return found


def metric(name: str, components: Mapping[str, Component[Any]], seen: Seen) -> float | None:
    """The value of one of the components' metrics; None where it is not known."""
    for component in components.values():
        sample, _ = seen.get(component.name, (None, False))
        if name in component.metrics and sample is not None:
            return finite(component.metrics[name](sample))
    return None


def _value(
    name: str, components: Mapping[str, Component[Any]], seen: Seen, custom: Mapping[str, float], uptime_s: float
) -> float | None:
    if name.startswith(CUSTOM):
        return finite(custom.get(name.removeprefix(CUSTOM)))
    return finite(uptime_s) if name == _UPTIME else metric(name, components, seen)


def _broken(
    metric: str, value: float | None = None, side: str = "over", limit: float = 0.0, message: str | None = None
) -> Words:
    """`the memory of this process is 812 MB, over 700 MB`."""
    if message:
        return Words(what=message)
    words, unit = METRICS.get(metric, (metric.removeprefix(CUSTOM), ""))
    return Words(what=f"{words} is {_number(value)} {unit}".rstrip() + f", {side} {_number(limit)} {unit}".rstrip())


def _within(metric: str, **_: Any) -> str:
    words, _unit = METRICS.get(metric, (metric.removeprefix(CUSTOM), ""))
    return f"{words} is within its limit"


def _number(value: float | None) -> str:
    value = value or 0.0
    return f"{value:,.0f}" if _LONG <= abs(value) < _ENDLESS else f"{value:.4g}"


RULE_SAYING = Saying(words=_broken, recovered=_within)
RULE = RULES
