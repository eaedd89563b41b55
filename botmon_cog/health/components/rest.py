"""Discord's API: what it refused, and where it failed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import RestSample
from botmon_cog.health.component import HOUR_S, Component, Effect, Finding, Trouble

_GLOBAL = "{global_rate_limits_1h:? ({global_rate_limits_1h:count?} global)}"
_trouble = partial(
    Trouble,
    recovered="Discord accepts requests",
    meanwhile="Some answers come late or not at all.",
    effect=Effect.SLOW,
    looks_back_s=HOUR_S,
)
_RATE_LIMITS = _trouble(
    "rest.rate_limits",
    "Discord rate-limited the bot {n:count} {n:time|times} in the last hour"
    "{for_everything:?, {for_everything:count?} of them for everything}",
    remedy="Look for what sends, edits or reacts in a loop, and do it less often or in bulk. Too many of these, and "
    "Discord blocks the machine's address for an hour.",
)
_SERVER_ERRORS = _trouble(
    "rest.server_errors",
    "{n:count} {n:request|requests} failed in the last hour because of Discord's own errors",
    detail="5xx",
    remedy="Discord has trouble: see discordstatus.com. There is nothing to do on this side.",
)


class Rest(Component[RestSample]):
    name = "rest"
    title = "Discord's API"
    troubles = (_RATE_LIMITS, _SERVER_ERRORS)
    in_numbers = (
        f"{{rate_limits_1h:count}} {{rate_limits_1h:rate limit|rate limits}}{_GLOBAL}",
        "{server_errors_1h:count} {server_errors_1h:error|errors} of Discord's",
        "{late_1h:count} too late, in 1 h",
    )

    async def sample(self) -> RestSample | None:
        return self._sources.rest()

    def judge(self, sample: RestSample, config: HealthConfig) -> Iterable[Finding]:
        refused, failed = sample.rate_limits_1h, sample.server_errors_1h
        yield _RATE_LIMITS.level(refused, config.rate_limits_1h, n=refused, for_everything=sample.global_rate_limits_1h)
        yield _SERVER_ERRORS.level(failed, config.server_errors_1h, n=failed)
