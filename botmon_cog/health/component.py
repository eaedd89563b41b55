"""What a component of the health is: one thing that is watched, from its probe to its words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

import msgspec

from botmon_cog.config import HealthConfig, Severity
from botmon_cog.domain.reasons import Reason
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite

S = TypeVar("S", bound=Sample)


class Effect(StrEnum):
    """What the people of a server notice. It is all that their admins are told of an owners' reason."""

    NONE = "none"
    SLOW = "slow"
    FAILING = "failing"
    AWAY = "away"


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """A reason for those who may read it."""

    what: str
    """A clause without a full stop: `the database does not answer`."""
    detail: str | None = None
    """What is behind it: `disk I/O error`, `31 of 250`."""
    is_code: bool = False
    """Whether the detail is shown as it is: a quotation, or a place in the code."""
    remedy: str | None = None
    """Whole sentences: what to do."""


class Saying(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to say of one kind of reason."""

    words: Callable[..., Words]
    """Called with the values of the reason, by their names."""
    recovered: str | Callable[..., str]
    """A clause for when it is over: `the database answers`; or what makes one of the reason's values."""
    meanwhile: str = "Commands run on."
    """What happens as long as it lasts."""
    effect: Effect = Effect.NONE


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check finds of one key. A key of which a component finds nothing is well."""

    key: str
    """`memory.growth`: the component's name, and what of it."""
    reason: Reason
    value: float | None
    """The higher, the worse; None: it can't be told, and nothing moves."""
    limits: tuple[float | None, float | None]
    """From which on it is a warning, and critical; None for never."""
    is_certain: bool = False
    """A fact: it counts from the check that sees it to the first that does not. Else several checks must agree."""
    lasted_s: float = 0.0
    """How long it is known to have been so already."""
    hold_s: float | None = None
    """How long it must be so without a pause until it is certain, where that is asked for; then it is told at once."""
    looks_back_s: float = 0.0
    """How far back the value looks: a process that is younger does not know that an older trouble is over."""
    is_shared: bool = False
    """Whether every process on the same database sees the same."""
    is_watched: bool = False
    """Whether the owners see it in `/health` below the limits too."""


def level(
    key: str,
    value: float | None,
    limits: tuple[float | None, float | None],
    reason: Reason,
    *,
    looks_back_s: float = 0.0,
    is_shared: bool = False,
) -> Finding:
    """A value against its limits. What is no number can't be told."""
    return Finding(
        key=key,
        reason=reason,
        value=finite(value),
        limits=limits,
        looks_back_s=looks_back_s,
        is_shared=is_shared,
    )


def fact(key: str, severity: Severity, reason: Reason, *, lasted_s: float = 0.0, is_shared: bool = False) -> Finding:
    """What is certain as soon as it is seen."""
    return Finding(
        key=key,
        reason=reason,
        value=1.0,
        limits=(1.0, 1.0 if severity == "critical" else None),
        is_certain=True,
        lasted_s=lasted_s,
        is_shared=is_shared,
    )


class Component(ABC, Generic[S]):
    """One thing that is watched. Its file holds all that is said and known of it; the rest is configuration."""

    name: ClassVar[str]
    """Its keys begin with it: `memory`."""
    title: ClassVar[str]
    """Over its numbers: `Memory`."""
    sayings: ClassVar[Mapping[str, Saying]]
    """By `Reason.what`."""
    metrics: ClassVar[Mapping[str, Callable[[Any], float | None]]] = {}
    """What `[[alerts.rule]]` may name (`config.metrics` says it in words), read from a sample: `memory.percent`."""
    inhibits: ClassVar[Mapping[str, Sequence[str]]] = {}
    """By pattern of its keys (`gateway`, `loop.*`): the patterns of what follows from it, and is not told besides."""

    looks_back_s: ClassVar[Mapping[str, float]] = {}
    """By how its keys begin, for what it may not find at all: how far back it looks, as `Finding.looks_back_s`."""

    @abstractmethod
    async def sample(self) -> S | None:
        """Look. None: there is nothing to see here. What it raises costs its line only."""

    @abstractmethod
    def judge(self, sample: S, config: HealthConfig) -> Iterable[Finding]:
        """What of the sample is not well, or may not be. Pure."""

    def unread(self, sample: S) -> Reason | None:  # noqa: ARG002 (for those that can be refused)
        """Why it is not known how it is, although somebody looked; None where it is known."""
        return None

    def is_known(self, sample: S) -> bool:  # noqa: ARG002 (for those that need time)
        """False: there is nothing to say yet, which is no fault."""
        return True

    def brief(self, sample: S) -> Iterable[str]:  # noqa: ARG002 (not everything is worth a word)
        """In a few words each, for the row under the verdict: `ping 41 ms`."""
        return ()

    @abstractmethod
    def numbers(self, sample: S, now: datetime) -> Iterable[str]:
        """Lines for the owners, in Discord's markup. An empty one is left out."""
