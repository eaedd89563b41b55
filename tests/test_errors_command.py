"""/botmon errors: what failed by its cause, for the owners alone."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import discord
import pytest
from discord import app_commands

from botmon_cog.domain.models import ErrorGroup, ErrorSource, Invocation, Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports.errors import (
    error_id,
)
from botmon_cog.errors import StorageError
from botmon_cog.testing import LoopbackChannel, LoopbackUser, SeenMessage
from tests.harness import Rig, cog_of, make_bot, running
from tests.test_commands import ask, text_of

HOUR = timedelta(hours=1)
LYRICS, PLAY = 0x12_3456_789A, 7
TRACEBACK = (
    'Traceback (most recent call last):\n  File "cogs/lyrics.py", line 48, in Lyrics.fetch\n'
    '    raise ValueError("API key wrong")\nValueError: API key wrong'
)


def fail(rig: Rig, fingerprint: int = LYRICS, *, times: int = 1, ago: timedelta = timedelta(0), **fields: Any) -> None:
    """Record that something failed, as the observer does."""
    at = rig.clock.now() - ago
    about: dict[str, Any] = {
        "what": "lyrics",
        "source": ErrorSource.COMMAND,
        "outcome": Outcome.ERROR,
        "error_type": "ValueError",
        "error_message": "API key wrong",
        "file": "cogs/lyrics.py",
        "line": 48,
        "function": "Lyrics.fetch",
        "traceback": TRACEBACK,
    }
    about |= fields
    record = cog_of(rig.bot).system.recorder.record
    record(ErrorGroup(fingerprint=fingerprint, first_at=at, **about))
    for n in range(times):
        record(
            Invocation(
                kind=Kind.SLASH,
                command=about["what"],
                outcome=about["outcome"],
                started_at=at,
                guild_id=rig.discord.guild.id,
                guild_name=rig.discord.guild.name,
                user_id=1000 + n % 2,
                username="Anna",
                error_type=about["error_type"],
                error_message=about["error_message"],
                fingerprint=fingerprint,
            )
        )


async def open_errors(
    rig: Rig, who: LoopbackUser | None = None, where: LoopbackChannel | None = None, **options: str
) -> SeenMessage:
    who = who or rig.discord.owner
    answer = await who.slash(where or who.dm_channel, "botmon errors", **options)
    assert answer.message.ephemeral
    return answer.message


def said(message: SeenMessage) -> str:
    return text_of(message.embeds[0])


def labels(message: SeenMessage) -> list[str]:
    return [item["label"] for row in message.components for item in row["components"] if item["type"] == 2]


def menu(message: SeenMessage) -> list[dict[str, Any]]:
    return [o for row in message.components for item in row["components"] for o in item.get("options", ())]


# -- asking ------------------------------------------------------------------------------------------------------------


async def test_the_list_shows_each_cause_once_with_its_line() -> None:
    async with running(make_bot()) as rig:
        fail(rig, times=25)
        fail(rig, PLAY, times=3, what="play", error_type="OSError", error_message="no route", file="cogs/music.py")
        message = await open_errors(rig)
        assert message.embeds[0]["title"] == "Errors, last 7 days · 2 kinds, 28 times"
        lines = message.embeds[0]["description"].splitlines()
        assert lines[0] == "🆕 **/lyrics** `ValueError: API key wrong`"
        assert lines[1].startswith("-# 25× · 2 people · first <t:")  # noqa: RUF001
        assert lines[1].endswith("`cogs/lyrics.py:48`")
        assert labels(message) == ["24 h", "7 days", "30 days"]
        assert [(o["label"], o["value"]) for o in menu(message)] == [
            ("ValueError in /lyrics", error_id(LYRICS)),
            ("OSError in /play", error_id(PLAY)),
        ]


async def test_a_period_leaves_out_what_failed_before() -> None:
    async with running(make_bot()) as rig:
        fail(rig, ago=3 * 24 * HOUR)
        assert "No errors, last 24 hours" in said(await open_errors(rig, period="24 hours"))
        assert "1 kind, 1 time" in said(await open_errors(rig, period="7 days"))


async def test_no_errors_say_what_will_appear() -> None:
    async with running(make_bot()) as rig:
        message = await open_errors(rig)
        assert "No errors" in said(message)
        assert "it appears here" in said(message)
        assert menu(message) == []
        assert labels(message) == ["24 h", "7 days", "30 days"]


async def test_an_id_opens_one_however_it_is_typed() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        for typed in (error_id(LYRICS), f" {error_id(LYRICS).upper()} "):
            message = await open_errors(rig, id=typed)
            assert message.embeds[0]["title"] == "`ValueError` in /lyrics"
            assert TRACEBACK in said(message)
            assert labels(message) == ["Resolved", "Mute 24 h", "Mute 7 days", "Copy as text", "Back"]


@pytest.mark.parametrize("typed", ["7kq2m9xa", "nonsense", "```", "@everyone"])
async def test_an_id_that_nothing_has_is_said(typed: str) -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        message = await open_errors(rig, id=typed)
        assert "No such error" in said(message)
        assert labels(message) == ["24 h", "7 days", "30 days"]


async def test_ids_are_suggested_to_owners_alone() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        fail(rig, PLAY, what="play", error_type="OSError")
        await rig.rows()

        async def offered(who: LoopbackUser, typed: str) -> list[str]:
            found = await who.autocomplete(who.dm_channel, "botmon errors", focused="id", value=typed)
            return [choice["value"] for choice in found]

        assert set(await offered(rig.discord.owner, "")) == {error_id(LYRICS), error_id(PLAY)}
        assert await offered(rig.discord.owner, "OSERR") == [error_id(PLAY)]
        assert await offered(rig.discord.owner, error_id(LYRICS)[:6]) == [error_id(LYRICS)]
        assert await offered(rig.discord.admin, "") == []
        assert await offered(rig.discord.user, "") == []


async def test_a_command_that_really_fails_stands_in_the_list() -> None:
    bot = make_bot()

    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: discord.Interaction, song: str) -> None:
        raise LookupError(f"nothing is known of {song}")

    @bot.tree.error
    async def on_error(interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        """Quiet."""

    async with running(bot) as rig:
        for song in ("wannabe", "creep"):
            await rig.discord.user.slash(rig.discord.channel, "lyrics", song=song, wait=False)
        await rig.discord.settled()
        await rig.rows()
        message = await open_errors(rig)
        assert "1 kind, 2 times" in said(message)
        assert "**/lyrics** `LookupError" in said(message)
        assert "test_errors_command.py:" in said(message)
        opened = await open_errors(rig, id=menu(message)[0]["value"])
        assert "raise LookupError" in said(opened)
        assert "wannabe" not in said(opened) + said(message)


# -- who may ask -------------------------------------------------------------------------------------------------------


async def test_nobody_but_the_owners_gets_an_answer() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        admin, user = rig.discord.admin, rig.discord.user
        for options in ({}, {"id": error_id(LYRICS)}):
            for person in (admin, user):
                with pytest.raises(PermissionError, match="administrators only"):
                    await person.slash(rig.discord.channel, "botmon errors", **options)
                words = await ask(rig, person, person.dm_channel, "botmon errors", **options)
                assert "only the bot's owners" in words
                assert "lyrics" not in words
        admin.set_permissions(rig.discord.guild, discord.Permissions.all())
        message = await open_errors(rig, admin, rig.discord.channel)
        assert "lyrics" not in json.dumps(dict(message.body))
        assert message.components == []


async def test_an_owner_gets_an_answer_in_a_server_as_well() -> None:
    async with running(make_bot()) as rig:
        fail(rig)
        owner = rig.discord.owner
        owner.set_permissions(rig.discord.guild, discord.Permissions.all())
        assert "/lyrics" in said(await open_errors(rig, owner, rig.discord.channel))


async def test_of_a_team_those_see_errors_who_own_the_bot_for_discord_py() -> None:
    async with running(make_bot(), team=True) as rig:
        fail(rig)
        seen = ["/lyrics" in said(await open_errors(rig, member)) for member in rig.discord.team_members]
        assert seen == [True, True, True, False], "two admins, a developer, and one who may only read"


async def test_a_database_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(make_bot()) as rig:
        await open_errors(rig)

        async def away(*_: object, **__: object) -> None:
            raise StorageError("away")

        monkeypatch.setattr(cog_of(rig.bot).system.errors, "counts", away)
        assert "database does not answer" in said(await open_errors(rig))
