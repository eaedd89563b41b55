"""One use of a command in one line, for those who may read it: admins learn how it ended, owners also why."""

from __future__ import annotations

from datetime import tzinfo
from typing import Any

import msgspec

from botmon_cog.domain import text
from botmon_cog.domain.models import HistoryEntry, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.errors import error_id

Row = HistoryEntry | Invocation

_NAME_CHARS, _WHO_CHARS, _LACKS_CHARS = 36, 24, 60
_CAUSE_CHARS, _ARGUMENTS_CHARS, _SERVER_CHARS = 70, 80, 32
_KINDS = {Kind.BUTTON: "button", Kind.SELECT: "menu", Kind.MODAL: "form"}
_WITHOUT_SLASH = frozenset({Kind.USER_MENU, Kind.MESSAGE_MENU, Kind.PREFIX, Kind.HYBRID_PREFIX, Kind.LOGGED})

_EMOJI = {
    Outcome.USER_ERROR: "✏️",
    Outcome.DENIED: "🚫",
    Outcome.REFUSED: "⛔",
    Outcome.ERROR: "❌",
    Outcome.LATE: "⌛",
    Outcome.UNANSWERED: "⌛",
    Outcome.CANCELLED: "⏹️",
    Outcome.CRASHED: "💥",
}
"""What worked has none, so that what did not stands out."""
ENDED = {
    Outcome.OK: "worked",
    Outcome.USER_ERROR: "used wrongly",
    Outcome.DENIED: "not allowed",
    Outcome.REFUSED: "refused",
    Outcome.ERROR: "failed",
    Outcome.LATE: "too late",
    Outcome.UNANSWERED: "no answer",
    Outcome.CANCELLED: "cancelled",
    Outcome.CRASHED: "the bot crashed",
}
"""How it ended, as it stands behind a name."""


def line(row: Row, zone: tzinfo) -> str:
    """`14:03` **/play** anna · 0.9 s: when, what, who, and how long it took or how it ended."""
    when = f"`{row.started_at.astimezone(zone):%H:%M}`"
    return " ".join(filter(None, (when, _EMOJI.get(row.outcome), what(row), f"{who(row)}{ended(row)}")))


def what(row: Row) -> str:
    """**/play**, **button** `skip`; of what was typed after a prefix, only the name."""
    if row.kind in _KINDS:
        return f"{_KINDS[row.kind]} {text.code_name(row.command, _NAME_CHARS)}"
    slash = "" if row.kind in _WITHOUT_SLASH else "/"
    return f"**{slash}{text.name(row.command, _NAME_CHARS)}**"


def who(row: Row) -> str:
    """The name as it was then; whose it is, nobody knows where neither name nor id is on record."""
    if row.username:
        return text.plain(row.username, _WHO_CHARS)
    return "someone" if row.user_id is None else f"user {text.plain(str(row.user_id), _WHO_CHARS)}"


def ended(row: Row) -> str:
    if row.outcome is Outcome.OK:
        return "" if row.duration_s is None else f" · {text.duration(row.duration_s)}"
    if row.outcome is Outcome.REFUSED and row.lacks:
        return f" · the bot lacks *{text.plain(row.lacks, _LACKS_CHARS)}*"
    return f" · {ENDED[row.outcome]}"


def for_owners(row: Row, *, has_server: bool) -> str:
    """In which server, why it failed, and with what it was used; empty if there is nothing to say. Owners only."""
    server = _server(row) if has_server else None
    return " · ".join(filter(None, (server, cause(row), _arguments(row.parameters))))


def cause(row: Row) -> str | None:
    """`ValueError: API key wrong`, and the error's id. Owners only."""
    if row.error_type is None:
        return None
    raised = text.inline_code(row.error_type + (f": {row.error_message}" if row.error_message else ""), _CAUSE_CHARS)
    return raised if row.fingerprint is None else f"{raised} · {text.inline_code(error_id(row.fingerprint))}"


def _server(row: Row) -> str:
    if row.guild_id is None:
        return "in a direct message"
    return text.plain(row.guild_name or f"server {row.guild_id}", _SERVER_CHARS)


def _arguments(parameters: str | None) -> str | None:
    """`song: Low Tide`, where `[privacy] log_parameters` had values kept."""
    if parameters is None:
        return None
    try:
        kept: Any = msgspec.json.decode(parameters)
    except msgspec.DecodeError:  # what a host stored as it liked
        return None
    if not isinstance(kept, dict):
        return None
    values: dict[str, Any] = kept  # pyright: ignore[reportUnknownVariableType] (JSON)
    shown = ", ".join(f"{name}: {value}" for name, value in values.items())
    return text.inline_code(shown, _ARGUMENTS_CHARS) if shown else None
