"""Embeds and Discord's markdown, as a terminal shows them."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from rich.cells import cell_len
from rich.console import Console

from botmon_cog.cli.drawing import print_embed, rows_of
from botmon_cog.cli.markdown import relative, render
from botmon_cog.domain.text import plain

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
UNIX_S = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("plain", "plain"),
        ("**1,204** commands", "1,204 commands"),
        ("**bold *and slanted* text**", "bold and slanted text"),
        ("__under__ ~~struck~~ ||hidden||", "under struck hidden"),
        ("`/perf command:play` says", "/perf command:play says"),
        ("snake_case_name stays", "snake_case_name stays"),
        ("3 * 4 * 5", "3 * 4 * 5"),
        (r"\*not bold\* \_\_", "*not bold* __"),
        (r"C:\data\bot", r"C:\data\bot"),
        ("-# small\n# large\nusual", "small\nlarge\nusual"),
        ("```\na  1\nb  2\n```", "a  1\nb  2"),
        ("above\n```py\ncode\n```below", "above\ncode\nbelow"),
        ("[docs](https://example.invalid/x) here", "docs (https://example.invalid/x) here"),
        ("</stats weekly:123> <@42> <@&43> <#44> <:wave:45>", "/stats weekly @42 @43 #44 :wave:"),
        (f"<t:{UNIX_S - 600}:R>", "10 min ago"),
        (f"<t:{UNIX_S}:t> <t:{UNIX_S}:d> <t:{UNIX_S}>", "12:00 UTC 2026-01-05 2026-01-05 12:00 UTC"),
        ("<t:999999999999:R>", "<t:999999999999>"),
        ("a\u200b@\u200beveryone \u2068isolated\u2069", "a@everyone isolated"),
        ("**", "**"),
        ("", ""),
    ],
)
def test_markdown_is_reduced_to_what_it_says(source: str, shown: str):
    assert render(source, NOW).plain == shown


@pytest.mark.parametrize(
    "name", ["*star*", "_under_", "`tick`", "a_b", "[x](y)", "~~no~~", "# no heading", "1. no list"]
)
def test_a_name_that_the_extension_escaped_reads_as_it_was(name: str):
    assert render(plain(name), NOW).plain == name.replace("`", "\u02cb")


def test_emphasis_is_styled():
    shown = render("**bold** `code`\n-# small", NOW)
    assert {span.style for span in shown.spans} >= {"bold", "cyan", "dim"}


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.4, "just now"), (5, "5 s ago"), (-300, "in 5 min"), (3 * 86400, "3 d ago")]
)
def test_relative_times(seconds: float, told: str):
    assert relative(NOW - timedelta(seconds=seconds), NOW) == told


def fields(*inline: bool) -> list[dict[str, object]]:
    return [{"name": str(i), "value": "v", "inline": is_inline} for i, is_inline in enumerate(inline)]


def test_inline_fields_share_rows_of_three():
    rows = rows_of(fields(True, True, True, True, False, True, True), 3)
    assert [[f["name"] for f in row] for row in rows] == [["0", "1", "2"], ["3"], ["4"], ["5", "6"]]


EMBED = {
    "title": "🟢 Healthy",
    "description": "Everything answers. Nothing has needed attention for **6 days**.",
    "color": 0x57F287,
    "fields": [
        {"name": "Bot", "value": "up 12 d 7 h\nping 41 ms", "inline": True},
        {"name": "Process", "value": "164 MiB", "inline": True},
        {"name": "Last 24 h", "value": "🟩" * 12, "inline": False},
    ],
    "footer": {"text": "checked 4 s ago"},
}


def drawn(embed: dict[str, object], width: int = 80, **options: object) -> str:
    out = io.StringIO()
    print_embed(Console(file=out, width=width, **options), embed, NOW)
    return out.getvalue()


def test_an_embed_has_its_bar_its_fields_side_by_side_and_no_colour_when_piped():
    text = drawn(EMBED)
    lines = text.splitlines()
    assert "\x1b" not in text
    assert all(line.startswith("▌") for line in lines)
    (heads,) = [line for line in lines if "Bot" in line]
    assert "Process" in heads
    assert text.index("Healthy") < text.index("6 days") < text.index("Bot") < text.index("Last 24 h")
    assert text.index("Last 24 h") < text.index("checked 4 s ago")


@pytest.mark.parametrize("width", [40, 60, 80, 100])
def test_no_line_is_wider_than_the_terminal(width: int):
    assert max(cell_len(line) for line in drawn(EMBED, width).splitlines()) <= width


def test_a_narrow_terminal_stacks_what_does_not_fit():
    three = {"fields": [{"name": f"name {i}", "value": "v", "inline": True} for i in range(3)]}
    assert any("name 0" in line and "name 1" in line for line in drawn(three, 40).splitlines())
    assert not any("name 0" in line and "name 2" in line for line in drawn(three, 40).splitlines())


def test_a_terminal_gets_the_embeds_colour():
    coloured = drawn(EMBED, force_terminal=True, color_system="truecolor")
    assert "\x1b[38;2;87;242;135m▌" in coloured


def test_an_embed_may_be_empty():
    assert drawn({}).strip(" ▌\n") == ""
