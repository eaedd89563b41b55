"""Writes docs/api.md from the docstrings: `python docs/make_api.py`. A test holds the file against it."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import botmon_cog
from botmon_cog.domain import reports

TARGET = Path(__file__).with_name("api.md")

_HEAD = """# API

Made by `python docs/make_api.py` from the docstrings of the public names. [guide.md](guide.md) shows them at work, and
[reference.md](reference.md) has the keys of all dicts. What is not on this page is internal.
"""
_SECTIONS = {
    "The extension": ("botmon_cog", "botmon_cog.original.systems"),
    "The four monitors, and helpers": ("botmon_cog.original",),
    "The extension's monitoring system": ("botmon_cog.runtime", "botmon_cog.monitors"),
    "Reports of that system": ("botmon_cog.domain",),
    "Configuration": ("botmon_cog.config",),
    "Errors": ("botmon_cog.errors",),
}
"""Heading -> the modules, with those below them, whose names it holds. The nearest counts."""
_GIVEN = "The extension's monitoring system"
_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Yields):$")
_WIDTH = 100

Function = ast.FunctionDef | ast.AsyncFunctionDef


def api() -> str:
    """The whole page."""
    placed: dict[str, list[str]] = {heading: [] for heading in _SECTIONS}
    for name, found in _public().items():
        placed[_section(found.__module__)].append(_entry(name, found))
    parts = [f"## {heading}\n\n" + "\n".join(entries) for heading, entries in placed.items() if entries]
    return re.sub(r"\n{3,}", "\n\n", "\n".join([_HEAD, *parts]))


@cache
def _public() -> dict[str, Any]:
    """Classes and functions, and the structs that they return, by name."""
    found = {name: getattr(botmon_cog, name) for name in botmon_cog.__all__}
    found |= {name: getattr(reports, name) for name in reports.__all__ if name[0].isupper()}
    return {name: value for name, value in found.items() if inspect.isclass(value) or inspect.isfunction(value)}


def _section(module: str) -> str:
    """The heading of the nearest module."""
    nearest = {parent: heading for heading, parents in _SECTIONS.items() for parent in parents}
    while module not in nearest:
        module, _, _ = module.rpartition(".")
    return nearest[module]


@cache
def _nodes(module: str) -> dict[str, list[Function | ast.ClassDef]]:
    """What a module defines at its top, by name; overloads come several times."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    nodes: dict[str, list[Function | ast.ClassDef]] = {}
    for node in tree.body:
        if isinstance(node, Function | ast.ClassDef):
            nodes.setdefault(node.name, []).append(node)
    return nodes


def _entry(name: str, found: Any) -> str:
    nodes = _nodes(found.__module__)[name]
    if inspect.isclass(found):
        return "\n".join(_class(found, is_given=_section(found.__module__) == _GIVEN))
    return "\n".join(_function("###", name, [node for node in nodes if isinstance(node, Function)]))


def _class_nodes(found: type) -> list[ast.ClassDef]:
    """Of a class, and of those that it inherits from and that are not on the page by themselves."""
    kinds = [kind for kind in found.__mro__ if kind.__module__.partition(".")[0] == botmon_cog.__name__]
    own = [kind for kind in kinds if kind is found or kind not in _public().values()]
    nodes = [_nodes(kind.__module__)[kind.__name__][-1] for kind in own]
    return [node for node in nodes if isinstance(node, ast.ClassDef)]


def _function(level: str, name: str, nodes: list[Function]) -> Iterator[str]:
    yield f"{level} `{name}`\n"
    shown = nodes[:-1] or nodes  # overloads, without what implements them
    yield "```text\n" + "\n".join(_signature(name.rpartition(".")[2], node) for node in shown) + "\n```\n"
    yield _prose(ast.get_docstring(nodes[-1]) or "")


def _class(found: type, *, is_given: bool) -> Iterator[str]:
    """`is_given`: nobody makes one, so how it is made is internal."""
    node, *_ = nodes = _class_nodes(found)
    yield f"### `{node.name}`\n"
    methods = _methods(nodes)
    init = methods.pop("__init__", None)
    if init and not is_given:
        yield f"```text\n{_signature(node.name, init[-1])}\n```\n"
    yield _prose(ast.get_docstring(node) or "")
    if init and not is_given:
        yield _prose(ast.get_docstring(init[-1]) or "")
    if fields := [field for each in nodes for field in _fields(each)]:
        yield "\n".join(fields) + "\n"
    for name, overloads in methods.items():
        if not name.startswith("_"):
            yield from _method(f"{node.name}.{name}", overloads)


def _method(name: str, overloads: list[Function]) -> Iterator[str]:
    node = overloads[-1]
    if {ast.unparse(decorator) for decorator in node.decorator_list} & {"property", "cached_property"}:
        kind = f": {ast.unparse(node.returns)}" if node.returns else ""
        yield f"#### `{name}{kind}`\n"
        yield _prose(ast.get_docstring(node) or "")
    else:
        yield from _function("####", name, overloads)


def _methods(nodes: list[ast.ClassDef]) -> dict[str, list[Function]]:
    """By name, the class's own first; overloads come several times."""
    methods: dict[str, list[Function]] = {}
    for node in nodes:
        own: dict[str, list[Function]] = {}
        for child in node.body:
            if isinstance(child, Function):
                own.setdefault(child.name, []).append(child)
        methods |= {name: found for name, found in own.items() if name not in methods}
    return methods


def _fields(node: ast.ClassDef) -> Iterator[str]:
    """Those of a struct or a named tuple, with what stands below each."""
    for field, text in zip(node.body, [*node.body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        meaning = ""
        if isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            meaning = f": {' '.join(str(text.value.value).split())}"
        if not field.target.id.startswith("_"):
            yield f"- `{field.target.id}` `{ast.unparse(field.annotation)}`{meaning}"


def _signature(name: str, node: Function) -> str:
    """On one line, or with each parameter on its own."""
    arguments = _without_self(node.args)
    head = f"{'async ' if isinstance(node, ast.AsyncFunctionDef) else ''}{name}("
    tail = f") -> {ast.unparse(node.returns)}" if node.returns and node.name != "__init__" else ")"
    parameters = list(_parameters(arguments))
    line = head + ", ".join(parameters) + tail
    if len(line) <= _WIDTH:
        return line
    return head + "\n" + indent(",\n".join(parameters), "    ") + ",\n" + tail


def _without_self(given: ast.arguments) -> ast.arguments:
    first = given.args[:1]
    return ast.arguments(
        posonlyargs=given.posonlyargs,
        args=given.args[1:] if first and first[0].arg in {"self", "cls"} else given.args,
        vararg=given.vararg,
        kwonlyargs=given.kwonlyargs,
        kw_defaults=given.kw_defaults,
        kwarg=given.kwarg,
        defaults=given.defaults,
    )


def _parameters(given: ast.arguments) -> Iterator[str]:
    """Each parameter as it is written."""
    named = [*given.posonlyargs, *given.args]
    defaults: list[ast.expr | None] = [*[None] * (len(named) - len(given.defaults)), *given.defaults]
    for argument, default in zip(named, defaults, strict=True):
        yield _parameter(argument, default)
    if given.vararg or given.kwonlyargs:
        yield f"*{ast.unparse(given.vararg) if given.vararg else ''}"
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        yield _parameter(argument, default)
    if given.kwarg:
        yield f"**{ast.unparse(given.kwarg)}"


def _parameter(argument: ast.arg, default: ast.expr | None) -> str:
    equals = " = " if argument.annotation else "="
    return ast.unparse(argument) + (f"{equals}{ast.unparse(default)}" if default is not None else "")


def _prose(docstring: str) -> str:
    """Markdown of a docstring: paragraphs on a line each, its sections as lists."""
    parts: list[str] = []
    for paragraph in re.split(r"\n\s*\n", docstring):
        first, _, rest = paragraph.partition("\n")
        if _SECTION.match(first):
            parts.append(f"{first}\n\n" + "\n".join(_items(dedent(rest))))
        elif paragraph.startswith("- "):
            parts.append("\n".join(_joined(paragraph)))
        elif paragraph:
            parts.append(" ".join(paragraph.split()))
    return "".join(f"{part}\n\n" for part in parts).removesuffix("\n")


def _items(text: str) -> Iterator[str]:
    """`name: what it is`, and what is indented below it."""
    for line in _joined(text):
        name, colon, meaning = line.partition(": ")
        yield f"- `{name}`: {meaning}" if colon else f"- {line}"


def _joined(text: str) -> Iterator[str]:
    """Lines, each with those that are indented below it."""
    line = ""
    for more in text.splitlines():
        if line and more.startswith(" "):
            line += f" {more.strip()}"
            continue
        if line:
            yield line
        line = more
    if line:
        yield line


if __name__ == "__main__":
    TARGET.write_text(api(), encoding="utf-8")
