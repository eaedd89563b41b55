"""Every piece of Python in README.md and docs runs, and both type checkers take it as a user would have it checked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import discord
import pytest
from discord.ext import commands

from botmon_cog.config import DEFAULT_FILE, read_config
from botmon_cog.testing import LoopbackDiscord
from tests.docs_pages import PAGES, README, ROOT, blocks, execute, module

SHOWN = {page.stem: page for page in PAGES if blocks(page)}
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
WRONG = "import botmon_cog\n\nbotmon_cog.of(None).nothing_of_this_name()\n"
"""What both checkers must refuse; else they see `Any` and take everything."""

Inside = Callable[..., Awaitable[None]]


def test_pages_with_python_are_found():
    counts = {name: len(blocks(page)) for name, page in SHOWN.items()}
    assert counts.keys() >= {"README", "guide", "migrating", "reference", "testing"}
    assert counts["README"] >= 6
    assert counts["guide"] >= 15


def test_every_block_is_plain_python():
    """Else it would be shown, and not run."""
    for page in PAGES:
        fences = re.findall(r"(?m)^```(?:py\w*|Python\w*)\b.*$", page.read_text(encoding="utf-8"))
        assert set(fences) <= {"```python"}, page.name


@pytest.mark.parametrize("name", [name for name in SHOWN if name != "testing"])  # that has tests: test_loopback_docs
async def test_page_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    async with AsyncExitStack() as stack:
        await Page(SHOWN[name], stack).run()


class Page:
    """The code of a page, and the bot that it speaks of."""

    def __init__(self, page: Path, stack: AsyncExitStack) -> None:
        self.names: dict[str, Any] = {"__name__": page.stem}
        self._page = page
        self._stack = stack
        self._loopback: LoopbackDiscord | None = None
        self._inside: Inside | None = None
        self._error: Exception | None = None

    async def run(self) -> None:
        for block in blocks(self._page):
            execute(block, self._page, self.names)
            if block.inside == "command":
                await self._run_in_command(self.names[block.name])
            elif block.inside is not None:
                await self._start()
                await self.names[block.name]()

    async def _start(self) -> LoopbackDiscord:
        """Start the page's bot, if it has one, before the first block that is the inside of something."""
        if self._loopback is None:
            self._loopback = await self._stack.enter_async_context(LoopbackDiscord())
            bot: commands.Bot = self.names["bot"]
            bot.tree.command(name="snippet", description="Runs a block of the page")(self._callback)
            await self._stack.enter_async_context(self._loopback.running(bot))
            await bot.tree.sync()
        return self._loopback

    async def _run_in_command(self, inside: Inside) -> None:
        loopback = await self._start()
        self._inside = inside
        await loopback.user.slash(loopback.channel, "snippet")
        if self._error is not None:
            raise self._error

    async def _callback(self, interaction: discord.Interaction) -> None:
        try:
            await self._inside(interaction, interaction.guild, interaction.user)
        except Exception as error:  # noqa: BLE001 (raised in the test)
            self._error = error
        await interaction.response.send_message("done")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_toml_of_a_page_is_a_configuration(page, tmp_path):
    path = tmp_path / DEFAULT_FILE
    for text in re.findall(r"(?ms)^```toml\n(.*?)^```", page.read_text(encoding="utf-8")):
        path.write_text(text, encoding="utf-8")
        read_config(path)


def test_link_of_a_page_leads_somewhere():
    """To a file that is there, and to a heading in it."""
    for page in (*PAGES, ROOT / "CHANGELOG.md"):
        for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path, _, anchor = target.partition("#")
            file = page.parent / path if path else page
            assert file.exists(), f"{page.name}: {target}"
            assert not anchor or anchor in anchors(file), f"{page.name}: {target}"


def anchors(page: Path) -> set[str]:
    """As GitHub names them."""
    text = re.sub(r"(?ms)^```.*?^```", "", page.read_text(encoding="utf-8"))
    headings = re.findall(r"(?m)^#+ (.+)$", text)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages as modules, beside the examples and what is wrong."""
    folder = tmp_path_factory.mktemp("snippets")
    for name, page in SHOWN.items():
        (folder / f"{name}.py").write_text(module(page), encoding="utf-8")
    for example in EXAMPLES:
        (folder / f"example_{example.name}").write_text(example.read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "wrong.py").write_text(WRONG, encoding="utf-8")
    return folder


def test_mypy_takes_every_page(written, tmp_path):
    """In its strict mode. Line numbers are those of the pages."""
    names = sorted(path.name for path in written.glob("*.py"))
    command = ["--strict", "--follow-imports=silent", "--no-error-summary", "--cache-dir", str(tmp_path)]
    done = _run(written, "mypy", *command, *names)
    errors = [line for line in done.stdout.splitlines() if ": error:" in line]
    assert [line for line in errors if not line.startswith("wrong.py:3:")] == [], done.stderr
    assert errors, f"a name that is wrong was not seen: {done.stdout}{done.stderr}"


def test_pyright_takes_every_page(written):
    settings = {"include": ["*.py"], "typeCheckingMode": "standard", "pythonVersion": "3.11"}
    (written / "pyrightconfig.json").write_text(json.dumps(settings), encoding="utf-8")
    done = _run(written, "pyright", "--outputjson", "--pythonpath", sys.executable)
    found = json.loads(done.stdout)["generalDiagnostics"]
    shown = [f"{Path(e['file']).stem}:{e['range']['start']['line'] + 1}: {e['message']}" for e in found]
    assert [line for line in shown if not line.startswith("wrong:3:")] == [], done.stderr
    assert shown, "a name that is wrong was not seen"


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False, timeout=600
    )


def test_readme_names_every_page():
    """What is documented can be found from the front."""
    text = README.read_text(encoding="utf-8")
    pages = {page.name for page in PAGES} - {"README.md", "tables.md"}
    assert {name for name in pages if f"docs/{name}" not in text} == set()
