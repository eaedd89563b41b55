"""Our commands: the one table of what there is, who gets an answer, and where it is offered."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import discord
from discord import app_commands

from botmon_cog.cog.commands.botmon import botmon_group
from botmon_cog.cog.commands.health import health_command
from botmon_cog.cog.commands.perf import perf_command
from botmon_cog.cog.commands.stats import stats_group
from botmon_cog.config import CommandsConfig
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.privacy.command import privacy_command

AnyCommand = app_commands.Command[Any, ..., Any] | app_commands.Group
Audience = Literal["admins", "owners", "everyone"]

_DEFAULT_PERMISSIONS: dict[Audience, discord.Permissions | None] = {
    "admins": Responder.ADMINS,
    "owners": Responder.NOBODY,
    "everyone": None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """One command at the top level.

    Attributes:
        key: its key in `[commands]`, and its name unless that says otherwise.
        audience: the admins of a server, for that server; only the bot's owners; or everyone, for themselves.
        in_servers: whether it is offered in servers.
        in_dms: whether it is offered in direct messages with the bot.
        build: makes the command under a name.
    """

    key: str
    audience: Audience
    in_servers: bool = True
    in_dms: bool = True
    build: Callable[[Responder, str], AnyCommand]


COMMANDS = (
    CommandSpec(key="health", audience="admins", build=health_command),
    CommandSpec(key="stats", audience="admins", build=stats_group),
    CommandSpec(key="perf", audience="admins", build=perf_command),
    CommandSpec(key="privacy", audience="everyone", build=privacy_command),
    CommandSpec(key="botmon", audience="owners", build=botmon_group),
)
"""The most useful first: where there is no room for all of them, the last goes first."""


def make_commands(responder: Responder, config: CommandsConfig) -> dict[str, AnyCommand]:
    """The commands by their key, under the configured names; without those that have an empty name."""
    names = {spec.key: getattr(config, spec.key) for spec in COMMANDS}
    return {spec.key: make_command(spec, responder, names[spec.key]) for spec in COMMANDS if names[spec.key]}


def make_command(spec: CommandSpec, responder: Responder, name: str) -> AnyCommand:
    """One of them, with its permissions and places."""
    command = spec.build(responder, name)
    command.default_permissions = _DEFAULT_PERMISSIONS[spec.audience]
    command.allowed_contexts = app_commands.AppCommandContext(
        guild=spec.in_servers, dm_channel=spec.in_dms, private_channel=False
    )
    command.allowed_installs = app_commands.AppInstallationType(guild=True, user=False)
    return command
