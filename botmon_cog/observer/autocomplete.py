"""How options are completed: counted by command and minute, because people type faster than rows are worth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextvars import ContextVar
from datetime import datetime
from typing import Any

import discord
from discord import app_commands

from botmon_cog.domain.histogram import bucket_of
from botmon_cog.domain.models import AutocompleteCalls, BackgroundKind
from botmon_cog.observer import outcomes
from botmon_cog.observer.class_sinks import add_sink, remove_sink
from botmon_cog.observer.delays import LeastDelay, delay_of
from botmon_cog.observer.event_errors import CountFailure, Described, values_in
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.minutes import MinuteTimer, minute_of
from botmon_cog.observer.opened import OpenInteraction
from botmon_cog.observer.places import is_ours
from botmon_cog.observer.private import COMPLETE, Call, is_there
from botmon_cog.runtime import MonitoringSystem

_RESPOND = ("autocomplete",)
_SUB_COMMANDS = frozenset(
    {discord.AppCommandOptionType.subcommand.value, discord.AppCommandOptionType.subcommand_group.value}
)
_MOST_WAITING = 1_000
"""Calls that arrived and have not begun; more than that never begin."""
_UNNAMED = "?"


class _UnderWay:
    """One call.

    Attributes:
        started_at, received_s: when it arrived, by the two clocks.
        answered_s: monotonic seconds at which Discord took the choices.
        error: what it raised, also where the choices were sent before.
        is_elsewhere: another process with the same token answered, and counts it.
    """

    __slots__ = ("answered_s", "error", "is_elsewhere", "received_s", "started_at")

    def __init__(self, started_at: datetime, received_s: float) -> None:
        self.started_at = started_at
        self.received_s = received_s
        self.answered_s: float | None = None
        self.error: BaseException | None = None
        self.is_elsewhere = False


class _Minute:
    """What happened to one command within one minute."""

    __slots__ = ("buckets", "failed", "n")

    def __init__(self) -> None:
        self.n = self.failed = 0
        self.buckets: Counter[int] = Counter()


_current: ContextVar[_UnderWay | None] = ContextVar("botmon_autocomplete", default=None)


class Autocomplete:
    """Counts the calls of one bot. A failure is one that raised, that Discord refused, or that was never answered.

    Attributes:
        count_failure: hears what they raise.
    """

    def __init__(self, system: MonitoringSystem, delays: LeastDelay) -> None:
        """`delays`: how long interactions are on their way; it tells a late answer from one given elsewhere."""
        self._record = system.recorder.record
        self._is_ignored = Filter(system.config.record)
        self._is_wanted = system.config.record.autocomplete
        self._failures = system.failures
        self._now, self._monotonic = system.clock.now, system.clock.monotonic
        self._delays = delays
        self._timer = MinuteTimer(system.clock, system.failures, self.flush)
        self._waiting: dict[AnyInteraction, _UnderWay] = {}
        self._under_way: dict[discord.InteractionResponse[Any], tuple[AnyInteraction, _UnderWay]] = {}
        self._minutes: dict[tuple[datetime, str], _Minute] = {}
        self._is_attached = False
        self.count_failure: CountFailure | None = None

    def attach(self) -> None:
        """Start counting. Needs a running event loop."""
        if not self._is_wanted:
            return
        self._is_attached = True
        add_sink(discord.InteractionResponse, _RESPOND, self._responded)
        if is_there(app_commands.Command, COMPLETE, "what raises after it was answered is not counted as failed"):
            add_sink(app_commands.Command, (COMPLETE,), self._completed)

    def detach(self) -> None:
        """Count nothing more, and hand over what was counted."""
        if not self._is_attached:
            return
        self._is_attached = False
        remove_sink(discord.InteractionResponse, _RESPOND, self._responded)
        remove_sink(app_commands.Command, (COMPLETE,), self._completed)
        self._waiting.clear()
        self.flush()

    def flush(self) -> None:
        """Record what was counted up to now."""
        self._timer.disarm()
        minutes, self._minutes = self._minutes, {}
        for (started_at, command), counted in minutes.items():
            self._record(
                AutocompleteCalls(
                    command=command,
                    started_at=started_at,
                    n=counted.n,
                    failed=counted.failed,
                    durations=tuple(sorted(counted.buckets.items())),
                )
            )

    def received(self, interaction: AnyInteraction) -> None:
        """It arrived: called before its task is made. Without that, a call begins when its task first runs."""
        if self._is_attached:
            if len(self._waiting) >= _MOST_WAITING:
                self._waiting.clear()
            self._waiting[interaction] = _UnderWay(self._now(), self._monotonic())

    async def around(self, call: Call, interaction: AnyInteraction) -> None:
        """Run `call`, which completes an option from the tree's check to the answer, and count it."""
        if not self._is_attached:
            await call(interaction)
            return
        under_way = self._waiting.pop(interaction, None) or _UnderWay(self._now(), self._monotonic())
        response = interaction.response
        self._under_way[response] = interaction, under_way
        _current.set(under_way)
        try:
            await call(interaction)
        except BaseException as error:
            under_way.error = error
            raise
        finally:
            self._under_way.pop(response, None)
            try:
                self._count(interaction, under_way)
            except Exception as error:  # noqa: BLE001 (the edge: discord.py is completing somebody's option)
                self._failures.note("counting an autocomplete", error)

    # -- what becomes of it --------------------------------------------------------------------------------------------

    def _responded(self, response: discord.InteractionResponse[Any], error: BaseException | None) -> None:
        """The choices were sent, or refused."""
        found = self._under_way.get(response)
        if found is None:
            return
        interaction, under_way = found
        if error is None:
            under_way.answered_s = self._monotonic()
        elif outcomes.is_acknowledged(error):
            under_way.is_elsewhere = under_way.answered_s is None
        elif outcomes.is_unknown_interaction(error):
            delay_s = delay_of(interaction.id, under_way.started_at.timestamp())
            age_s = self._monotonic() - under_way.received_s + self._delays.held_up_s(delay_s)
            under_way.is_elsewhere = age_s < OpenInteraction.DEADLINE_S

    def _completed(self, _: object, error: BaseException | None) -> None:
        """What the host's function and the answer ended with; discord.py logs an exception, and drops it."""
        under_way = _current.get()
        if error is not None and under_way is not None:
            under_way.error = error

    def _count(self, interaction: AnyInteraction, under_way: _UnderWay) -> None:
        if under_way.is_elsewhere or not self._is_attached:
            return
        command = interaction.command
        if command is not None and is_ours(command.module):
            return
        if self._is_ignored(interaction.user.id, interaction.guild_id, command):
            return
        ended_s = self._monotonic() if under_way.answered_s is None else under_way.answered_s
        key = minute_of(under_way.started_at), _name_of(interaction)
        counted = self._minutes.get(key)
        if counted is None:
            counted = self._minutes[key] = _Minute()
        counted.n += 1
        counted.failed += under_way.error is not None or under_way.answered_s is None
        if under_way.error is not None and self.count_failure is not None:
            error, under_way.error = outcomes.root_cause(under_way.error), None
            self.count_failure(
                BackgroundKind.AUTOCOMPLETE, error, lambda: Described(key[1], values_in(interaction.data))
            )
        counted.buckets[bucket_of(ended_s - under_way.received_s)] += 1
        self._timer.arm()


def _name_of(interaction: AnyInteraction) -> str:
    """The command's full path as Discord sent it; so also of one that the bot does not know."""
    data: Mapping[str, Any] = interaction.data or {}
    name, options = str(data.get("name", _UNNAMED)), data.get("options")
    while options and options[0]["type"] in _SUB_COMMANDS:
        name = f"{name} {options[0]['name']}"
        options = options[0].get("options")
    return name
