"""Callbacks to interactions."""

from __future__ import annotations

from botmon_cog.testing import errors
from botmon_cog.testing.component_limits import check_modal
from botmon_cog.testing.errors import Payload
from botmon_cog.testing.interactions import (
    AUTOCOMPLETE,
    COMPONENT,
    MODAL,
    OpenInteraction,
    acknowledge,
    has_expired,
)
from botmon_cog.testing.limits import EPHEMERAL, LOADING
from botmon_cog.testing.messages import SeenMessage
from botmon_cog.testing.rest.call import NO_CONTENT, Call, Reply, Route
from botmon_cog.testing.rest.sending import edit_message, make_ephemeral, new_message

PONG, MESSAGE, DEFER, DEFER_UPDATE, UPDATE, SUGGEST, OPEN_MODAL = 1, 4, 5, 6, 7, 8, 9
_LARGEST_SUGGESTION = 25


def callback(call: Call) -> Reply:
    world = call.world
    interaction = world.interactions.get(call.id("interaction_id"))
    if interaction is None or interaction.token != call.parameters["token"] or has_expired(world, interaction):
        raise errors.unknown_interaction()
    if interaction.callback_type is not None:
        is_unknown = world.faults.second_response_is_unknown
        raise errors.unknown_interaction() if is_unknown else errors.already_acknowledged()
    kind = call.body.get("type")
    if kind not in _allowed(interaction):
        text = f"Value must be one of {sorted(_allowed(interaction))} for this interaction."
        raise errors.invalid_form([(("type",), "BASE_TYPE_CHOICES", text)])
    data: Payload = call.body.get("data") or {}
    message = _ACTS[kind](call, interaction, data)
    if call.query.get("with_response", "").lower() not in ("1", "true"):
        return NO_CONTENT
    return Reply(200, _callback_payload(interaction, kind, message))


def _allowed(interaction: OpenInteraction) -> set[int]:
    if interaction.kind == AUTOCOMPLETE:
        return {SUGGEST}
    allowed = {PONG, MESSAGE, DEFER}
    if interaction.kind != MODAL:
        allowed.add(OPEN_MODAL)
    if interaction.kind == COMPONENT or interaction.source is not None:
        allowed |= {DEFER_UPDATE, UPDATE}
    return allowed


def _pong(call: Call, interaction: OpenInteraction, _: Payload) -> None:
    acknowledge(call.world, interaction, PONG)


def _message(call: Call, interaction: OpenInteraction, data: Payload) -> SeenMessage:
    message = new_message(call, interaction.channel, call.world.bot, data, at=("data",))
    belong_to(message, interaction, is_ephemeral=bool(message.flags & EPHEMERAL))
    acknowledge(call.world, interaction, MESSAGE)
    interaction.original = message
    call.world.post(message)
    interaction.answer.saw(message)
    return message


def _defer(call: Call, interaction: OpenInteraction, data: Payload) -> SeenMessage:
    is_ephemeral = bool(int(data.get("flags") or 0) & EPHEMERAL)
    message = call.world.make_message(interaction.channel, call.world.bot, {"flags": LOADING}, [])
    belong_to(message, interaction, is_ephemeral=is_ephemeral)
    interaction.answer.deferred = True
    interaction.is_unfollowed_defer = True
    acknowledge(call.world, interaction, DEFER)
    interaction.original = message
    call.world.post(message)
    return message


def _defer_update(call: Call, interaction: OpenInteraction, _: Payload) -> SeenMessage | None:
    interaction.answer.deferred = True
    acknowledge(call.world, interaction, DEFER_UPDATE)
    return interaction.source


def _update(call: Call, interaction: OpenInteraction, data: Payload) -> SeenMessage | None:
    message = interaction.source
    if message is None or message.deleted:
        raise errors.unknown_message()
    edit_message(call, message, data, at=("data",))
    acknowledge(call.world, interaction, UPDATE)
    tell_of_edit(interaction, message)
    return message


def _suggest(call: Call, interaction: OpenInteraction, data: Payload) -> None:
    choices: list[Payload] = data.get("choices") or []
    faults: list[errors.Fault] = []
    if len(choices) > _LARGEST_SUGGESTION:
        faults.append((("data", "choices"), "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."))
    for index, choice in enumerate(choices):
        for key in ("name", "value"):
            value = choice.get(key)
            if (key == "name" or isinstance(value, str)) and not 1 <= len(str(value or "")) <= 100:  # noqa: PLR2004
                text = "Must be between 1 and 100 in length."
                faults.append((("data", "choices", index, key), "BASE_TYPE_BAD_LENGTH", text))
    if faults:
        raise errors.invalid_form(faults)
    acknowledge(call.world, interaction, SUGGEST)
    interaction.answer.suggested(choices)


def _open_modal(call: Call, interaction: OpenInteraction, data: Payload) -> None:
    faults = check_modal(data, knows_emoji=call.knows_emoji)
    if faults:
        raise errors.invalid_form(faults)
    acknowledge(call.world, interaction, OPEN_MODAL)
    interaction.answer.opened(data)


_ACTS = {
    PONG: _pong,
    MESSAGE: _message,
    DEFER: _defer,
    DEFER_UPDATE: _defer_update,
    UPDATE: _update,
    SUGGEST: _suggest,
    OPEN_MODAL: _open_modal,
}


def belong_to(message: SeenMessage, interaction: OpenInteraction, *, is_ephemeral: bool) -> None:
    """Mark a message as this interaction's: who asked, who sees it, whose answer it is."""
    user = interaction.user
    message.interaction_id = interaction.id
    message.answer = interaction.answer
    message.body["application_id"] = message.body["author"]["id"]
    message.body["webhook_id"] = message.body["author"]["id"]
    message.body["interaction_metadata"] = {
        "id": str(interaction.id),
        "type": interaction.kind,
        "user": user.payload(),
        "authorizing_integration_owners": {},
    }
    if interaction.command_name is not None:
        message.body["type"] = 20
        message.body["interaction"] = {
            "id": str(interaction.id),
            "type": interaction.kind,
            "name": interaction.command_name,
            "user": user.payload(),
        }
    if is_ephemeral:
        make_ephemeral(message, user)


def tell_of_edit(interaction: OpenInteraction, message: SeenMessage) -> None:
    """An edit is seen in the interaction that made it, and in the one whose answer the message first was."""
    interaction.answer.saw(message)
    if message.answer is not None and message.answer is not interaction.answer:
        message.answer.saw(message)


def _callback_payload(interaction: OpenInteraction, kind: int, message: SeenMessage | None) -> Payload:
    about: Payload = {"id": str(interaction.id), "type": interaction.kind}
    body: Payload = {"interaction": about}
    if message is not None:
        about |= {
            "response_message_id": str(message.id),
            "response_message_loading": message.is_loading,
            "response_message_ephemeral": message.ephemeral,
            "channel_id": str(interaction.channel.id),
        }
        if interaction.channel.guild is not None:
            about["guild_id"] = str(interaction.channel.guild.id)
        body["resource"] = {"type": kind, "message": message.body}
    return body


ROUTES = [Route("POST", "/interactions/{interaction_id}/{token}/callback", callback, needs_token=False)]
