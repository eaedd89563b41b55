"""Reports as Discord shows them. Pure: a report and the time go in, an embed within Discord's limits comes out."""

from botmon_cog.cog.embeds.health import Glance, health, health_details
from botmon_cog.cog.embeds.news import alert, notice, recovery
from botmon_cog.cog.embeds.parts import GREEN, NEUTRAL, RED, YELLOW, clamp, status_colour
from botmon_cog.cog.embeds.performance import performance
from botmon_cog.cog.embeds.statistics import statistics

__all__ = [
    "GREEN",
    "NEUTRAL",
    "RED",
    "YELLOW",
    "Glance",
    "alert",
    "clamp",
    "health",
    "health_details",
    "notice",
    "performance",
    "recovery",
    "statistics",
    "status_colour",
]
