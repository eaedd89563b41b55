"""The page that lists all columns is what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def test_page_of_columns_is_what_the_code_says() -> None:
    made = runpy.run_path(str(DOCS / "make_tables.py"))
    assert (DOCS / "tables.md").read_text(encoding="utf-8") == made["tables"](), "run python docs/make_tables.py"
