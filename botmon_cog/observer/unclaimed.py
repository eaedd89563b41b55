"""Components that no view of this process takes: of a message that is older than the process, most often.

A listener may answer one, and that is seen. So may another process with the same token, which has the view: of what is
silent after Discord's 3 s, Discord is asked once whether anybody answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

import discord

from botmon_cog.clock import Clock
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.failures import Failures
from botmon_cog.observer.interactions import Interactions
from botmon_cog.observer.open_component import OpenComponent

_UNKNOWN_WEBHOOK = 10015
"""Discord makes an interaction's webhook with the first response to it."""
_MOST_ASKED = 10
"""Asked at the same time; what is more is taken to be unanswered."""
_ASK_WITHIN_S = 20.0
_ORIGINAL: Any = "@original"


class Unclaimed:
    """Those of one bot."""

    def __init__(self, interactions: Interactions, clock: Clock, failures: Failures) -> None:
        self._interactions = interactions
        self._clock = clock
        self._failures = failures
        self._waiting: set[OpenComponent] = set()
        self._asking: dict[asyncio.Task[None], OpenComponent] = {}

    def wait(self, opened: OpenComponent) -> None:
        """It arrived: unless it is claimed, what the user saw within 3 s is how it ended."""
        self._waiting.add(opened)
        opened.timer = self._clock.call_later(opened.DEADLINE_S, lambda: self._nobody_took(opened))

    def claim(self, opened: OpenComponent) -> None:
        """A view takes it."""
        opened.is_watched = True
        if opened in self._waiting:
            self._waiting.discard(opened)
            self._stop(opened)

    def _nobody_took(self, opened: OpenComponent) -> None:
        opened.timer = None
        self._waiting.discard(opened)
        if opened.response_s is not None or opened.refusal is not None or len(self._asking) >= _MOST_ASKED:
            self._interactions.returned(opened)
            return
        task = asyncio.ensure_future(self._ask(opened))
        self._asking[task] = opened
        task.add_done_callback(lambda task: self._asking.pop(task, None))

    async def _ask(self, opened: OpenComponent) -> None:
        try:
            async with asyncio.timeout(_ASK_WITHIN_S):
                await opened.interaction.followup.fetch_message(_ORIGINAL)
        except discord.NotFound as error:  # answered by a modal, or by what was deleted since, it is an unknown message
            is_answered = error.code != _UNKNOWN_WEBHOOK
        except (discord.HTTPException, OSError, TimeoutError):
            is_answered = False  # Discord does not say
        except Exception as error:  # noqa: BLE001 (a task of ours)
            self._failures.note("asking whether a component was answered", error)
            is_answered = False
        else:
            is_answered = True
        if is_answered and opened.response_s is None:
            opened.is_elsewhere, opened.refusal = True, Outcome.OK
        self._interactions.returned(opened)

    def settle(self) -> None:
        """Nobody will watch any longer: what was answered, or is silent for too long, has ended."""
        for opened in [*self._waiting]:
            if opened.response_s is not None:
                self._waiting.discard(opened)
                self._stop(opened)
                self._interactions.returned(opened)
        for opened in [*self._asking.values()]:
            self._interactions.returned(opened)

    async def end(self) -> None:
        """The same, and ask nothing more."""
        self.settle()
        tasks = [*self._asking]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stop(self, opened: OpenComponent) -> None:
        if opened.timer is not None:
            opened.timer.cancel()
            opened.timer = None
