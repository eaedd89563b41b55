"""The monitor itself. It never makes more than a warning, for the bot runs on without it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

import psutil

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import LoopRun, Sample
from botmon_cog.domain.text import bytes_, count, duration, finite, inline_code, percent, plain, plural
from botmon_cog.health.component import Component, Finding, Saying, Words, fact
from botmon_cog.health.cpu_meter import CpuMeter
from botmon_cog.health.reader import Reader
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.loop_runs import LoopRuns
from botmon_cog.store.engine import Engine
from botmon_cog.store.queue.writer import Writer

THREAD_PREFIX = "botmon-"
"""The names of all threads of ours begin so."""

_HOUR_S = 3600.0
_MOST_RUNS, _MOST_WAYS, _MOST_HINTS, _LONGEST_HINT = 8, 4, 4, 200
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

    @property
    def waiting(self) -> int:
        """Rows that are not saved yet."""
        return self.queued + self.spooled


def _lost(n: int) -> Words:
    return Words(
        what=f"{count(n)} {plural(n, 'row was', 'rows were')} lost since the start",
        remedy=_SEE_THE_LOG,
    )


def _trouble(said: str) -> Words:
    return Words(what=said, remedy="The bot goes on with the new file; its next start takes this note away.")


def _failed() -> Words:
    return Words(what="the monitor itself failed in the last hour", remedy=_SEE_THE_LOG)


def _late(names: Sequence[str]) -> Words:
    what = plural(len(names), "a loop of the monitor is", f"{count(len(names))} loops of the monitor are")
    return Words(
        what=f"{what} overdue",
        detail=", ".join(names),
        remedy=f"{_SEE_THE_LOG} Reloading the extension begins them anew.",
    )


def _unreachable(ways: Sequence[str]) -> Words:
    what = plural(len(ways), "a way to the owners is closed", f"{count(len(ways))} ways to the owners are closed")
    them = plural(len(ways), "it", "them")
    return Words(
        what=what,
        detail="; ".join(ways),
        remedy=f"Open {them} again and reload the extension, which else tries {them} once a day; or set another way in "
        "[alerts]: channel_id, webhook, notify.",
    )


def _broken(features: Sequence[str]) -> Words:
    return Words(
        what=plural(len(features), "a feature does not work", f"{count(len(features))} features do not work"),
        detail="; ".join(features),
        remedy="Free what it needs, or set it otherwise in the configuration; then reload the extension.",
    )


def _spool(n: int) -> Words:
    return Words(
        what=f"{count(n)} {plural(n, 'row waits', 'rows wait')} on disk for the database",
        remedy="Nothing is lost: they are written as soon as the database takes them. See what keeps it.",
    )


def _nothing() -> tuple[str, ...]:
    return ()


class Monitor(Component[MonitorSample]):
    """What waits to be written, what was lost, our own failures, loops and costs.

    Attributes:
        unreachable: tells the ways to the owners that are closed, in words.
        broken: tells the features that were asked for and do not work, in words.
        hints: tells what the owners could have besides, in words.
    """

    name = "monitor"
    title = "Monitor"
    sayings: ClassVar[Mapping[str, Saying]] = {
        "monitor.lost": Saying(words=_lost, recovered="no row is lost"),
        "monitor.trouble": Saying(words=_trouble, recovered="the database is whole"),
        "monitor.failures": Saying(words=_failed, recovered="the monitor works"),
        "monitor.loops": Saying(words=_late, recovered="the monitor works"),
        "monitor.unreachable": Saying(words=_unreachable, recovered="every way to the owners is open"),
        "monitor.broken": Saying(words=_broken, recovered="everything that was asked for works"),
        "monitor.spool": Saying(words=_spool, recovered="no row waits on disk"),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "monitor.queued": lambda sample: sample.queued,
        "monitor.spooled": lambda sample: sample.spooled,
        "monitor.dropped": lambda sample: sample.dropped,
    }

    def __init__(self, writer: Writer, engine: Engine, loops: LoopRuns, clock: Clock, failures: Failures) -> None:
        self._writer = writer
        self._engine = engine
        self._loops = loops
        self._failures = failures
        self._cpu = CpuMeter(clock, OwnThreads(Reader(failures)).used_s)
        self.unreachable: Callable[[], tuple[str, ...]] = _nothing
        self.broken: Callable[[], tuple[str, ...]] = _nothing
        self.hints: Callable[[], tuple[str, ...]] = _nothing

    async def sample(self) -> MonitorSample:
        self._cpu.look()
        return MonitorSample(
            queued=self._writer.queued,
            spooled=self._writer.spooled,
            spool_bytes=self._writer.spool_bytes,
            dropped=self._writer.dropped,
            unreachable=self._ask("the ways to the owners", self.unreachable),
            broken=self._ask("what was asked for", self.broken),
            hints=self._ask("what could be had besides", self.hints),
            failures=self._failures.n,
            failed_lately=self._failures.within(_HOUR_S),
            last_error=self._writer.last_error or self._failures.last,
            trouble=self._engine.trouble,
            loops=self._loops.runs(),
            cpu_percent=self._cpu.percent,
        )

    def _ask(self, what: str, tell: Callable[[], tuple[str, ...]]) -> tuple[str, ...]:
        try:
            return tell()
        except Exception as error:  # noqa: BLE001 (costs its own line only)
            self._failures.note(f"looking at {what}", error)
            return ()

    def judge(self, sample: MonitorSample, config: HealthConfig) -> Iterable[Finding]:  # noqa: ARG002
        """What is lost weighs more than what went wrong, and that more than what waits."""
        late = [loop.name for loop in sample.loops if loop.is_late]
        found = (
            (sample.dropped > 0, Reason.of("monitor.lost", n=sample.dropped)),
            (sample.trouble is not None, Reason.of("monitor.trouble", said=sample.trouble)),
            (sample.failed_lately, Reason.of("monitor.failures")),
            (bool(late), Reason.of("monitor.loops", names=late)),
            (bool(sample.unreachable), Reason.of("monitor.unreachable", ways=list(sample.unreachable))),
            (bool(sample.broken), Reason.of("monitor.broken", features=list(sample.broken))),
            (sample.spooled > 0, Reason.of("monitor.spool", n=sample.spooled)),
        )
        return [fact(reason.what, "warning", reason) for is_so, reason in found if is_so]

    def numbers(self, sample: MonitorSample, now: datetime) -> Iterable[str]:
        items = [f"{count(sample.waiting)} {plural(sample.waiting, 'row', 'rows')} not saved yet"]
        if sample.spooled:
            items.append(f"{count(sample.spooled)} of them on disk ({bytes_(sample.spool_bytes)})")
        items.append(f"{count(sample.dropped)} lost" if sample.dropped else "none lost")
        items.append(f"{count(sample.failures)} {plural(sample.failures, 'failure', 'failures')} of its own")
        if finite(sample.cpu_percent) is not None:
            items.append(f"its threads use {percent((sample.cpu_percent or 0) / 100)} of a core")
        yield ", ".join(items)
        if sample.loops:
            yield "last run: " + ", ".join(_run(loop, now) for loop in sample.loops[:_MOST_RUNS])
        yield from _told(sample.unreachable, _MOST_WAYS, lambda way: f"closed: {plain(way, 80)}")
        yield from (plain(words) for words in sample.broken)
        yield from _told(sample.hints, _MOST_HINTS, _hint)
        if sample.last_error:
            yield f"last error: {inline_code(sample.last_error)}"


def _told(words: Sequence[str], most: int, show: Callable[[str], str]) -> Iterable[str]:
    yield from map(show, words[:most])
    if len(words) > most:
        yield f"and {count(len(words) - most)} more"


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

    def __init__(self, reader: Reader, threads: Callable[[], Mapping[int, float]] | None = None) -> None:
        """`threads`: the processor time of all threads by their ids, in seconds; None means the system's."""
        self._reader = reader
        self._threads = threads or _threads
        self._before: dict[int, float] = {}
        self._total_s = 0.0

    def used_s(self) -> float | None:
        """By all of them until now; None if the system does not tell threads apart."""
        own = {thread.native_id for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)}
        used: dict[int, float] = {}
        if own:
            every = self._reader.read("the processor time of threads", self._threads) or {}
            used = {id_: used_s for id_, used_s in every.items() if id_ in own}
            if not used:
                return None
        for id_, used_s in used.items():
            before_s = self._before.get(id_, 0.0)
            self._total_s += used_s - before_s if used_s >= before_s else used_s  # else it is a new one of that id
        self._before = used
        return self._total_s


def _threads() -> dict[int, float]:
    process = psutil.Process()  # made anew: without /proc it is this that raises
    return {thread.id: thread.user_time + thread.system_time for thread in process.threads()}
