"""What guilds do, as the events that the extension would record: nobody's bot, but shaped like one."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import accumulate

import _root  # noqa: F401 (finds botmon_cog)

from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome

COMMANDS = 40
USERS = 20
"""Per guild."""

_DISCORD_EPOCH_MS = 1_420_070_400_000
_FIRST_GUILD = 900_000_000_000_000_000
_FIRST_USER = 200_000_000_000_000_000
_GROUPS = ("", "", "", "music ", "admin ")
_OUTCOMES = {
    Outcome.OK: 960,
    Outcome.USER_ERROR: 20,
    Outcome.ERROR: 10,
    Outcome.DENIED: 5,
    Outcome.LATE: 2,
    Outcome.UNANSWERED: 2,
    Outcome.CANCELLED: 1,
}
_DURATIONS_S = (0.03, 0.6)
"""The medians of the fastest and of the slowest command."""


def zipf(n: int) -> list[float]:
    """Shares of `n` guilds: a few are large and most are small."""
    return [1 / (rank + 1) for rank in range(n)]


def guild_id(number: int) -> int:
    return _FIRST_GUILD + number * 4_194_304_000


class Activity:
    """Makes events.

    Args:
        shares: of each guild in the commands.
        seed: what makes the same events again.
    """

    def __init__(self, shares: Sequence[float], seed: int = 1) -> None:
        self._chance = random.Random(seed)
        self._guilds = [(guild_id(n), f"Guild {n}", n) for n in range(len(shares))]
        self._shares = list(accumulate(shares))
        step = (_DURATIONS_S[1] / _DURATIONS_S[0]) ** (1 / (COMMANDS - 1))
        order = self._chance.sample(range(COMMANDS), COMMANDS)
        self._commands = [
            (
                f"{_GROUPS[n % len(_GROUPS)]}command{n}",
                math.log(_DURATIONS_S[0] * step ** order[n]),
                json.dumps(["song", "times"][: n % 3]) if n % 3 else None,
            )
            for n in range(COMMANDS)
        ]
        self._command_shares = list(accumulate(zipf(COMMANDS)))
        self._serial = 0

    def events(self, n: int, start: datetime, hours: int) -> list[Invocation]:
        """`n` commands from `start` on, oldest first, more of them in the afternoon (UTC) than at night."""
        chance = self._chance
        weights = [1 + 0.7 * math.sin((start.hour + hour - 9) / 12 * math.pi) for hour in range(hours)]
        picked = chance.choices(range(hours), weights, k=n)
        moments = sorted(start.timestamp() + (hour + chance.random()) * 3600 for hour in picked)
        guilds = chance.choices(self._guilds, cum_weights=self._shares, k=n)
        commands = chance.choices(self._commands, cum_weights=self._command_shares, k=n)
        outcomes = chance.choices(list(_OUTCOMES), list(_OUTCOMES.values()), k=n)
        return [self._event(*facts) for facts in zip(moments, guilds, commands, outcomes, strict=True)]

    def _event(
        self, at_s: float, guild: tuple[int, str, int], command: tuple[str, float, str | None], outcome: Outcome
    ) -> Invocation:
        chance = self._chance
        name, log_median, parameters = command
        guild_id, guild_name, number = guild
        who = int(chance.random() ** 2 * USERS)
        duration_s = chance.lognormvariate(log_median, 0.6)
        gateway_delay_s = chance.lognormvariate(-2.6, 0.35)
        self._serial += 1
        made_ms = int((at_s - gateway_delay_s) * 1000) - _DISCORD_EPOCH_MS
        failed = outcome is Outcome.ERROR
        return Invocation(
            kind=Kind.SLASH,
            command=name,
            outcome=outcome,
            started_at=datetime.fromtimestamp(at_s, UTC),
            duration_s=duration_s,
            response_s=None if outcome is Outcome.UNANSWERED else duration_s * (0.3 + 0.6 * chance.random()),
            gateway_delay_s=gateway_delay_s,
            guild_id=guild_id,
            guild_name=guild_name,
            channel_id=guild_id + 1 + who % 5,
            user_id=_FIRST_USER + number * 1_000_003 + who,
            username=f"user{number}.{who}",
            discord_id=made_ms << 22 | self._serial & 0x3FFFFF,
            parameters=parameters,
            error_type="KeyError" if failed else None,
            error_message="'queue'" if failed else None,
        )


def midnight(moment: datetime) -> datetime:
    return moment - timedelta(
        hours=moment.hour, minutes=moment.minute, seconds=moment.second, microseconds=moment.microsecond
    )
