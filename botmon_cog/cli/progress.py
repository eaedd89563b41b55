"""A bar that shows how far something is, on a terminal and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

_BAR_COLUMNS = 24


def bar_column(console: Console) -> ProgressColumn:
    """The bar itself, of `#` and `.` on a terminal without the characters for a finer one."""
    return _PlainBarColumn() if console.options.ascii_only else BarColumn(bar_width=_BAR_COLUMNS)


class _PlainBarColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        done = round(_BAR_COLUMNS * (task.percentage or 0) / 100)
        return Text("#" * done + "." * (_BAR_COLUMNS - done))


@contextmanager
def progress(console: Console | None, doing: str, total: int | None) -> Generator[Callable[[int], None], None, None]:
    """Show that something is being done; what comes out is called with how much more of it is done.

    Args:
        console: None shows nothing.
        doing: what is done, such as `checking`.
        total: of what is to be done; None if unknown.
    """
    if console is None or not console.is_terminal:
        yield lambda _: None
        return
    counting = () if total is None else (MofNCompleteColumn(), TimeRemainingColumn())
    columns = TextColumn("{task.description}"), bar_column(console), *counting
    with Progress(*columns, console=console, transient=True) as bars:
        bar = bars.add_task(doing, total=total)
        yield lambda n: bars.advance(bar, n)
