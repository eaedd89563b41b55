"""Buttons, select menus and modals: opened when they arrive, and watched from their first check to their last handler.

A view's own `on_error` keeps errors to itself, and of a dynamic item that raises discord.py tells nobody but its log.
So what discord.py runs for a view is given stand-ins for the view and for its item: see `stand_ins`.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import discord
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.observed import current
from botmon_cog.observer.component_names import (
    Names,
    name_of_custom_id,
    name_of_factory,
    name_of_item,
    name_of_modal,
    words_of_names,
)
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.interactions import Interactions
from botmon_cog.observer.known_commands import AnyInteraction, KnownCommand, known_component
from botmon_cog.observer.open_component import OpenComponent, kind_of
from botmon_cog.observer.outcomes import outcome_of
from botmon_cog.observer.private import ViewRun, unwatch_views, watch_views
from botmon_cog.observer.stand_ins import FactoryStandIn, StandIn
from botmon_cog.observer.unclaimed import Unclaimed

_COMPONENTS = frozenset({discord.InteractionType.component, discord.InteractionType.modal_submit})
_OURS = f"{__name__.partition('.')[0]}.cog."
"""What the modules of our own components begin with."""
_REMEMBERED = 256
"""Interactions by whose id it is known that they were opened."""


class Components:
    """Those of one bot."""

    def __init__(self, bot: commands.Bot, interactions: Interactions, clock: Clock, failures: Failures) -> None:
        self.bot = bot
        self._interactions = interactions
        self._failures = failures
        self._hooks = EventHooks(bot, failures)
        self._unclaimed = Unclaimed(interactions, clock, failures)
        self._names = Names()
        self._open_one = interactions.opener(OpenComponent, self._find)
        self._recent: deque[int] = deque(maxlen=_REMEMBERED)
        self._is_attached = False

    def attach(self) -> None:
        """Needs a running event loop."""
        self._is_attached = True
        if not watch_views(self):
            self._hooks.listen("interaction", self.arrived)

    def end(self) -> None:
        """Open nothing more, and end what only waits for what its user saw."""
        self._is_attached = False
        self._unclaimed.settle()

    async def detach(self) -> None:
        """The same, and leave discord.py as it was. What runs is seen to its end."""
        self.end()
        unwatch_views(self)
        await self._hooks.end()
        await self._unclaimed.end()

    # -- what opens ----------------------------------------------------------------------------------------------------

    def arrived(self, interaction: AnyInteraction) -> None:
        """One arrived, and no task of a view runs yet. Of one that nobody's view takes, answers alone tell."""
        if not self._is_attached or interaction.type not in _COMPONENTS or interaction.id in self._recent:
            return
        try:
            self._unclaimed.wait(self._open(interaction))
        except Exception as error:  # noqa: BLE001 (the edge: discord.py is about to run it)
            self._failures.note("opening the use of a component", error)

    def _open(self, interaction: AnyInteraction) -> OpenComponent:
        self._recent.append(interaction.id)
        return self._open_one(interaction)

    def _find(self, interaction: AnyInteraction) -> KnownCommand:
        """What is known before its view is."""
        custom_id = str(dict[str, Any](interaction.data or {}).get("custom_id", ""))
        name = self._names.bounded(name_of_custom_id(custom_id, words_of_names(interaction.user)))
        return known_component(kind_of(interaction), name, is_own=False)

    def _begin(self, interaction: AnyInteraction, owner: type, name: Callable[[], str]) -> OpenComponent | None:
        """The use that a view is called for, from now on under its view's name; None: nothing is to be observed.

        `owner`: the class of the view, or of the dynamic item.
        """
        if not self._is_attached or interaction.type not in _COMPONENTS:
            return None
        try:
            opened = self._interactions.get(interaction)
            if opened is None and interaction.id not in self._recent:  # it arrived before we were attached
                opened = self._open(interaction)
            if not isinstance(opened, OpenComponent):
                return None  # it has ended: two dynamic items may take the same component
            is_own = owner.__module__.startswith(_OURS)
            opened.known = known_component(opened.known.kind, self._names.bounded(name()), is_own=is_own)
            self._unclaimed.claim(opened)
            self._interactions.renamed(opened)
        except Exception as error:  # noqa: BLE001 (the callback must run, whatever we can't read of it)
            self._failures.note("opening the use of a component", error)
            return None
        current.set(opened)
        return opened

    # -- what ends -----------------------------------------------------------------------------------------------------

    async def run_view(self, run: ViewRun, view: Any, item: Any, interaction: AnyInteraction) -> None:
        """In place of what runs an item of a view."""
        opened = self._begin(interaction, view.__class__, lambda: name_of_item(view, item))
        if opened is None:
            await run(view, item, interaction)
        else:
            await self._watch(opened, run(StandIn(view, opened), StandIn(item, opened), interaction))

    async def run_modal(self, run: ViewRun, modal: Any, interaction: AnyInteraction, *values: Any) -> None:
        """In place of what runs a modal that was filled in."""
        opened = self._begin(interaction, modal.__class__, lambda: name_of_modal(modal))
        if opened is None:
            await run(modal, interaction, *values)
        else:
            await self._watch(opened, run(StandIn(modal, opened), interaction, *values))

    async def run_dynamic(
        self, run: ViewRun, store: Any, kind: int, factory: Any, interaction: AnyInteraction, *rest: Any
    ) -> None:
        """In place of what makes and runs a dynamic item, whose class is the factory."""
        opened = self._begin(interaction, factory, lambda: name_of_factory(factory))
        if opened is None:
            await run(store, kind, factory, interaction, *rest)
            return
        stand_in = FactoryStandIn(factory, opened)
        try:
            await self._watch(opened, run(store, kind, stand_in, interaction, *rest))
        finally:
            stand_in.give_back()

    async def _watch(self, opened: OpenComponent, call: Awaitable[None]) -> None:
        returned, crashed = self._interactions.returned, self._interactions.crashed
        try:
            await call
        except (asyncio.CancelledError, GeneratorExit) as error:  # or its task was lost, and collected as garbage
            returned(opened, Outcome.CANCELLED, error)
            raise
        except Exception as error:
            # Its error handler raised, in most cases for want of an answer to what it was called for.
            cause = error if opened.error is None or not outcome_of(opened.error).is_fault else opened.error
            crashed(opened, Outcome.ERROR if cause is error else outcome_of(cause), cause)
            raise
        if opened.error is not None:
            returned(opened, outcome_of(opened.error), opened.error)
        else:
            returned(opened, Outcome.OK if opened.is_called else Outcome.DENIED)
