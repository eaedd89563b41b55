"""The event loop: how late it is, and what blocks it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Block, LoopSample
from botmon_cog.domain.text import count, duration, inline_code, plain
from botmon_cog.health.component import Component, Effect, Finding, Trouble, in_seconds
from botmon_cog.health.phrases import shown, some

_BLOCKED_WITHIN_S = 600.0
_MOST_BLOCKS = 5
_UNBLOCK = (
    "Move it to a thread (await asyncio.to_thread(...)), or use an async library: aiohttp for requests, aiosqlite for "
    "sqlite3, asyncio.sleep for time.sleep."
)


_trouble = partial(
    Trouble,
    detail="{where}{inside:?, waiting in {inside}}",
    is_code=True,
    recovered="the event loop runs freely",
    meanwhile="While it is blocked nobody gets an answer.",
    effect=Effect.SLOW,
)
_BLOCKED = _trouble(
    "loop.blocked",
    "the event loop was blocked for {blocked_s:duration} in ten minutes{who:?, most by {who}}",
    remedy=_UNBLOCK,
    looks_back_s=_BLOCKED_WITHIN_S,
)
_LAG = _trouble(
    "loop.lag",
    (
        "the bot is sluggish: {who} keeps everything else waiting, for {p99_s:latency} or more",
        "the bot is sluggish: work waits {p99_s:latency} or more for the event loop, 1 time in 100",
    ),
    remedy=(
        f"{{who:any}}{_UNBLOCK}",
        "The bot has too much to do at once, or its machine has: see what else runs there.",
    ),
)


class Loop(Component[LoopSample]):
    name = "loop"
    title = "Event loop"
    troubles = (_BLOCKED, _LAG)
    vital = (("p99_s", None),)
    in_brief = ("loop {p99_s:latency}",)

    async def sample(self) -> LoopSample | None:
        return self._sources.loop()

    def judge(self, sample: LoopSample, config: HealthConfig) -> Iterable[Finding]:
        worst = sample.worst
        place = {} if worst is None else {"who": worst.who, "where": worst.where, "inside": worst.inside}
        yield _BLOCKED.level(sample.blocked_s, config.loop_blocked_s, blocked_s=sample.blocked_s, **place)
        yield _LAG.level(sample.p99_s, in_seconds(config.loop_lag_ms), p99_s=sample.p99_s, **place)

    def numbers(self, sample: LoopSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        late = shown(("p50 {p50_s:latency}", "p99 {p99_s:latency}", "at most {max_s:latency}"), sample)
        if late:
            yield f"late by {', '.join(late)}"
        if sample.blocked_s > 0:
            yield f"blocked for {duration(sample.blocked_s)} in ten minutes"
        if sample.blocks:
            yield "What blocked it, last hour:"
            yield from some([_block(block) for block in sample.blocks], _MOST_BLOCKS)


def _block(block: Block) -> str:
    inside = "" if block.inside is None else f", waiting in {inline_code(block.inside, 40)}"
    where = inline_code(block.where, 60)
    return f"**{plain(block.who, 40)}** {count(block.n)}x, {duration(block.total_s)}: {where}{inside}"
