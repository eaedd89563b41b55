"""How long the bot was there, told honestly: what was down, what was lost, and when nobody watched."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the extension was loaded."""

    started_at: datetime
    seen_at: datetime
    """The last sign of life."""
    ended_at: datetime | None = None
    """None while it runs, and for ever where it ended without a word."""
    ending: Literal["", "stopped", "unloaded"] = ""
    """`stopped`: the bot was shut down. `unloaded`: it ran on without the extension. Empty: it runs, or crashed."""


class GatewayLoss(msgspec.Struct, frozen=True, kw_only=True):
    """A time without the gateway."""

    shard_id: int
    began_at: datetime
    ended_at: datetime
    share: float = 1.0
    """Of this process's shards, 0 to 1: one of four is 0.25."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the bot was not there, or nobody can tell."""

    kind: Literal["crash", "stop", "gateway", "unwatched"]
    """`unwatched`: the extension was not loaded; it counts neither as uptime nor as downtime."""
    began_at: datetime
    ended_at: datetime


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """Of one period."""

    hours: float
    up_share: float | None
    """0..1 of the time that was watched; None where none was."""
    watched_s: float
    gaps: tuple[Gap, ...]
    """The longest first."""
