"""What stands under /botmon errors: pressed and chosen by owners, by others, elsewhere, and after a restart."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import discord
import pytest

from botmon_cog.domain.models import Kind
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports.errors import ErrorState, error_id
from botmon_cog.errors import StorageError
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running
from tests.test_errors_command import HOUR, LYRICS, PLAY, TRACEBACK, fail, labels, menu, open_errors, said
from tests.test_own_commands import recordings

ID = error_id(LYRICS)
OPEN_ONE = "Open one: traceback, hours, versions"
OPENED = ["Resolved", "Mute 24 h", "Mute 7 days", "Copy as text", "Back"]


async def state(rig: Rig) -> tuple[ErrorState, bool, bool]:
    """(state, whether it is resolved, whether it is muted) as the monitor has it."""
    system = cog_of(rig.bot).system
    details = await system.errors.details(LYRICS, last_days(7, rig.clock.now()))
    counts = details.counts
    return counts.state, counts.resolved_at is not None, counts.muted_until is not None


async def test_one_is_chosen_in_the_list_and_left_again() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        fail(rig, PLAY, what="play", error_type="OSError")
        message = await open_errors(rig)
        listed = said(message)
        assert (await owner.select(message, OPEN_ONE, "ValueError in /lyrics")).message is message
        assert message.embeds[0]["title"] == "`ValueError` in /lyrics"
        assert TRACEBACK in said(message)
        assert labels(message) == OPENED
        await owner.click(message, "Back")
        assert said(message) == listed
        assert message.ephemeral


async def test_periods_take_each_others_place_and_the_one_shown_stands_out() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig, ago=timedelta(days=3))
        message = await open_errors(rig)

        def shown() -> list[str]:
            buttons = [item for row in message.components for item in row["components"] if item["type"] == 2]
            return [b["label"] for b in buttons if b["style"] == discord.ButtonStyle.primary.value]

        assert shown() == ["7 days"]
        await owner.click(message, "24 h")
        assert "No errors, last 24 hours" in said(message)
        assert (shown(), menu(message)) == (["24 h"], [])
        await owner.click(message, "30 days")
        assert "Errors, last 30 days" in said(message)
        await owner.select(message, OPEN_ONE, ID)
        await owner.click(message, "Back")
        assert shown() == ["30 days"], "back to where it was opened from"


async def test_what_is_resolved_returns_when_it_fails_again() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig, id=ID)
        await owner.click(message, "Resolved")
        assert "✅ **Resolved**" in said(message)
        assert labels(message) == ["Reopen", *OPENED[1:]]
        await rig.clock.advance(60)
        fail(rig)
        await owner.click(message, "Back")
        assert "🔁 **/lyrics**" in said(message)
        await owner.select(message, OPEN_ONE, ID)
        assert "🔁 **Returned**" in said(message)
        assert labels(message) == OPENED


async def test_what_was_resolved_by_mistake_is_reopened() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        message = await open_errors(rig, id=ID)
        await rig.discord.owner.click(message, "Resolved")
        await rig.discord.owner.click(message, "Reopen")
        assert labels(message) == OPENED
        assert await state(rig) == (ErrorState.NEW, False, False)


@pytest.mark.parametrize(("button", "hours"), [("Mute 24 h", 24), ("Mute 7 days", 168)])
async def test_a_mute_lasts_as_long_as_its_button_says(button: str, hours: int) -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig, id=ID)
        await owner.click(message, button)
        assert discord.utils.format_dt(rig.clock.now() + hours * HOUR, "f") in said(message)
        assert labels(message) == ["Resolved", "Unmute", "Copy as text", "Back"]
        assert cog_of(rig.bot).system.errors.muted == {LYRICS}
        await owner.click(message, "Unmute")
        assert labels(message) == OPENED
        assert cog_of(rig.bot).system.errors.muted == frozenset()


async def test_a_copy_comes_beside_as_a_block_that_pastes_into_an_issue() -> None:
    async with running(make_bot()) as rig:
        fail(rig, times=3)
        message = await open_errors(rig, id=ID)
        before = dict(message.body)
        copied = (await rig.discord.owner.click(message, "Copy as text")).message
        assert copied.ephemeral
        assert dict(message.body) == before
        assert copied.content.startswith("```\nValueError: API key wrong\n")
        assert copied.content.endswith(f"{TRACEBACK}\n```")
        for secret in ("Anna", "1000", str(rig.discord.guild.id), rig.discord.guild.name):
            assert secret not in copied.content


async def test_a_copy_that_is_too_long_for_a_message_is_a_file() -> None:
    async with running(make_bot()) as rig:
        fail(rig, traceback="Traceback\n" + "\n".join(f"  step {n}" for n in range(400)))
        message = await open_errors(rig, id=ID)
        copied = (await rig.discord.owner.click(message, "Copy as text")).message
        assert copied.ephemeral
        (file,) = copied.attachments
        assert file.filename == f"error-{ID}.md"
        assert file.bytes.decode().endswith("  step 399\n```")


async def test_another_error_of_the_same_line_is_opened_from_there() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        fail(rig, PLAY, what="karaoke")
        message = await open_errors(rig, id=ID)
        assert "**Also from this line** /karaoke 1" in said(message)
        await rig.discord.owner.select(message, "Open what else comes from this line", "/karaoke")
        assert message.embeds[0]["title"] == "`ValueError` in /karaoke"


async def test_buttons_and_menus_work_after_a_restart(tmp_path: Path) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(str(tmp_path / "bot.db"))
    async with running(bot) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig)
        await rig.bot.reload_extension(EXTENSION)
        await owner.select(message, OPEN_ONE, ID)
        assert labels(message) == OPENED
        await rig.bot.reload_extension(EXTENSION)
        await owner.click(message, "Resolved")
        assert "✅" in said(message)
        await rig.bot.reload_extension(EXTENSION)
        await owner.click(message, "Reopen")
        assert labels(message) == OPENED
        assert not rig.bot._connection._view_store._views, "discord.py keeps nothing of them"


async def test_what_is_not_on_record_any_more_is_said() -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig, id=ID)
        await rig.bot.reload_extension(EXTENSION)  # the database was in memory
        answer = await owner.click(message, "Copy as text")
        assert answer.message is not message
        assert "no longer on record" in said(answer.message)
        await owner.click(message, "Resolved")
        assert "No such error" in said(message)
        assert labels(message) == ["24 h", "7 days", "30 days"]


@pytest.mark.parametrize(
    "custom_id",
    [
        "botmon:errors",
        "botmon:errors:8",
        "botmon:errors:7:open",
        f"botmon:errors:7:delete:{ID}",
        f"botmon:errors:7:mute:9999:{ID}",
        f"botmon:errors:²:open:{ID}",
        f"botmon:errors:7:open:{ID}:more",
    ],
)
async def test_a_button_that_is_not_known_is_answered(custom_id: str) -> None:
    async with running(make_bot()) as rig:
        view = discord.ui.View(timeout=None).add_item(discord.ui.Button(label="x", custom_id=custom_id))
        view.stop()
        await rig.bot.get_channel(rig.discord.channel.id).send("buttons", view=view)
        message = await rig.discord.channel.next_message()
        answer = await rig.discord.owner.click(message, custom_id)
        assert "another version" in said(answer.message)
        assert answer.message.ephemeral


async def test_a_database_that_is_away_is_said_and_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(make_bot()) as rig:
        owner = rig.discord.owner
        fail(rig)
        message = await open_errors(rig, id=ID)

        async def away(*_: object, **__: object) -> None:
            raise StorageError("away")

        with monkeypatch.context() as patched:
            for name in ("resolve", "details", "counts"):
                patched.setattr(cog_of(rig.bot).system.errors, name, away)
            answer = await owner.click(message, "Resolved")
            assert "database does not answer" in said(answer.message)
            await owner.click(message, "Back")
            assert "database does not answer" in said(message)
            assert labels(message) == ["24 h", "7 days", "30 days"], "it can be tried again"
        await owner.click(message, "7 days")
        assert "/lyrics" in said(message)
        assert await state(rig) == (ErrorState.NEW, False, False)


async def test_what_is_pressed_is_recorded_as_our_own() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        recorded = recordings(rig)
        message = await open_errors(rig)
        await rig.discord.owner.select(message, OPEN_ONE, ID)
        await rig.discord.owner.click(message, "Copy as text")
        await rig.rows()
        assert [(i.kind, i.is_own, i.outcome.value) for i in recorded] == [
            (Kind.SLASH, True, "ok"),
            (Kind.SELECT, True, "ok"),
            (Kind.BUTTON, True, "ok"),
        ]
