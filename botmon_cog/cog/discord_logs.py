"""What discord.py tells in its log alone: rate limits and blocked heartbeats.

Records are counted by a filter on its loggers, which lets everything through and keeps nothing. A handler would be gone
once a host configures its logging after us.
"""

from __future__ import annotations

import logging
import threading
from weakref import WeakSet

import discord

from botmon_cog.clock import Clock
from botmon_cog.domain.samples import RestSample, RestTotals
from botmon_cog.monitors.windows import HourTally
from botmon_cog.observer.outcomes import is_unknown_interaction

RATE_LIMITED = "We are being rate limited. %s %s responded with 429."
GLOBALLY = "Global rate limit has been hit."
WEBHOOK_RATE_LIMITED = "Webhook ID %s is rate limited."
HEARTBEAT_BLOCKED = "Shard ID %s heartbeat blocked for more than %s seconds."
BEGINNINGS = {
    "discord.http": (RATE_LIMITED, GLOBALLY),
    "discord.webhook.async_": (WEBHOOK_RATE_LIMITED,),
    "discord.webhook.sync": (WEBHOOK_RATE_LIMITED,),
    "discord.gateway": (HEARTBEAT_BLOCKED,),
}
"""How the messages begin, before their arguments are put in, by logger. The same from discord.py 2.4 to 2.7."""

_TOO_MANY_REQUESTS = 429


class DiscordLogs(logging.Filter):
    """Counts over the last hour. The log is that of all bots of this process."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._lock = threading.Lock()  # heartbeats log from threads of their own
        self._tallies = {beginning: HourTally(clock) for own in BEGINNINGS.values() for beginning in own}
        self._server_errors = HourTally(clock)
        self._late = HourTally(clock)
        self._banned = HourTally(clock)
        self._seen: WeakSet[BaseException] = WeakSet()

    def attach(self) -> None:
        for name in BEGINNINGS:
            logging.getLogger(name).addFilter(self)

    def detach(self) -> None:
        for name in BEGINNINGS:
            logging.getLogger(name).removeFilter(self)

    def filter(self, record: logging.LogRecord) -> bool:
        message: object = record.msg
        if isinstance(message, str):
            for beginning in BEGINNINGS.get(record.name, ()):
                if message.startswith(beginning):
                    with self._lock:
                        self._tallies[beginning].add()
        return True

    def refused(self, error: BaseException) -> None:
        """A request failed, and the bot's code was told. On its way up the same error may come by again."""
        if not isinstance(error, discord.HTTPException) or error in self._seen:
            return
        self._seen.add(error)
        if isinstance(error, discord.DiscordServerError):
            self._server_errors.add()
        elif is_unknown_interaction(error):
            self._late.add()
        elif error.status == _TOO_MANY_REQUESTS and not error.response.headers.get("Via"):
            self._banned.add()  # by the network before Discord; the only 429 that is not logged

    def sample(self) -> RestSample:
        return RestSample(
            rate_limits_1h=self._count(RATE_LIMITED, WEBHOOK_RATE_LIMITED) + self._banned.total,
            global_rate_limits_1h=self._count(GLOBALLY),
            server_errors_1h=self._server_errors.total,
            late_1h=self._late.total,
        )

    def ever(self) -> RestTotals:
        """What was counted since the start."""
        with self._lock:
            limited = sum(self._tallies[beginning].ever for beginning in (RATE_LIMITED, WEBHOOK_RATE_LIMITED))
        return RestTotals(limited + self._banned.ever, self._server_errors.ever)

    @property
    def heartbeats_blocked_1h(self) -> int:
        return self._count(HEARTBEAT_BLOCKED)

    def _count(self, *beginnings: str) -> int:
        with self._lock:
            return sum(self._tallies[beginning].total for beginning in beginnings)
