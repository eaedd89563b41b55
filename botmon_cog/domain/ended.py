"""What the event loop takes of a command that ended well: everything by reference, and its row is made later.

Nearly all commands end so. Whoever stores their rows makes them, in a thread beside the event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import msgspec

from botmon_cog.domain.models import Event, Invocation, Kind
from botmon_cog.domain.outcome import Outcome

Origin = tuple[int, int, int, int]
"""The ids of an interaction or a message, its user, its guild and its channel; 0 for none."""


class EndedCommand(msgspec.Struct, eq=False, array_like=True, gc=False):  # by position it is quicker to make
    """A slash command or a context menu that was answered in time, and whose code ended well.

    Attributes:
        guild_id: None in a direct message.
        started_s: when the bot received it, in seconds since 1970.
        duration_s: seconds from received to finished.
        response_s: seconds from received to the first response.
        user: discord.py's.
        options: as Discord sent them.
        make: makes its row of it, of the user and of the options, in any thread.
        row: once it is made.
    """

    outcome: ClassVar[Outcome] = Outcome.OK

    kind: Kind
    command: str
    guild_id: int | None
    started_s: float
    duration_s: float
    response_s: float
    origin: Origin
    user: Any
    options: Any
    make: Callable[[EndedCommand, Any, Any], Invocation]
    row: Invocation | None = None

    def invocation(self) -> Invocation:
        """Its row. Once it is made, what somebody typed is let go. From any thread."""
        user, options, row = self.user, self.options, self.row  # in this order: another thread may be making it
        if row is None:
            row = self.row = self.make(self, user, options)
            self.user = self.options = None
        return row


Judged = Invocation | EndedCommand
"""What has a command, its outcome, its times and its server."""
Taken = Event | EndedCommand
"""An event as it waits to be stored."""


def events_of(taken: Iterable[Taken]) -> list[Event]:
    """The rows of commands that ended well, and all else as it is."""
    return [each.invocation() if isinstance(each, EndedCommand) else each for each in taken]
