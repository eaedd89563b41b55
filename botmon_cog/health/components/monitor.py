"""The monitor itself. It never makes more than a warning, for the bot runs on without it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import psutil

from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Value
from botmon_cog.domain.samples import LoopRun, Sample
from botmon_cog.domain.text import duration, inline_code, plain
from botmon_cog.health.component import HOUR_S, Component, Finding, Trouble
from botmon_cog.health.phrases import some
from botmon_cog.health.process import CpuMeter, ProcessReader
from botmon_cog.health.sources import Sources

THREAD_PREFIX = "botmon-"
"""The names of all threads of ours begin so."""

_MOST_RUNS, _MOST_SHOWN, _LONGEST_HINT = 8, 4, 200
_LOOK_AGAIN_S = 600.0
_SEE_THE_LOG = "See the log lines of botmon_cog; please report them if they are our fault."


class MonitorSample(Sample, frozen=True, kw_only=True):
    queued: int = 0
    """Rows that are not saved yet, in memory."""
    spooled: int = 0
    """Rows that are not saved yet, on disk."""
    spool_bytes: int = 0
    dropped: int = 0
    failures: int = 0
    failed_lately: bool = False
    last_error: str | None = None
    trouble: str | None = None
    """What befell the database since the start and is over."""
    loops: tuple[LoopRun, ...] = ()
    unreachable: tuple[str, ...] = ()
    """Ways to the owners that are closed, in words: `DMs to owner 123 are closed`."""
    broken: tuple[str, ...] = ()
    """Features that were asked for and do not work, in words: `/healthz and /readyz are off: …`."""
    hints: tuple[str, ...] = ()
    """What the owners could have besides, or is left out, in words. No fault of the bot."""
    cpu_percent: float | None = None
    """Of one core, by the monitor's own threads; None if they can't be told apart. What it does on the event loop's
    thread is not in it."""
    held_bytes: int | None = None
    """Of the memory, what the monitor's own data takes (`monitors.own_memory`); None if nobody looked."""

    @property
    def waiting(self) -> int:
        """Rows that are not saved yet."""
        return self.queued + self.spooled


_LOST = Trouble(
    "monitor.lost", "{n:count} {n:row was|rows were} lost since the start", "no row is lost", remedy=_SEE_THE_LOG
)
_TROUBLE = Trouble(
    "monitor.trouble",
    "{said}",
    "the database is whole",
    remedy="The bot goes on with the new file; its next start takes this note away.",
)
_FAILURES = Trouble(
    "monitor.failures", "the monitor itself failed in the last hour", "the monitor works", remedy=_SEE_THE_LOG
)
_LOOPS = Trouble(
    "monitor.loops",
    "{names:a loop of the monitor is|{names:n_of} loops of the monitor are} overdue",
    "the monitor works",
    detail="{names:list}",
    remedy=f"{_SEE_THE_LOG} Reloading the extension begins them anew.",
)
_UNREACHABLE = Trouble(
    "monitor.unreachable",
    "{ways:a way to the owners is closed|{ways:n_of} ways to the owners are closed}",
    "every way to the owners is open",
    detail="{ways:lines}",
    remedy="Open {ways:it|them} again and reload the extension, which else tries {ways:it|them} once a day; or set "
    "another way in [alerts]: channel_id, webhook, notify.",
)
_BROKEN = Trouble(
    "monitor.broken",
    "{features:a feature does not work|{features:n_of} features do not work}",
    "everything that was asked for works",
    detail="{features:lines}",
    remedy="Free what it needs, or set it otherwise in the configuration; then reload the extension.",
)
_SPOOL = Trouble(
    "monitor.spool",
    "{n:count} {n:row waits|rows wait} on disk for the database",
    "no row waits on disk",
    remedy="Nothing is lost: they are written as soon as the database takes them. See what keeps it.",
)


class Monitor(Component[MonitorSample]):
    """What waits to be written, what was lost, our own failures, loops and costs."""

    name = "monitor"
    title = "Monitor"
    troubles = (_LOST, _TROUBLE, _FAILURES, _LOOPS, _UNREACHABLE, _BROKEN, _SPOOL)
    in_numbers = (
        "{waiting:count} {waiting:row|rows} not saved yet",
        "{spooled:count?} of them on disk ({spool_bytes:bytes})",
        ("{dropped:count?} lost", "none lost"),
        "{failures:count} {failures:failure|failures} of its own",
        "its threads use {cpu_percent:of_100} of a core",
        "its data takes {held_bytes:bytes}",
    )

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._cpu = CpuMeter(sources.clock, OwnThreads(sources.process).used_s)
        self._held: int | None = None
        self._look_again_s = 0.0

    async def sample(self) -> MonitorSample:
        self._cpu.look()
        sources = self._sources
        writer, failures = sources.writer, sources.failures
        return MonitorSample(
            queued=writer.queued,
            spooled=writer.spooled,
            spool_bytes=writer.spool_bytes,
            dropped=writer.dropped,
            unreachable=self._ask("the ways to the owners", sources.unreachable),
            broken=self._ask("what was asked for", sources.broken),
            hints=self._ask("what could be had besides", sources.hints),
            failures=failures.n,
            failed_lately=failures.within(HOUR_S),
            last_error=writer.last_error or failures.last,
            trouble=sources.store.engine.trouble,
            loops=sources.loops.runs(),
            cpu_percent=self._cpu.percent,
            held_bytes=await self._held_bytes(),
        )

    async def _held_bytes(self) -> int | None:
        """Looked at seldom, and beside the loop: it takes 4 to 20 ms."""
        now_s = self._sources.clock.monotonic()
        if now_s >= self._look_again_s:
            self._look_again_s = now_s + _LOOK_AGAIN_S
            self._held = await asyncio.to_thread(self._sources.held_bytes)
        return self._held

    def _ask(self, what: str, tell: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            return tell()
        except Exception as error:  # noqa: BLE001 (costs its own line only)
            self._sources.failures.note(f"looking at {what}", error)
            return ()

    def judge(self, sample: MonitorSample, config: HealthConfig) -> Iterable[Finding]:  # noqa: ARG002
        """What is lost weighs more than what went wrong, and that more than what waits."""
        facts: tuple[tuple[Trouble, str, Value], ...] = (
            (_LOST, "n", max(sample.dropped, 0)),
            (_TROUBLE, "said", sample.trouble),
            (_FAILURES, "lately", sample.failed_lately),
            (_LOOPS, "names", [loop.name for loop in sample.loops if loop.is_late]),
            (_UNREACHABLE, "ways", list(sample.unreachable)),
            (_BROKEN, "features", list(sample.broken)),
            (_SPOOL, "n", max(sample.spooled, 0)),
        )
        return [trouble.fact("warning", **{name: value}) for trouble, name, value in facts if value]

    def numbers(self, sample: MonitorSample, now: datetime) -> Iterable[str]:
        yield from super().numbers(sample, now)
        if sample.loops:
            yield "last run: " + ", ".join(_run(loop, now) for loop in sample.loops[:_MOST_RUNS])
        yield from some([f"closed: {plain(way, 80)}" for way in sample.unreachable], _MOST_SHOWN)
        yield from map(plain, sample.broken)
        yield from some(list(map(_hint, sample.hints)), _MOST_SHOWN)
        if sample.last_error:
            yield f"last error: {inline_code(sample.last_error)}"


def _hint(words: str) -> str:
    """With the setting that it ends with as people would write it."""
    what, _, setting = words.partition(": [")
    shown = plain(what[:1].upper() + what[1:], _LONGEST_HINT)
    return f"{shown}: {inline_code(f'[{setting}')}" if setting else shown


def _run(loop: LoopRun, now: datetime) -> str:
    ago = "not yet" if loop.last_at is None else f"{duration(round((now - loop.last_at).total_seconds()))} ago"
    return f"{plain(loop.name, 30)} {ago}" + (" (**overdue**)" if loop.is_late else "")


class OwnThreads:
    """The processor time of the threads that are ours alone: those of the database, the spool and the watchdog.

    It leaves out what the monitor does on the event loop's own thread, which can't be told from the bot's there, and
    what a thread used between the last look and its end.
    """

    def __init__(self, reader: ProcessReader, threads: Callable[[], Mapping[int, float]] | None = None) -> None:
        """`threads`: the processor time of all threads by their ids, in seconds; None means the system's."""
        self._reader = reader
        self._threads = threads or _threads
        self._before: dict[int, float] = {}
        self._total_s = 0.0

    def used_s(self) -> float | None:
        """By all of them until now; None if the system does not tell threads apart."""
        own = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)}
        every = self._reader.read("the processor time of threads", self._threads) if own else None
        used = {id_: used_s for id_, used_s in (every or {}).items() if id_ in own}
        if own and not used:
            return None
        for id_, used_s in used.items():
            before_s = self._before.get(id_, 0.0)
            self._total_s += used_s - before_s if used_s >= before_s else used_s  # else it is a new one of that id
        self._before = used
        return self._total_s


def _threads() -> dict[int, float]:
    process = psutil.Process()  # made anew: without /proc it is this that raises
    return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
