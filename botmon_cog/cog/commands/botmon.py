"""/botmon: what concerns all servers. The owners' alone."""

from __future__ import annotations

import discord
from discord import app_commands

from botmon_cog.cog.commands.alerts import alerts_group
from botmon_cog.cog.commands.errors import errors_command
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.export.commands import export_button
from botmon_cog.growth.command import overview_command
from botmon_cog.metrics.command import metrics_command
from botmon_cog.setup_check.views import check_command


def botmon_group(responder: Responder, name: str) -> app_commands.Group:
    group = app_commands.Group(
        name=name,
        description="For the bot's owners: all servers, alerts, errors by their cause, metrics, and the set-up",
    )
    group.add_command(overview_command(responder, "overview", export_of_all))
    group.add_command(alerts_group(responder, "alerts"))
    group.add_command(errors_command(responder, "errors"))
    group.add_command(metrics_command(responder, "metrics"))
    group.add_command(check_command(responder, "check"))
    return group


def export_of_all(period: str) -> list[discord.ui.Button[discord.ui.View]]:
    """Beside a report of all servers."""
    return export_button(period, None)
