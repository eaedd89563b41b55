"""`history`: who used what, read in a terminal."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from botmon_cog.cli.history import HistoryList
from botmon_cog.domain.models import Event, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.settings import Settings
from tests.engines import Engine
from tests.storage_helpers import invocation
from tests.tool_helpers import call, refused, state

NOW = datetime.now(UTC).replace(microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
EVENTS: list[Event] = [
    invocation(started_at=NOW - 3 * DAY, guild_name="The Room", username="anna", duration_s=0.9),
    invocation(
        command="lyrics",
        started_at=NOW - 2 * DAY,
        outcome=Outcome.ERROR,
        error_type="ValueError",
        error_message="API key\x1b[31m wrong",
        user_id="11",
        username="bert",
    ),
    invocation(command="purge", started_at=NOW - DAY, outcome=Outcome.REFUSED, lacks="Manage Messages", guild_id="2"),
    invocation(command="Player.skip", kind=Kind.BUTTON, started_at=NOW - MINUTE, guild_id=None, user_id=None),
]


@pytest.fixture
def database(engine: Engine) -> Engine:
    async def writing() -> None:
        async with engine.storage("main") as storage:
            await storage.write(EVENTS[:2])
            await storage.append(EVENTS[2:])  # not rolled up yet, and never by this command
            await storage.settings.put(2, Settings(timezone="Asia/Tokyo"), "1", NOW)

    asyncio.run(writing())
    return engine


def history(capsys: pytest.CaptureFixture[str], engine: Engine, *argv: str) -> list[list[str]]:
    """The cells of each line, without the heading."""
    code, out = call(capsys, "history", *argv, "--width", "120", "--database", engine.url)
    assert code == 0
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in out.splitlines()]


def test_all_servers_are_listed_newest_first_with_how_it_ended(database, capsys):
    before = state(database)
    heading, *rows = history(capsys, database)
    assert heading == ["when (UTC)", "what", "who", "where", "took", "how it ended"]
    assert [row[1:] for row in rows] == [
        ["Player.skip", "DM", "worked"],
        ["purge", "10", "2", "refused: lacks Manage Messages"],
        ["lyrics", "bert", "The Room", "failed: ValueError: API key [31m wrong"],
        ["play", "anna", "The Room", "0.9 s", "worked"],
    ]
    assert rows[-1][0] == f"{NOW - 3 * DAY:%Y-%m-%d %H:%M:%S}"
    assert state(database) == before, "it is only read"


@pytest.mark.parametrize(
    ("argv", "commands"),
    [
        (("--command", "/lyrics"), ["lyrics"]),
        (("--outcome", "failed"), ["lyrics"]),
        (("--outcome", "refused"), ["purge"]),
        (("--user", "11"), ["lyrics"]),
        (("--since", "36 h"), ["Player.skip", "purge"]),
        (("--guild", "1", "--outcome", "ok"), ["play"]),
    ],
)
def test_filters_leave_only_what_fits(database, capsys, argv, commands):
    code, out = call(capsys, "history", *argv, "--json", "--database", database.url)
    assert code == 0
    listed = msgspec.json.decode(out, type=HistoryList)
    assert [entry.command for entry in listed.entries] == commands
    assert listed.is_complete


def test_a_server_is_listed_in_its_own_zone(database, capsys):
    heading, row = history(capsys, database, "--guild", "2")
    assert heading[0] == "when (Asia/Tokyo)"
    assert row[0] == f"{NOW - DAY + timedelta(hours=9):%Y-%m-%d %H:%M:%S}"


def test_a_limit_says_that_there_is_more(database, capsys):
    rows = history(capsys, database, "--limit", "2")
    assert [row[1] for row in rows[1:3]] == ["Player.skip", "purge"]
    assert rows[-1][0].startswith("There is more: --limit 20")
    _, out = call(capsys, "history", "--limit", "2", "--json", "--database", database.url)
    assert not msgspec.json.decode(out, type=HistoryList).is_complete


def test_nothing_is_a_sentence(database, capsys):
    assert history(capsys, database, "--command", "nothing") == [["Nothing matches."]]


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("--since", "soon"), "'soon' can't be read as a time in the past"),
        (("--user", "anna"), "not a user ID"),
        (("--limit", "0"), "a whole number from 1"),
        (("--outcome", "bad"), "invalid choice"),
    ],
)
def test_wrong_input_is_refused_with_a_sentence(database, capsys, argv, told):
    assert told in refused(capsys, "history", *argv, "--database", database.url, code=2)


def test_a_server_that_is_not_known_is_refused(database, capsys):
    assert "nothing is known of a server 3" in refused(capsys, "history", "--guild", "3", "--database", database.url)
