"""The owners' `/health` in numbers: every component that is watched."""

from __future__ import annotations

from datetime import datetime

import discord

from botmon_cog.cog.embeds.health import (
    Components,
    Glance,
    commands,
    explanation,
    fleet_lines,
    footer,
    headline,
)
from botmon_cog.cog.embeds.reasons import one_line
from botmon_cog.cog.embeds.strips import joined, uptime_items
from botmon_cog.discord_ui.parts import clamp, more, status_colour
from botmon_cog.domain import text
from botmon_cog.domain.reports import HealthReport

_MOST_RULES = 5
_MOST_PROCESSES = 8
_NOT_KNOWN = "not known yet"


def health_details(report: HealthReport, components: Components, glance: Glance, now: datetime) -> discord.Embed:
    embed = discord.Embed(
        title=headline(report, glance),
        description="\n".join([*explanation(report, glance), *fleet_lines(report, glance)]),
        colour=status_colour(report.overall_status),
    )
    for name, found in report.components.items():
        component = components.get(name)
        lines = [] if component is None or found.sample is None else [*component.numbers(found.sample, now)]
        lines += [] if found.unread is None else [one_line(found.unread)]
        title = text.plain(name) if component is None else component.title
        value = "\n".join(filter(None, lines)) or _NOT_KNOWN
        embed.add_field(name=f"{text.status_emoji(found.status)} {title}", value=value, inline=False)
    if report.rules:
        lines = [f"{text.status_emoji(rule.severity)} {one_line(rule.reason)}" for rule in report.rules[:_MOST_RULES]]
        embed.add_field(name="Rules", value="\n".join(lines + more(report.rules, _MOST_RULES)), inline=False)
    if len(glance.fleet.processes) > 1:
        embed.add_field(name="Processes", value="\n".join(_processes(glance)), inline=False)
    up = [f"up {text.duration(report.uptime_s)}"] if report.uptime_s > 0 else []
    up += filter(None, [joined(uptime_items(glance.uptimes))])
    if up:
        embed.add_field(name="Uptime", value="\n".join(up), inline=False)
    if glance.scope is not None and glance.commands_1h is not None:
        counts = ", ".join(commands(glance.commands_1h, glance.scope))
        embed.add_field(name=f"In {text.plain(glance.scope, 60)}", value=counts, inline=False)
    embed.set_footer(text=footer(report, now))
    return clamp(embed)


def _processes(glance: Glance) -> list[str]:
    processes = glance.fleet.processes
    lines: list[str] = []
    for each in processes[:_MOST_PROCESSES]:
        reason = "" if each.reason is None else f": {one_line(each.reason)}"
        lines.append(f"{text.status_emoji(each.status)} {text.plain(each.instance, 40)}{reason}")
    return lines + more(processes, _MOST_PROCESSES)
