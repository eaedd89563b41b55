"""What can go wrong on Discord's side, on demand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from botmon_cog.testing.people import LoopbackUser


@dataclass(slots=True)
class PlannedFault:
    """Strikes the next `left` REST requests whose path matches."""

    kind: Literal["fail", "rate_limit", "drop"]
    left: int
    path: re.Pattern[str] | None
    status: int = 500
    retry_after_s: float = 0.0
    is_global: bool = False


@dataclass(slots=True)
class Faults:
    """Plans for REST requests to come; the first plan that matches a request is spent on it."""

    latency_s: float = 0.0
    """Real seconds that every REST request waits before anything is done with it."""
    second_response_is_unknown: bool = False
    """Refuse a second first response to an interaction with 10062 instead of 40060, as Discord does now and then where
    two processes answer at nearly the same time."""
    _plans: list[PlannedFault] = field(default_factory=list[PlannedFault])
    _closed_dms: set[int] = field(default_factory=set[int])

    def fail_next(self, n: int = 1, status: int = 500, path: str | None = None) -> None:
        """Answer the next `n` requests with `status`; `path` is a part of the path or a regular expression."""
        self._plans.append(PlannedFault("fail", n, _pattern(path), status=status))

    def rate_limit_next(
        self, n: int = 1, retry_after_s: float = 0.1, path: str | None = None, *, global_: bool = False
    ) -> None:
        """Answer the next `n` requests with 429, as for a full bucket, or as for the whole application (`global_`)."""
        plan = PlannedFault("rate_limit", n, _pattern(path), status=429, retry_after_s=retry_after_s, is_global=global_)
        self._plans.append(plan)

    def drop_next(self, n: int = 1, path: str | None = None) -> None:
        """Close the connection of the next `n` requests without an answer."""
        self._plans.append(PlannedFault("drop", n, _pattern(path), status=0))

    def close_dms(self, user: LoopbackUser) -> None:
        """The user takes no direct messages any more: 403, code 50007."""
        self._closed_dms.add(user.id)

    def open_dms(self, user: LoopbackUser) -> None:
        self._closed_dms.discard(user.id)

    def has_closed_dms(self, user: LoopbackUser) -> bool:
        return user.id in self._closed_dms

    def clear(self) -> None:
        """Forget all plans and the latency; closed DMs stay closed."""
        self._plans.clear()
        self.latency_s = 0.0

    def take(self, path: str) -> PlannedFault | None:
        """The plan that strikes this request, one use of it spent."""
        for plan in self._plans:
            if plan.path is None or plan.path.search(path):
                plan.left -= 1
                if plan.left <= 0:
                    self._plans.remove(plan)
                return plan
        return None


def _pattern(path: str | None) -> re.Pattern[str] | None:
    return None if path is None else re.compile(path)
