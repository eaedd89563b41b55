"""The app commands: each asks a monitor, has the answer drawn, and sends it."""

from __future__ import annotations

from typing import Any

from discord import app_commands

from botmon_cog.cog.commands.alerts import alerts_group
from botmon_cog.cog.commands.desk import Desk
from botmon_cog.cog.commands.health import health_command
from botmon_cog.cog.commands.perf import perf_command
from botmon_cog.cog.commands.stats import stats_group
from botmon_cog.config import CommandsConfig

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group


def make_commands(desk: Desk, names: CommandsConfig) -> dict[str, AnyCommand]:
    """The commands by their configuration key, under the configured names; without those that have an empty name."""
    made: dict[str, AnyCommand] = {}
    if names.health:
        made["health"] = health_command(desk, names.health)
    if names.stats:
        made["stats"] = stats_group(desk, names.stats)
    if names.perf:
        made["perf"] = perf_command(desk, names.perf)
    if names.alerts:
        made["alerts"] = alerts_group(desk, names.alerts)
    for key, command in made.items():
        command.default_permissions = Desk.NOBODY if key == "alerts" else Desk.ADMINS
        command.allowed_contexts = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
        command.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
    return made
