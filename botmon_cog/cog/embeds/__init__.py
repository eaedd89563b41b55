"""Reports as Discord shows them. Pure: a report and the time go in, an embed within Discord's limits comes out."""

from botmon_cog.cog.embeds.alerts import alerts_history, alerts_list, muted, unmuted
from botmon_cog.cog.embeds.details import health_details
from botmon_cog.cog.embeds.error_details import error_details
from botmon_cog.cog.embeds.error_text import error_text
from botmon_cog.cog.embeds.errors import MOST_KINDS, errors_list, short_title
from botmon_cog.cog.embeds.health import Glance, health
from botmon_cog.cog.embeds.health_admin import (
    AdminView,
    ServerHour,
    changes_for_admins,
    details_for_admins,
    health_for_admins,
)
from botmon_cog.cog.embeds.history import Change, changes_for_owners, health_history
from botmon_cog.cog.embeds.notice import notice, plain
from botmon_cog.cog.embeds.performance import performance, performance_heading
from botmon_cog.cog.embeds.statistics import statistics, statistics_heading
from botmon_cog.discord_ui.parts import GREEN, NEUTRAL, RED, YELLOW, clamp, short_embed, status_colour

__all__ = [
    "GREEN",
    "MOST_KINDS",
    "NEUTRAL",
    "RED",
    "YELLOW",
    "AdminView",
    "Change",
    "Glance",
    "ServerHour",
    "alerts_history",
    "alerts_list",
    "changes_for_admins",
    "changes_for_owners",
    "clamp",
    "details_for_admins",
    "error_details",
    "error_text",
    "errors_list",
    "health",
    "health_details",
    "health_for_admins",
    "health_history",
    "muted",
    "notice",
    "performance",
    "performance_heading",
    "plain",
    "short_embed",
    "short_title",
    "statistics",
    "statistics_heading",
    "status_colour",
    "unmuted",
]
