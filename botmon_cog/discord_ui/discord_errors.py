"""What an error of discord.py means for a way."""

from __future__ import annotations

import aiohttp
import discord

UNREACHED = (discord.HTTPException, aiohttp.ClientError, OSError)
"""What sending through discord.py raises where it did not arrive."""

_TOO_MANY = 429
_FAULTS_OF_DISCORD = 500
_CLOSED = frozenset({403, 404})
_TOO_LATE = frozenset({10062, 40060})
"""Discord's codes: it no longer knows the interaction, or another process answered it."""


def is_worth_retrying(error: Exception) -> bool:
    if not isinstance(error, discord.HTTPException):
        return True
    return error.status == _TOO_MANY or error.status >= _FAULTS_OF_DISCORD


def is_final(error: Exception) -> bool:
    """Whether the way is closed, not only this message refused."""
    return isinstance(error, discord.HTTPException) and error.status in _CLOSED


def in_words(error: Exception) -> str:
    """Without the URL that the error of a connection may name."""
    if isinstance(error, discord.HTTPException):
        return f"{error.text or error.status} (code {error.code})"
    return f"Discord was not reached ({type(error).__name__})"


def is_too_late(error: Exception) -> bool:
    """Whether Discord takes no answer to an interaction any more, which is nobody's fault."""
    return isinstance(error, discord.HTTPException) and error.code in _TOO_LATE
