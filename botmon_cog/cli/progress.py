"""A bar that shows how far something is, on a terminal and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def progress(console: Console | None, what: str, total: int) -> Generator[Callable[[int], None], None, None]:
    """Show that something is being done; what comes out is called with how much more of it is done.

    Args:
        console: None shows nothing.
        what: is being done, such as `checking`.
        total: of what is to be done.
    """
    if console is None or not console.is_terminal:
        yield lambda _: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda n: bar.advance(task, n)
