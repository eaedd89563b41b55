"""Which permission the bot lacks, where Discord refused something: its answer does not say."""

from __future__ import annotations

import re
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

_MISSING_ACCESS = 50001
_MISSING_PERMISSIONS = 50013
_CHECKED = (app_commands.BotMissingPermissions, commands.BotMissingPermissions)

# What each route asks for. A member's PATCH may be a nickname, a time-out or a move, so it is not among them.
_ROUTES: tuple[tuple[str, re.Pattern[str], str], ...] = tuple(
    (methods, re.compile(rf"/{pattern}/?$"), permission)
    for methods, pattern, permission in (
        ("PUT DELETE", r"channels/\d+/pins/\d+", "Pin Messages"),
        ("PUT DELETE", r"channels/\d+/messages/pins/\d+", "Pin Messages"),
        ("PUT", r"channels/\d+/messages/\d+/reactions/[^/]+/@me", "Add Reactions"),
        ("DELETE", r"channels/\d+/messages/\d+(/reactions.*)?", "Manage Messages"),
        ("POST", r"channels/\d+/messages/bulk-delete", "Manage Messages"),
        ("POST", r"channels/\d+/messages/\d+/crosspost", "Send Messages"),
        ("POST", r"channels/\d+/messages", "Send Messages"),
        ("POST", r"channels/\d+/(messages/\d+/)?threads", "Create Threads"),
        ("GET POST", r"channels/\d+/webhooks", "Manage Webhooks"),
        ("POST", r"channels/\d+/invites", "Create Invite"),
        ("PUT DELETE", r"channels/\d+/permissions/\d+", "Manage Roles"),
        ("PATCH DELETE", r"channels/\d+", "Manage Channels"),
        ("POST PATCH", r"guilds/\d+/channels", "Manage Channels"),
        ("GET PUT DELETE", r"guilds/\d+/bans(/\d+)?", "Ban Members"),
        ("POST", r"guilds/\d+/bulk-ban", "Ban Members"),
        ("DELETE", r"guilds/\d+/members/\d+", "Kick Members"),
        ("PUT DELETE", r"guilds/\d+/members/\d+/roles/\d+", "Manage Roles"),
        ("POST PATCH DELETE", r"guilds/\d+/roles(/\d+)?", "Manage Roles"),
        ("POST PATCH DELETE", r"guilds/\d+/(emojis|stickers)(/\d+)?", "Manage Expressions"),
        ("POST PATCH DELETE", r"guilds/\d+/scheduled-events(/\d+)?", "Manage Events"),
        ("GET", r"guilds/\d+/audit-logs", "View Audit Log"),
        ("PATCH", r"guilds/\d+", "Manage Server"),
    )
)


def lacking(error: BaseException | None) -> str | None:
    """As people know them: `Manage Messages, Ban Members`; None where neither the error nor its route tells."""
    if isinstance(error, _CHECKED):
        return ", ".join(map(_in_words, error.missing_permissions)) or None
    if not isinstance(error, discord.HTTPException):
        return None
    if error.code == _MISSING_ACCESS:
        return "View Channel"
    if error.code != _MISSING_PERMISSIONS:
        return None
    response: Any = error.response  # of aiohttp or requests
    method, path = str(getattr(response, "method", "")), str(getattr(getattr(response, "url", ""), "path", ""))
    return next((words for methods, of, words in _ROUTES if method in methods.split() and of.search(path)), None)


def _in_words(permission: str) -> str:
    """discord.py's name as Discord's settings have it."""
    return permission.replace("guild", "server").replace("_", " ").title()
