"""Decorators for functions of the bot."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Generator
from contextlib import contextmanager
from copy import deepcopy
from functools import partial, wraps
from typing import Any, ParamSpec, TypeVar, overload

from botmon_cog.causes.logged import logged
from botmon_cog.clock import SystemClock

_log = logging.getLogger(__name__)
_monotonic = SystemClock.monotonic

P = ParamSpec("P")
T = TypeVar("T")


@overload
def async_timer(function: Callable[P, T]) -> Callable[P, T]: ...
@overload
def async_timer(function: None = None) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
def async_timer(function: Any = None) -> Any:
    """Log how long each call of a function takes, also one that raises: `play executed in 0.1234s`, at DEBUG."""
    if function is None:
        return async_timer
    name = _name(function)
    if not inspect.iscoroutinefunction(function):

        @wraps(function)
        def timed(*args: Any, **kwargs: Any) -> Any:
            with _timer(name):
                return function(*args, **kwargs)

        return timed

    @wraps(function)
    async def timed_async(*args: Any, **kwargs: Any) -> Any:
        with _timer(name):
            return await function(*args, **kwargs)

    return timed_async


@overload
def safe_execute(  # pyright: ignore[reportOverlappingOverload] (a function that is passed is the one decorated)
    default_return: Callable[P, T],
) -> Callable[P, T]: ...
@overload
def safe_execute(default_return: object = None) -> Callable[[Callable[P, T]], Callable[P, T]]: ...
def safe_execute(default_return: Any = None) -> Any:
    """Let a function, plain or async, return a copy of `default_return` instead of raising.

    The error is logged, without the values that the function was called with.

    Cancellation passes, as does everything that is not an `Exception`.
    """
    if _is_function(default_return):
        return _safe(default_return, None)
    return partial(_safe, default=default_return)


def _safe(function: Any, default: object) -> Any:
    if inspect.iscoroutinefunction(function):

        @wraps(function)
        async def safe_async(*args: Any, **kwargs: Any) -> Any:
            try:
                return await function(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 (what the decorator is for)
                _tell(function, error, args, kwargs)
                return _copy(default)

        return safe_async

    @wraps(function)
    def safe(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:  # noqa: BLE001 (what the decorator is for)
            _tell(function, error, args, kwargs)
            return _copy(default)

    return safe


def _tell(function: Any, error: Exception, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Log it with its traceback, but without the values that the function was called with."""
    _log.error("%s failed\n%s", _name(function), logged(error, [*args, *kwargs.values()]))


@contextmanager
def _timer(name: str) -> Generator[None]:
    started_s = _monotonic()
    try:
        yield
    finally:
        _log.debug("%s executed in %.4fs", name, _monotonic() - started_s)


def _copy(default: object) -> object:
    """A fresh one: a list that one caller fills is not the next one's."""
    try:
        return deepcopy(default)
    except Exception as error:  # noqa: BLE001 (a copy may fail as it likes)
        why = type(error).__name__
        _log.debug("%s can't be copied (%s), and is returned itself", type(default).__name__, why)
        return default


def _is_function(value: object) -> bool:
    return inspect.isfunction(value) or inspect.ismethod(value)


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
