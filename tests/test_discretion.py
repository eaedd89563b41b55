"""What a server's admins are told of the health, and what only the owners are."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from botmon_cog.config import HealthConfig
from botmon_cog.domain.health import Judge, discreet, discreet_moment
from botmon_cog.domain.reports import HealthMoment, HealthReport, Problem
from botmon_cog.domain.samples import (
    Block,
    CommandsSample,
    DatabaseSample,
    LoopSample,
    MonitorSample,
    Samples,
    SlowCommand,
)

NOW = datetime(2026, 11, 23, 21, 4, tzinfo=UTC)
SECRETS = ("secret-host", "cogs/secret.py", "/secret", "owner 123", "127.0.0.1:8081", "s3cret rule")


def block() -> Block:
    return Block(who="/secret", where="cogs/secret.py:42 in play", n=1, total_s=50.0, longest_s=50.0, last_at=NOW)


def report() -> HealthReport:
    samples = Samples(
        taken_at=NOW,
        database=DatabaseSample(error="can't connect to secret-host:5432"),
        loop=LoopSample(p50_s=0.001, p99_s=0.002, max_s=50.0, blocked_s=50.0, blocks=(block(),)),
        commands=CommandsSample(
            total=100,
            slow=tuple(SlowCommand(command=f"secret{n}", p95_s=4.0, usual_s=0.5, n=50) for n in range(2)),
        ),
        monitor=MonitorSample(
            last_error="StorageError: secret-host",
            failed_lately=True,
            unreachable=("DMs to owner 123 are closed",),
            broken=("/healthz is off: can't listen on 127.0.0.1:8081",),
            hints=("/srv/bot/bot.db: 3 rows of ours not taken by its tables",),
        ),
    )
    made = Judge(HealthConfig(checks_to_enter=1)).step(samples, 60.0)
    rule = Problem(key="rule.x", severity="warning", reason="s3cret rule", since=NOW)
    return HealthReport(**{name: getattr(made, name) for name in made} | {"rules": (rule,)})


def test_everything_here_is_told_to_the_owners():
    told = repr(report())
    assert [secret for secret in SECRETS if secret not in told] == []


def test_the_verdict_stays_and_its_secrets_go():
    full, seen = report(), discreet(report())
    told = repr(seen)
    assert [secret for secret in SECRETS if secret in told] == []
    assert (seen.overall_status, seen.reason) == ("unhealthy", "the database does not answer")
    assert [c.status for c in seen.components.values()] == [c.status for c in full.components.values()]
    assert seen.loop.reason == "the event loop was blocked for 50 s in ten minutes"
    assert seen.commands.reason == "2 commands are slow"
    assert len(seen.commands.problems) == 1


def test_what_is_well_stays_as_it_is():
    made = Judge(HealthConfig()).step(Samples(taken_at=NOW, database=DatabaseSample(response_time_s=0.001)), 60.0)
    assert discreet(made) == made


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (None, None),
        ("/secret is slow (p95 4 s, last week 0.5 s)", "a command is slow"),
        ("the database does not answer: secret-host", "the database does not answer"),
        ("/healthz and /readyz are off: can't listen on 127.0.0.1:8081", "/healthz and /readyz are off"),
        ("31 % of the last hour's commands failed (77 of 250)", "31 % of the last hour's commands failed (77 of 250)"),
    ],
)
def test_the_past_is_told_likewise(reason: str | None, told: str | None):
    moment = HealthMoment(occurred_at=NOW, status="degraded", reason=reason)
    assert discreet_moment(moment) == HealthMoment(occurred_at=NOW, status="degraded", reason=told)
