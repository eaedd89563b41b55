"""What a component of the health is: one thing that is watched, from its probe to its words."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Generic, TypeVar

import msgspec
from msgspec.structs import replace

from botmon_cog.config import HealthConfig, Severity
from botmon_cog.domain.reasons import Reason, Value
from botmon_cog.domain.samples import Sample
from botmon_cog.domain.text import finite
from botmon_cog.health.phrases import Phrase, known, said, shown
from botmon_cog.health.sources import Sources

HOUR_S = 3600.0

S = TypeVar("S", bound=Sample)
Text = Phrase | Callable[..., Phrase]
"""Filled with the values of a reason; or what chooses between such phrases, called with the values by their names."""
Limits = tuple[float | None, float | None]
"""From which on it is a warning, and critical; None for never."""


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


class Finding(msgspec.Struct, frozen=True):
    """What one check finds of one key. A key of which a component finds nothing is well."""

    key: str
    """`memory.growth`: the component's name, and what of it."""
    reason: Reason
    value: float | None
    """The higher, the worse; None: it can't be told, and nothing moves."""
    limits: Limits
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

    def reaches(self, limit: float | None) -> bool:
        return self.value is not None and limit is not None and self.value >= limit

    @property
    def is_reached(self) -> bool:
        return any(map(self.reaches, self.limits))


class Trouble(msgspec.Struct, frozen=True):
    """One kind of trouble, and all there is to say of it."""

    name: str
    """`database.away`: the `what` of its reasons, and its key unless another is given."""
    says: Text
    """A clause without a full stop: `the database takes {response_s:latency} to answer`."""
    recovered: Text
    """A clause for when it is over: `the database answers`."""
    detail: Text = ()
    is_code: bool = False
    remedy: Text = ()
    meanwhile: str = "Commands run on."
    """What happens as long as it lasts."""
    effect: Effect = Effect.NONE
    looks_back_s: float = 0.0
    """See `Finding`, as the next."""
    is_shared: bool = False

    def reason(self, **values: Value) -> Reason:
        return Reason.of(self.name, owners_only=True, **values)

    def level(self, value: float | None, limits: Limits, key: str | None = None, /, **values: Value) -> Finding:
        """A value against its limits. What is no number can't be told."""
        found = Finding(key or self.name, self.reason(**values), finite(value), limits)
        return replace(found, looks_back_s=self.looks_back_s, is_shared=self.is_shared)

    def fact(self, severity: Severity, key: str | None = None, lasted_s: float = 0.0, /, **values: Value) -> Finding:
        """What is certain as soon as it is seen. `lasted_s`: how long it is known to have been so."""
        found = self.level(1.0, (1.0, 1.0 if severity == "critical" else None), key, **values)
        return replace(found, is_certain=True, lasted_s=lasted_s)

    def words(self, values: Mapping[str, Value]) -> Words:
        """Raises what a phrase or a function does that other values were made for."""
        detail, remedy = _chosen(self.detail, values), _chosen(self.remedy, values)
        return Words(
            what=said(_chosen(self.says, values), values),
            detail=known(detail, values.get),
            is_code=self.is_code,
            remedy=said(remedy, values) if remedy else None,
        )

    def over(self, values: Mapping[str, Value]) -> str:
        """The clause for when it is over. Raises as `words`."""
        return said(_chosen(self.recovered, values), values)


def _chosen(text: Text, values: Mapping[str, Value]) -> Phrase:
    return text(**values) if callable(text) else text


def hidden(what: str, component: str, kind: str = "unread") -> Trouble:
    """The system hides `what`, with its error as the reason's `cause`."""
    return Trouble(
        f"{component}.{kind}",
        f"{what} can't be read",
        f"{what} can be read",
        detail="{cause}",
        is_code=True,
        remedy="`/proc` is missing or hides it (Termux, hidepid, ProcSubset=pid, gVisor): let the bot see it, or "
        f"leave {component} out of `[health] watch`.",
    )


class Component(ABC, Generic[S]):
    """One thing that is watched. Its file holds all that is said and known of it; the rest is configuration."""

    name: ClassVar[str]
    """Its keys begin with it: `memory`."""
    title: ClassVar[str]
    """Over its numbers: `Memory`."""
    troubles: ClassVar[tuple[Trouble, ...]]
    """All of which it may tell."""
    vital: ClassVar[tuple[tuple[str, Trouble | None], ...]] = ()
    """What of a sample says how it is, each with what to tell where somebody looked and could not see it (`hidden`)."""
    looks_back_s: ClassVar[tuple[tuple[str, float], ...]] = ()
    """How its keys begin, of what it may not find at all, and how far back it looks, as `Finding.looks_back_s`."""
    in_brief: ClassVar[tuple[Phrase, ...]] = ()
    """In a few words each, for the row under the verdict, filled from a sample: `ping {slowest_s:latency}`."""
    in_numbers: ClassVar[tuple[Phrase, ...]] = ()
    """For the owners, in one line of Discord's markup, filled from a sample."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    @abstractmethod
    async def sample(self) -> S | None:
        """Look. None: there is nothing to see here. What it raises costs its line only."""

    @abstractmethod
    def judge(self, sample: S, config: HealthConfig) -> Iterable[Finding]:
        """What of the sample is not well, or may not be. Pure."""

    def unread(self, sample: S) -> Reason | None:
        """Why it is not known how it is, although somebody looked; None where it is known."""
        cause: str | None = getattr(sample, "cause", None)
        missing = next((trouble for name, trouble in self.vital if not _is_known(sample, name)), None)
        return None if missing is None or cause is None else missing.reason(cause=cause)

    def is_known(self, sample: S) -> bool:
        """False without a reason in `unread`: there is nothing to say yet, which is no fault."""
        return all(_is_known(sample, name) for name, _ in self.vital)

    def brief(self, sample: S) -> Iterable[str]:
        """`in_brief` without what is not known."""
        return shown(self.in_brief, sample)

    def numbers(self, sample: S, now: datetime) -> Iterable[str]:  # noqa: ARG002 (for those that tell how old)
        """Lines: `in_numbers` without what is not known. An empty one is left out."""
        return [", ".join(shown(self.in_numbers, sample))]


def _is_known(sample: Sample, name: str) -> bool:
    value = getattr(sample, name)
    return value != () and (not isinstance(value, float) or finite(value) is not None) and value is not None


def in_seconds(limits_ms: tuple[float, float]) -> Limits:
    return limits_ms[0] / 1e3, limits_ms[1] / 1e3
