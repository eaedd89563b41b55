"""Fills in the tables of docs/metrics.md from the code: `python docs/make_metrics.py`. A test holds it against that."""

from __future__ import annotations

import re
import runpy
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from botmon_cog.domain.exposed import FamilyKind
from botmon_cog.exporters.families import FAMILIES, Declared

TARGET = Path(__file__).with_name("metrics.md")
_BOARDS = Path(__file__).parents[1] / "examples" / "monitoring" / "boards.py"


def families() -> str:
    """Every family, as Prometheus knows it."""
    rows = "\n".join(
        f"| `{_name(each)}` | {each.kind} | {_labels(each)} | {_begins(each)} | {each.what} |" for each in FAMILIES
    )
    return f"| Name | Kind | Labels | Begins | What |\n|---|---|---|---|---|\n{rows}\n"


def _name(declared: Declared) -> str:
    return declared.full_name + ("_total" if declared.kind is FamilyKind.COUNTER else "")


def _labels(declared: Declared) -> str:
    return ", ".join(f"`{label}`" for label in declared.labels)


def _begins(declared: Declared) -> str:
    if declared.kind is FamilyKind.GAUGE:
        return ""
    return "goes on" if declared.goes_on else "at 0"


def boards() -> str:
    """Every board with its panels and the question that each answers."""
    parts: list[str] = []
    for board in runpy.run_path(str(_BOARDS))["BOARDS"]:
        rows = "\n".join(f"| {panel.title} | {panel.question} |" for panel in board.panels)
        parts.append(f"**{board.title}**\n\n| Panel | Answers |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


MADE: Mapping[str, Callable[[], str]] = {"families": families, "boards": boards}


def page(text: str) -> str:
    """The page with its tables as the code has them."""
    for name, make in MADE.items():
        begin, end = f"<!-- {name}: made by docs/make_metrics.py -->\n", f"<!-- end of {name} -->"
        pattern = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
        text, n = pattern.subn(lambda found, make=make: f"{found[1]}\n{make()}\n{found[2]}", text)
        if n != 1:
            raise ValueError(f"there must be one place for {name}")
    return text


if __name__ == "__main__":
    TARGET.write_text(page(TARGET.read_text(encoding="utf-8")), encoding="utf-8")
