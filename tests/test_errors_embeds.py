"""What is drawn and copied of error groups: within Discord's limits, whatever is on record."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import discord
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from botmon_cog.cog import embeds
from botmon_cog.cog.embeds.error_details import code_lines, shortened
from botmon_cog.cog.views.errors import error_view, errors_view
from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports.errors import (
    Deploy,
    ErrorCounts,
    ErrorDetails,
    ErrorRelative,
    ErrorState,
    error_id,
    fingerprint_of,
)
from botmon_cog.testing.limits import check_message
from botmon_cog.timezones import find_zone
from tests.test_embeds_limits import ODD_TEXTS
from tests.test_errors_command import LYRICS, TRACEBACK

NOW = datetime(2026, 11, 23, 21, 4, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)
HARMLESS = "\N{MODIFIER LETTER GRAVE ACCENT}" * 3


def counts(**fields: Any) -> ErrorCounts:
    about: dict[str, Any] = {
        "fingerprint": LYRICS,
        "id": error_id(LYRICS),
        "state": ErrorState.OPEN,
        "source": ErrorSource.COMMAND,
        "what": "lyrics",
        "outcome": Outcome.ERROR,
        "error_type": "ValueError",
        "error_message": "API key wrong",
        "file": "cogs/lyrics.py",
        "line": 48,
        "function": "Lyrics.fetch",
        "n": 25,
        "people": 14,
        "guilds": 3,
        "first_at": NOW - 100 * HOUR,
        "last_at": NOW - HOUR,
        "first_version": None,
        "resolved_at": None,
        "muted_until": None,
    }
    return ErrorCounts(**about | fields)


def details(group: ErrorCounts, **fields: Any) -> ErrorDetails:
    about: dict[str, Any] = {"traceback": TRACEBACK, "by_hour": (), "versions": (), "relatives": ()}
    return ErrorDetails(counts=group, **about | fields)


def deploy(ago: timedelta, version: str | None = "9c1d") -> Deploy:
    return Deploy(
        version=version,
        started_at=NOW - ago,
        starts=1,
        python_version="3.11.7",
        discord_version="2.7.1",
        botmon_version="0.1.0",
    )


def drawn(one: ErrorDetails, current: Deploy | None = None, days: int = 7, zone: str = "UTC") -> str:
    embed = embeds.error_details(one, last_days(days, NOW), current, NOW, find_zone(zone))
    return embed.description or ""


def hours(*ago_and_n: tuple[int, int]) -> tuple[tuple[datetime, int], ...]:
    whole = NOW.replace(minute=0, second=0, microsecond=0)
    return tuple((whole - ago * HOUR, n) for ago, n in ago_and_n)


def test_what_failed_and_how_is_told_of_every_source() -> None:
    shown = embeds.errors_list(
        [
            counts(source=ErrorSource.COMPONENT, what="PlayerView.skip"),
            counts(source=ErrorSource.AUTOCOMPLETE, what="play"),
            counts(source=ErrorSource.LISTENER, what="Music.on_message", people=0, guilds=0),
            counts(outcome=Outcome.LATE, error_type=None, error_message=None, file=None, line=None),
            counts(error_type="NotFound", error_message="404 Not Found (error code: 10008): Unknown Message"),
            counts(source=ErrorSource.COMMAND, what="(others)"),
        ],
        last_days(7, NOW),
        deploy(2 * HOUR),
        NOW,
    )
    for words in (
        "**component `PlayerView.skip`**",
        "**autocomplete of /play**",
        "**listener `Music.on_message`**",
        "**/lyrics** `answered after Discord's 3 s`",
        "`NotFound: Unknown Message (10008)`",
        "**other commands**",
    ):
        assert words in shown.description
    assert shown.footer.text == "version 9c1d, deployed 2 h ago · all servers"


def test_only_ten_stand_in_the_list_and_the_menu_holds_more() -> None:
    groups = [counts(fingerprint=n, id=error_id(n), what=f"c{n}") for n in range(1, 31)]
    shown = embeds.errors_list(groups, last_days(7, NOW), None, NOW)
    assert shown.description.count("-# ") == 10
    assert shown.description.endswith("and 20 more kinds")
    (select, *_) = [item for item in errors_view(groups, 7).children if isinstance(item, discord.ui.Select)]
    assert len(select.options) == 25
    full = embeds.errors_list(groups * 4, last_days(7, NOW), None, NOW)
    assert "120+ kinds, 3,000+ times" in full.title


@pytest.mark.parametrize(
    ("states", "colour"),
    [
        ([ErrorState.RETURNED, ErrorState.OPEN], embeds.RED),
        ([ErrorState.NEW], embeds.RED),
        ([ErrorState.OPEN, ErrorState.MUTED], embeds.YELLOW),
        ([ErrorState.MUTED, ErrorState.RESOLVED], embeds.GREEN),
    ],
)
def test_the_colour_is_that_of_the_most_urgent_state(states: list[ErrorState], colour: discord.Colour) -> None:
    groups = [counts(state=state) for state in states]
    assert embeds.errors_list(groups, last_days(7, NOW), None, NOW).colour == colour


def test_a_new_error_names_the_deploy_that_brought_it() -> None:
    new = details(counts(state=ErrorState.NEW, first_at=NOW - HOUR, first_version="9c1d"))
    current = deploy(2 * HOUR)
    assert f"New since version** `9c1d`, deployed <t:{int(current.started_at.timestamp())}:R>" in drawn(new, current)
    assert "New since version" not in drawn(new, deploy(HOUR / 2))
    assert "New since version" not in drawn(new, deploy(2 * HOUR, version=None))


@pytest.mark.parametrize(
    ("by_hour", "after", "words"),
    [
        (hours((90, 20), (1, 5)), 5, "▲ **2.5** an hour since version `9c1d`"),
        (hours((90, 24), (1, 1)), 1, "▲ **12** a day since version `9c1d`"),
        (hours((90, 25)), 0, "Not since version `9c1d`"),
        (hours((90, 20), (2, 5)), 1, "▲ **12** a day since"),  # four of that hour came before the deploy
    ],
)
def test_before_and_after_a_deploy_are_compared(by_hour: Any, after: int, words: str) -> None:
    one = details(counts(n=25), by_hour=by_hour, versions=(("9c1d", after), ("8b0a", 25 - after)))
    assert words in drawn(one, deploy(2 * HOUR))
    assert "before, " in drawn(one, deploy(2 * HOUR))


def test_nothing_is_compared_without_a_version_or_a_before() -> None:
    one = details(counts(n=25), by_hour=hours((1, 25)), versions=(("9c1d", 25),))
    assert "before, " not in drawn(one, None)
    assert "before, " not in drawn(one, deploy(2 * HOUR, version=None))
    assert "before, " not in drawn(one, deploy(99.9 * HOUR))
    assert "before, " not in drawn(one, deploy(200 * HOUR))


def test_hours_are_those_of_the_zone() -> None:
    one = details(counts(), by_hour=((NOW.replace(hour=11, minute=0), 3), (NOW.replace(hour=23, minute=0), 1)))
    strip = "·" * 24
    assert f"{strip[:11]}█{strip[:11]}▃\n0     6     12    18" in drawn(one)
    assert f"▃{strip[:11]}█{strip[:11]}\n" in drawn(one, zone="Europe/Berlin")
    assert "Berlin" in drawn(one, zone="Europe/Berlin")


def test_a_long_traceback_is_cut_in_its_middle() -> None:
    lines = [f'  File "cogs/a.py", line {n}, in step_{n}' for n in range(400)]
    shown = drawn(details(counts(), traceback="\n".join(["Traceback", *lines, "ValueError: at the end"])))
    block = shown.rpartition("**Traceback**\n")[2].splitlines()
    assert block[0] == block[-1] == "```"
    assert block[1] == "Traceback"
    assert block[-2] == "ValueError: at the end"
    (left_out,) = [line for line in block if "…" in line]
    assert left_out == f"  … {400 + 2 - (len(block) - 3)} lines"


@given(st.lists(st.text(alphabet="ab🎵", max_size=30), max_size=40), st.integers(min_value=20, max_value=600))
def test_what_is_shortened_fits_and_keeps_order(lines: list[str], room: int) -> None:
    kept = shortened(lines, room)
    assert len("\n".join(kept).encode("utf-16-le")) // 2 <= room
    if kept != lines:
        at = next(i for i, line in enumerate(kept) if line.startswith("  … "))
        n = int(kept[at].split()[1])
        assert kept[:at] == lines[:at]
        assert kept[at + 1 :] == lines[at + n :]
        assert len(kept) - 1 + n == len(lines)


def test_code_can_not_leave_its_block() -> None:
    assert code_lines("\tx = '```'\u202e\x1b\r\n  y  ") == [f"    x = '{HARMLESS}'", "  y"]


def test_the_text_for_an_issue_names_no_server_and_no_person() -> None:
    group = counts(error_message="guild 123456789012345678 has no player", first_version="8b0a")
    one = details(group, versions=(("9c1d", 20), ("8b0a", 5)), traceback=TRACEBACK + "\n# <@234567890123456789>```")
    copied = embeds.error_text(one, last_days(7, NOW), [deploy(300 * HOUR, "8b0a"), deploy(2 * HOUR)])
    assert copied.startswith("```\nValueError: guild [id] has no player\n")
    assert copied.count("```") == 2
    for words in (
        "In:       /lyrics",
        "At:       cogs/lyrics.py:48 in Lyrics.fetch",
        "Failed:   25 times in the last 7 days, 14 people in 3 servers",
        "First:    2026-11-19 17:04 UTC, version 8b0a",
        "Versions: bot 9c1d, Python 3.11.7, discord.py 2.7.1, botmon 0.1.0",
        TRACEBACK.splitlines()[2],
    ):
        assert words in copied
    assert "345678" not in copied


def test_the_versions_are_those_in_which_it_failed_last() -> None:
    copied = embeds.error_text(
        details(counts(last_at=NOW - 3 * HOUR)), last_days(7, NOW), [deploy(300 * HOUR, "8b0a"), deploy(2 * HOUR)]
    )
    assert "bot 8b0a" in copied


names = st.sampled_from(ODD_TEXTS) | st.text(max_size=120)
moments = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
numbers = st.integers(min_value=0, max_value=2**63) | st.integers(min_value=0, max_value=30)


@settings(max_examples=150)
@given(st.data())
def test_whatever_is_on_record_is_within_discords_limits(data: st.DataObject) -> None:
    def maybe(values: Any) -> Any:
        return data.draw(st.none() | values)

    group = counts(
        state=data.draw(st.sampled_from(ErrorState)),
        source=data.draw(st.sampled_from(ErrorSource)),
        outcome=data.draw(st.sampled_from(Outcome)),
        what=data.draw(names),
        error_type=maybe(names),
        error_message=maybe(names),
        file=maybe(names),
        line=maybe(numbers),
        function=maybe(names),
        n=data.draw(numbers),
        people=data.draw(numbers),
        guilds=data.draw(numbers),
        first_at=data.draw(moments),
        last_at=data.draw(moments),
        first_version=maybe(names),
        resolved_at=maybe(moments),
        muted_until=maybe(moments),
    )
    one = details(
        group,
        traceback=maybe(names),
        by_hour=tuple(data.draw(st.lists(st.tuples(moments, st.integers(1, 99)), max_size=5))),
        versions=tuple(data.draw(st.lists(st.tuples(st.none() | names, numbers), max_size=6))),
        relatives=tuple(
            ErrorRelative(id=error_id(n), source=group.source, what=data.draw(names), n=n) for n in range(1, 7)
        ),
    )
    current = maybe(st.just(deploy(2 * HOUR, maybe(names))))
    period = last_days(7, NOW)
    listed = embeds.errors_list([group] * 12, period, current, NOW)
    opened = embeds.error_details(one, period, current, NOW, find_zone("Asia/Kolkata"))
    for embed, view in ((listed, errors_view([group], 7)), (opened, error_view(one, 7, NOW))):
        body = {"embeds": [embed.to_dict()], "components": view.to_components()}
        assert check_message(json.loads(json.dumps(body)), is_v2=False) == []
        assert (embed.description or "").count("```") % 2 == 0
    assert embeds.error_text(one, period, [deploy(HOUR)]).count("```") == 2


def test_ids_are_read_as_they_are_shown() -> None:
    for fingerprint in (1, LYRICS, 2**40 - 1):
        assert fingerprint_of(error_id(fingerprint)) == fingerprint
