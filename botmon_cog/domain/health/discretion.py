"""What of the health a server's admins are told: how the bot is, not how it is made or what others do with it."""

from __future__ import annotations

import re
from typing import overload

from msgspec.structs import replace

from botmon_cog.domain.health.verdict import overall
from botmon_cog.domain.reports import CommandsHealth, ComponentHealth, HealthMoment, HealthReport
from botmon_cog.domain.text import count

_BY_WHOM = ", most by "
_SLOW = re.compile(r"/.* is slow \(")


def discreet(report: HealthReport) -> HealthReport:
    """The same verdict, without what only the owners are to know.

    Left out: who blocked the event loop and where, the names of slow commands (they may be another server's alone),
    what the database or Discord said, who can't be reached, and the owners' own rules.
    """
    parts = {name: _discreet(component) for name, component in report.components.items()}
    parts["commands"] = _nameless(report.commands)
    loop, monitor = parts.get("loop"), parts.get("monitor")
    if report.loop.sample is not None and loop is not None:
        parts["loop"] = replace(loop, sample=replace(report.loop.sample, blocks=()))
    if monitor is not None:
        parts["monitor"] = replace(monitor, last_error=None, unreachable=(), broken=(), hints=())
    _, reason, remedy = overall(parts[name] for name in report.components)
    return replace(report, reason=reason, remedy=remedy, rules=(), **parts)


def discreet_moment(moment: HealthMoment) -> HealthMoment:
    return replace(moment, reason=_what(moment.reason))


def _discreet(component: ComponentHealth) -> ComponentHealth:
    problems = tuple(replace(problem, reason=_what(problem.reason)) for problem in component.problems)
    return replace(component, reason=_what(component.reason), problems=problems)


def _nameless(commands: CommandsHealth) -> CommandsHealth:
    """However many commands are slow, one line says so."""
    if not commands.problems:
        return replace(commands, slow=())
    n = len(commands.problems)
    reason = "a command is slow" if n == 1 else f"{count(n)} commands are slow"
    problem = replace(commands.problems[0], key="commands", reason=reason)
    return replace(commands, reason=reason, problems=(problem,), slow=())


@overload
def _what(reason: str) -> str: ...
@overload
def _what(reason: None) -> None: ...
def _what(reason: str | None) -> str | None:
    """The first part of a reason: `the database does not answer`, of `the database does not answer: disk I/O error`."""
    if reason is None:
        return None
    if _SLOW.match(reason):
        return "a command is slow"
    return reason.partition(": ")[0].partition(_BY_WHOM)[0]
