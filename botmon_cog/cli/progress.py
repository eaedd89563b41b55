"""A bar for what takes a while."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_BAR_COLUMNS = 24


@contextmanager
def progress(console: Console, doing: str, total: int | None) -> Generator[Callable[[int], None], None, None]:
    """Show a bar until the block ends; on a terminal only.

    Args:
        console: where it is drawn.
        doing: what is done, in a word or two.
        total: how far it is; None where nobody knows.

    Yields:
        What is told of each step how far it went.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    counting = () if total is None else (MofNCompleteColumn(), TimeRemainingColumn())
    columns = TextColumn("{task.description}"), BarColumn(bar_width=_BAR_COLUMNS), *counting
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        bar = bars.add_task(doing, total=total)
        yield lambda n: bars.advance(bar, n)
