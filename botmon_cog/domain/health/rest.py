"""Discord's REST interface: what it refused, and where it failed."""

from __future__ import annotations

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Words
from botmon_cog.domain.health.verdict import conclude
from botmon_cog.domain.reports import RestHealth
from botmon_cog.domain.samples import RestSample
from botmon_cog.domain.text import count


def judge_rest(sample: RestSample, config: HealthConfig, check: Check) -> RestHealth:
    verdict = conclude(
        check.level(
            "rest.rate_limits",
            sample.rate_limits_1h,
            config.rate_limits_warning,
            config.rate_limits_critical,
            lambda: _rate_limits(sample),
        ),
        check.level(
            "rest.server_errors",
            sample.server_errors_1h,
            config.server_errors_warning,
            config.server_errors_critical,
            lambda: _server_errors(sample),
        ),
    )
    return RestHealth(**verdict, sample=sample)


def _rate_limits(sample: RestSample) -> Words:
    all_over = f", {count(sample.global_rate_limits_1h)} of them for everything" if sample.global_rate_limits_1h else ""
    return f"Discord held the bot back {count(sample.rate_limits_1h)} times within the hour (rate limits){all_over}", (
        "Look for what sends, edits or reacts in a loop, and do it less often or for several at once. Too many of "
        "these, and Discord shuts the machine's address out for an hour."
    )


def _server_errors(sample: RestSample) -> Words:
    return f"{count(sample.server_errors_1h)} requests failed within the hour because of Discord's own errors (5xx)", (
        "Discord has trouble: see discordstatus.com. There is nothing to do on this side."
    )
