"""The overview and the growth view as Discord shows them. Pure: values and the time go in, an embed comes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import discord

from botmon_cog.discord_ui.notable import failing, misused
from botmon_cog.discord_ui.parts import NEUTRAL, at, clamp, days_of, short_day, span, table
from botmon_cog.domain import text
from botmon_cog.growth.gather import RETENTION_DAYS
from botmon_cog.growth.reads import LOSS_DAYS
from botmon_cog.growth.values import Growth, Loss, Overview, Process, Retained, ServerUse, UnusedCommand, Week

_MOST_PROCESSES = 6
_MOST_QUIET = 3
_MOST_UNUSED = 5
_MOST_COMMANDS = 3
_NAME_CHARS = 40
_SHORT_NAME_CHARS = 24
_EXACT_BELOW = 100_000
_WEEK_DAYS = 7
_NEVER_SEEN = "Servers that came or went while the bot was off are not counted."


def overview_embed(overview: Overview, now: datetime) -> discord.Embed:
    """All servers: what they did, and what to look at."""
    days = len(days_of(overview.period))
    embed = discord.Embed(title=f"All servers, last {days} days", colour=NEUTRAL)
    embed.description = "\n".join([f"{span(overview.period)}\n", *_totals(overview)])
    is_told = len(overview.processes) > 1 or any(process_emoji(each) != "🟢" for each in overview.processes)
    commands = overview.statistics.commands
    for name, value in (
        ("Processes and their servers", _processes(overview.processes, now) if is_told else ""),
        ("Failing", "\n".join(failing(commands)[:_MOST_COMMANDS])),
        ("Often not run", "\n".join(misused(commands)[:_MOST_COMMANDS])),
        ("Busiest servers", _busiest(overview)),
        ("Gone quiet", _quiet(overview.quiet, _before(days))),
        ("Nobody uses", _unused(overview.unused, now)),
    ):
        if value:
            embed.add_field(name=name, value=value, inline=False)
    embed.set_footer(text=_compared(overview, days))
    return clamp(embed)


def growth_embed(growth: Growth) -> discord.Embed:
    """How many servers come, stay and go."""
    embed = growth_heading(growth)
    moved = _servers(growth.servers, growth.came, growth.left) or "No server came or left."
    embed.description = f"{span(growth.period)}\n\n{moved}"
    if growth.came or growth.left:
        embed.add_field(name="By week", value=_weeks(growth.weeks), inline=False)
    embed.add_field(name="New servers that stay", value=_retained(growth.retained), inline=False)
    if growth.lost:
        name = f"Left in the last {LOSS_DAYS} days: {text.count(growth.lost)}"
        embed.add_field(name=name, value=_losses(growth), inline=False)
    embed.set_footer(text=_NEVER_SEEN)
    return clamp(embed)


def growth_heading(growth: Growth) -> discord.Embed:
    """The title alone, above a chart."""
    return discord.Embed(title=f"Growth, last {len(growth.weeks)} weeks", colour=NEUTRAL)


# -- totals ------------------------------------------------------------------------------------------------------------


def _totals(overview: Overview) -> list[str]:
    statistics = overview.statistics
    lines = [_servers(overview.servers, overview.came, overview.left)]
    if statistics.is_empty and not statistics.previous_commands:
        words = "No command was used yet. Servers, people and commands appear here as soon as somebody uses one."
        return [line for line in (*lines, words) if line]
    has_past = statistics.previous_commands > 0
    people, commands = statistics.unique_users, statistics.total_commands
    more_people = text.change(people, statistics.previous_users) if has_past else ""
    more_commands = text.change(commands, statistics.previous_commands) if has_past else ""
    lines.append(f"**{_short(people)}** {text.plural(people, 'person', 'people')}  {more_people}".rstrip())
    ran = f"**{_short(commands)}** {text.plural(commands, 'command', 'commands')}  {more_commands}".rstrip()
    if not statistics.faults and statistics.fault_rate is not None:
        ran += ", none failed"
    lines.append(ran)
    if statistics.faults:
        rates = text.share_change(statistics.fault_rate, statistics.previous_fault_rate) if has_past else ""
        failed = f"**{text.percent(statistics.fault_rate)}** failed ({text.count(statistics.faults)})"
        lines.append(f"{failed}  {rates}".rstrip())
    return [line for line in lines if line]


def _servers(servers: int | None, came: int, left: int) -> str:
    """`**5,012** servers  ▲ 38 (61 came, 23 left)`; empty where nothing is known."""
    moved = f"{text.count(came)} came, {text.count(left)} left" if came or left else ""
    if servers is None:
        return moved
    told = f"**{text.count(servers)}** {text.plural(servers, 'server', 'servers')}"
    if not moved:
        return told
    net = came - left
    arrow = f"{'▲' if net > 0 else '▼'} {text.count(abs(net))}" if net else "="
    return f"{told}  {arrow} ({moved})"


def _short(n: int) -> str:
    return text.count(n) if n < _EXACT_BELOW else text.compact(n)


def _before(days: int) -> str:
    return "the week before" if days == _WEEK_DAYS else f"the {days} days before"


def _compared(overview: Overview, days: int) -> str:
    if overview.statistics.previous_commands:
        return f"compared with {_before(days)}, same hours"
    first = overview.statistics.first_seen
    return "" if first is None else f"counting since {short_day(overview.period.local(first).date())}"


# -- processes ---------------------------------------------------------------------------------------------------------


def process_emoji(process: Process) -> str:
    if process.state == "running":
        return text.status_emoji(process.status)
    return "🔴" if process.state == "silent" else "⚫"


def _processes(processes: Sequence[Process], now: datetime) -> str:
    shown = processes if len(processes) <= _MOST_PROCESSES else processes[: _MOST_PROCESSES - 1]
    rows = [
        (f"{process_emoji(each)} {text.clean(each.instance)}", _count(each.servers), process_state(each, now))
        for each in shown
    ]
    if rest := processes[len(shown) :]:
        known = [each.servers for each in rest if each.servers is not None]
        gravest = process_emoji(rest[0])
        rows.append((f"{gravest} +{text.count(len(rest))} more", _count(sum(known) if known else None), ""))
    if not any(state for _, _, state in rows):
        return table([row[:2] for row in rows])
    return table(rows)


def _count(servers: int | None) -> str:
    return text.NONE if servers is None else text.count(servers)


def process_state(process: Process, now: datetime) -> str:
    """`down 3 min`, short enough for a cell; empty while it runs."""
    if process.state == "running":
        return ""
    minutes = max(int((now - process.seen_at).total_seconds() // 60), 0)
    age = f"{minutes} min" if minutes < 100 else f"{minutes // 60} h"  # noqa: PLR2004 (two digits)
    return f"{'down' if process.state == 'silent' else 'off'} {age}"


# -- servers -----------------------------------------------------------------------------------------------------------


def _name(name: str | None, guild_id: str, most: int = _NAME_CHARS) -> str:
    return text.plain(text.fit_middle(text.clean(name or guild_id), most), most)


def _busiest(overview: Overview) -> str:
    has_past = overview.statistics.previous_commands > 0
    lines: list[str] = []
    for n, each in enumerate(overview.busiest, start=1):
        change = text.change(each.n, each.previous_n) if has_past else ""
        lines.append(f"{n}. {_name(each.name, each.guild_id)} · {_short(each.n)} {change}".rstrip())
    return "\n".join(lines)


def _quiet(quiet: Sequence[ServerUse], before: str) -> str:
    if not quiet:
        return ""
    named = [
        f"{_name(each.name, each.guild_id, _SHORT_NAME_CHARS)} ({_short(each.previous_n)})"
        for each in quiet[:_MOST_QUIET]
    ]
    rest = len(quiet) - len(named)
    names = ", ".join(named) + (f" and {text.count(rest)} more" if rest else "")
    n = len(quiet)
    servers = f"{text.count(n)} {text.plural(n, 'server that was', 'servers that were')}"
    return f"{servers} busy {before} used nothing: {names}"


# -- commands ----------------------------------------------------------------------------------------------------------


def _unused(unused: Sequence[UnusedCommand], now: datetime) -> str:
    once = [
        f"{text.code_name(each.command)} {max((now - each.last_used).days, 0)} d"
        for each in unused
        if each.last_used is not None
    ]
    never = [text.code_name(each.command) for each in unused if each.last_used is None]
    lines = [" · ".join(_some(once))] if once else []
    if never:
        lines.append(f"never used: {' · '.join(_some(never))}")
    return "\n".join(lines)


def _some(words: Sequence[str]) -> list[str]:
    rest = len(words) - _MOST_UNUSED
    return [*words[:_MOST_UNUSED], *([f"{text.count(rest)} more"] if rest > 0 else [])]


# -- growth ------------------------------------------------------------------------------------------------------------


def _weeks(weeks: Sequence[Week]) -> str:
    has_servers = all(week.servers is not None for week in weeks)
    rows = [("week of", "came", "left", "servers")]
    rows += [
        (short_day(week.first_day), text.compact(week.came), text.compact(week.left), text.compact(week.servers or 0))
        for week in weeks
    ]
    return table(rows if has_servers else [row[:3] for row in rows])


def _retained(retained: Sequence[Retained]) -> str:
    if not any(each.of for each in retained):
        return f"Nothing to tell yet: no server came within {RETENTION_DAYS} days and has been there for a day."
    lines = [_kept(each) for each in retained]
    return "\n".join(
        [*lines, f"-# of those that came in the last {RETENTION_DAYS} days: still there, and used a command since"]
    )


def _kept(retained: Retained) -> str:
    days = f"after {retained.days} {text.plural(retained.days, 'day', 'days')}"
    if not retained.of:
        return f"{text.NONE} {days} (none came that long ago)"
    share = text.percent(retained.n / retained.of)
    return f"**{share}** {days} ({text.count(retained.n)} of {text.count(retained.of)})"


def _losses(growth: Growth) -> str:
    lines = [_loss(loss) for loss in growth.losses]
    rest = growth.lost - len(growth.losses)
    return "\n".join([*lines, *([f"and {text.count(rest)} more"] if rest > 0 else [])])


def _loss(loss: Loss) -> str:
    members = f" · {text.count(loss.members)} {text.plural(loss.members, 'member', 'members')}" if loss.members else ""
    head = f"**{_name(loss.name, loss.guild_id)}**{members}\n-# left {at(loss.left_at, 'R')}, after"
    if loss.last_used is None:
        return f"{head} {LOSS_DAYS} days without a command"
    commands = text.listed([text.code_name(name) for name in loss.last_commands], len(loss.last_commands))
    n = f"{text.count(loss.n)} {text.plural(loss.n, 'command', 'commands')} in {LOSS_DAYS} days"
    return f"{head} {n}; last {commands} on {short_day(loss.last_used)}"
