"""The page about metrics lists what is exported, and what the boards ask."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_tables_of_metrics_are_what_the_code_says() -> None:
    made = runpy.run_path(str(DOCS / "make_metrics.py"))
    page = (DOCS / "metrics.md").read_text(encoding="utf-8")
    assert page == made["page"](page), "run python docs/make_metrics.py"
    assert "`botmon_invocations_total` | counter | `command`, `kind`, `outcome` | goes on |" in page
