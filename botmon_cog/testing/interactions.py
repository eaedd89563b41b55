"""Interactions from Discord's side: opened by a user's act, answered within three seconds, usable for 15 minutes."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botmon_cog.testing.answers import Answer
from botmon_cog.testing.bot_membership import check_up
from botmon_cog.testing.errors import Payload

if TYPE_CHECKING:
    from botmon_cog.clock import Timer
    from botmon_cog.testing.channels import LoopbackChannel
    from botmon_cog.testing.messages import SeenMessage
    from botmon_cog.testing.people import LoopbackUser
    from botmon_cog.testing.world import World

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
CALLBACK_WITHIN_S = 3.0
TOKEN_VALID_S = 15 * 60.0
ATTACHMENT_LIMIT_BYTES = 10 * 1024 * 1024
_FAILURES = {
    COMMAND: "The application did not respond",
    AUTOCOMPLETE: "Loading options failed",
    COMPONENT: "This interaction failed",
    MODAL: "Something went wrong. Try again.",
}


@dataclass(slots=True, eq=False)
class OpenInteraction:
    id: int
    token: str
    kind: int
    user: LoopbackUser
    channel: LoopbackChannel
    answer: Answer
    opened_at_s: float
    """By the monotonic clock."""
    source: SeenMessage | None = None
    """The message whose component was used."""
    original: SeenMessage | None = None
    """What `@original` means: the first answer, or the message whose component was used."""
    callback_type: int | None = None
    is_expired: bool = False
    """No callback came within three seconds."""
    command_name: str | None = None
    is_unfollowed_defer: bool = False
    """The bot deferred with a new message (type 5) and has sent nothing since: the next follow-up takes its place."""
    timer: Timer | None = field(default=None, repr=False)


def open_interaction(
    world: World,
    kind: int,
    user: LoopbackUser,
    channel: LoopbackChannel,
    data: Payload,
    *,
    act: str,
    source: SeenMessage | None = None,
) -> Answer:
    """Dispatch INTERACTION_CREATE and start the three seconds."""
    check_up(channel.guild)
    interaction = OpenInteraction(
        id=world.ids.next(),
        token="aW50ZXJhY3Rpb24" + secrets.token_urlsafe(96),
        kind=kind,
        user=user,
        channel=channel,
        answer=Answer(act),
        opened_at_s=world.clock.monotonic(),
        source=source,
        original=source,
        command_name=data.get("name"),
    )
    world.interactions[interaction.id] = interaction
    world.interactions_by_token[interaction.token] = interaction

    def expire() -> None:
        interaction.is_expired = True
        interaction.answer.fail(_FAILURES[kind])

    interaction.timer = world.clock.call_later(CALLBACK_WITHIN_S, expire)
    body = _payload(world, interaction, data)
    world.hub.dispatch("INTERACTION_CREATE", body, guild_id=channel.guild.id if channel.guild else None)
    return interaction.answer


def has_expired(world: World, interaction: OpenInteraction) -> bool:
    waited_s = world.clock.monotonic() - interaction.opened_at_s
    return interaction.is_expired or (interaction.callback_type is None and waited_s >= CALLBACK_WITHIN_S)


def acknowledge(world: World, interaction: OpenInteraction, callback_type: int) -> None:
    interaction.callback_type = callback_type
    if interaction.timer is not None:
        interaction.timer.cancel()
    interaction.answer.acknowledged(world.clock.monotonic() - interaction.opened_at_s)


def _payload(world: World, interaction: OpenInteraction, data: Payload) -> Payload:
    channel, user = interaction.channel, interaction.user
    body: dict[str, Any] = {
        "id": str(interaction.id),
        "application_id": str(world.bot.id),
        "type": interaction.kind,
        "data": data,
        "token": interaction.token,
        "version": 1,
        "channel": channel.payload(),
        "channel_id": str(channel.id),
        "app_permissions": str(world.bot.permissions_in(channel).value),
        "locale": "en-US",
        "entitlements": [],
        "attachment_size_limit": ATTACHMENT_LIMIT_BYTES,
    }
    if interaction.source is not None:
        body["message"] = interaction.source.body
    guild = channel.guild
    if guild is None:
        return body | {
            "user": user.payload(),
            "context": 1,
            "authorizing_integration_owners": {"0": "0"},
        }
    permissions = str(user.permissions_in(channel).value)
    return body | {
        "guild_id": str(guild.id),
        "guild": {"id": str(guild.id), "locale": "en-US", "features": []},
        "guild_locale": "en-US",
        "member": guild.member_payload(user) | {"permissions": permissions},
        "context": 0,
        "authorizing_integration_owners": {"0": str(guild.id)},
    }
