"""How long the bot was there, told honestly: what was down, what was lost, and when nobody watched."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from botmon_cog.domain.models import Kind

DAY_H, WEEK_H, MONTH_H = 24.0, 168.0, 720.0
"""The periods that are told."""


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """One time that the extension was loaded."""

    started_at: datetime
    seen_at: datetime
    """The last sign of life."""
    ended_at: datetime | None = None
    """None while it runs, and for ever where it ended without a word."""
    ending: Literal["", "stopped", "unloaded"] = ""
    """`stopped`: the bot was shut down. `unloaded`: it ran on without the extension. Empty: it runs, or crashed."""
    running: tuple[str, ...] = ()
    """What ran when it crashed, as people write it: `/convert`."""
    version: str | None = None
    """The host's: a number, or the short form of a Git commit. None if unknown, as of the others."""
    python_version: str | None = None
    discord_version: str | None = None
    """Of discord.py."""
    botmon_version: str | None = None


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
    down_s: float = 0.0
    """What it took from the uptime: its length, for `gateway` times the share of the shards, for `unwatched` 0."""
    running: tuple[str, ...] = ()
    """What ran when it began, as people write it: `/convert`. Only of a `crash`."""

    @property
    def duration_s(self) -> float:
        return (self.ended_at - self.began_at).total_seconds()


class Uptime(msgspec.Struct, frozen=True, kw_only=True):
    """Of one period."""

    hours: float
    up_share: float | None
    """0..1 of the time that was watched; None where none was."""
    watched_s: float
    gaps: tuple[Gap, ...]
    """The longest first."""


def uptime(runs: Iterable[Run], losses: Iterable[GatewayLoss], now: datetime, hours: float) -> Uptime:
    """Of the last `hours`. The run that is under way has `seen_at` at `now`; what is to come is not known.

    Every moment counts once: as unwatched, else as down with its run, else for the share of the shards that were lost.
    """
    start = now - timedelta(hours=hours)
    between = [gap for piece in _between_runs(runs, now) if (gap := _clip(piece, start, now))]
    gaps = _joined([*between, *_outside(_lost(losses, start, now), between)])
    watched_s = round(hours * 3600 - sum(gap.duration_s for gap in gaps if gap.kind == "unwatched"), 6)
    down_s = sum(gap.down_s for gap in gaps)
    return Uptime(
        hours=hours,
        up_share=min(max(1 - down_s / watched_s, 0.0), 1.0) if watched_s > 0 else None,
        watched_s=watched_s,
        gaps=tuple(sorted(gaps, key=lambda gap: (-gap.duration_s, gap.began_at))),
    )


def _between_runs(runs: Iterable[Run], now: datetime) -> list[Gap]:
    """Where no run was, in order; from the beginning of time until `now`."""
    reached = datetime.min.replace(tzinfo=now.tzinfo)
    after: Literal["crash", "stop", "unwatched"] = "unwatched"
    running: tuple[str, ...] = ()
    gaps: list[Gap] = []
    for run in sorted(runs, key=lambda run: run.started_at):
        if run.started_at > reached:
            gaps.append(_gap(after, reached, run.started_at, running=running if after == "crash" else ()))
        ended_at = max(run.ended_at or run.seen_at, run.started_at)  # a clock may have been set back meanwhile
        if ended_at >= reached:
            reached, running = ended_at, run.running
            after = "stop" if run.ending == "stopped" else "unwatched" if run.ending == "unloaded" else "crash"
    if reached < now:  # that it crashed is known only once it has been started again
        gaps.append(_gap("unwatched" if after == "crash" else after, reached, now))
    return gaps


def _lost(losses: Iterable[GatewayLoss], start: datetime, now: datetime) -> list[Gap]:
    """Where any shard was lost, in order, in pieces of one share each. A shard counts once at a time."""
    edges: list[tuple[datetime, bool, int, float]] = []
    for loss in losses:
        began_at, ended_at = max(loss.began_at, start), min(loss.ended_at, now)
        if began_at < ended_at:
            share = min(max(loss.share, 0.0), 1.0)
            edges += [(began_at, True, loss.shard_id, share), (ended_at, False, loss.shard_id, share)]
    edges.sort(key=lambda edge: edge[0])
    open_shares: defaultdict[int, list[float]] = defaultdict(list)
    pieces: list[Gap] = []
    share, since = 0.0, start
    for at, begins, shard_id, of_shard in edges:
        if share > 0 and since < at:
            pieces.append(_gap("gateway", since, at, share))
        own = open_shares[shard_id]
        own.append(of_shard) if begins else own.remove(of_shard)
        if not own:
            del open_shares[shard_id]
        share, since = min(sum(map(max, open_shares.values())), 1.0), at
    return pieces


def _outside(pieces: Sequence[Gap], gaps: Sequence[Gap]) -> list[Gap]:
    """The parts of the pieces that no gap covers; both are in order."""
    left: list[Gap] = []
    first = 0
    for whole in pieces:
        piece: Gap | None = whole
        while first < len(gaps) and gaps[first].ended_at <= whole.began_at:
            first += 1
        for gap in gaps[first:]:
            if piece is None or gap.began_at >= piece.ended_at:
                break
            if before := _clip(piece, piece.began_at, gap.began_at):
                left.append(before)
            piece = _clip(piece, gap.ended_at, piece.ended_at)
        if piece is not None:
            left.append(piece)
    return left


def _joined(gaps: Iterable[Gap]) -> list[Gap]:
    """What lies end to end and is of one kind becomes one."""
    joined: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.began_at):
        last = joined[-1] if joined else None
        if last is not None and last.kind == gap.kind and last.ended_at == gap.began_at:
            running = tuple(dict.fromkeys(last.running + gap.running))
            joined[-1] = msgspec.structs.replace(
                last, ended_at=gap.ended_at, down_s=last.down_s + gap.down_s, running=running
            )
        else:
            joined.append(gap)
    return joined


def _clip(gap: Gap, start: datetime, end: datetime) -> Gap | None:
    """The part of a gap that lies within."""
    began_at, ended_at = max(gap.began_at, start), min(gap.ended_at, end)
    if began_at >= ended_at:
        return None
    share = gap.down_s / gap.duration_s
    return _gap(gap.kind, began_at, ended_at, share, gap.running)


def _gap(
    kind: Literal["crash", "stop", "gateway", "unwatched"],
    start: datetime,
    end: datetime,
    share: float = 1.0,
    running: tuple[str, ...] = (),
) -> Gap:
    down_s = 0.0 if kind == "unwatched" else (end - start).total_seconds() * share
    return Gap(kind=kind, began_at=start, ended_at=end, down_s=down_s, running=running)


def shown_name(kind: Kind, command: str) -> str:
    """As people write it: `/convert`; what has no slash by its name alone."""
    return f"/{command}" if kind in {Kind.SLASH, Kind.HYBRID_SLASH} else command
