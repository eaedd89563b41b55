"""What the overview and the growth view tell, as values."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.report import Report
from botmon_cog.domain.reports import Period, StatisticsReport
from botmon_cog.domain.reports.fleet import Versions


class ServerUse(Report, frozen=True, kw_only=True):
    """How many commands ran in a server."""

    guild_id: str
    name: str | None
    """None if it is not on record."""
    n: int
    previous_n: int
    """In the period before."""


class UnusedCommand(Report, frozen=True, kw_only=True):
    """A command that exists now, and that nobody used within the period."""

    command: str
    last_used: datetime | None
    """To the hour; None: it never ran, as far as the roll-ups go back."""


class Process(Report, frozen=True, kw_only=True):
    """One process of the bot."""

    instance: str
    status: str
    """As its last check found it; `unknown` before that."""
    seen_at: datetime
    """Its last sign of life."""
    state: Literal["running", "silent", "stopped"]
    """`silent`: it gave no sign of life lately, and did not say that it ends."""
    servers: int | None
    """None before it was ready."""
    started_at: datetime
    shard_ids: tuple[int, ...] = ()
    """Empty before it was ready."""
    versions: Versions = Versions()
    reason: Reason | None = None
    """Why it is not well."""


class Processes(Report, frozen=True, kw_only=True):
    """All processes of the bot, as they are now."""

    processes: tuple[Process, ...]
    """Those that run no more first, then the gravest."""
    servers: int | None
    """Over all of them; None if it is not known of every shard."""
    shard_count: int | None
    """As the process that was seen last has it; None if none was ready yet."""
    nobodys: tuple[int, ...]
    """Shards that no running process has."""


class Overview(Report, frozen=True, kw_only=True):
    """All servers within a period, and in the one before."""

    statistics: StatisticsReport
    """Commands, people and failures."""
    servers: int | None
    """That the bot is in now, over all processes; None if it is not known of all of them."""
    came: int
    """Servers that it joined within the period."""
    left: int
    processes: tuple[Process, ...]
    """Those that run no more first, then the gravest; none that ended and whose servers another one has."""
    busiest: tuple[ServerUse, ...]
    quiet: tuple[ServerUse, ...]
    """Busy in the period before, and nothing in this one, although the bot is still there; busiest first."""
    unused: tuple[UnusedCommand, ...]
    """Those that were never used last; among the others, those used longest ago first."""

    @property
    def period(self) -> Period:
        return self.statistics.period


class Week(Report, frozen=True, kw_only=True):
    """Servers that came and left within one week."""

    first_day: date
    """In the period's zone."""
    came: int
    left: int
    servers: int | None
    """At its end, or now; None if it is not known how many there are now."""


class Retained(Report, frozen=True, kw_only=True):
    """How many of the servers that came were still there after so many days, and used a command then or later."""

    days: int
    n: int
    of: int


class Loss(Report, frozen=True, kw_only=True):
    """A server that the bot left, or that removed it, and that has not come back."""

    guild_id: str
    name: str | None
    members: int | None
    left_at: datetime
    n: int
    """Commands that ran there within the 30 days before."""
    last_used: date | None
    """The day (UTC) of the last one; None without any in that time."""
    last_commands: tuple[str, ...]
    """What ran on that day, most often first."""


class Growth(Report, frozen=True, kw_only=True):
    """How many servers come, stay and go."""

    period: Period
    """The weeks that are told."""
    servers: int | None
    came: int
    left: int
    weeks: tuple[Week, ...]
    """Oldest first; the last one is under way."""
    retained: tuple[Retained, ...]
    losses: tuple[Loss, ...]
    """Of the last 30 days, those that used most first."""
    lost: int
    """How many there were."""
