"""How an invocation came, and in what something failed."""

from __future__ import annotations

from enum import StrEnum


class Kind(StrEnum):
    """How an invocation reached the bot."""

    SLASH = "slash"
    USER_MENU = "user_menu"
    MESSAGE_MENU = "message_menu"
    HYBRID_SLASH = "hybrid_slash"
    HYBRID_PREFIX = "hybrid_prefix"
    PREFIX = "prefix"
    LOGGED = "logged"
    """Told by the host through `CommandLog.record` and its kin, not observed."""
    BUTTON = "button"
    SELECT = "select"
    MODAL = "modal"

    @property
    def is_component(self) -> bool:
        """A button, a select menu or a modal: an invocation, but no command."""
        return self in _COMPONENTS

    @property
    def is_interaction(self) -> bool:
        """It came with a token of Discord's, which dies after 15 min."""
        return self not in _WITHOUT_TOKEN


_COMPONENTS = frozenset({Kind.BUTTON, Kind.SELECT, Kind.MODAL})


_WITHOUT_TOKEN = frozenset({Kind.HYBRID_PREFIX, Kind.PREFIX, Kind.LOGGED})


class BackgroundKind(StrEnum):
    LISTENER = "listener"
    LOOP = "loop"
    """A `tasks.loop`."""
    TASK = "task"
    AUTOCOMPLETE = "autocomplete"
    """What completes a command's options; how often that was called, `AutocompleteCalls` say."""
    OWN = "own"
    """This package's own code."""


class ErrorSource(StrEnum):
    """In what something failed."""

    COMMAND = "command"
    COMPONENT = "component"
    AUTOCOMPLETE = "autocomplete"
    LISTENER = "listener"
    LOOP = "loop"
    TASK = "task"
    OWN = "own"

    @classmethod
    def of(cls, kind: Kind | BackgroundKind) -> ErrorSource:
        if isinstance(kind, BackgroundKind):
            return cls(kind.value)
        return cls.COMPONENT if kind.is_component else cls.COMMAND
