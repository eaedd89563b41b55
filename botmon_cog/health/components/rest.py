"""Discord's API: what it refused, and where it failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import RestSample
from botmon_cog.domain.text import count, plural
from botmon_cog.health.component import Component, Effect, Finding, Saying, Words, level

_HOUR_S = 3600.0
_MEANWHILE = "Some answers come late or not at all."


def _rate_limits(n: int, for_everything: int) -> Words:
    all_over = f", {count(for_everything)} of them for everything" if for_everything else ""
    return Words(
        what=f"Discord rate-limited the bot {count(n)} {plural(n, 'time', 'times')} in the last hour{all_over}",
        remedy="Look for what sends, edits or reacts in a loop, and do it less often or in bulk. Too many of these, "
        "and Discord blocks the machine's address for an hour.",
    )


def _server_errors(n: int) -> Words:
    return Words(
        what=f"{count(n)} {plural(n, 'request', 'requests')} failed in the last hour because of Discord's own errors",
        detail="5xx",
        remedy="Discord has trouble: see discordstatus.com. There is nothing to do on this side.",
    )


class Rest(Component[RestSample]):
    name = "rest"
    title = "Discord's API"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "rest.rate_limits": Saying(
            words=_rate_limits, recovered="Discord accepts requests", meanwhile=_MEANWHILE, effect=Effect.SLOW
        ),
        "rest.server_errors": Saying(
            words=_server_errors, recovered="Discord accepts requests", meanwhile=_MEANWHILE, effect=Effect.SLOW
        ),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "rest.rate_limits_1h": lambda sample: sample.rate_limits_1h,
        "rest.server_errors_1h": lambda sample: sample.server_errors_1h,
    }

    def __init__(self) -> None:
        self._source: Callable[[], RestSample | None] | None = None

    def watch(self, source: Callable[[], RestSample | None]) -> None:
        """Ask `source` at every look."""
        self._source = source

    async def sample(self) -> RestSample | None:
        return None if self._source is None else self._source()

    def judge(self, sample: RestSample, config: HealthConfig) -> Iterable[Finding]:
        limits, errors = sample.rate_limits_1h, sample.server_errors_1h
        refused = Reason.of("rest.rate_limits", n=limits, for_everything=sample.global_rate_limits_1h)
        yield level("rest.rate_limits", limits, config.rate_limits_1h, refused, looks_back_s=_HOUR_S)
        failed = Reason.of("rest.server_errors", n=errors)
        yield level("rest.server_errors", errors, config.server_errors_1h, failed, looks_back_s=_HOUR_S)

    def numbers(self, sample: RestSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        limits, errors = sample.rate_limits_1h, sample.server_errors_1h
        everything = f" ({count(sample.global_rate_limits_1h)} global)" if sample.global_rate_limits_1h else ""
        items = [
            f"{count(limits)} {plural(limits, 'rate limit', 'rate limits')}{everything}",
            f"{count(errors)} {plural(errors, 'error', 'errors')} of Discord's",
            f"{count(sample.late_1h)} too late, in 1 h",
        ]
        return [", ".join(items)]
