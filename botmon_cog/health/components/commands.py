"""The last hour's commands: which fail, which Discord refuses, and which take longer than they used to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial

import msgspec

from botmon_cog.config import HealthConfig
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.shares import certain_share
from botmon_cog.health.command_durations import SlowCommand, SlowCommands
from botmon_cog.health.component import HOUR_S, Component, Effect, Finding, Trouble
from botmon_cog.health.phrases import shown, some
from botmon_cog.health.sources import Sources
from botmon_cog.monitors.recent_outcomes import FailingCommand
from botmon_cog.monitors.refusals import RefusedCommand

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
_MOST_TOLD, _MOST_SHOWN, _MOST_NAMED = 20, 5, 3
_judged_share = partial(certain_share, fewest=FEWEST_FAULTS)
_HOW = "{late:?, {late:count?} too late for Discord}{unanswered:?, {unanswered:count?} without an answer}"
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

    @property
    def error_rate(self) -> float | None:
        """None for too few commands."""
        return None if self.total < FEWEST_FOR_RATE else min(max(self.errors, 0), self.total) / self.total


def _failed(faults: int, late: int, unanswered: int, **_: object) -> str:
    return _IN_TIME if (late + unanswered) * 2 > faults else "See the bot's log for the traceback."


def _one(calls: int, in_a_row: int, **_: object) -> str:
    row = "{in_a_row:count} times in a row, " if FEWEST_FAULTS <= in_a_row < calls else ""
    of = "{faults:count} of {calls:count} {calls:time|times} in the last hour"
    return f"{{command:command}} failed {row}{of}{_HOW}"


_trouble = partial(Trouble, meanwhile="The other commands run on.", effect=Effect.FAILING, looks_back_s=HOUR_S)
_ALL = _trouble(
    "commands.failing",
    "{share:share} of the last hour's commands failed",
    "commands work",
    detail=f"{{faults:count}} of {{total:count}}{_HOW}{{worst:?, mostly {{worst:commands?}}}}",
    remedy=_failed,
)
_ONE = _trouble("commands.one_failing", _one, "{command:command} works", detail="{error}", is_code=True, remedy=_failed)
_WATCHED = _trouble(
    "commands.watched", "{command:command} failed {faults:count} of {calls:count}, watching", "{command:command} works"
)
_TIMES = "p95 {p95_s:duration}, last week {usual_s:duration}, {n:count} {n:call|calls}"
_SLOW = _trouble(
    "commands.slow",
    "{command:command} is slow",
    "{command:command} is as fast as usual",
    detail=_TIMES,
    remedy="Look at what it waits for: a database, another API, a blocked event loop. /perf shows its times.",
    meanwhile="It works, only slowly.",
    effect=Effect.SLOW,
)
_REFUSED = _trouble(
    "commands.refused",
    "Discord refuses {command:command} in {servers:count} of {of_servers:count} servers",
    "Discord accepts {command:command}",
    detail="the bot lacks {lacks}",
    remedy="So many servers at once: see the permissions in the bot's invitation, or what the command does now.",
)


class Commands(Component[CommandsSample]):
    """Counts outcomes in memory, and asks the database only where a command takes long."""

    name = "commands"
    title = "Commands"
    troubles = (_ALL, _ONE, _WATCHED, _SLOW, _REFUSED)
    looks_back_s = (("commands.slow.", HOUR_S),)
    in_brief = ("{total:count} {total:command|commands} in 1 h", "{errors:count} failed")
    in_numbers = (
        (
            "{total:count} in 1 h, {errors:count} failed ({error_rate:share})",
            "{total:count?} in 1 h, {errors:count} failed, too few for a rate",
            "{total:count} in 1 h, {errors:count} failed",
        ),
        "{late:count?} too late",
        "{unanswered:count?} never answered",
    )

    def __init__(self, sources: Sources) -> None:
        super().__init__(sources)
        self._slow = SlowCommands(sources)

    async def sample(self) -> CommandsSample:
        recent = self._sources.recent
        counts, failing = recent.last_hour(_MOST_TOLD)
        refused, servers = recent.refused()
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
            limits, key = (config.slow_command_factor, None), f"commands.slow.{each.command}"
            yield _SLOW.level(each.times, limits, key, **msgspec.structs.asdict(each))
        for each in sample.refused:
            is_everywhere = each.servers >= FEWEST_SERVERS and each.servers * 2 > sample.servers
            if each.n >= FEWEST_REFUSALS and is_everywhere:
                values = {"command": each.command, "servers": each.servers, "of_servers": sample.servers}
                yield _REFUSED.level(1.0, (1.0, None), **values, lacks=each.lacks)
                return

    def numbers(self, sample: CommandsSample, now: datetime) -> Iterable[str]:
        yield from super().numbers(sample, now)
        failing = [
            told for each in sample.failing for told in shown(("{command:bold} {faults:count} of {calls:count}",), each)
        ]
        if failing:
            yield "failing: " + ", ".join(some(failing, _MOST_SHOWN, "…"))
        notable = (each for each in sample.slow if each.times >= _NOTABLE)
        slow = [told for each in notable for told in shown((f"{{command:bold}} {_TIMES}",), each)]
        yield from some(slow, _MOST_SHOWN) or ["none is much slower than last week"]


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
    yield _ALL.level(
        whole,
        limits,
        faults=sample.errors,
        total=sample.total,
        share=sample.errors / sample.total if sample.total else None,
        late=sample.late,
        unanswered=sample.unanswered,
        worst=[each.command for each in sample.failing[:_MOST_NAMED]],
        fingerprint=None if first is None else first.fingerprint,
    )
    is_whole_well = whole is not None and whole < limits[0]
    for each in sample.failing:
        is_of_whole = not is_whole_well and _judged_share(each.faults, each.calls) >= limits[0]
        found = _one_failing(each, share if each is alone else None if is_of_whole else 0.0, limits)
        is_watched = not is_enough or each.faults >= limits[0] * each.calls
        yield msgspec.structs.replace(found, is_watched=is_watched)


def _one_failing(each: FailingCommand, value: float | None, limits: tuple[float, float]) -> Finding:
    run, (warning, critical) = each.run, limits
    is_run = run.n >= FEWEST_FAULTS and (run.people > 1 or run.took_s > LONGEST_PAUSE_S)
    if is_run:
        value = max(value or 0.0, warning)
    trouble = _WATCHED if value is not None and value < warning else _ONE
    values = {name: value for name, value in each._asdict().items() if name not in {"run", "error_type"}}
    found = trouble.level(
        value,
        (warning, critical if not is_run or (value or 0.0) >= critical else None),
        f"commands.failing.{each.command}",
        **values,
        share=each.faults / each.calls if each.calls else None,
        in_a_row=run.n,
        error=each.error_type,
    )
    return msgspec.structs.replace(found, is_certain=True, lasted_s=run.lasted_s) if is_run else found
