"""Hearing of calls of methods of discord.py's classes, and of other libraries', where nothing else tells it.

The class is shared by all bots of the process, and this module may be reloaded: so those who listen are kept on the
wrapped methods themselves, and the last one to go puts the class back as it was.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial, wraps
from inspect import iscoroutinefunction
from typing import Any

Sink = Callable[[Any, BaseException | None], None]
"""(the object whose method was called, what it raised or None). It must not raise."""

Around = Callable[..., Any]
"""(what runs the method, the object whose method is called, its arguments): it runs the method, and returns what that
does. Of a coroutine method it is a coroutine function, too. What it raises the caller gets."""

_SINKS = "__botmon_sinks__"


def add_sink(of: type, names: Iterable[str], sink: Sink) -> None:
    """Call `sink` after every call of these coroutine methods that any bot of the process makes.

    Names that the class does not define itself are left out: an older discord.py lacks them.
    """
    _add(of, names, sink, _wrapped)


def add_around(of: type, names: Iterable[str], around: Around) -> None:
    """Put `around` in place of these methods for all bots of the process; it is asked to run the method itself.

    Not for methods that have sinks. Names are left out as by `add_sink`.
    """
    _add(of, names, around, _surrounded)


def _add(of: type, names: Iterable[str], sink: Callable[..., Any], wrap: _Wrap) -> None:
    for name in names:
        method: Any = vars(of).get(name)
        if method is None:
            continue
        sinks: _Sinks | None = getattr(method, _SINKS, None)
        if sinks is None:
            setattr(of, name, wrap(method, _Sinks([sink])))
        else:
            sinks.change([*sinks.all, sink])


def remove_sink(of: type, names: Iterable[str], sink: Callable[..., Any]) -> None:
    """Undo `add_sink`, or `add_around`."""
    for name in names:
        method: Any = vars(of).get(name)
        sinks: _Sinks | None = getattr(method, _SINKS, None)
        if sinks is None or sink not in sinks.all:
            continue
        sinks.change([other for other in sinks.all if other != sink])
        if not sinks.all and method is sinks.method:
            setattr(of, name, method.__wrapped__)  # else somebody has wrapped ours since: it stays, and passes through


class _Sinks:
    """Those who listen to one method.

    Attributes:
        all: in the order in which they came.
        tell: calls each of them; mostly it is the only one itself.
        method: what stands in the method's place for them. A wrapper of somebody else's has its attributes as well.
    """

    method: Callable[..., Any]

    def __init__(self, sinks: Sequence[Callable[..., Any]]) -> None:
        self.change(sinks)

    def change(self, sinks: Sequence[Callable[..., Any]]) -> None:
        self.all = sinks
        self.tell: Sink = sinks[0] if len(sinks) == 1 else self._tell_all

    def run(self, method: Callable[..., Any], of: Any) -> Callable[..., Any]:
        """What calls the method of an object, with each of them around it."""
        run: Callable[..., Any] = partial(method, of)
        for around in self.all:
            run = partial(around, run, of)
        return run

    def _tell_all(self, of: Any, error: BaseException | None) -> None:
        for sink in self.all:
            sink(of, error)


def _wrapped(method: Callable[..., Awaitable[Any]], sinks: _Sinks) -> Callable[..., Awaitable[Any]]:
    @wraps(method)
    async def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        try:
            result = await method(self, *args, **kwargs)
        except BaseException as error:
            sinks.tell(self, error)
            raise
        sinks.tell(self, None)
        return result

    sinks.method = call
    setattr(call, _SINKS, sinks)
    return call


def _surrounded(method: Callable[..., Any], sinks: _Sinks) -> Callable[..., Any]:
    @wraps(method)
    def call(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return sinks.run(method, self)(*args, **kwargs)

    @wraps(method)
    async def call_later(self: Any, /, *args: Any, **kwargs: Any) -> Any:
        return await sinks.run(method, self)(*args, **kwargs)

    sinks.method = call_later if iscoroutinefunction(method) else call
    setattr(sinks.method, _SINKS, sinks)
    return sinks.method


_Wrap = Callable[[Callable[..., Any], _Sinks], Callable[..., Any]]
