"""Rows of a host's tables, as they are understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.host.rows import HostRow, is_same, moment_of, read_chunk, sample_of, select, values_of
from botmon_cog.monitors.observed import is_name_of
from botmon_cog.store.host.pieces import Mirrored
from botmon_cog.store.records import milliseconds
from tests.host_helpers import PLAIN, HostDb, commands_in, history, kept
from tests.storage_helpers import NOON

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        ("2026-01-05 12:00:00", NOON),
        ("2026-01-05T12:00:00", NOON),
        (" 2026-01-05 12:00:00 ", NOON),
        ("2026-01-05 12:00:00.250", NOON + timedelta(milliseconds=250)),
        ("2026-01-05 21:00:00+09:00", NOON),
        ("2026-01-05T12:00:00Z", NOON),
        ("2026-01-05", NOON.replace(hour=0)),
        (1767614400, NOON),
        (1767614400.5, NOON + timedelta(milliseconds=500)),
        (1767614400000, NOON),
        ("1767614400.0", NOON),
        ("2027-01-05 12:00:00", None),
        ("1985-01-05 12:00:00", None),
        ("0000-00-00 00:00:00", None),
        ("2026-02-30 00:00:00", None),
        ("99999-01-01 00:00:00", None),
        ("0001-01-01 00:00:00+14:00", None),
        ("yesterday", None),
        ("", None),
        (20260105, None),
        (-1, None),
        (float("inf"), None),
        ("nan", None),
        (1e300, None),
        (b"2026-01-05 12:00:00", None),
        (None, None),
    ],
)
def test_moments_are_understood_as_far_as_they_are_of_these_years(value, moment):
    assert moment_of(value, NOW) == moment


@given(
    at=st.datetimes(datetime(2000, 1, 1), datetime(2026, 1, 1)),  # noqa: DTZ001
    duration=st.none() | st.floats(0, 1e6) | st.integers(0, 10**6),
)
def test_a_row_ends_in_the_second_that_the_table_tells_of(tmp_path_factory, at, duration):
    host = HostDb(tmp_path_factory.mktemp("host") / "bot.db", PLAIN)
    with host.connect() as db:
        columns = "guild_id, user_id, command, executed_at, duration"
        db.execute(f"INSERT INTO audit_logs ({columns}) VALUES ('1', '2', 'a', ?, ?)", (str(at), duration))  # noqa: S608
        chunk = read_chunk(db, select(()), 0, 10, NOW)
    db.close()
    ((_, invocation, executed_s),) = chunk.rows
    assert invocation is not None
    assert executed_s == int(at.replace(tzinfo=UTC).timestamp())
    # As the log has it.
    ended_us = milliseconds(invocation.started_at) * 1000 + int((invocation.duration_s or 0) * 1e6 + 0.5)
    assert ended_us // 1_000_000 == executed_s
    assert invocation.duration_s == duration


async def test_every_column_of_a_row_is_in_the_history(storage, tmp_path):
    host = HostDb(tmp_path / "host.db", PLAIN)
    host.run(
        "INSERT INTO audit_logs VALUES (1, '81384788765712384', '5', 'play', 'a text', '2026-01-05 11:00:00', 'Ann', "
        "'Guild', '{\"a\": 1}', 1.5, 0, 'it failed')",
        "INSERT INTO audit_logs (guild_id, user_id, command) VALUES ('my guild', 'None', '/stop')",
        "UPDATE audit_logs SET executed_at = '2026-01-05 11:30:00' WHERE id = 2",
    )
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
    first, second = await history(storage)
    assert (first.guild_id, first.guild_name, first.user_id, first.username) == (
        "81384788765712384",
        "Guild",
        "5",
        "Ann",
    )
    assert (first.command, first.kind, first.outcome, first.details) == ("play", Kind.LOGGED, Outcome.ERROR, "a text")
    assert (first.parameters, first.error_message, first.duration_s) == ('{"a": 1}', "it failed", 1.5)
    assert first.started_at + timedelta(seconds=1.5) == NOON.replace(hour=11)
    assert first.instance == "host.db"
    assert (second.guild_id, second.user_id, second.command, second.outcome) == ("my guild", None, "/stop", Outcome.OK)


ODD = {
    "date beyond the calendar": "('1', '2', 'odd', '2026-13-45 00:00:00')",
    "far future": "('1', '2', 'odd', '9999-01-01 00:00:00')",
    "no date": "('1', '2', 'odd', NULL)",
    "date in bytes": "('1', '2', 'odd', x'3230')",
    "guild in bytes": "(x'ff00', '2', 'odd', '2026-01-05 11:00:00')",
    "user in bytes": "('1', x'31', 'odd', '2026-01-05 11:00:00')",
    "command in bytes": "('1', '2', x'ff', '2026-01-05 11:00:00')",
}


async def test_rows_that_cannot_be_understood_are_skipped_counted_and_said_once(storage, tmp_path, caplog):
    host = HostDb(tmp_path / "host.db", PLAIN)
    into = "INSERT INTO audit_logs (guild_id, user_id, command, executed_at) VALUES"
    host.log("first")
    host.run(*(f"{into} {values}" for values in ODD.values()))
    host.log("last")
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        host.run(f"{into} {ODD['no date']}")
        host.log("later")
        await keeper.sync()
        skipped = "8 rows of audit_logs can't be understood and were skipped"
        example = "such as row 2: executed_at is no time of these years: '2026-13-45 00:00:00'"
        assert keeper.problems == (f"{host.path}: {skipped} ({example})",)
    assert await commands_in(storage) == ["first", "last", "later"]
    assert len([record for record in caplog.records if "understood" in record.getMessage()]) == 1


async def test_odd_values_that_say_enough_are_read(storage, tmp_path):
    host = HostDb(tmp_path / "host.db", PLAIN)
    host.run(
        "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at) "
        "VALUES (1, 2, CAST(x'61ff62' AS TEXT), CAST(x'61ff62' AS TEXT), 1767610800)",
        "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at, duration, success, username) "
        "VALUES ('1', '2', 'b', x'00', '2026-01-05 21:00:00+10:00', 'long', 'no', 5)",
        "INSERT INTO audit_logs (guild_id, user_id, command, details, executed_at, duration, success) "
        "VALUES ('1', '2', 'c', 'a' || char(0) || 'b', 1767610802000, -5, NULL)",
    )
    async with kept(storage, host.path) as keeper:
        await keeper.sync()
        assert keeper.problems == ()
    first, second, third = sorted(await history(storage), key=lambda entry: entry.command)
    eleven = NOON.replace(hour=11)
    assert (first.command, first.details, first.started_at) == ("a\ufffdb", "a\ufffdb", eleven)
    assert (second.details, second.duration_s, second.outcome, second.username) == (None, None, Outcome.OK, "5")
    assert second.started_at == eleven
    assert (third.details, third.duration_s, third.outcome) == ("a\ufffdb", 0.0, Outcome.OK)


# -- writing -----------------------------------------------------------------------------------------------------------


def mirrored(**fields: object) -> Mirrored:
    defaults = {
        "seq": 1,
        "command": "play",
        "outcome": Outcome.OK,
        "ended_ms": milliseconds(NOON) + 999,
        "duration_us": 1_500_000,
        "guild_id": "1",
        "guild_name": "Guild",
        "user_id": "10",
        "username": "Ann",
        "parameters": '{"song": "x"}',
        "details": None,
        "error_message": None,
    }
    return Mirrored(**defaults | fields)


def test_rows_are_written_as_the_old_module_did():
    assert values_of(mirrored()) == (
        "1",
        "10",
        "play",
        "Command: play | Success: True",
        "2026-01-05 12:00:00",
        "Ann",
        "Guild",
        '{"song": "x"}',
        1.5,
        1,
        None,
    )
    failed = values_of(mirrored(outcome=Outcome.LATE, error_message="no", duration_us=None, details="mine"))
    assert failed[3:5] == ("mine", "2026-01-05 12:00:00")
    assert failed[8:] == (None, 0, "no")
    assert values_of(mirrored(outcome=Outcome.USER_ERROR))[3] == "Command: play | Success: False"


def test_a_row_is_the_same_whatever_the_guild_is_called_by_now():
    values = values_of(mirrored())
    assert is_same(values, values_of(mirrored(guild_name="Another")))
    for field in ("command", "user_id", "guild_id", "username", "parameters", "details", "error_message"):
        assert not is_same(values, values_of(mirrored(**{field: "else"}))), field
    assert not is_same(values, values_of(mirrored(ended_ms=0)))
    assert not is_same(values, values_of(mirrored(duration_us=1)))


def test_samples_tell_rows_apart():
    assert sample_of(1, "1", "2", "a", "x") == sample_of(1, "1", "2", "a", "x")
    assert sample_of(1, "1", "2", "a", "x") != sample_of(1, "1", "2", "a", "y")
    assert sample_of(1, "1")[0] == 1
    assert HostRow(1, None).executed_s == 0


@pytest.mark.parametrize(
    ("observed", "told", "is_same"),
    [
        ("play", "play", True),
        ("play", "/Play ", True),
        ("music play", "play", True),
        ("music play", "music play", True),
        ("music play", "/music play", True),
        ("music play", "music_play", True),
        ("music play", "!play", True),
        ("music play", "music", False),
        ("play", "music play", False),
        ("play", "pla", False),
        ("STRASSE", "straße", True),
    ],
)
def test_commands_are_compared_by_their_names(observed, told, is_same):
    assert is_name_of(told, observed) is is_same
