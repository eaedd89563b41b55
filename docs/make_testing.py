"""Writes what the loopback imitates into docs/testing.md: `python docs/make_testing.py`. A test holds the file to it.

Routes, events, limits and refusals come from the code of botmon_cog.testing, the kinds of tests from tests/newcomers.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from discord.state import ConnectionState

from botmon_cog import testing
from botmon_cog.testing import command_limits, component_limits, embed_limits, form_checks, layout_limits, limits
from botmon_cog.testing.rest import call, table

TARGET = Path(__file__).with_name("testing.md")
BEGIN = "<!-- Made by `python docs/make_testing.py` from the code, down to the mark of the end. -->"
END = "<!-- The end of what is made. -->"
KINDS_BEGIN = "<!-- Made by `python docs/make_testing.py` from tests/newcomers, down to the mark of their end. -->"
KINDS_END = "<!-- The end of the kinds. -->"
_NEWCOMERS = Path(__file__).parents[1] / "tests" / "newcomers"
_PACKAGE = Path(testing.__file__).parent
_LIMITS = (
    (limits, "CONTENT_CHARACTERS", "characters of content"),
    (limits, "ATTACHMENTS", "files of a message"),
    (call, "FILE_LIMIT_BYTES", "bytes of a file"),
    (limits, "ALLOWED_MENTIONS", "users, and as many roles, in `allowed_mentions`"),
    (limits, "REACTIONS", "different emojis below a message"),
    (embed_limits, "EMBEDS", "embeds of a message"),
    (embed_limits, "EMBED_CHARACTERS_IN_ALL", "characters of all embeds of a message"),
    (embed_limits, "TITLE_CHARACTERS", "characters of an embed's title"),
    (embed_limits, "DESCRIPTION_CHARACTERS", "characters of an embed's description"),
    (embed_limits, "AUTHOR_CHARACTERS", "characters of an embed's author"),
    (embed_limits, "FOOTER_CHARACTERS", "characters of an embed's footer"),
    (embed_limits, "EMBED_FIELDS", "fields of an embed"),
    (embed_limits, "FIELD_NAME_CHARACTERS", "characters of a field's name"),
    (embed_limits, "FIELD_VALUE_CHARACTERS", "characters of a field's value"),
    (form_checks, "LARGEST_COLOUR", "value of a colour"),
    (form_checks, "URL_CHARACTERS", "characters of a URL"),
    (component_limits, "ROWS", "rows of a message or a modal"),
    (component_limits, "ROW_WIDTH", "buttons of a row, or one select menu"),
    (component_limits, "CUSTOM_ID_CHARACTERS", "characters of a custom id"),
    (component_limits, "BUTTON_CHARACTERS", "characters of a button's label"),
    (component_limits, "BUTTON_URL_CHARACTERS", "characters of a button's URL"),
    (component_limits, "SELECT_OPTIONS", "options of a select menu"),
    (component_limits, "OPTION_CHARACTERS", "characters of an option's label, value and description"),
    (component_limits, "PLACEHOLDER_CHARACTERS", "characters of a select menu's placeholder"),
    (component_limits, "INPUT_CHARACTERS", "characters of a text input"),
    (component_limits, "COMPONENTS_IN_ALL", "components of a message of components V2, at every depth"),
    (component_limits, "TEXT_CHARACTERS_IN_ALL", "characters of all its text displays"),
    (layout_limits, "DISPLAY_CHARACTERS", "characters of one text display"),
    (layout_limits, "SECTION_TEXTS", "texts of a section"),
    (layout_limits, "GALLERY_ITEMS", "pictures of a gallery"),
    (layout_limits, "CONTAINER_COMPONENTS", "components of a container"),
    (command_limits, "NAME_CHARACTERS", "characters of a command's, option's or choice's name"),
    (command_limits, "DESCRIPTION_CHARACTERS", "characters of a command's or option's description"),
    (command_limits, "OPTIONS", "options of a command, group or subcommand"),
    (command_limits, "CHOICES", "choices of an option"),
    (command_limits, "CHOICE_CHARACTERS", "characters of a choice's name and value"),
    (command_limits, "CHARACTERS_IN_ALL", "characters of a command in all"),
)
_NO_LIMIT = re.compile(
    r"_STYLE$|_SELECT$|^SUPPRESS_|^SUBCOMMAND"
    r"|^(EPHEMERAL|LOADING|COMPONENTS_V2|SETTABLE_FLAGS|CHAT_INPUT|ROW|BUTTON|TEXT_INPUT|LABEL)$"
    r"|^(SECTION|TEXT_DISPLAY|THUMBNAIL|GALLERY|FILE|SEPARATOR|CONTAINER)$"
)
"""Flags, styles and the types of components and options."""
_KINDS = re.compile(r"^[A-Z]+(_[A-Z0-9]+)+$")


def page() -> str:
    """The whole of docs/testing.md, with what comes from the code up to date."""
    text = TARGET.read_text(encoding="utf-8")
    text = _with(text, KINDS_BEGIN, kinds(), KINDS_END)
    return _with(text, BEGIN, imitated(), END)


def _with(text: str, begin: str, made: str, end: str) -> str:
    before, _, rest_of_it = text.partition(begin)
    _, _, after = rest_of_it.partition(end)
    return f"{before}{begin}\n\n{made}\n{end}{after}"


def kinds() -> str:
    """A table of the files of tests/newcomers; the first sentence of each says what it shows."""
    rows = [(_kind(path), f"[`{path.name}`](../tests/newcomers/{path.name})") for path in newcomers()]
    return "\n".join([*_table(("What", "Where"), iter(rows)), ""])


def newcomers() -> list[Path]:
    return sorted(_NEWCOMERS.glob("test_*.py"))


def _kind(path: Path) -> str:
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    if not told:
        raise ValueError(f"{path} does not say what it shows")
    return told.splitlines()[0].removesuffix(".")


def imitated() -> str:
    found = sorted(events())
    return "\n".join(
        [
            "### Routes\n",
            *_table(("Route", "Methods"), ((f"`{route}`", methods) for route, methods in _routes())),
            f"\n### Events\n\nA session gets these where its intents ask for them: {_listed(found)}.\n",
            "### Limits\n",
            *_table(("At most", "Of what"), ((f"{getattr(of, name):,}", words) for of, name, words in _LIMITS)),
            "\n### Refusals\n",
            *_table(("Code", "HTTP status", "Message"), _refusals()),
            f"\nBelow 50035 stands where in the body something is wrong, with one of these: {_listed(_kinds())}.\n",
        ]
    )


def events() -> set[str]:
    """Every name in the code that is one of an event of the gateway: discord.py has a parser for each."""
    return {text for text in _texts() if text.isupper() and hasattr(ConnectionState, f"parse_{text.lower()}")}


def limits_without_words() -> list[str]:
    """Limits in the code that the table would leave out."""
    told = {name for _, name, _ in _LIMITS}
    modules = (command_limits, component_limits, embed_limits, form_checks, layout_limits, limits)
    return [
        f"{module.__name__}.{name}"
        for module in modules
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int) and not name.startswith("_")
        if name not in told and not _NO_LIMIT.search(name)
    ]


def _routes() -> Iterator[tuple[str, str]]:
    ordered = sorted({(route.template, route.method) for route in table.ROUTES})
    for template, those in groupby(ordered, key=lambda route: route[0]):
        yield template, ", ".join(method for _, method in those)


def _refusals() -> Iterator[tuple[str, ...]]:
    """Every error in the code, the lowest code first; N stands for what a message names."""
    found: dict[int, tuple[set[int], str]] = {}
    for node in _nodes():
        if isinstance(node, ast.Call):
            for statuses, code, message in _refusals_of(node):
                found.setdefault(code, (set(), message))[0].update(statuses)
    for code, (statuses, message) in sorted(found.items()):
        yield str(code), " or ".join(map(str, sorted(statuses))), message


def _refusals_of(node: ast.Call) -> Iterator[tuple[set[int], int, str]]:
    name = ast.unparse(node.func).rpartition(".")[2]
    if name == "DiscordError":
        statuses, codes = (_numbers(argument) for argument in node.args[:2])
        yield from ((statuses, code, _message(node.args[2])) for code in codes - {0})
    elif name == "too_many":
        for code in _numbers(node.args[0]):
            yield {400}, code, f"Maximum number of {_message(node.args[1])} reached (N)"


def _numbers(node: ast.AST) -> set[int]:
    return {part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, int)}


def _message(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "N" for part in node.values)
    raise ValueError(f"{ast.unparse(node)} is no message that this page can show")


def _kinds() -> list[str]:
    """Discord's names for what can be wrong with a value."""
    return sorted({text for text in _texts() if _KINDS.match(text)} - events() - {"DISCORD_OPENAPI"})


def _texts() -> Iterator[str]:
    return (node.value for node in _nodes() if isinstance(node, ast.Constant) and isinstance(node.value, str))


def _nodes() -> Iterator[ast.AST]:
    for path in sorted(_PACKAGE.rglob("*.py")):
        yield from ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|---" * len(head) + "|"
    for cells in rows:
        yield f"| {' | '.join(cells)} |"


def _listed(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


if __name__ == "__main__":
    TARGET.write_text(page(), encoding="utf-8")
