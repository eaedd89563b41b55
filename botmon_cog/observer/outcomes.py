"""What discord.py raised, to an outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import discord
from discord import app_commands
from discord.ext import commands

from botmon_cog.domain.outcome import Outcome

UNKNOWN_INTERACTION = 10062
"""Discord's answer to a response after 3 s."""

_WRAPPERS = (app_commands.CommandInvokeError, commands.CommandInvokeError, commands.HybridCommandError)

_FAULTS = (
    # Discord knows a command that the bot does not, or knows it differently: the tree was not synced.
    app_commands.CommandNotFound,
    app_commands.CommandSignatureMismatch,
    # A converter that crashed; a value that it rejects is a BadArgument.
    commands.ConversionError,
)


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


def is_late(error: BaseException) -> bool:
    """Whether Discord refused a response because its 3 s were over."""
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_INTERACTION


def outcome_of(error: BaseException) -> Outcome:
    """The outcome of an invocation that ended with this error.

    The user's fault is whatever discord.py or the host raises as a command error of its own kind: checks, cooldowns,
    bad arguments, missing permissions, a host's `class NotInVoice(AppCommandError)`. All else is the bot's fault.
    """
    cause = root_cause(error)
    if is_late(cause):
        return Outcome.LATE
    if isinstance(cause, _FAULTS) or type(cause) in {app_commands.AppCommandError, commands.CommandError}:
        return Outcome.ERROR
    if isinstance(cause, app_commands.AppCommandError | commands.CommandError):
        return Outcome.USER_ERROR
    return Outcome.ERROR
