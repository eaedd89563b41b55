"""Rounds of child processes, and what is made of their figures."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

from _processes import run_child, tell
from _servers import Server, database
from _variants import BARE, ON_POSTGRES

Figures = dict[str, float]
Key = TypeVar("Key", bound=Hashable)
Found = TypeVar("Found")


def take_turns(
    keys: Sequence[Key], rounds: int, measure: Callable[[Key], Found], name: Callable[[Key], str] = str
) -> dict[Key, list[Found]]:
    """Each key once per round, in an order that moves on by one with each round."""
    found: dict[Key, list[Found]] = {key: [] for key in keys}
    for number in range(rounds):
        shift = number % len(keys)
        for key in (*keys[shift:], *keys[:shift]):
            tell(f"round {number + 1} of {rounds}: {name(key)}")
            found[key].append(measure(key))
    return found


def run_variant(variant: str, mode: str, n: int, server: Server | None, *more: str) -> Figures:
    """One measurement of `overhead.py`.

    Raises:
        ChildFailedError: it failed, or left another number of rows than of commands.
    """
    with database(server if variant in ON_POSTGRES else None) as env:
        return run_child("_child.py", variant, mode, n, *more, env=env)


def summary(figures: dict[str, list[Figures]]) -> dict[str, Figures]:
    """Medians over the rounds. A ratio is the median of the ratios to the bare bot of the same round."""
    bare = figures[BARE]
    return {
        variant: {
            **{key: _median(f[key] for f in own) for key in own[0]},
            "cpu_ratio": _median(f["cpu_us"] / b["cpu_us"] for f, b in zip(own, bare, strict=True)),
            "loop_ratio": _median(f["loop_us"] / b["loop_us"] for f, b in zip(own, bare, strict=True)),
        }
        for variant, own in figures.items()
    }


_median = statistics.median
