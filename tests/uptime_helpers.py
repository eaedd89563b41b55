"""Runs and gateway losses, by hours before now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from botmon_cog.domain.uptime import GatewayLoss, Run

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(hours: float) -> datetime:
    """`hours` before now, as a negative number."""
    return NOW + timedelta(hours=hours)


def run(start: float, end: float, ending: str = "") -> Run:
    return Run(started_at=at(start), seen_at=at(end), ended_at=at(end) if ending else None, ending=ending)  # pyright: ignore[reportArgumentType]


def loss(start: float, end: float, share: float = 1.0, shard_id: int = 0) -> GatewayLoss:
    return GatewayLoss(shard_id=shard_id, began_at=at(start), ended_at=at(end), share=share)
