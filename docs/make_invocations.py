"""Writes the tables of docs/invocations.md: `python docs/make_invocations.py`. A test holds the page against them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "invocations.md"


def outcomes() -> Iterator[str]:
    """What each outcome means, as it is declared."""
    from botmon_cog.domain.outcome import Outcome  # noqa: PLC0415 (the path is set by then)

    yield "| outcome | when | the bot's fault | executed | in rates | in percentiles |\n|---|---|---|---|---|---|\n"
    for outcome in Outcome:
        flags = (outcome.is_fault, outcome.is_executed, outcome.is_rated, outcome.is_timed)
        yield f"| `{outcome.value}` | {outcome.when} | {' | '.join('yes' if flag else '' for flag in flags)} |\n"


def cases() -> Iterator[str]:
    """What can befall an invocation, and what is recorded of it."""
    from tests.invocation_cases import CASES  # noqa: PLC0415 (likewise)

    yield "| what happens | recorded as |\n|---|---|\n"
    group = ""
    for case in CASES:
        if case.group != group:
            group = case.group
            yield f"| **{group}** | |\n"
        rows = "; ".join(f"`{kind}` {name}: `{outcome}`" for kind, name, outcome in case.rows)
        yield f"| {case.title} | {rows or 'counted, without a row'} |\n"


TABLES = {"outcomes": outcomes, "cases": cases}


def written(page: str) -> str:
    """The page with its tables as they are now."""
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->\n"
        before, _, rest = page.partition(begin)
        page = f"{before}{begin}{''.join(table())}{end}{rest.partition(end)[2]}"
    return page


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    PAGE.write_text(written(PAGE.read_text()))
