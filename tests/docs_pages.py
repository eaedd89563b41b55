"""The Python of a Markdown page, as one module whose line numbers are those of the page.

The ```python blocks of a page follow one another, as a reader reads them. What a page leaves out stands in a comment:

- `<!-- setup`, code, `-->`: what runs before the next block.
- `<!-- in: command -->` above a block: it is the inside of a slash command, with `interaction`, `guild` and `user`.
- `<!-- in: coroutine -->` above a block: it is the inside of a coroutine function.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))

_INSIDES = {
    "command": "interaction: discord.Interaction, guild: discord.Guild, user: discord.Member",
    "coroutine": "",
}
_COMMENT = re.compile(r"<!-- in: (\w+) -->")


class Block(NamedTuple):
    """Code of a page."""

    line: int
    """Where it begins, from 1."""
    code: str
    inside: str | None
    """What it is the inside of; None: it is code of a module."""

    @property
    def name(self) -> str:
        """Of the function that it is the inside of."""
        return f"line_{self.line}"

    @property
    def source(self) -> str:
        """Below as many empty lines as stand above it on the page."""
        above = "\n" * (self.line - 1)
        if self.inside is None:
            return above + self.code
        header = f"async def {self.name}({_INSIDES[self.inside]}) -> None:\n"
        return above[:-1] + header + re.sub(r"(?m)^(?=.)", "    ", self.code)


def blocks(page: Path) -> list[Block]:
    """All of a page, in order."""
    found: list[Block] = []
    lines = page.read_text(encoding="utf-8").splitlines()
    start, inside, end = 0, None, ""
    for number, line in enumerate(lines, 1):
        if start:
            if line == end:
                found.append(Block(start, "".join(f"{x}\n" for x in lines[start - 1 : number - 1]), inside))
                start, inside = 0, None
        elif line in {"```python", "<!-- setup"}:
            start, end = number + 1, "```" if line == "```python" else "-->"
        elif match := _COMMENT.fullmatch(line):
            inside = match[1]
    assert not start, f"{page.name}:{start}: nothing ends this block"
    return found


def execute(block: Block, page: Path, names: dict[str, Any]) -> None:
    """Run what is code of a module; define what is the inside of a function."""
    exec(compile(block.source, str(page), "exec", dont_inherit=True), names)  # noqa: S102 (our own page)


def module(page: Path) -> str:
    """The whole page as one module."""
    lines = [""] * len(page.read_text(encoding="utf-8").splitlines())
    for block in blocks(page):
        for number, line in enumerate(block.source.splitlines()):
            lines[number] = line or lines[number]
    return "\n".join(lines) + "\n"
