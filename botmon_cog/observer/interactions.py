"""The open interactions, from the first sign of each until it is clear what its user saw.

That a command's code returned does not tell that: a task may still answer within Discord's 3 s, a deferral may still be
filled within 15 min, and what is refused may have been answered by another process with the same token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from discord import InteractionResponse, InteractionResponseType
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.failures import Failures
from botmon_cog.observer import outcomes
from botmon_cog.observer.closing import Closer
from botmon_cog.observer.deferrals import Deferrals
from botmon_cog.observer.delays import LeastDelay, delay_of
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.opened import OpenInteraction
from botmon_cog.observer.opening import Find, Opened, make_open_one
from botmon_cog.observer.private import interaction_getter
from botmon_cog.observer.rows import Rows

_DEFERRED = InteractionResponseType.deferred_channel_message
_AT_ONCE = frozenset({Outcome.ERROR, Outcome.LATE, Outcome.REFUSED, Outcome.CANCELLED})
"""What the user saw does not change these."""


def _nothing() -> None:
    pass


class Interactions:
    """Those of one bot: application commands, components and modals.

    Attributes:
        open: by their interaction.
        delays: how long interactions are on their way.
        responded: called with each response that was sent or refused but deferrals, and what it was refused with.
        ended_well: called when a command's code ended well: as `returned`, but quicker.
        renamed: called with one whose name is known better than before.
        answered_unwatched: called when a command is answered whose code we won't see end.
    """

    def __init__(
        self, bot: commands.Bot, closer: Closer, clock: Clock, failures: Failures, privacy: PrivacyConfig
    ) -> None:
        self._bot = bot
        self._closer = closer
        self._clock = clock
        self._monotonic = clock.monotonic
        self._failures = failures
        self.open: dict[AnyInteraction | None, OpenInteraction] = {}
        self._deferrals = Deferrals(clock, failures, self._filled, self._never_filled)
        self.delays = LeastDelay(self._open_delays_s)
        self._rows = Rows(bot, privacy, closer.kept.unrecorded, self.delays)
        self._interaction_of = interaction_getter(self.open)
        self.responded = self._make_responded()
        self.ended_well = closer.make_ended_well(self.open, self._rows, self.returned)
        self.renamed = closer.kept.renamed
        self.answered_unwatched: Callable[[], None] = _nothing

    def attach(self) -> None:
        self._deferrals.attach()

    def let_go(self) -> None:
        """Hear nothing more."""
        self._deferrals.let_go()

    def opener(self, of: type[Opened], find: Find) -> Callable[[AnyInteraction], Opened]:
        """Returns what opens an interaction that has arrived, as one of this kind."""
        return make_open_one(of, find, self.open, self._bot, self._clock, self._rows, self._closer.kept)

    def get(self, interaction: AnyInteraction) -> OpenInteraction | None:
        return self.open.get(interaction)

    # -- how its code ended --------------------------------------------------------------------------------------------

    def returned(
        self, opened: OpenInteraction, outcome: Outcome = Outcome.OK, error: BaseException | None = None
    ) -> None:
        """Its code ended so: the first such word counts."""
        if not opened.is_open or opened.ended_s is not None:
            return
        opened.ended_s, opened.is_ordinary = self._monotonic(), False
        opened.outcome, opened.error = outcome, error
        self._decide(opened)

    def crashed(self, opened: OpenInteraction, outcome: Outcome, error: BaseException) -> None:
        """What handled its error crashed: if it is open still, this is how it ended."""
        if opened.is_open and opened.ended_s is not None:
            self._stop_waiting(opened)
            opened.outcome, opened.error = outcome, error
            self._decide(opened)
        else:
            self.returned(opened, outcome, error)

    def _decide(self, opened: OpenInteraction) -> None:
        """Close it if it is clear by now what the user saw; else wait until it will be."""
        if opened.is_elsewhere and opened.response_s is None:
            self._close_elsewhere(opened)
        elif opened.refusal is not None and opened.response_s is None:
            self.close(opened, opened.refusal)
        elif opened.outcome in _AT_ONCE:
            self.close(opened, opened.outcome)
        elif opened.response_s is None and not opened.interaction.response.is_done():
            self._wait_for_answer(opened)
        elif opened.is_deferred:
            self._deferrals.wait(opened)
        else:
            self._close_answered(opened)

    def _close_answered(self, opened: OpenInteraction) -> None:
        is_late = opened.response_s is not None and opened.response_s > opened.DEADLINE_S
        self.close(opened, Outcome.LATE if is_late else opened.outcome)

    def _wait_for_answer(self, opened: OpenInteraction) -> None:
        """A task that it left behind may still answer in time, and so may an error handler."""
        left_s = opened.DEADLINE_S - (self._monotonic() - opened.received_s)
        if left_s <= 0:
            self.close(opened, Outcome.UNANSWERED)
        elif opened.timer is None:
            opened.timer = self._clock.call_later(left_s, lambda: self.close(opened, Outcome.UNANSWERED))

    # -- what the user saw ---------------------------------------------------------------------------------------------

    def _make_responded(self) -> Callable[[InteractionResponse[Any], BaseException | None], None]:
        """A closure, for it runs while the host is in the middle of answering somebody."""
        open_ones, monotonic, interaction_of = self.open, self._monotonic, self._interaction_of

        def responded(response: InteractionResponse[Any], error: BaseException | None) -> None:
            try:
                opened = open_ones.get(interaction_of(response))
                if error is not None:
                    self._response_failed(interaction_of(response), opened, error)
                elif opened is not None and opened.response_s is None:
                    opened.response_s = monotonic() - opened.received_s
                    if not opened.is_ordinary or not opened.is_watched:
                        self._answered(opened)
            except Exception as failure:  # noqa: BLE001 (the edge: the host goes on)
                self._failures.note("observing a response", failure)

        return responded

    def deferred(self, response: InteractionResponse[Any], error: BaseException | None) -> None:
        """As `responded`, of `InteractionResponse.defer`."""
        try:
            opened = self.open.get(self._interaction_of(response))
            if error is None and opened is not None and opened.response_s is None and response.type is _DEFERRED:
                opened.is_deferred, opened.is_ordinary = True, False
                self._deferrals.add(opened)
        except Exception as failure:  # noqa: BLE001 (the edge: the host goes on)
            self._failures.note("observing a deferral", failure)
        self.responded(response, error)

    def _answered(self, opened: OpenInteraction) -> None:
        """What the first response means to any but an ordinary command."""
        if not opened.is_watched and not opened.known.kind.is_component:
            self.answered_unwatched()
        if opened.ended_s is not None:
            self._stop_waiting(opened)
            self._decide(opened)

    def _response_failed(
        self, interaction: AnyInteraction | None, opened: OpenInteraction | None, error: BaseException
    ) -> None:
        if opened is None or opened.response_s is not None:
            is_ours = interaction is not None and interaction.client is self._bot
        else:
            is_ours = True
            self._note_refusal(opened, error)
            if opened.refusal is not None and opened.ended_s is not None:
                self._stop_waiting(opened)
                self._decide(opened)
        if is_ours and (opened is None or not opened.is_elsewhere):
            self._closer.refused(error)

    def _note_refusal(self, opened: OpenInteraction, error: BaseException) -> None:
        """Discord refused the first response: too late, or another process was faster."""
        if outcomes.is_acknowledged(error):
            opened.is_elsewhere, opened.refusal = True, Outcome.OK
        elif outcomes.is_unknown_interaction(error):
            delay_s = delay_of(opened.interaction.id, opened.started_s)
            age_s = self._monotonic() - opened.received_s + self.delays.held_up_s(delay_s)
            opened.is_elsewhere, opened.refusal = age_s < opened.DEADLINE_S, Outcome.LATE

    def _open_delays_s(self) -> Iterator[float]:
        return (delay_of(opened.origin[0], opened.started_s) for opened in self.open.values())

    def _filled(self, opened: OpenInteraction) -> None:
        opened.is_deferred = False
        if opened.ended_s is not None and opened.is_open:
            self._decide(opened)

    def _never_filled(self, opened: OpenInteraction) -> None:
        self.close(opened, Outcome.UNANSWERED)

    def _stop_waiting(self, opened: OpenInteraction) -> None:
        if opened.timer is not None:
            opened.timer.cancel()
            opened.timer = None

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self, opened: OpenInteraction, outcome: Outcome) -> None:
        """Record it, with what its code ended with."""
        self._forget(opened)
        self._closer.close(opened, outcome, opened.error, opened.ended_s)

    def _close_elsewhere(self, opened: OpenInteraction) -> None:
        self._forget(opened)
        self._closer.close_elsewhere(opened, opened.refusal or Outcome.OK, opened.ended_s)

    def _forget(self, opened: OpenInteraction) -> None:
        self.open.pop(opened.interaction, None)
        if opened.timer is not None:
            self._stop_waiting(opened)
        if opened.is_deferred:
            self._deferrals.discard(opened)

    def sweep(self) -> None:
        """Close what ended long ago without a sign."""
        now_s = self._monotonic()
        for opened in [o for o in self.open.values() if now_s - o.received_s > o.LIFETIME_S]:
            if opened.is_watched or opened.ended_s is not None:
                continue  # it still runs, or its end is waited for
            if opened.interaction.response.is_done():
                self.close(opened, Outcome.CANCELLED)
            else:
                self.close(opened, Outcome.DENIED if opened.interaction.command_failed else Outcome.UNANSWERED)

    def close_all(self, spared: object = None) -> None:
        """Close what is still open, because nobody will watch it any longer; but not `spared`."""
        for opened in [o for o in self.open.values() if o is not spared]:
            is_silent = opened.ended_s is not None and opened.response_s is None
            self.close(opened, Outcome.UNANSWERED if is_silent else Outcome.CANCELLED)
