"""Growth as a chart. Pure: values go in, values come out."""

from __future__ import annotations

from botmon_cog.charts.values import GrowthChart
from botmon_cog.discord_ui.parts import short_day, zone_city
from botmon_cog.domain import text
from botmon_cog.growth.values import Growth


def growth_chart(growth: Growth) -> GrowthChart:
    """Servers by week: how many there were, how many came and left."""
    return GrowthChart(
        title=_title(growth),
        about=f"By week, {zone_city(growth.period)}",
        labels=tuple(short_day(week.first_day) for week in growth.weeks),
        came=tuple(week.came for week in growth.weeks),
        left=tuple(week.left for week in growth.weeks),
        totals=tuple(week.servers for week in growth.weeks),
    )


def _title(growth: Growth) -> str:
    weeks, net = len(growth.weeks), growth.came - growth.left
    if growth.servers is None:
        return f"{text.count(growth.came)} servers came, {text.count(growth.left)} left in {weeks} weeks"
    servers = f"{text.count(growth.servers)} {text.plural(growth.servers, 'server', 'servers')}"
    if not net:
        return f"{servers}, as many as {weeks} weeks ago"
    return f"{servers}, {'▲' if net > 0 else '▼'} {text.count(abs(net))} in {weeks} weeks"
