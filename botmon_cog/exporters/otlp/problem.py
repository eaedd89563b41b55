"""What a push fails with."""

from __future__ import annotations

from botmon_cog.errors import BotMonError


class PushError(BotMonError):
    """A push was not taken, or not all of it.

    Attributes:
        may_pass: whether the same may be taken later.
        pause_s: how long the receiver asked not to be asked again; 0 if it did not.
        rejected: how many were refused out of a push that was taken otherwise; 0 if it was refused as a whole.
    """

    def __init__(self, problem: str, *, may_pass: bool, pause_s: float = 0.0, rejected: int = 0) -> None:
        self.may_pass = may_pass
        self.pause_s = pause_s
        self.rejected = rejected
        super().__init__(problem)
