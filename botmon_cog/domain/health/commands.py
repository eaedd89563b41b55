"""The last hour's commands: how many failed, and which are slower than they used to be."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import msgspec

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health.levels import Check, Levels, Words
from botmon_cog.domain.health.verdict import HEALTHY, UNKNOWN, conclude
from botmon_cog.domain.reports import CommandsHealth, ErrorRateHealth
from botmon_cog.domain.samples import CommandsSample, SlowCommand
from botmon_cog.domain.text import duration, percent

_PREFIX = "commands."
_NO_TIME = datetime.min.replace(tzinfo=UTC)


def judge_error_rate(sample: CommandsSample, config: HealthConfig, check: Check) -> ErrorRateHealth:
    """Too few commands give no rate: `unknown`, unless none of them failed."""
    total, errors = sample.total, sample.errors
    rate = None if total < config.error_rate_min_commands else min(max(errors, 0), total) / total
    is_open = rate is None and errors > 0
    verdict = conclude(
        check.level(
            "error_rate",
            None if is_open else rate or 0.0,
            config.error_rate_warning,
            config.error_rate_critical,
            lambda: _failing(sample, rate),
        ),
        otherwise=UNKNOWN if is_open else HEALTHY,
    )
    return ErrorRateHealth(
        **verdict, error_rate=rate, total=total, errors=errors, late=sample.late, unanswered=sample.unanswered
    )


def judge_commands(sample: CommandsSample, _config: HealthConfig, check: Check) -> CommandsHealth:
    """The sample holds only those that are slow, so that being there is what counts."""
    slow = [check.present(_PREFIX + command.command, partial(_slow, command)) for command in sample.slow]
    return CommandsHealth(**conclude(*slow, *check.absent(_PREFIX)), slow=sample.slow)


def error_rate_health(total: int, errors: int, config: HealthConfig) -> ErrorRateHealth:
    """Judge one hour's commands as they are, without problems, for there were no checks before."""
    at_once = Levels(msgspec.structs.replace(config, checks_to_enter=1))
    check = Check(at_once, _NO_TIME, is_step=True)
    found = judge_error_rate(CommandsSample(total=total, errors=errors), config, check)
    return msgspec.structs.replace(found, problems=())


def _failing(sample: CommandsSample, rate: float | None) -> Words:
    reason = f"{percent(rate)} of the last hour's commands failed ({sample.errors} of {sample.total})"
    if (sample.late + sample.unanswered) * 2 <= sample.errors:
        return reason, "See the bot's log for the tracebacks, and /perf for the commands concerned."
    parts = ((sample.late, "too late for Discord"), (sample.unanswered, "without an answer"))
    told = " and ".join(f"{n} {how}" for n, how in parts if n)
    return f"{reason}, {told}", (
        "Answer within 3 s, or call interaction.response.defer() first; /perf names the commands concerned."
    )


def _slow(command: SlowCommand) -> Words:
    name = command.command.removeprefix("/")
    return f"/{name} is slow (p95 {duration(command.p95_s)}, last week {duration(command.usual_s)})", (
        "Look at what it waits for: a database, somebody else's API, a blocked event loop. /perf shows its times."
    )
