"""Numbers as people read them, and the text of others made harmless."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.domain import text

ODD = [None, math.nan, math.inf, -math.inf]
unchanging = settings(deadline=None, max_examples=200)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0, "0 s"),
        (-3, "0 s"),
        (0.00001, "0 s"),
        (0.0009, "0.9 ms"),
        (0.042, "42 ms"),
        (0.0999, "0.1 s"),
        (0.9, "0.9 s"),
        (1.0, "1 s"),
        (4.14, "4.1 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (580, "9 min 40 s"),
        (3599.7, "1 h"),
        (112_800, "31 h 20 min"),
        (3 * 86400 + 4 * 3600 + 59, "3 d 4 h"),
        (12 * 86400, "12 d"),
    ],
)
def test_a_duration_has_two_units_at_most_and_runs_into_the_next_when_rounded(seconds, told):
    assert text.duration(seconds) == told


@pytest.mark.parametrize(
    ("words", "told"), [("", ""), ("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcde", "a, b, c and 2 more")]
)
def test_a_list_is_cut_where_it_is_long(words, told):
    assert text.listed(words, 3) == told


@pytest.mark.parametrize("write", [text.duration, text.latency, text.bytes_, text.percent])
@pytest.mark.parametrize("value", ODD)
def test_what_is_no_number_is_a_dash(write, value):
    assert write(value) == "–"  # noqa: RUF001


@pytest.mark.parametrize(("seconds", "told"), [(0.142, "142 ms"), (0.0009, "0.9 ms"), (0.9999, "1 s"), (1.4, "1.4 s")])
def test_a_latency_stays_in_milliseconds_below_a_second(seconds, told):
    assert text.latency(seconds) == told


@pytest.mark.parametrize(
    ("n", "told"), [(0, "0 B"), (812, "812 B"), (1024, "1 KiB"), (172_000_000, "164 MiB"), (1_300_000_000, "1.2 GiB")]
)
def test_bytes_are_binary_units(n, told):
    assert text.bytes_(n) == told


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0, "0 %"),
        (0.0001, "<0.1 %"),
        (0.0005, "0.1 %"),
        (0.041, "4.1 %"),
        (0.04, "4 %"),
        (0.184, "18 %"),
        (0.996, "99.6 %"),
        (0.99999, ">99.9 %"),
        (1, "100 %"),
        (-0.5, "0 %"),
    ],
)
def test_only_nothing_is_0_percent_and_only_all_is_100(share, told):
    assert text.percent(share) == told


@pytest.mark.parametrize(
    ("n", "told"),
    [(0, "0"), (1204, "1,204"), (9999, "9,999"), (12_400, "12.4k"), (99_960, "100k"), (999_700, "1M"), (2**63, "9.2E")],
)
def test_compact_counts(n, told):
    assert text.compact(n) == told


@unchanging
@given(st.integers(min_value=0, max_value=2**70))
def test_a_compact_count_fits_its_column(n):
    assert 1 <= len(text.compact(n)) <= 5


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [
        (1204, 1065, "▲ 13 %"),
        (90, 100, "▼ 10 %"),
        (100, 100, "="),
        (10_001, 10_000, "="),
        (5, 0, "new"),
        (0, 0, "="),
        (0, 50, "▼ 100 %"),
        (9, 5, "▲ 4"),
        (2400, 100, "▲ ×24"),  # noqa: RUF001
        (math.nan, 3, ""),
    ],
)
def test_a_change(now, before, told):
    assert text.change(now, before) == told


def test_a_change_may_be_asked_for_as_a_difference():
    assert (text.change(87, 83, absolute=True), text.change(83, 87, absolute=True)) == ("▲ 4", "▼ 4")


@pytest.mark.parametrize(
    ("now", "before", "told"),
    [(0.009, 0.013, "▼ 0.4"), (0.22, 0.10, "▲ 12"), (0.1, 0.10001, "="), (None, 0.1, ""), (0.1, None, "")],
)
def test_shares_differ_in_percentage_points(now, before, told):
    assert text.share_change(now, before) == told


def test_a_sparkline_begins_at_zero_and_shows_gaps():
    assert text.sparkline([0, 1, 4, None, 8, math.nan]) == "▁▁▄·█·"
    assert text.sparkline([]) == ""
    assert text.sparkline([0, 0]) == "▁▁"


@pytest.mark.parametrize(("value", "blocks"), [(0, 0), (1, 1), (50, 5), (100, 10), (math.nan, 0), (200, 10)])
def test_a_bar_shows_the_least_of_something(value, blocks):
    assert text.bar(value, 100, 10) == "█" * blocks


@pytest.mark.parametrize("status", ["healthy", "degraded", "unhealthy", "unknown"])
def test_each_verdict_has_its_emoji(status):
    assert (
        text.status_emoji(status)
        == dict(zip(["healthy", "degraded", "unhealthy", "unknown"], "🟢🟡🔴⚪", strict=True))[status]
    )


# -- the text of others ------------------------------------------------------------------------------------------------


def test_fit_counts_columns_not_characters():
    assert text.fit("play", 4) == "play"
    assert text.fit("playlist", 5) == "play…"
    assert text.fit("音楽を再生", 6) == "音楽…"
    assert text.columns("音楽") == 4


def test_fit_bounds_marks_that_take_no_column():
    assert len(text.fit("a" + "\u0301" * 5000, 10)) <= 81


@unchanging
@given(st.text(max_size=300), st.integers(min_value=1, max_value=60))
def test_fit_never_takes_more_columns(words, width):
    assert text.columns(text.fit(words, width)) <= width
    assert text.columns(text.fit_middle(words, width)) <= width


@pytest.mark.parametrize(
    ("name", "width", "told"),
    [
        ("music playlist enqueue", 22, "music playlist enqueue"),
        ("music playlist enqueue", 18, "music playl…nqueue"),
        ("music playlist enqueue", 10, "music…eue"),
        ("music playlist enqueue", 7, "music…"),
        ("音楽" * 9, 12, "音楽音…音楽"),
        ("a" * 9 + "e\u0301" * 9, 9, "aaaaa…e\u0301e\u0301e\u0301"),
    ],
)
def test_names_are_cut_in_the_middle(name, width, told):
    assert text.fit_middle(name, width) == told


def test_fit_middle_bounds_marks_that_take_no_column():
    assert len(text.fit_middle("a" + "\u0301" * 5000, 10)) <= 81


@pytest.mark.parametrize(
    "hostile",
    [
        "<@123>",
        "<@&5>",
        "<#9>",
        "</play:1>",
        "<t:0:R>",
        "<:x:1>",
        "@everyone",
        "@here",
        "[x](https://x.example)",
        "https://x.example",
    ],
)
def test_plain_text_can_not_ping_or_link(hostile):
    safe = text.plain(hostile)
    assert hostile not in safe
    assert not re.search(r"<[@#/t:]|@(everyone|here)|\]\(|://", safe)


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("*bold*", r"\*bold\*"),
        ("~~gone~~", r"\~\~gone\~\~"),
        ("||hidden||", r"\|\|hidden\|\|"),
        ("_it_", r"\_it\_"),
        ("my_server_name", "my_server_name"),
        ("~ [DE] Cozy | Chat ~", "~ [DE] Cozy | Chat ~"),
        ("# big", r"\# big"),
        ("> quoted", r"\> quoted"),
        ("1. listed", r"1\. listed"),
        ("0.7 % of 12. things", "0.7 % of 12. things"),
        ("back\\slash", r"back\\slash"),
        ("two\nlines\x00", "two lines"),
        ("", "–"),  # noqa: RUF001
    ],
)
def test_plain_text_keeps_its_look(words, safe):
    assert text.plain(words) == safe


def test_right_to_left_text_does_not_turn_its_surroundings():
    assert text.plain("שלום") == "\u2068שלום\u2069"  # noqa: RUF001
    assert "\u202e" not in text.plain("abc\u202edcba")


@unchanging
@given(st.text(max_size=80))
def test_code_can_not_be_left(words):
    code = text.inline_code(words)
    assert code.count("`") == 2
    assert code[0] == code[-1] == "`"
    assert len(code) > 2
    assert "\n" not in code
    assert "`" not in text.block_text(words, 20)
    assert text.columns(text.block_text(words, 20)) <= 20


@unchanging
@given(st.text(alphabet=st.characters(), max_size=80))
def test_whatever_was_cleaned_can_be_sent(words):
    for safe in (text.plain(words), text.inline_code(words), text.block_text(words, 30)):
        assert safe.encode().decode() == safe
        assert "\n" not in safe
