"""The example and the documentation hold every key, with its default, and nothing else."""

from __future__ import annotations

import re
import tomllib
from itertools import pairwise
from pathlib import Path

import msgspec

from botmon_cog.config import DEFAULT_FILE, CommandsConfig, Config, RuleConfig, read_config

EXAMPLE = Path(__file__).parents[1] / "config.example.toml"
DOCUMENTATION = EXAMPLE.parent / "docs" / "configuration.md"

DEFAULTS = msgspec.structs.asdict(Config())
TABLES = {name: value.__struct_fields__ for name, value in DEFAULTS.items() if isinstance(value, msgspec.Struct)}
TABLES[""] = tuple(name for name in DEFAULTS if name not in TABLES)
"""The keys of the code, by table; the top level is ''."""
LISTED = {"alerts": ("rule",)}
"""Keys that are lists of tables."""


def test_the_example_holds_the_defaults():
    assert read_config(EXAMPLE) == Config()


def test_the_example_holds_every_key():
    example = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    for table, keys in TABLES.items():
        there = example[table] if table else {k: v for k, v in example.items() if not isinstance(v, dict)}
        assert (*there, *LISTED.get(table, ())) == keys


def test_the_rule_of_the_example_holds_every_key_but_the_other_bound(tmp_path):
    text = EXAMPLE.read_text(encoding="utf-8")
    path = tmp_path / DEFAULT_FILE
    path.write_text(re.sub(r"(?m)^#(?=\S)", "", text), encoding="utf-8")
    (rule,) = read_config(path).alerts.rule
    message = "the bot has never needed this much memory"
    assert rule == RuleConfig(metric="memory.rss_mb", over=700, for_s=300, message=message)
    keys = re.findall(r"(?m)^#(\w+) = ", text)
    assert keys == [field.encode_name for field in msgspec.structs.fields(RuleConfig) if field.name != "under"]
    assert "`under`" in text


def test_every_key_of_the_example_is_explained_in_a_comment_above_it():
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#[")]
    for above, line in pairwise(lines):
        key = line.removeprefix("#").split(" = ")[0]
        if key and not line.startswith(("# ", "[")):
            before = above.split(" = ")[0]
            assert above.startswith("# ") or before in CommandsConfig.__struct_fields__


def test_the_documentation_names_every_table_and_key():
    text = DOCUMENTATION.read_text(encoding="utf-8")
    for table, keys in TABLES.items():
        assert f"`[{table}]`" in text or not table
        assert all(f"`{key}`" in text for key in keys if key not in LISTED.get(table, ()))
    assert "`[[alerts.rule]]`" in text
    assert all(f"`{field.encode_name}`" in text for field in msgspec.structs.fields(RuleConfig))


def test_the_documentation_has_the_defaults():
    structs = {"top": Config(), "alerts.rule": RuleConfig(metric="threads")} | msgspec.structs.asdict(Config())
    table, seen = "", 0
    for line in DOCUMENTATION.read_text(encoding="utf-8").split("\n## ", maxsplit=1)[0].splitlines():
        heading, keys, shown, *_ = [cell.strip() for cell in line.split("|")[1:]] + [""] * 3
        table = heading.strip("`[]()") or table
        for key, value in zip(keys.split(", "), shown.split("`, `"), strict=True) if shown.startswith("`") else ():
            default = msgspec.json.decode(msgspec.json.encode(structs[table]))[key.strip("`")]
            assert tomllib.loads(f"x = {value.strip('`')}")["x"] == default, f"{table}.{key}"
            seen += 1
    assert seen >= 68
