"""What the event loop takes of a command that ended well, and the row that is made of it later."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.ended import EndedCommand, events_of
from botmon_cog.domain.models import Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.observer.delays import LeastDelay, delay_of
from botmon_cog.observer.rows import Rows, moment_of

DISCORD_ID = 1_450_000_000_000_000_000
MADE_S = -delay_of(DISCORD_ID, 0.0)
"""When Discord made it, in seconds since 1970."""
GUILD_ID = 7 << 22
OPTIONS = [{"name": "add", "type": 1, "options": [{"name": "song", "type": 3, "value": "Blue in Green"}]}]


def user(guild_name: str = "A guild") -> Any:
    return SimpleNamespace(name="somebody", guild=SimpleNamespace(name=guild_name))


def ended(rows: Rows, delay_s: float = 0.25, options: Any = OPTIONS, **changed: Any) -> EndedCommand:
    origin = changed.pop("origin", (DISCORD_ID, 1, GUILD_ID, 3))
    return EndedCommand(
        kind=Kind.SLASH,
        command="queue add",
        guild_id=origin[2] or None,
        started_s=MADE_S + delay_s,
        duration_s=0.5,
        response_s=0.1,
        origin=origin,
        user=changed.pop("user", user()),
        options=options,
        make=rows.of_ended,
    )


def make_rows(unrecorded: set[int | str] | None = None, delays: LeastDelay | None = None, **privacy: Any) -> Rows:
    bot: Any = SimpleNamespace(shard_count=4)
    return Rows(
        bot, PrivacyConfig(**privacy), set() if unrecorded is None else unrecorded, delays or LeastDelay(lambda: ())
    )


def test_row_has_all_that_was_taken_and_what_follows_from_it():
    row = ended(make_rows()).invocation()
    assert row == Invocation(
        kind=Kind.SLASH,
        command="queue add",
        outcome=Outcome.OK,
        started_at=moment_of(MADE_S + 0.25),
        duration_s=0.5,
        response_s=0.1,
        gateway_delay_s=pytest.approx(0.25, abs=1e-6),
        guild_id=GUILD_ID,
        guild_name="A guild",
        channel_id=3,
        user_id=1,
        username="somebody",
        shard_id=3,
        discord_id=DISCORD_ID,
        parameters='["song"]',
    )


def test_row_of_a_direct_message_has_no_server():
    row = ended(make_rows(), origin=(DISCORD_ID, 1, 0, 0), user=SimpleNamespace(name="somebody")).invocation()
    assert (row.guild_id, row.guild_name, row.channel_id, row.shard_id) == (None, None, None, 0)


def test_server_that_the_bot_is_not_in_has_no_empty_name():
    assert ended(make_rows(), user=user(guild_name="")).invocation().guild_name is None


def test_host_whose_clock_is_behind_has_no_negative_delay():
    assert ended(make_rows(), delay_s=-2.0).invocation().gateway_delay_s == 0.0


def test_row_is_made_once_and_what_was_typed_is_let_go():
    one = ended(make_rows(log_parameters="values"))
    row = one.invocation()
    assert one.invocation() is row
    assert row.parameters == '{"song":"Blue in Green"}'
    assert (one.user, one.options) == (None, None)


def test_who_asked_not_to_be_recorded_before_the_row_was_made_is_not_in_it():
    unrecorded: set[int | str] = set()
    one = ended(make_rows(unrecorded))
    unrecorded.add(1)
    row = one.invocation()
    assert (row.user_id, row.username, row.channel_id, row.parameters) == (None, None, None, None)
    assert (row.command, row.discord_id) == ("queue add", DISCORD_ID)


@pytest.mark.parametrize("options", [[{"type": 3}], [{}], ["no option"], 5])
def test_options_that_are_not_as_discord_sends_them_cost_no_row(options: Any):
    assert ended(make_rows(), options=options).invocation().parameters is None


def test_delays_of_rows_and_of_open_ones_tell_how_long_one_was_held_up():
    delays = LeastDelay(lambda: (0.4,))
    assert delays.held_up_s(0.9) == pytest.approx(0.5)
    ended(make_rows(delays=delays), delay_s=0.3).invocation()
    assert delays.held_up_s(0.9) == pytest.approx(0.6)
    assert delays.held_up_s(0.1) == 0.0


def test_events_keep_their_order_when_rows_are_made():
    rows = make_rows()
    first, last = ended(rows), ended(rows)
    between = ended(rows).invocation()
    assert events_of([first, between, last]) == [first.row, between, last.row]
