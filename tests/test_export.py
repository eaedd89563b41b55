"""Export: what stands in the files, who gets which, and that a spreadsheet runs none of it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import discord
import msgspec
import pytest

from botmon_cog.__main__ import main
from botmon_cog.domain.models import HistoryEntry, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.settings import Settings
from botmon_cog.export import reads
from botmon_cog.export.attachment import single_rows_of
from botmon_cog.export.reads import NEWEST_FIRST, OLDEST_FIRST, days_of, rows_of
from botmon_cog.export.tables import BOM, ROWS, csv_of, defused, heading_of, json_lines
from botmon_cog.store.history import HistoryFilter, Page
from botmon_cog.testing import LoopbackUser, SeenMessage
from tests.engines import Engine, Storage
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.storage_helpers import NOON, invocation
from tests.test_commands import ADMIN
from tests.test_errors_command import said


def table(data: bytes | str) -> list[dict[str, str]]:
    """As a spreadsheet reads it."""
    text = data.decode() if isinstance(data, bytes) else data
    assert text.startswith(BOM)
    return list(csv.DictReader(io.StringIO(text.removeprefix(BOM), newline="")))


def use(rig: Rig, command: str = "play", n: int = 1, guild: Any = None, **fields: Any) -> None:
    guild = guild or rig.discord.guild
    for _ in range(n):
        cog_of(rig.bot).system.recorder.record(
            Invocation(
                kind=Kind.SLASH,
                command=command,
                outcome=fields.pop("outcome", Outcome.OK),
                started_at=rig.clock.now() - timedelta(minutes=5),
                guild_id=guild.id,
                guild_name=guild.name,
                user_id=fields.pop("user_id", 4711),
                username=fields.pop("username", "Anna"),
                duration_s=0.25,
                **fields,
            )
        )


def attached(message: SeenMessage) -> list[dict[str, str]]:
    """What is in the file that a message carries."""
    (attachment,) = message.attachments
    return table(attachment.bytes)


# -- cells -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1", '=HYPERLINK("x")'])
def test_text_that_a_spreadsheet_runs_is_defused(text: str) -> None:
    assert defused(text) == f"'{text}"


@pytest.mark.parametrize("cell", ["play", "", "a=1", None, -1, -0.5, 0])
def test_all_else_stays_as_it_is(cell: str | float | None) -> None:
    assert defused(cell) == cell


async def pages(storage: Storage, wanted: HistoryFilter, order: reads.Order = OLDEST_FIRST) -> list[Page]:
    """All that there is, as it is read."""
    days = await days_of(storage.engine, wanted, order, is_counted=False)
    return [page for day in days async for page in rows_of(storage.engine, wanted, day, order)]


async def test_a_file_of_rows_comes_back_as_it_was(engine: Engine) -> None:
    async with engine.storage("main") as storage:
        at = datetime(2026, 1, 5, 12, 59, 59, 999_000, tzinfo=UTC)
        named = invocation(
            started_at=at, username='Anna "A" Berg,\nJr', guild_id="7", guild_name="=1+1", duration_s=1.23456
        )
        await storage.write([named, invocation(started_at=at + timedelta(minutes=61), username=None, guild_id=None)])
        (page,) = await pages(storage, HistoryFilter())
    named, nameless = table(heading_of(ROWS) + csv_of(ROWS, page, ZoneInfo("Asia/Kathmandu")))
    assert named["person"] == 'Anna "A" Berg,\nJr'
    assert (named["server"], named["server id"], named["seconds"]) == ("'=1+1", "7", "1.235")
    assert (named["time (UTC)"], named["time"]) == ("2026-01-05T12:59:59Z", "2026-01-05 18:44:59")
    assert (nameless["time (UTC)"], nameless["time"]) == ("2026-01-05T14:00:59Z", "2026-01-05 19:45:59")
    assert (nameless["person"], nameless["server"], nameless["server id"]) == ("", "", "")


async def test_json_lines_are_the_entries_of_the_history(engine: Engine) -> None:
    async with engine.storage("main") as storage:
        await storage.write(
            [
                invocation(started_at=NOON + timedelta(seconds=n), guild_id=guild_id, outcome=outcome, user_id=user_id)
                for n, (guild_id, outcome, user_id) in enumerate(
                    [("7", Outcome.OK, "8"), (None, Outcome.ERROR, None), ("the old one", Outcome.LATE, "8")]
                )
            ]
        )
        (page,) = await pages(storage, HistoryFilter())
        entries = await storage.history.find(HistoryFilter())
    lines = [msgspec.json.decode(line, type=HistoryEntry) for line in json_lines(page).splitlines()]
    assert lines == entries[::-1]


# -- reading -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [OLDEST_FIRST, NEWEST_FIRST])
@pytest.mark.parametrize("guild_id", [None, "1"])
async def test_every_row_comes_once_and_in_order_in_whatever_pieces(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, order: reads.Order, guild_id: str | None
) -> None:
    monkeypatch.setattr(reads, "PIECE", 3)
    async with engine.storage("main") as storage:
        # Several at one moment, several days, two servers.
        moments = [NOON + timedelta(hours=7 * (n // 4)) for n in range(40)]
        await storage.write([invocation(started_at=at, guild_id=str(1 + n % 2)) for n, at in enumerate(moments)])
        await storage.rollups.catch_up()
        wanted = HistoryFilter(guild_id=guild_id, since=NOON + timedelta(hours=7), until=NOON + timedelta(days=2))
        for is_counted in (True, False):
            found = [
                entry
                for day in await days_of(storage.engine, wanted, order, is_counted=is_counted)
                async for page in rows_of(storage.engine, wanted, day, order)
                for entry in zip(page.field("started_at"), page.field("id"), strict=True)
            ]
            expected = [
                at
                for n, at in enumerate(moments)
                if wanted.since <= at < wanted.until and (guild_id is None or str(1 + n % 2) == guild_id)
            ]
            assert [started_at for started_at, _ in found] == (expected[::-1] if order.is_reversed else expected)
            assert len({id_ for _, id_ in found}) == len(found)


# -- in Discord --------------------------------------------------------------------------------------------------------


async def test_stats_export_attaches_the_sums_of_the_servers_commands() -> None:
    async with running(make_bot()) as rig:
        use(rig, "play", 3)
        use(rig, "skip", 1, outcome=Outcome.ERROR)
        use(rig, "elsewhere", 1, guild=rig.discord.add_guild("Elsewhere"))
        answer = await rig.discord.admin.slash(rig.discord.channel, "stats export")
        play, skip = attached(answer.message)
        assert (play["command"], play["used"], play["succeeded"]) == ("play", "3", "3")
        assert (skip["command"], skip["failed"]) == ("skip", "1")
        assert answer.message.ephemeral
        (attachment,) = answer.message.attachments
        assert attachment.filename.startswith("commands-weekly-")


async def test_the_button_under_stats_exports_the_same_period() -> None:
    async with running(make_bot()) as rig:
        use(rig)
        message = (await rig.discord.admin.slash(rig.discord.channel, "stats monthly")).message
        answer = await rig.discord.admin.click(message, "Export")
        assert [row["command"] for row in attached(answer.message)] == ["play"]
        (attachment,) = answer.message.attachments
        assert attachment.filename.startswith("commands-monthly-")


async def test_single_rows_are_in_the_servers_time_and_without_what_is_the_owners() -> None:
    async with running(make_bot()) as rig:
        system, guild = cog_of(rig.bot).system, rig.discord.guild
        await system.settings.put(guild.id, Settings(timezone="Asia/Tokyo"), rig.discord.admin.id)
        use(rig, error_type="KeyError", error_message="the secret of the owner", outcome=Outcome.ERROR)
        use(rig, "elsewhere", guild=rig.discord.add_guild("Elsewhere"), username="Bert")
        answer = await rig.discord.admin.slash(rig.discord.channel, "stats export", what="single rows", period="today")
        (row,) = attached(answer.message)
        at = rig.clock.now() - timedelta(minutes=5)
        assert row["time"] == f"{at.astimezone(ZoneInfo('Asia/Tokyo')):%Y-%m-%d %H:%M:%S}"
        assert (row["person"], row["person id"], row["outcome"]) == ("Anna", "4711", "error")
        assert not {"error", "message", "arguments", "process", "shard"} & set(row)
        owner = rig.discord.owner
        answer = await owner.slash(owner.dm_channel, "stats export", what="single rows", period="today")
        rows = attached(answer.message)
        assert {row["command"] for row in rows} == {"play", "elsewhere"}
        assert {row["message"] for row in rows} == {"the secret of the owner", ""}


async def test_too_much_for_discord_leaves_the_oldest_out_and_says_so() -> None:
    async with running(make_bot()) as rig:
        system = cog_of(rig.bot).system
        use(rig, n=1)
        heading = len(heading_of(ROWS))
        made = await single_rows_of(system, None, "today", is_owner=True, most_bytes=heading + 10)
        assert (made.n, made.is_complete) == (0, False)
        made = await single_rows_of(system, None, "today", is_owner=True)
        assert (made.n, made.is_complete) == (1, True)


async def test_nothing_to_export_is_said_without_a_file() -> None:
    async with running(make_bot()) as rig:
        answer = await rig.discord.admin.slash(rig.discord.channel, "stats export")
        assert "Nothing to export" in said(answer.message)
        assert not answer.message.attachments


async def test_nobody_gets_the_numbers_of_a_server_that_is_not_theirs() -> None:
    async with running(make_bot()) as rig:
        use(rig)
        other = rig.discord.add_user("Other admin")
        rig.discord.guild.add_member(other)
        other.set_permissions(rig.discord.add_guild("Elsewhere", members=[other]), ADMIN)
        view = discord.ui.View(timeout=None)
        for words in ("weekly:here", "weekly:all"):
            view.add_item(discord.ui.Button(label=words, custom_id=f"botmon:export:{words}"))
        view.stop()
        await rig.bot.get_channel(rig.discord.channel.id).send("buttons", view=view)
        message = await rig.discord.channel.next_message()
        refused: Sequence[tuple[LoopbackUser, tuple[str, ...]]] = (
            (rig.discord.user, ("weekly:here", "weekly:all")),
            (other, ("weekly:here", "weekly:all")),
            (rig.discord.admin, ("weekly:all",)),
        )
        for person, buttons in refused:
            for words in buttons:
                answer = await person.click(message, words)
                assert not any(each.attachments for each in answer.messages), (person, words)
                assert "Only people who may ask" in said(answer.messages[-1])
            answer = await person.slash(person.dm_channel, "stats export")
            assert not answer.message.attachments
        answer = await rig.discord.admin.slash(rig.discord.channel, "stats export", scope="all guilds")
        assert not answer.message.attachments


# -- on the command line -----------------------------------------------------------------------------------------------


async def export(*argv: str) -> int:
    return await asyncio.to_thread(main, ["export", "--database", "bot.db", *argv])


@pytest.fixture
async def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store that a bot has left: two servers, one of which uses two commands."""
    monkeypatch.chdir(tmp_path)
    bot = make_bot()
    bot.botmon_config = make_config("bot.db")
    async with running(bot) as rig:
        use(rig, "play", 3)
        use(rig, "skip")
        use(rig, "play", guild=rig.discord.add_guild("Elsewhere"))
        await cog_of(bot).system.recorder.catch_up()
        (tmp_path / "guild").write_text(str(rig.discord.guild.id))
    return tmp_path


async def test_rows_go_to_the_output_or_into_a_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await export() == 0
    printed = capsys.readouterr().out
    assert [row["command"] for row in table(printed)] == ["play", "play", "play", "skip", "play"]
    assert await export("-o", "rows.csv") == 0
    assert (store / "rows.csv").read_bytes().decode() == printed
    assert "5 rows" in capsys.readouterr().err
    assert await export("-o", "rows.csv") == 1
    assert "rows.csv is there already" in capsys.readouterr().err
    assert await export("-o", "rows.csv", "--force", "--guild", (store / "guild").read_text()) == 0
    assert len(table((store / "rows.csv").read_bytes())) == 4
    assert not list(store.glob("*.part"))


async def test_json_lines_hold_a_value_each(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await export("--format", "jsonl") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["username"] for line in lines} == {"Anna"}
    assert len(lines) == 5
    assert await export("--format", "jsonl", "--what", "commands") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["command"], line["used"]) for line in lines] == [("play", 4), ("skip", 1)]


async def test_a_time_that_can_not_be_read_is_one_sentence(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await export("--since", "the day before", "-o", "rows.csv") == 2
    assert "--since 'the day before' can't be read" in capsys.readouterr().err
    assert await export("--since", "1 d", "--period", "weekly") == 2
    assert await export("--since", "1 h", "--until", "2 h") == 2
    assert not list(store.glob("rows*"))


async def test_what_lies_outside_the_time_is_left_out(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert await export("--until", "1 h", "--since", "3 d") == 0
    assert table(capsys.readouterr().out) == []
    assert await export("--since", "1 h") == 0
    assert len(table(capsys.readouterr().out)) == 5
