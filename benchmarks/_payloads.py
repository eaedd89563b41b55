"""What Discord would send: guilds, and slash commands with all that comes along with them."""

from __future__ import annotations

import random
import time
from typing import Any

Payload = dict[str, Any]

BOT_ID = 1_050_000_000_000_000_001
GUILDS = 200

_DISCORD_EPOCH_MS = 1_420_070_400_000
_FIRST_GUILD = 900_000_000_000_000_000
_FIRST_USER = 200_000_000_000_000_000
_USERS_PER_GUILD = 25
_CHANNELS_PER_GUILD = 12
_PERMISSIONS = "2248473465835073"
_STRING, _INTEGER, _USER, _SUB_COMMAND = 3, 4, 6, 1
_DELAYS_MS = (20, 180)
"""How long the gateway takes to bring an interaction."""


def user(user_id: int, *, bot: bool = False) -> Payload:
    return {
        "id": str(user_id),
        "username": f"user{user_id % 100_000}",
        "global_name": "Somebody",
        "discriminator": "0",
        "avatar": "8342729096ea3675442027381ff50dfe",
        "public_flags": 0,
        "bot": bot,
    }


def member(user_id: int) -> Payload:
    return {
        "user": user(user_id),
        "roles": ["1"],
        "joined_at": "2023-04-01T12:00:00.000000+00:00",
        "premium_since": None,
        "nick": None,
        "avatar": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
        "permissions": _PERMISSIONS,
        "communication_disabled_until": None,
    }


def guild(number: int) -> Payload:
    guild_id = _FIRST_GUILD + number * 1_000
    return {
        "id": str(guild_id),
        "name": f"Guild {number}",
        "owner_id": str(_FIRST_USER),
        "unavailable": False,
        "member_count": _USERS_PER_GUILD,
        "roles": [{"id": str(guild_id + i), "name": f"role {i}", "permissions": "104324673"} | _ROLE for i in range(8)],
        "emojis": [],
        "stickers": [],
        "features": ["COMMUNITY"],
        "channels": [_channel(guild_id, i) for i in range(1, _CHANNELS_PER_GUILD + 1)],
        "threads": [],
        "voice_states": [],
        "presences": [],
        "members": [member(BOT_ID)],
        "premium_tier": 0,
        "preferred_locale": "en-US",
        "verification_level": 1,
        "explicit_content_filter": 0,
        "default_message_notifications": 1,
        "nsfw_level": 0,
        "mfa_level": 0,
        "system_channel_flags": 0,
        "afk_timeout": 300,
    }


_ROLE: Payload = {"color": 0, "colors": {"primary_color": 0}, "hoist": False, "position": 1, "managed": False}


def _channel(guild_id: int, number: int) -> Payload:
    return {
        "id": str(guild_id + 100 + number),
        "type": 0,
        "name": f"channel-{number}",
        "position": number,
        "permission_overwrites": [],
        "parent_id": None,
        "topic": None,
        "nsfw": False,
        "rate_limit_per_user": 0,
        "last_message_id": None,
    }


def _option(name: str, kind: int, value: object) -> Payload:
    return {"name": name, "type": kind, "value": value}


def _command(name: str, *options: Payload, resolved: Payload | None = None) -> Payload:
    data: Payload = {"id": str(1_100_000_000_000_000_000 + len(name)), "name": name, "type": 1}
    if options:
        data["options"] = list(options)
    return data if resolved is None else data | {"resolved": resolved}


def _data(kind: int, user_id: int) -> Payload:
    """One of the commands that `_bot.py` has."""
    if kind == 0:
        return _command("ping")
    if kind == 1:
        return _command("echo", _option("text", _STRING, "Hello everybody"), _option("times", _INTEGER, 3))
    if kind == 2:
        resolved = {
            "users": {str(user_id): user(user_id)},
            "members": {str(user_id): {k: v for k, v in member(user_id).items() if k != "user"}},
        }
        return _command("profile", _option("who", _USER, str(user_id)), resolved=resolved)
    added = {"name": "add", "type": _SUB_COMMAND, "options": [_option("song", _STRING, "Blue in Green")]}
    return _command("queue", added)


def interactions(n: int, seed: int = 1) -> list[Payload]:
    """Slash commands without an id, which `stamp` gives them. A few guilds are large and most are small."""
    chance = random.Random(seed)
    shares = [1 / (rank + 5) for rank in range(GUILDS)]
    made: list[Payload] = []
    for number in chance.choices(range(GUILDS), shares, k=n):
        guild_id = _FIRST_GUILD + number * 1_000
        user_id = _FIRST_USER + number * 1_000 + chance.randrange(_USERS_PER_GUILD)
        channel = _channel(guild_id, chance.randint(1, _CHANNELS_PER_GUILD))
        made.append(
            {
                "application_id": str(BOT_ID),
                "type": 2,
                "version": 1,
                "data": _data(chance.choices(range(4), (4, 3, 2, 3))[0], user_id) | {"guild_id": str(guild_id)},
                "guild_id": str(guild_id),
                "guild": {"id": str(guild_id), "locale": "en-US", "features": ["COMMUNITY"]},
                "guild_locale": "en-US",
                "locale": "en-US",
                "channel_id": channel["id"],
                "channel": channel | {"guild_id": str(guild_id), "permissions": _PERMISSIONS},
                "member": member(user_id),
                "app_permissions": _PERMISSIONS,
                "entitlements": [],
                "authorizing_integration_owners": {"0": str(guild_id)},
                "context": 0,
                "attachment_size_limit": 10_485_760,
            }
        )
    return made


class Stamp:
    """Gives interactions their ids: unique, and made by Discord a moment ago."""

    def __init__(self, seed: int = 2) -> None:
        self._chance = random.Random(seed)
        self._n = 0

    def __call__(self, interaction: Payload) -> int:
        """Set `id` and `token`; returns the id."""
        self._n += 1
        made_ms = int(time.time() * 1000) - self._chance.randint(*_DELAYS_MS) - _DISCORD_EPOCH_MS
        stamped = made_ms << 22 | self._n & 0x3FFFFF
        interaction["id"] = str(stamped)
        interaction["token"] = f"aW50ZXJhY3Rpb246{stamped}"
        return stamped


def callback_answer() -> Payload:
    """Discord's answer to a response that is a message."""
    message_id = "1200000000000000001"
    return {
        "interaction": {
            "id": "1200000000000000000",
            "type": 2,
            "response_message_id": message_id,
            "response_message_loading": False,
            "response_message_ephemeral": False,
        },
        "resource": {
            "type": 4,
            "message": {
                "id": message_id,
                "type": 0,
                "content": "Pong",
                "channel_id": str(_FIRST_GUILD + 101),
                "author": user(BOT_ID, bot=True),
                "attachments": [],
                "embeds": [],
                "mentions": [],
                "mention_roles": [],
                "mention_everyone": False,
                "pinned": False,
                "tts": False,
                "timestamp": "2026-01-01T00:00:00.000000+00:00",
                "edited_timestamp": None,
                "flags": 0,
                "components": [],
                "webhook_id": str(BOT_ID),
                "application_id": str(BOT_ID),
            },
        },
    }
