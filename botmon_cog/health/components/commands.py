"""The last hour's commands: which fail, which Discord refuses, and which take longer than they used to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, ClassVar

from botmon_cog.clock import Clock
from botmon_cog.config import HealthConfig
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.shares import certain_share
from botmon_cog.domain.text import count, duration, name, percent, plural
from botmon_cog.health.command_durations import SlowCommand, SlowCommands
from botmon_cog.health.component import Component, Effect, Finding, Saying, Words, level
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recent_outcomes import FailingCommand, RecentOutcomes
from botmon_cog.monitors.refusals import RefusedCommand
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.store.reports import Reports

FEWEST_FAULTS = 5
"""Fewer within the hour are watched, and judged by nobody."""
LONGEST_PAUSE_S = 60.0
"""A run of faults that takes longer is no single accident, even where it hits one person only."""
ALONE_SHARE = 0.8
"""One command with so many of the faults is what is wrong, and not the bot."""
FEWEST_FOR_RATE = 20
FEWEST_REFUSALS, FEWEST_SERVERS = 5, 3
_NOTABLE = 1.5
"""From this many times its usual duration on a command is worth a line among the numbers."""
_HOUR_S = 3600.0
_MOST_TOLD, _MOST_SHOWN, _MOST_NAMED = 20, 5, 3
_WATCHED, _ONE, _ALL = "commands.watched", "commands.one_failing", "commands.failing"
_judged_share = partial(certain_share, fewest=FEWEST_FAULTS)
_IN_TIME = "Answer within 3 s, or call interaction.response.defer() first."


class CommandsSample(Sample, frozen=True, kw_only=True):
    """The last hour, without what is muted."""

    total: int = 0
    errors: int = 0
    """The bot's faults, the two that follow among them."""
    late: int = 0
    unanswered: int = 0
    failing: tuple[FailingCommand, ...] = ()
    """Those with most faults first; at most 20."""
    refused: tuple[RefusedCommand, ...] = ()
    """Those refused in most servers first; at most 20."""
    servers: int = 0
    """How many used any command."""
    slow: tuple[SlowCommand, ...] = ()
    """Those that take 1 s or more, the worst beside what is usual first; at most 20."""


# -- words -------------------------------------------------------------------------------------------------------------


def _slash(command: str) -> str:
    return "/" + command.removeprefix("/")


def _how(late: int, unanswered: int) -> str:
    parts = ((late, "too late for Discord"), (unanswered, "without an answer"))
    return " and ".join(f"{count(n)} {how}" for n, how in parts if n)


def _remedy(faults: int, late: int, unanswered: int) -> str:
    return _IN_TIME if (late + unanswered) * 2 > faults else "See the bot's log for the traceback."


def _one(
    command: str, faults: int, calls: int, in_a_row: int, late: int, unanswered: int, error: str | None, **_: object
) -> Words:
    told = f"{count(faults)} of {count(calls)} {plural(calls, 'time', 'times')} in the last hour"
    if FEWEST_FAULTS <= in_a_row < calls:
        told = f"{count(in_a_row)} times in a row, {told}"
    if how := _how(late, unanswered):
        told = f"{told}, {how}"
    return Words(
        what=f"{_slash(command)} failed {told}", detail=error, is_code=True, remedy=_remedy(faults, late, unanswered)
    )


def _watched(command: str, faults: int, calls: int, **_: object) -> Words:
    return Words(what=f"{_slash(command)} failed {count(faults)} of {count(calls)}, watching")


def _all(
    share: float | None, faults: int, total: int, late: int, unanswered: int, worst: Sequence[str], **_: object
) -> Words:
    mostly = f"mostly {', '.join(map(_slash, worst))}" if worst else ""
    return Words(
        what=f"{percent(share)} of the last hour's commands failed",
        detail=", ".join(filter(None, (f"{count(faults)} of {count(total)}", _how(late, unanswered), mostly))),
        remedy=_remedy(faults, late, unanswered),
    )


def _slow(command: str, p95_s: float | None, usual_s: float | None, n: int, **_: object) -> Words:
    return Words(
        what=f"{_slash(command)} is slow",
        detail=f"p95 {duration(p95_s)}, last week {duration(usual_s)}, {count(n)} {plural(n, 'call', 'calls')}",
        remedy="Look at what it waits for: a database, another API, a blocked event loop. /perf shows its times.",
    )


def _refused(command: str, servers: int, of_servers: int, lacks: str | None, **_: object) -> Words:
    return Words(
        what=f"Discord refuses {_slash(command)} in {count(servers)} of {count(of_servers)} servers",
        detail=None if lacks is None else f"the bot lacks {lacks}",
        remedy="So many servers at once: see the permissions in the bot's invitation, or what the command does now.",
    )


def _over(words: str) -> Callable[..., str]:
    def tell(command: str, **_: object) -> str:
        return words.format(_slash(command))

    return tell


def _rate(sample: CommandsSample) -> float | None:
    """None for too few commands."""
    return None if sample.total < FEWEST_FOR_RATE else min(max(sample.errors, 0), sample.total) / sample.total


_WORKS = _over("{} works")
_OTHERS = "The other commands run on."


class Commands(Component[CommandsSample]):
    """Counts outcomes in memory, and asks the database only where a command takes long."""

    name = "commands"
    title = "Commands"
    sayings: ClassVar[Mapping[str, Saying]] = {
        _ALL: Saying(words=_all, recovered="commands work", meanwhile=_OTHERS, effect=Effect.FAILING),
        _ONE: Saying(words=_one, recovered=_WORKS, meanwhile=_OTHERS, effect=Effect.FAILING),
        _WATCHED: Saying(words=_watched, recovered=_WORKS, meanwhile=_OTHERS, effect=Effect.FAILING),
        "commands.slow": Saying(
            words=_slow,
            recovered=_over("{} is as fast as usual"),
            meanwhile="It works, only slowly.",
            effect=Effect.SLOW,
        ),
        "commands.refused": Saying(
            words=_refused, recovered=_over("Discord accepts {}"), meanwhile=_OTHERS, effect=Effect.FAILING
        ),
    }
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {
        "commands.total_1h": lambda sample: sample.total,
        "commands.error_rate": _rate,
        "commands.late_1h": lambda sample: sample.late,
        "commands.unanswered_1h": lambda sample: sample.unanswered,
    }
    looks_back_s: ClassVar[Mapping[str, float]] = {"commands.slow.": _HOUR_S}
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {"commands.failing": ("commands.failing.*",)}

    def __init__(
        self,
        recent: RecentOutcomes,
        live: LiveWindows,
        reports: Reports,
        clock: Clock,
        failures: Failures,
        timeout_s: float,
    ) -> None:
        """`timeout_s`: how long the database may take to say what is usual."""
        self._recent = recent
        self._slow = SlowCommands(live, reports, clock, failures, timeout_s)

    async def sample(self) -> CommandsSample:
        counts, failing = self._recent.last_hour(_MOST_TOLD)
        refused, servers = self._recent.refused()
        return CommandsSample(
            **counts._asdict(),
            failing=tuple(failing),
            refused=tuple(refused[:_MOST_TOLD]),
            servers=servers,
            slow=await self._slow.find(),
        )

    def judge(self, sample: CommandsSample, config: HealthConfig) -> Iterable[Finding]:
        yield from _failing(sample, config.failed_share)
        for each in sample.slow:
            reason = Reason.of("commands.slow", command=each.command, p95_s=each.p95_s, usual_s=each.usual_s, n=each.n)
            limits = (config.slow_command_factor, None)
            yield level(f"commands.slow.{each.command}", each.times, limits, reason, looks_back_s=_HOUR_S)
        yield from _refused_everywhere(sample)

    def brief(self, sample: CommandsSample) -> Iterable[str]:
        yield f"{count(sample.total)} {plural(sample.total, 'command', 'commands')} in 1 h"
        yield f"{count(sample.errors)} failed"

    def numbers(self, sample: CommandsSample, now: datetime) -> Iterable[str]:  # noqa: ARG002
        rate = _rate(sample)
        share = "" if rate is None else f" ({percent(rate)})"
        known = (
            (True, f"{count(sample.total)} in 1 h, {count(sample.errors)} failed{share}"),
            (rate is None and sample.total, "too few for a rate"),
            (sample.late, f"{count(sample.late)} too late"),
            (sample.unanswered, f"{count(sample.unanswered)} never answered"),
        )
        yield ", ".join(words for is_told, words in known if is_told)
        if sample.failing:
            failing = [f"{_named(each.command)} {count(each.faults)} of {count(each.calls)}" for each in sample.failing]
            yield "failing: " + ", ".join(failing[:_MOST_SHOWN]) + (", …" if len(failing) > _MOST_SHOWN else "")
        slow = [_shown(each) for each in sample.slow if each.times >= _NOTABLE]
        yield from slow[:_MOST_SHOWN] or ["none is much slower than last week"]
        if len(slow) > _MOST_SHOWN:
            yield f"and {count(len(slow) - _MOST_SHOWN)} more"


# -- judging -----------------------------------------------------------------------------------------------------------


def _failing(sample: CommandsSample, limits: tuple[float, float]) -> Iterable[Finding]:
    """The bot as a whole, or the one command that has nearly all the faults; and each that fails every time."""
    is_enough = sample.errors >= FEWEST_FAULTS
    first = sample.failing[0] if sample.failing else None
    alone = first if is_enough and first is not None and first.faults >= ALONE_SHARE * sample.errors else None
    share = _judged_share(sample.errors, sample.total)
    whole: float | None = share
    if alone is not None:
        others = _judged_share(sample.errors - alone.faults, sample.total - alone.calls)
        whole = others if others < limits[0] else None  # else the whole is as bad as it was, and that one is told
    reason = Reason.of(
        _ALL,
        faults=sample.errors,
        total=sample.total,
        share=sample.errors / sample.total if sample.total else None,
        late=sample.late,
        unanswered=sample.unanswered,
        worst=[each.command for each in sample.failing[:_MOST_NAMED]],
        fingerprint=None if first is None else first.fingerprint,
    )
    yield level("commands.failing", whole, limits, reason, looks_back_s=_HOUR_S)
    is_whole_well = whole is not None and whole < limits[0]
    for each in sample.failing:
        is_of_whole = not is_whole_well and _judged_share(each.faults, each.calls) >= limits[0]
        value = share if each is alone else None if is_of_whole else 0.0
        yield _one_failing(each, value, limits, is_watched=not is_enough or each.faults >= limits[0] * each.calls)


def _one_failing(
    each: FailingCommand, value: float | None, limits: tuple[float, float], *, is_watched: bool
) -> Finding:
    run = each.run
    is_run = run.n >= FEWEST_FAULTS and (run.people > 1 or run.took_s > LONGEST_PAUSE_S)
    warning, critical = limits
    if is_run:
        value = max(value or 0.0, warning)
    return Finding(
        key=f"commands.failing.{each.command}",
        reason=Reason.of(
            _WATCHED if value is not None and value < warning else _ONE,
            command=each.command,
            faults=each.faults,
            calls=each.calls,
            share=each.faults / each.calls if each.calls else None,
            late=each.late,
            unanswered=each.unanswered,
            in_a_row=run.n,
            error=each.error_type,
            fingerprint=each.fingerprint,
        ),
        value=value,
        limits=(warning, critical if not is_run or (value or 0.0) >= critical else None),
        is_certain=is_run,
        lasted_s=run.lasted_s if is_run else 0.0,
        looks_back_s=_HOUR_S,
        is_watched=is_watched,
    )


def _refused_everywhere(sample: CommandsSample) -> Iterable[Finding]:
    for each in sample.refused:
        is_everywhere = each.servers >= FEWEST_SERVERS and each.servers * 2 > sample.servers
        if each.n >= FEWEST_REFUSALS and is_everywhere:
            reason = Reason.of(
                "commands.refused",
                command=each.command,
                servers=each.servers,
                of_servers=sample.servers,
                lacks=each.lacks,
            )
            yield level("commands.refused", 1.0, (1.0, None), reason, looks_back_s=_HOUR_S)
            return


def _named(command: str) -> str:
    return f"**{name(_slash(command), 40)}**"


def _shown(each: SlowCommand) -> str:
    times = f"p95 {duration(each.p95_s)}, last week {duration(each.usual_s)}"
    return f"{_named(each.command)} {times}, {count(each.n)} {plural(each.n, 'call', 'calls')}"
