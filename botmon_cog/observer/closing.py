"""The end of an invocation: its row, and whoever is told of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import msgspec
from discord.ext import commands
from msgspec.structs import replace

from botmon_cog.causes.redaction import message_of
from botmon_cog.domain.ended import EndedCommand
from botmon_cog.domain.models import AnsweredElsewhere, ErrorGroup, Invocation
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.taken import LONGEST_NAME
from botmon_cog.monitors.observed import Observed
from botmon_cog.observer import outcomes
from botmon_cog.observer.ignoring import Filter
from botmon_cog.observer.kept_open import NO_NUMBER, KeptOpen
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.lacking import lacking
from botmon_cog.observer.opened import OpenInteraction, OpenInvocation, failed
from botmon_cog.observer.rows import Rows, moment_of
from botmon_cog.runtime import MonitoringSystem

_OK = Outcome.OK
_DEADLINE_S = OpenInteraction.DEADLINE_S
_COG = "botmon"

TellOfFailure = Callable[[Invocation, BaseException | None, Iterable[object]], None]


def _nothing(*_: object) -> None:
    pass


class Closer:
    """Records what ends, each once. It runs inside discord.py's calls, does no I/O, and never raises into them.

    Attributes:
        kept: has those that are open, and those whose rows are not safe yet.
        refused: called with what a command or a response failed with; the same error may come twice.
    """

    def __init__(
        self, bot: commands.Bot, system: MonitoringSystem, kept: KeptOpen, tell_of_failure: TellOfFailure
    ) -> None:
        """`tell_of_failure`: called once for each invocation that does not end well, and is none of our own."""
        self._bot = bot
        self._system = system
        self._monotonic = system.clock.monotonic
        self._is_ignored = Filter(system.config.record)
        self._record = system.recorder.record_invocation
        self._record_group: Callable[[ErrorGroup], object] = system.recorder.record
        self._tell_of_failure = tell_of_failure
        self._then: Callable[[], None] | None = None
        self._last_rows: set[asyncio.Task[None]] = set()
        self.kept = kept
        self.refused: Callable[[BaseException], None] = _nothing

    def close(
        self,
        opened: OpenInvocation,
        outcome: Outcome,
        error: BaseException | None = None,
        ended_s: float | None = None,
    ) -> None:
        """Record it. Does nothing if that was done. `ended_s`: monotonic; None means now."""
        if not opened.is_open:
            return
        opened.is_open = False
        try:
            if opened.is_left_out(self._is_ignored):
                self._forget(opened)
                return
            if ended_s is None:
                ended_s = self._monotonic()
            invocation = opened.invocation(Outcome.DENIED if opened.is_refused and outcome is _OK else outcome, ended_s)
            if invocation.outcome is _OK:
                self.kept.recorded(opened, self._record(invocation, ended_s), invocation)
            else:
                self._record_failure(invocation, ended_s, error, opened)
        except Exception as failure:  # noqa: BLE001 (the edge: the caller is discord.py in the middle of a command)
            self._system.failures.note("recording an invocation", failure)
            self._forget(opened)
        self._end_of_retirement()

    def make_ended_well(
        self,
        open_ones: dict[AnyInteraction | None, OpenInteraction],
        rows: Rows,
        returned: Callable[[OpenInteraction], None],
    ) -> Callable[[OpenInteraction], None]:
        """Returns what is called when a command's code ended well.

        Nearly all were answered in time then, and nothing is left to be decided: they are closed here in half the steps
        of `close`. All others go the way of `returned`.
        """
        if self._is_ignored.has_people:
            return returned
        record, keep_answered, monotonic = self._system.recorder.record_ended, self.kept.answered, self._monotonic
        make = rows.of_ended

        def ended_well(opened: OpenInteraction) -> None:
            interaction: Any = opened.interaction
            known = opened.known
            response_s = opened.response_s
            if (
                response_s is None
                or response_s > _DEADLINE_S
                or not opened.is_ordinary
                or not opened.is_open
                or known.command() is not interaction.command
            ):
                returned(opened)
                return
            opened.is_open = False
            del open_ones[interaction]
            try:
                ended_s = monotonic()
                duration_s = ended_s - opened.received_s
                ended = EndedCommand(
                    known.kind,
                    known.name,
                    interaction.guild_id,
                    opened.started_s,
                    duration_s,
                    response_s,
                    opened.origin,
                    interaction.user,
                    interaction.data.get("options"),
                    make,
                )
                keep_answered(opened.slot, record(ended, ended_s), duration_s, response_s)
            except Exception as failure:  # noqa: BLE001 (the edge: the caller is discord.py in the middle of a command)
                self._system.failures.note("recording an invocation", failure)
                self._forget(opened)

        return ended_well

    def _end_of_retirement(self) -> None:
        then, self._then = self._then, None
        if then is not None:
            then()

    def close_elsewhere(self, opened: OpenInteraction, outcome: Outcome, ended_s: float | None) -> None:
        """Keep it aside: another process answered it. `outcome` is what it had if nobody else's row came."""
        if not opened.is_open:
            return
        opened.is_open = False
        try:
            if opened.is_left_out(self._is_ignored):
                self._forget(opened)
                return
            invocation = opened.invocation(outcome, ended_s)
            if outcome.is_grouped:
                invocation = self._with_cause(invocation, None, opened)
            seq = self._system.recorder.record(
                AnsweredElsewhere(
                    discord_id=opened.interaction.id, received_at=moment_of(opened.started_s), invocation=invocation
                )
            )
            self.kept.set_aside(opened, seq, invocation)
        except Exception as failure:  # noqa: BLE001 (likewise)
            self._system.failures.note("keeping an invocation aside", failure)
            self._forget(opened)

    def _record_failure(
        self, invocation: Invocation, ended_s: float, error: BaseException | None, opened: OpenInvocation
    ) -> None:
        """The same with what it failed with; and tell the host, if it asked for that."""
        root = None
        if error is not None:
            root = outcomes.root_cause(error)
            self.refused(root)
        invocation = self._with_cause(invocation, root, opened)
        self.kept.recorded(opened, self._record(invocation, ended_s), invocation)
        if not invocation.is_own:  # how our own commands fare is none of the host's business
            self._tell_of_failure(invocation, root, opened.typed())

    def _with_cause(self, invocation: Invocation, root: BaseException | None, opened: OpenInvocation) -> Invocation:
        outcome = invocation.outcome
        if not outcome.is_grouped:
            if root is None:
                return invocation
            message = message_of(root, self._typed(invocation, opened))
            return replace(invocation, error_type=type(root).__name__[:LONGEST_NAME], error_message=message)
        causes, source, command = self._system.causes, invocation.source, invocation.command
        if root is None and (invocation.error_type, invocation.error_message) != (None, None):  # so the host said
            cause = causes.told(source, command, invocation.error_type, invocation.error_message)
        else:
            cause = causes.of(root, source, command, outcome, self._typed(invocation, opened))
        if cause.group is not None:
            self._record_group(cause.group)
        return failed(invocation, cause, lacking(root) if outcome is Outcome.REFUSED else None)

    def _typed(self, invocation: Invocation, opened: OpenInvocation) -> Iterable[object]:
        """What must not stand in what is kept of a failure; of who is not to be recorded, name and id as well."""
        if invocation.user_id not in self._system.unrecorded:
            return opened.typed()
        return [*opened.typed(), invocation.username, str(invocation.user_id)]

    def _forget(self, opened: OpenInvocation) -> None:
        self.kept.forget(opened)

    # -- when the extension goes while a command runs ------------------------------------------------------------------

    def retire(self, spared: Observed, then: Callable[[], None]) -> None:
        """From now on rows go to whoever comes after us: a command that reloads us ends after we have gone.

        `spared`: that command, the only one that is open still. `then`: called when it has ended.
        """
        if isinstance(spared, OpenInteraction):
            spared.is_ordinary = False
        self._record, self._record_group, self._then = self._hand_over, _nothing, then

    def adopt(self, row: bytes) -> None:
        """Record what one before us saw end. Of another load of this package: so it comes as bytes."""
        self._record(msgspec.msgpack.decode(row, type=Invocation), self._monotonic())

    def _hand_over(self, invocation: Invocation, _: float) -> int:
        """In place of what records, and gives numbers: this one has none."""
        successor: Any = getattr(getattr(self._bot.get_cog(_COG), "observer", None), "closer", None)
        if successor is not None and successor is not self:
            successor.adopt(msgspec.msgpack.encode(invocation))
            return NO_NUMBER
        task = asyncio.get_running_loop().create_task(self._write_alone(invocation), name="botmon-last-row")
        self._last_rows.add(task)
        task.add_done_callback(self._last_rows.discard)
        return NO_NUMBER

    async def _write_alone(self, invocation: Invocation) -> None:
        bot, system = self._bot, self._system
        try:
            async with MonitoringSystem(
                system.config, clock=system.clock, application_id=lambda: bot.application_id
            ) as alone:
                alone.recorder.record_invocation(invocation, self._monotonic())
        except Exception as error:  # noqa: BLE001 (a task of ours in a bot that has unloaded us)
            system.failures.note("recording the command that unloaded the extension", error)
