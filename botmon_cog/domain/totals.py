"""Everything that one instance of the bot ever did, added up: what counters are exported from. It only grows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import msgspec

from botmon_cog.domain.exposed import Distribution
from botmon_cog.domain.histogram import LOWEST, position_of_us
from botmon_cog.domain.models import BackgroundKind, Kind, MusicEventType
from botmon_cog.domain.outcome import Outcome

MOST_COMMANDS = 200
"""Commands beyond these count as `OTHER`."""
OTHER = "other"
"""Stands for components, for what a host told of in its own words, and for the commands beyond the most."""

_LONGEST_NAME = 100
_WITHOUT_NAME = frozenset({Kind.BUTTON, Kind.SELECT, Kind.MODAL, Kind.LOGGED})
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

Call = tuple[str, Kind, Outcome]
Times = tuple[int | None, int | None, int | None]
"""Duration, first response and gateway delay of an invocation in microseconds, as the log has them."""


class Timing(msgspec.Struct, array_like=True):
    """Measured times. In whole microseconds, so that adding them up in another order gives the same sum."""

    total_us: int = 0
    counts: dict[int, int] = {}
    """By position: the bucket of `domain.histogram` less the lowest."""

    def add(self, us: int) -> None:
        position = position_of_us(us)
        self.counts[position] = self.counts.get(position, 0) + 1
        self.total_us += us

    def merge(self, other: Timing) -> None:
        for position, n in other.counts.items():
            self.counts[position] = self.counts.get(position, 0) + n
        self.total_us += other.total_us

    @property
    def distribution(self) -> Distribution:
        """In seconds."""
        buckets = {position + LOWEST: n for position, n in self.counts.items()}
        return Distribution(sum(buckets.values()), self.total_us / 1e6, buckets)


class Totals:
    """Sums over events. Not for several threads at once.

    Attributes:
        calls: invocations by (command, kind, outcome).
        durations: by command, of those outcomes whose times count.
        responses: likewise, to the first response.
        delays: from Discord to here.
        completions: completed options by (command, whether they failed).
        background: failures of what runs without being invoked.
        music: what happened to players.
    """

    __slots__ = ("background", "calls", "completions", "delays", "durations", "music", "names", "responses")

    def __init__(self) -> None:
        self.calls: Counter[Call] = Counter()
        self.durations: dict[str, Timing] = {}
        self.responses: dict[str, Timing] = {}
        self.delays = Timing()
        self.completions: Counter[tuple[str, bool]] = Counter()
        self.background: Counter[BackgroundKind] = Counter()
        self.music: Counter[MusicEventType] = Counter()
        self.names: set[str] = set()

    def add_invocations(self, calls: Iterable[Call], times: Iterable[Times]) -> None:
        """Count invocations, each with its times."""
        for (command, kind, outcome), (duration_us, response_us, delay_us) in zip(calls, times, strict=True):
            name = OTHER if kind in _WITHOUT_NAME else self._name(command)
            self.calls[name, kind, outcome] += 1
            if not outcome.is_timed:
                continue
            if duration_us is not None:
                _of(self.durations, name).add(duration_us)
            if response_us is not None:
                _of(self.responses, name).add(response_us)
            if delay_us is not None:
                self.delays.add(delay_us)

    def add_completions(self, command: str, n: int, failed: int) -> None:
        name = self._name(command)
        self.completions[name, False] += n - failed
        self.completions[name, True] += failed

    def merge(self, other: Totals) -> None:
        """Add what another one counted."""
        for (command, kind, outcome), n in other.calls.items():
            self.calls[self._kept(command), kind, outcome] += n
        for own, others in ((self.durations, other.durations), (self.responses, other.responses)):
            for command, timing in others.items():
                _of(own, self._kept(command)).merge(timing)
        self.delays.merge(other.delays)
        for (command, failed), n in other.completions.items():
            self.completions[self._kept(command), failed] += n
        self.background.update(other.background)
        self.music.update(other.music)

    def _kept(self, name: str) -> str:
        return name if name == OTHER else self._name(name)

    def _name(self, command: str) -> str:
        """The name under which a command counts. Once it has one of its own it keeps that."""
        if command in self.names:
            return command
        is_name = command.isprintable() and _REPLACEMENT not in command and len(command) <= _LONGEST_NAME
        if len(self.names) >= MOST_COMMANDS or not is_name:
            return OTHER
        self.names.add(command)
        return command

    def copy(self) -> Totals:
        other = Totals()
        other.merge(self)
        return other

    # -- kept --------------------------------------------------------------------------------------------------------

    def kept(self) -> KeptTotals:
        return KeptTotals(
            calls=[(*call, n) for call, n in self.calls.items()],
            durations=self.durations,
            responses=self.responses,
            delays=self.delays,
            completions=[(*which, n) for which, n in self.completions.items()],
            background=dict(self.background),
            music=dict(self.music),
        )


class KeptTotals(msgspec.Struct, kw_only=True):
    """The same as it is stored."""

    calls: list[tuple[str, Kind, Outcome, int]] = []
    durations: dict[str, Timing] = {}
    responses: dict[str, Timing] = {}
    delays: Timing = msgspec.field(default_factory=Timing)
    completions: list[tuple[str, bool, int]] = []
    background: dict[BackgroundKind, int] = {}
    music: dict[MusicEventType, int] = {}

    def totals(self) -> Totals:
        totals = Totals()
        totals.calls.update({(command, kind, outcome): n for command, kind, outcome, n in self.calls})
        totals.durations, totals.responses, totals.delays = self.durations, self.responses, self.delays
        totals.completions.update({(command, failed): n for command, failed, n in self.completions})
        totals.background.update(self.background)
        totals.music.update(self.music)
        totals.names = {command for command, *_ in (*totals.calls, *totals.completions)} - {OTHER}
        return totals


def _of(timings: dict[str, Timing], name: str) -> Timing:
    timing = timings.get(name)
    if timing is None:
        timing = timings[name] = Timing()
    return timing


def by_command(timings: Mapping[str, Timing]) -> Iterable[tuple[str, Distribution]]:
    return ((name, timing.distribution) for name, timing in timings.items())
