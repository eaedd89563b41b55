"""The page of the public names is what their docstrings say."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path

import botmon_cog

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "api.md"


def test_page_is_what_the_docstrings_say():
    made = runpy.run_path(str(DOCS / "make_api.py"))
    assert PAGE.read_text(encoding="utf-8") == made["api"](), "run python docs/make_api.py"


def test_page_has_every_public_name():
    text = PAGE.read_text(encoding="utf-8")
    missing = {name for name in botmon_cog.__all__ if f"### `{name}`" not in text}
    assert missing == set()


def test_public_names_exist_are_sorted_and_say_what_they_are():
    assert botmon_cog.__all__ == sorted(botmon_cog.__all__)
    undocumented = {name for name in botmon_cog.__all__ if not inspect.getdoc(getattr(botmon_cog, name))}
    assert undocumented == set()
