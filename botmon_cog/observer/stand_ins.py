"""What stands in for a view, a modal, or the class of a dynamic item, while discord.py runs a component.

They pass everything on, and note what came of it. The host's own objects stay as they are: but for a dynamic item,
which discord.py puts into a view, and so has to have itself. Two of its methods are wrapped for as long as it runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from botmon_cog.monitors.observed import current
from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.open_component import OpenComponent


class StandIn:
    """A view, an item or a modal as discord.py's own code sees it."""

    _of: Any
    _opened: OpenComponent

    def __init__(self, of: Any, opened: OpenComponent) -> None:
        vars(self).update(_of=of, _opened=opened)

    @property
    def __class__(self) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride] (what isinstance and super look at)
        return self._of.__class__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self._of, name, value)

    def __repr__(self) -> str:
        return repr(self._of)

    def __eq__(self, other: object) -> bool:
        return bool(self._of == itself(other))

    def __hash__(self) -> int:
        return hash(self._of)

    async def callback(self, interaction: AnyInteraction) -> Any:
        self._opened.is_called = True
        return await self._of.callback(interaction)

    async def on_submit(self, interaction: AnyInteraction) -> Any:
        self._opened.is_called = True
        return await self._of.on_submit(interaction)

    async def on_error(self, interaction: AnyInteraction, error: Exception, *item: Any) -> Any:
        self._opened.error = error
        return await self._of.on_error(interaction, error, *map(itself, item))


def itself(value: Any) -> Any:
    """The host's own object, where it is one of our stand-ins."""
    return vars(value)["_of"] if type(value) is StandIn else value


class FactoryStandIn:
    """The class of dynamic items, as discord.py's own code sees it while it makes one for a call."""

    def __init__(self, of: Any, opened: OpenComponent) -> None:
        self._of = of
        self._opened = opened
        self._notes: list[_Notes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._of, name)

    def __repr__(self) -> str:
        return repr(self._of)

    async def from_custom_id(self, *given: Any) -> Any:
        try:
            item = await self._of.from_custom_id(*given)
        except Exception as error:
            self._opened.error = error
            raise
        self._notes = [_lend(item, name) for name in _NOTED if hasattr(item, name)]
        return item

    def give_back(self) -> None:
        """The call is over: leave the item as it was."""
        for notes in self._notes:
            notes.give_back()
        self._notes = []


_NOTED = ("interaction_check", "callback")
_ABSENT: Any = object()


class _Notes:
    """A method of a dynamic item while calls of it are under way: what it raises is noted.

    discord.py only logs what the callback raises, and takes it for a no where the check does. A host may give the same
    item to several calls: whose this one is, the task tells.
    """

    def __init__(
        self, attributes: dict[str, Any], name: str, method: Callable[[AnyInteraction], Awaitable[Any]]
    ) -> None:
        self._attributes = attributes
        self._name = name
        self._method = method
        self._before = attributes.get(name, _ABSENT)
        self.calls = 0
        attributes[name] = self

    async def __call__(self, interaction: AnyInteraction) -> Any:
        opened = current.get()
        if not isinstance(opened, OpenComponent):
            return await self._method(interaction)
        if self._name == "callback":
            opened.is_called = True
        try:
            return await self._method(interaction)
        except Exception as error:
            opened.error = error
            raise

    def give_back(self) -> None:
        self.calls -= 1
        if self.calls or self._attributes.get(self._name) is not self:
            return
        if self._before is _ABSENT:
            del self._attributes[self._name]
        else:
            self._attributes[self._name] = self._before


def _lend(item: Any, name: str) -> _Notes:
    method = getattr(item, name)
    notes = method if isinstance(method, _Notes) else _Notes(getattr(item, "__dict__", {}), name, method)
    notes.calls += 1
    return notes
