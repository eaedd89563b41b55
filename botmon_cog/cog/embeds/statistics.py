"""The answer to `/stats`: what a guild did, and how that compares."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timedelta

import discord

from botmon_cog.discord_ui.notable import not_run, notable
from botmon_cog.discord_ui.parts import (
    MONTHS,
    NEUTRAL,
    TABLE_COLUMNS,
    WEEKDAYS,
    clamp,
    code_block,
    day,
    days_of,
    headed,
    more,
    short_day,
    span,
    zone_city,
)
from botmon_cog.domain import cells, text
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import FailureSummary, Period, SongCounts, StatisticsReport
from botmon_cog.domain.reports.errors import Refusal

_MOST_ROWS = 8
_SHORTEST_BAR = 3
_LONGEST_BAR = 14
_WEEK = 7
_HOUR = timedelta(hours=1)
_HOURS, _LONGEST_DAY = 24, 25
_BLANK = "\u00a0"  # where a plain space would let a narrow phone break the line
_HOUR_LABELS = "0     6     12    18"
_MOST_REFUSALS = 5
_MOST_SONGS = 5
_LONGEST_SONG = 45


def statistics(
    report: StatisticsReport,
    now: datetime,
    failures: FailureSummary | None = None,
    columns: int = TABLE_COLUMNS,
) -> discord.Embed:
    """Today, the last 7 or 30 days, or any other run of days; of one guild, or of all.

    `columns`: of a code block, at the most.
    """
    embed = statistics_heading(report, now)
    if report.is_empty:
        embed.description = _empty(report)
        return clamp(embed)
    embed.description = "\n".join([f"{_span(report.period, now)}\n", *_totals(report, failures)])
    if any(command.executed for command in report.commands):
        embed.add_field(name="Commands", value=_command_table(report, columns), inline=False)
    if report.hours:
        name, strip = _by_hour(report) if len(days_of(report.period)) == 1 else _by_day(report, columns)
        embed.add_field(name=name, value=strip, inline=False)
        embed.add_field(name="Busiest", value=_busiest(report))
    if report.total_songs or report.total_skips or report.total_pauses:
        embed.add_field(name="Music", value=_music(report))
    if report.top_songs:
        embed.add_field(name="Top songs", value=_top_songs(report.top_songs), inline=False)
    if failures is not None and failures.refusals:
        embed.add_field(name="Permissions missing here", value=_refused(failures.refusals), inline=False)
    remarks = notable(report)
    if remarks:
        embed.add_field(name="Worth a look", value="\n".join(remarks), inline=False)
    embed.set_footer(text=_compared(report))
    return clamp(embed)


def statistics_heading(report: StatisticsReport, now: datetime) -> discord.Embed:
    """The title alone, above a chart."""
    where = "all servers" if report.guild_id is None else text.plain(report.guild_name or "this server", 100)
    return clamp(discord.Embed(title=f"{_title(report.period, now)} in {where}", colour=NEUTRAL))


# -- words -------------------------------------------------------------------------------------------------------------


def _title(period: Period, now: datetime) -> str:
    days = days_of(period)
    if period.name == "week":
        return "The week"
    if period.name == "month":
        return MONTHS[days[-1].month - 1]
    if len(days) > 1:
        return f"Last {len(days)} days"
    return "Today" if period.local(now).date() == days[0] else day(days[0])


def _span(period: Period, now: datetime) -> str:
    is_running = period.start <= now < period.end and len(days_of(period)) == 1
    return span(period) + (", so far" if is_running else "")


def _empty(report: StatisticsReport) -> str:
    more = "Commands, people, the busiest hour and music appear here as soon as somebody uses a command."
    if report.first_seen is None and not report.previous_commands:
        return f"Nothing recorded yet.\n{more}"
    lines = [f"No command was used in this time ({span(report.period)})."]
    if report.previous_commands:
        n = report.previous_commands
        lines.append(
            f"{headed(_before(report.period))} had **{text.count(n)}** {text.plural(n, 'command', 'commands')}."
        )
    return "\n".join([*lines, more])


def _before(period: Period) -> str:
    """What the period is compared with."""
    days = len(days_of(period))
    if days == 1:
        return "the day before"
    return "the week before" if days == _WEEK else f"the {days} days before"


def _compared(report: StatisticsReport) -> str:
    first, period = report.first_seen, report.period
    if not report.previous_commands:
        is_new = first is None or first >= period.start
        since = period.local(first or period.start).date()
        return f"counting since {day(since)}" if is_new else f"{_before(period)} had no commands"
    words = f"compared with {_before(period)}"
    if period.local(period.start).date() == period.local(period.end).date():
        words += ", same hours"
    if first is not None and period.local(first).date() > period.local(report.previous.start).date():
        words += f"\n(on record only since {day(period.local(first).date())})"
    return words


# -- numbers -----------------------------------------------------------------------------------------------------------


def _totals(report: StatisticsReport, failures: FailureSummary | None) -> list[str]:
    has_past = report.previous_commands > 0
    n, users = report.total_commands, report.unique_users
    more = text.change(n, report.previous_commands) if has_past else ""
    people = text.change(users, report.previous_users, absolute=True) if has_past and report.previous_users else ""
    lines = [
        f"**{text.count(n)}** {text.plural(n, 'command', 'commands')}  {more}".rstrip(),
        f"**{text.count(users)}** {text.plural(users, 'person', 'people')}  {people}".rstrip(),
    ]
    rates = text.share_change(report.fault_rate, report.previous_fault_rate) if has_past else ""
    if report.faults or (report.previous_fault_rate or 0) > 0:
        failed = f"**{text.percent(report.fault_rate)}** failed"
        lines.append(f"{failed} ({text.count(report.faults)})  {rates}".rstrip())
    elif report.fault_rate is not None:
        lines[0] += ", none failed"
    if report.outcomes.crashed:
        lines.append(f"{text.count(report.outcomes.crashed)} {Outcome.CRASHED.words}")
    if failures is not None:
        lines += _explained(report, failures)
    if beside := not_run(report.outcomes):
        lines.append(f"-# Beside these: {', '.join(beside)}")
    return lines


def _explained(report: StatisticsReport, failures: FailureSummary) -> list[str]:
    """Who knows why commands failed, and where it can be read."""
    where = "" if failures.errors_command is None else f": {text.inline_code(failures.errors_command)}"
    if report.guild_id is None:
        if not failures.kinds:
            return []
        more = "" if failures.is_complete else " or more"
        told = f"{text.count(failures.kinds)}{more} {text.plural(failures.kinds, 'kind', 'kinds')} of errors"
        states = {"new": failures.new_kinds, "came back": failures.returned_kinds}
        counted = ", ".join(f"{text.count(n)} {state}" for state, n in states.items() if n)
        return [f"-# {', '.join(filter(None, (told, counted)))}{where}"]
    n = report.faults + report.outcomes.crashed
    if not n:
        return []
    failed = f"{text.count(n)} {text.plural(n, 'command', 'commands')} failed here"
    if failures.is_for_owner:
        return [f"-# {failed}{where}"] if where else []
    return [f"-# {failed}; the owner {'knows' if failures.has_alerts else 'can see why'}"]


def _refused(refusals: Sequence[Refusal]) -> str:
    """What the bot lacks in this server, which its admins can give."""
    lines = [
        f"{text.code_name(found.command)} lacks *{text.plain(found.lacks or '', 80)}* here ({text.count(found.n)}×)"  # noqa: RUF001
        for found in refusals[:_MOST_REFUSALS]
    ]
    return "\n".join([*lines, *more(refusals, _MOST_REFUSALS)])


def _command_table(report: StatisticsReport, columns: int) -> str:
    commands = [c for c in report.commands if c.executed]
    shown, rest = commands[:_MOST_ROWS], commands[_MOST_ROWS:]
    has_past = report.previous_commands > 0
    names = [text.block_text(c.command, columns) for c in shown]
    counts = [cells.count(c.executed) for c in shown]
    changes = [
        cells.change(c.executed, report.previous_by_command.get(c.command, 0)) if has_past else "" for c in shown
    ]
    if rest:
        names.append(f"+{cells.count(len(rest))} more")
        counts.append(cells.count(sum(c.executed for c in rest)))
        changes.append("")
    digits, last = max(map(len, counts)), max(map(len, changes))
    free = columns - digits - 2 - (last + 1 if last else 0)
    width = min(max(map(text.columns, names)), free - _SHORTEST_BAR)
    largest = max(c.executed for c in shown)
    bars = [text.bar(c.executed, largest, min(free - width, _LONGEST_BAR)) for c in shown] + ([""] if rest else [])
    return code_block(
        [
            f"{text.pad(text.block_text(name, width), width)} {n:>{digits}} {bar:<{free - width}} {change:>{last}}"
            for name, n, bar, change in zip(names, counts, bars, changes, strict=True)
        ]
    )


def _by_day(report: StatisticsReport, columns: int) -> tuple[str, str]:
    days = days_of(report.period)
    per_day: Counter[date] = Counter()
    for hour in report.hours:
        per_day[report.period.local(hour.start).date()] += hour.n
    largest = max(per_day[d] for d in days)
    rows: list[list[date]] = []
    for each in days:
        if not rows or len(rows[-1]) == _WEEK:
            rows.append([])
        rows[-1].append(each)
    labels = [f"{short_day(row[0]):<8}" if columns >= TABLE_COLUMNS else f"{row[0].day:>2} " for row in rows]
    if len(rows) == 1:
        labels = [""]
    heading = " " * len(labels[0]) + " ".join(WEEKDAYS[d.weekday()][:2] for d in rows[0])
    lines = [
        label + " ".join(_block(per_day[d], largest) for d in row) for label, row in zip(labels, rows, strict=True)
    ]
    top = max(days, key=lambda d: per_day[d])
    when = WEEKDAYS[top.weekday()] if len(days) <= _WEEK else day(top)
    block = code_block([*lines, heading] if len(rows) == 1 else [heading, *lines])
    return f"By day, most on {when}: {text.count(per_day[top])}", block


def _block(n: int, largest: int) -> str:
    return text.step(n, largest) * 2 if n > 0 else " ·"


def _by_hour(report: StatisticsReport) -> tuple[str, str]:
    """By hour of the clock: one that came twice has both, one that clocks skipped or that is to come stays blank."""
    period = report.period
    per_hour: Counter[int] = Counter()
    for hour in report.hours:
        per_hour[period.local(hour.start).hour] += hour.n
    largest = max(per_hour.values())
    hours = min(math.ceil((period.end - period.start) / _HOUR), _LONGEST_DAY)
    passed = {period.local(period.start + n * _HOUR).hour for n in range(hours)}
    blocks = "".join(
        text.step(per_hour[h], largest) if per_hour[h] > 0 else "·" if h in passed else _BLANK for h in range(_HOURS)
    )
    return f"By hour, {zone_city(period)}", code_block([blocks, _HOUR_LABELS])


def _busiest(report: StatisticsReport) -> str:
    period = report.period
    per_hour: Counter[datetime] = Counter()
    for hour in report.hours:
        per_hour[period.local(hour.start).replace(tzinfo=None, fold=0)] += hour.n
    top, n = max(per_hour.items(), key=lambda item: item[1])
    when = f"{top:%H:%M}" + (" UTC" if period.timezone == "UTC" else "")
    days = len(days_of(period))
    if days > 1:
        when = f"{WEEKDAYS[top.weekday()] if days <= _WEEK else short_day(top.date())} {when}"
    return f"{when}\n{text.count(n)} {text.plural(n, 'command', 'commands')}"


def _music(report: StatisticsReport) -> str:
    n = report.total_songs
    lines = [f"**{text.count(n)}** {text.plural(n, 'song', 'songs')}"]
    if report.total_playtime_s > 0:
        lines.append(text.duration(report.total_playtime_s))
    if report.skip_rate is not None and report.total_skips:
        moved = text.share_change(report.skip_rate, report.previous_skip_rate)
        lines.append(f"{text.percent(report.skip_rate)} skipped {moved}".rstrip())
    elif report.total_skips:
        lines.append(f"{text.count(report.total_skips)} skipped")
    if report.total_pauses:
        lines.append(f"{text.count(report.total_pauses)} {text.plural(report.total_pauses, 'pause', 'pauses')}")
    return "\n".join(lines)


def _top_songs(songs: Sequence[SongCounts]) -> str:
    shown = songs[:_MOST_SONGS]
    return "\n".join(f"**{text.count(song.n)}×** {text.plain(song.title, _LONGEST_SONG)}" for song in shown)  # noqa: RUF001
