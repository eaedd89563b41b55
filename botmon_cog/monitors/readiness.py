"""Whether the bot can do its work right now."""

from __future__ import annotations

import msgspec


class Readiness(msgspec.Struct, frozen=True, kw_only=True):
    """For whoever decides where traffic goes, or what is restarted.

    Attributes:
        reasons: why it is not ready, in words that hold nothing secret; empty where it is.
    """

    reasons: tuple[str, ...] = ()

    @property
    def is_ready(self) -> bool:
        return not self.reasons
