"""What discord.py raised, to an outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.outcome import Outcome

UNKNOWN_INTERACTION = 10062
"""Discord's answer to a response after 3 s, and now and then where another process with the same token was faster."""
ACKNOWLEDGED = 40060
"""Discord's answer to a first response where there is one already."""

REFUSALS = frozenset(
    {
        10003,  # Unknown Channel
        10004,  # Unknown Guild
        10007,  # Unknown Member
        10008,  # Unknown Message
        10011,  # Unknown Role
        10013,  # Unknown User
        40333,  # Interaction blocked
        50001,  # Missing Access
        50007,  # Cannot send messages to this user
        50009,  # Channel verification level is too high
        50013,  # Missing Permissions
        50083,  # Thread is archived
        50278,  # No mutual guilds
        160005,  # Thread is locked
        200000,  # Message blocked by AutoMod
        200001,  # Title blocked by AutoMod
        240000,  # Message blocked by the server's harmful links filter
    }
)
"""Discord's codes for what a server has not allowed, or what is gone: that server's business, not the bot's fault."""

_WRAPPERS = (app_commands.CommandInvokeError, commands.CommandInvokeError, commands.HybridCommandError)

_FAULTS = (
    # Discord knows a command that the bot does not, or knows it differently: the tree was not synced.
    app_commands.CommandNotFound,
    app_commands.CommandSignatureMismatch,
    # A converter that crashed; a value that it rejects is a BadArgument.
    commands.ConversionError,
)
_BY_SERVER = (
    app_commands.BotMissingPermissions,
    commands.BotMissingPermissions,
    commands.BotMissingRole,
    commands.BotMissingAnyRole,
)
_MISUSES = (app_commands.CommandOnCooldown,)
"""Checks that do not say who may, but how often."""
_CHECKS = (app_commands.CheckFailure, commands.CheckFailure, commands.DisabledCommand)


def root_cause(error: BaseException) -> BaseException:
    """What was raised in the first place, without discord.py's wrapping."""
    while isinstance(error, _WRAPPERS):
        error = error.original
    return error


def failure_in(event: Iterable[object]) -> tuple[discord.Interaction[Any] | None, Exception | None]:
    """What the arguments of `app_command_error` say: (interaction, error), the command between them or not."""
    interaction = error = None
    for value in event:
        if isinstance(value, discord.Interaction):
            interaction = cast("discord.Interaction[Any]", value)
        elif isinstance(value, Exception):
            error = value
    return interaction, error


def is_unknown_interaction(error: BaseException) -> bool:
    """Whether Discord refused a response because it does not know its interaction, or does not any more."""
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION


def is_acknowledged(error: BaseException) -> bool:
    """Whether Discord refused a first response because the interaction has one."""
    return isinstance(error, discord.HTTPException) and error.code == ACKNOWLEDGED


def outcome_of(error: BaseException) -> Outcome:  # noqa: PLR0911 (a case each)
    """The outcome of an invocation that ended with this error, as far as the error alone tells.

    Whatever discord.py or the host raises as a command error of its own kind is no fault of the bot: checks, cooldowns,
    bad arguments, a host's `class NotInVoice(AppCommandError)`. So is what Discord refuses. All else is one.
    """
    cause = root_cause(error)
    if is_unknown_interaction(cause):
        return Outcome.LATE
    if isinstance(cause, discord.HTTPException) and cause.code in REFUSALS:
        return Outcome.REFUSED
    if isinstance(cause, _FAULTS) or type(cause) in {app_commands.AppCommandError, commands.CommandError}:
        return Outcome.ERROR
    if isinstance(cause, _BY_SERVER):
        return Outcome.REFUSED
    if isinstance(cause, _CHECKS) and not isinstance(cause, _MISUSES):
        return Outcome.DENIED
    if isinstance(cause, app_commands.AppCommandError | commands.CommandError):
        return Outcome.USER_ERROR
    return Outcome.ERROR
