"""The event loop: how late it is, and what blocks it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Block, LoopSample
from botmon_cog.domain.text import count, duration, finite, inline_code, latency, plain
from botmon_cog.health.component import Component, Effect, Finding, Saying, Words, level

_BLOCKED_WITHIN_S = 600.0
_MOST_BLOCKS = 5
_UNBLOCK = (
    "Move it to a thread (await asyncio.to_thread(...)), or use an async library: aiohttp for requests, aiosqlite for "
    "sqlite3, asyncio.sleep for time.sleep."
)
_MEANWHILE = "While it is blocked nobody gets an answer."


def _blocked(
    blocked_s: float | None, who: str | None = None, where: str | None = None, inside: str | None = None
) -> Words:
    what = f"the event loop was blocked for {duration(blocked_s)} in ten minutes"
    if who is None:
        return Words(what=what, remedy=_UNBLOCK)
    return Words(what=f"{what}, most by {who}", detail=_place(where, inside), is_code=True, remedy=_UNBLOCK)


def _lag(p99_s: float | None, who: str | None = None, where: str | None = None, inside: str | None = None) -> Words:
    if who is None:
        return Words(
            what=f"the bot is sluggish: work waits {latency(p99_s)} or more for the event loop, 1 time in 100",
            remedy="The bot has too much to do at once, or its machine has: see what else runs there.",
        )
    return Words(
        what=f"the bot is sluggish: {who} keeps everything else waiting, for {latency(p99_s)} or more",
        detail=_place(where, inside),
        is_code=True,
        remedy=_UNBLOCK,
    )


def _place(where: str | None, inside: str | None) -> str | None:
    return where if inside is None else f"{where}, waiting in {inside}"


class Loop(Component[LoopSample]):
    name = "loop"
    title = "Event loop"
    sayings: ClassVar[Mapping[str, Saying]] = {
        what: Saying(words=words, recovered="the event loop runs freely", meanwhile=_MEANWHILE, effect=Effect.SLOW)
        for what, words in (("loop.blocked", _blocked), ("loop.lag", _lag))
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "loop.lag_p99_ms": lambda sample: None if sample.p99_s is None else sample.p99_s * 1e3,
        "loop.lag_max_ms": lambda sample: None if sample.max_s is None else sample.max_s * 1e3,
        "loop.blocked_s": lambda sample: sample.blocked_s,
    }
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {
        "loop.blocked": ("loop.lag",),
        "loop.*": ("gateway.latency", "gateway.heartbeat", "database.slow", "commands.slow.*", "voice.latency"),
    }

    def __init__(self) -> None:
        self._source: Callable[[], LoopSample | None] | None = None

    def watch(self, source: Callable[[], LoopSample | None]) -> None:
        """Ask `source` at every look."""
        self._source = source

    async def sample(self) -> LoopSample | None:
        return None if self._source is None else self._source()

    def judge(self, sample: LoopSample, config: HealthConfig) -> Iterable[Finding]:
        warning_ms, critical_ms = config.loop_lag_ms
        lag_s = (warning_ms / 1e3, critical_ms / 1e3)
        worst = sample.worst
        who, where, inside = (None, None, None) if worst is None else (worst.who, worst.where, worst.inside)
        blocked = Reason.of("loop.blocked", blocked_s=sample.blocked_s, who=who, where=where, inside=inside)
        yield level("loop.blocked", sample.blocked_s, config.loop_blocked_s, blocked, looks_back_s=_BLOCKED_WITHIN_S)
        late = Reason.of("loop.lag", p99_s=sample.p99_s, who=who, where=where, inside=inside)
        yield level("loop.lag", sample.p99_s, lag_s, late)

    def is_known(self, sample: LoopSample) -> bool:
        return finite(sample.p99_s) is not None

    def brief(self, sample: LoopSample) -> Iterable[str]:
        return [f"loop {latency(sample.p99_s)}"] if self.is_known(sample) else []

    def numbers(self, sample: LoopSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        known = (("p50", sample.p50_s), ("p99", sample.p99_s), ("at most", sample.max_s))
        late = ", ".join(f"{name} {latency(value)}" for name, value in known if finite(value) is not None)
        if late:
            yield f"late by {late}"
        if sample.blocked_s > 0:
            yield f"blocked for {duration(sample.blocked_s)} in ten minutes"
        if sample.blocks:
            yield "What blocked it, last hour:"
            yield from map(_block, sample.blocks[:_MOST_BLOCKS])
            if len(sample.blocks) > _MOST_BLOCKS:
                yield f"and {count(len(sample.blocks) - _MOST_BLOCKS)} more"


def _block(block: Block) -> str:
    inside = "" if block.inside is None else f", waiting in {inline_code(block.inside, 40)}"
    return (
        f"**{plain(block.who, 40)}** {count(block.n)}x, {duration(block.total_s)}: "
        f"{inline_code(block.where, 60)}{inside}"
    )
