"""Discord's refusals: HTTP status, JSON code, message, and for code 50035 the tree of what is wrong where."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Payload = dict[str, Any]
Fault = tuple[tuple[str | int, ...], str, str]
"""Where in the body, Discord's code for it, and its message."""


class DiscordError(Exception):
    """Raised inside a route; becomes the answer."""

    def __init__(self, status: int, code: int, message: str, errors: Payload | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Payload:
        body: Payload = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


def unauthorized() -> DiscordError:
    return DiscordError(401, 0, "401: Unauthorized")


def not_imitated(name: str) -> DiscordError:
    """Not a refusal of Discord's: the test would learn something false from one."""
    return DiscordError(501, 0, f"{name} is not imitated by this loopback")


def unknown_channel() -> DiscordError:
    return DiscordError(404, 10003, "Unknown Channel")


def unknown_guild() -> DiscordError:
    return DiscordError(404, 10004, "Unknown Guild")


def unknown_member() -> DiscordError:
    return DiscordError(404, 10007, "Unknown Member")


def unknown_invite() -> DiscordError:
    return DiscordError(404, 10006, "Unknown Invite")


def unknown_message() -> DiscordError:
    return DiscordError(404, 10008, "Unknown Message")


def unknown_overwrite() -> DiscordError:
    return DiscordError(404, 10009, "Unknown Overwrite")


def unknown_role() -> DiscordError:
    return DiscordError(404, 10011, "Unknown Role")


def unknown_ban() -> DiscordError:
    return DiscordError(404, 10026, "Unknown Ban")


def unknown_voice_state() -> DiscordError:
    return DiscordError(404, 10065, "Unknown Voice State")


def unknown_user() -> DiscordError:
    return DiscordError(404, 10013, "Unknown User")


def unknown_emoji(*, is_reaction: bool = False) -> DiscordError:
    return DiscordError(400 if is_reaction else 404, 10014, "Unknown Emoji")


def unknown_webhook() -> DiscordError:
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> DiscordError:
    return DiscordError(404, 10062, "Unknown interaction")


def unknown_command() -> DiscordError:
    return DiscordError(404, 10063, "Unknown application command")


def too_many_reactions(limit: int) -> DiscordError:
    return DiscordError(403, 30010, f"Maximum number of reactions reached ({limit})")


def too_many(code: int, what: str, limit: int) -> DiscordError:
    """`code` is one of the 300xx."""
    return DiscordError(400, code, f"Maximum number of {what} reached ({limit})")


def too_large() -> DiscordError:
    return DiscordError(413, 40005, "Request entity too large")


def not_in_voice() -> DiscordError:
    return DiscordError(400, 40032, "Target user is not connected to voice.")


def already_acknowledged() -> DiscordError:
    return DiscordError(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> DiscordError:
    return DiscordError(403, 50001, "Missing Access")


def not_in_dms() -> DiscordError:
    return DiscordError(403, 50003, "Cannot execute action on a DM channel")


def not_the_author() -> DiscordError:
    return DiscordError(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> DiscordError:
    return DiscordError(400, 50006, "Cannot send an empty message")


def cannot_dm() -> DiscordError:
    return DiscordError(403, 50007, "Cannot send messages to this user")


def no_mutual_guilds() -> DiscordError:
    return DiscordError(403, 50278, "Cannot send messages to this user due to having no mutual guilds")


def missing_permissions() -> DiscordError:
    return DiscordError(403, 50013, "Missing Permissions")


def wrong_channel_type() -> DiscordError:
    return DiscordError(400, 50024, "Cannot execute action on this channel type")


def invalid_role() -> DiscordError:
    return DiscordError(400, 50028, "Invalid Role")


def thread_is_archived() -> DiscordError:
    return DiscordError(400, 50083, "Thread is archived")


def thread_is_locked() -> DiscordError:
    return DiscordError(403, 160005, "Thread is locked")


def thread_exists_already() -> DiscordError:
    return DiscordError(400, 160004, "A thread has already been created for this message")


def invalid_webhook_token() -> DiscordError:
    return DiscordError(401, 50027, "Invalid Webhook Token")


def invalid_json() -> DiscordError:
    return DiscordError(400, 50109, "The request body contains invalid JSON.")


def wrong_bulk_count() -> DiscordError:
    return DiscordError(
        400,
        50016,
        "Provided too few or too many messages to delete."
        " Must provide at least 2 and fewer than 100 messages to delete.",
    )


def too_old_for_bulk_delete() -> DiscordError:
    return DiscordError(400, 50034, "You can only bulk delete messages that are under 14 days old.")


def invalid_form(faults: Iterable[Fault]) -> DiscordError:
    """Code 50035 with Discord's nested `errors`: path by path down to a list under `_errors`."""
    tree: Payload = {}
    for path, code, message in faults:
        node = tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})
    return DiscordError(400, 50035, "Invalid Form Body", tree)
