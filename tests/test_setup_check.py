"""/botmon check and `check`: what is wrong with the set-up is found, said with what to do, and can be mended."""

from __future__ import annotations

import asyncio
import inspect
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.ext import commands
from msgspec.structs import replace

import botmon_cog.setup_check
from botmon_cog.__main__ import main
from botmon_cog.config import AlertsConfig, CommandsConfig, RetentionConfig
from botmon_cog.domain.settings import Settings
from botmon_cog.setup_check.discord_clock import check_clock
from botmon_cog.setup_check.findings import Finding
from botmon_cog.setup_check.machine import check_configuration, check_size
from botmon_cog.setup_check.words import WORDS, said_of
from botmon_cog.store.log import RunKey
from botmon_cog.store.uptime import UptimeStore
from botmon_cog.testing import LoopbackDiscord, LoopbackUser, ManualClock, SeenMessage
from botmon_cog.testing.redirect import redirect
from tests.harness import Rig, cog_of, make_bot, make_config, running
from tests.test_commands import ADMIN
from tests.test_errors_command import said as text_of

OWNERS_ONLY = "only the bot's owners"


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DISCORD_TOKEN", raising=False)


def stored_bot(**tables: Any) -> commands.Bot:
    """A bot with a store on disk, with which nothing is wrong."""
    bot = make_bot()
    bot.botmon_config = make_config("bot.db", **tables)
    return bot


async def checked(rig: Rig, who: LoopbackUser | None = None) -> SeenMessage:
    who = who or rig.discord.owner
    who.add_permissions(rig.discord.guild, discord.Permissions(administrator=True))  # who else sees /botmon in a server
    return (await who.slash(rig.discord.channel, "botmon check")).message


def labels(message: SeenMessage) -> list[str]:
    return [button["label"] for line in message.components for button in line["components"]]


# -- what is found -----------------------------------------------------------------------------------------------------


async def test_a_bot_that_is_set_up_is_told_so_in_one_field() -> None:
    async with running(stored_bot()) as rig:
        message = await checked(rig)
        (embed,) = message.embeds
        assert embed["title"] == "🟢 Set-up: all is well"
        (field,) = embed["fields"]
        assert field["name"] == "✅ Fine"
        for words in ("message content intent on", "commands alike", "you can be reached", "database writable"):
            assert words in field["value"].lower(), words
        assert embed["footer"]["text"].startswith(f"discord.py {discord.__version__}")
        assert labels(message) == ["Send me a test alert", "Check again"]
        assert message.ephemeral


async def test_prefix_commands_without_message_content_are_said() -> None:
    bot = stored_bot()

    @bot.command()
    async def ping(_: commands.Context[Any]) -> None:
        """The host's."""

    bot._connection._intents.message_content = False
    async with running(bot) as rig:
        assert "1 prefix command can't be read" in text_of(await checked(rig))
        bot.command_prefix = commands.when_mentioned
        assert "can't be read" not in text_of(await checked(rig))


async def test_channels_that_the_bot_can_not_post_to_are_said_with_what_it_lacks() -> None:
    async with running(stored_bot()) as rig:
        system, guild = cog_of(rig.bot).system, rig.discord.guild
        await system.settings.put(guild.id, Settings(report_channel_id=rig.discord.channel.id), rig.discord.admin.id)
        rig.discord.bot_user.set_permissions(rig.discord.channel, discord.Permissions(view_channel=True))
        await rig.discord.settled()
        said = text_of(await checked(rig))
        assert "the weekly report" in said
        assert "Send Messages" in said
        assert "Embed Links" in said
        assert "View Channel" not in said
        await system.settings.put(guild.id, Settings(report_channel_id=4_711), rig.discord.admin.id)
        assert "The channel for the weekly report is gone" in text_of(await checked(rig))


async def test_two_processes_of_one_name_are_said() -> None:
    async with running(stored_bot()) as rig:
        system = cog_of(rig.bot).system
        await system.uptime.beat()
        twin = UptimeStore(system.store.engine, RunKey.new(system.instance, rig.clock.now()))
        run = (await system.store.uptime.runs(rig.clock.now() - timedelta(days=1)))[-1]
        await twin.put_run(run)
        assert "2 processes call themselves `main`" in text_of(await checked(rig))


@pytest.mark.parametrize(
    ("alerts", "words"),
    [
        (AlertsConfig(enabled=False), "Alerts are off"),
        (AlertsConfig(dm=False), "There is no way to reach you"),
    ],
)
async def test_alerts_that_reach_nobody_are_said(alerts: AlertsConfig, words: str) -> None:
    async with running(stored_bot(alerts=alerts)) as rig:
        assert words in text_of(await checked(rig))


async def test_what_of_ours_failed_is_said() -> None:
    async with running(stored_bot()) as rig:
        cog_of(rig.bot).system.failures.note("a test", ValueError("of the test"))
        said = text_of(await checked(rig))
        assert "The monitor itself failed 1 time" in said
        assert "of the test" in said


@pytest.mark.parametrize(
    ("ahead_s", "words"),
    [
        (0.0, "clock within"),
        (0.9, "clock within"),
        (-200.0, "clock is 3 min 19 s ahead of Discord's"),
        (200.0, "clock is 3 min 20 s behind Discord's"),
        (2.0, "clock is 2 s behind Discord's"),
    ],
)
async def test_a_clock_that_is_off_is_said_with_its_direction(ahead_s: float, words: str) -> None:
    """By the time of Discord's answer; the interaction's own is that of this machine here."""
    now = datetime.now(UTC).replace(microsecond=0)
    async with running(stored_bot(), clock=ManualClock(now)) as rig:
        rig.discord.world.clock_ahead = timedelta(seconds=ahead_s)
        said = text_of(await checked(rig))
        assert words in said
        assert ("NTP" in said) is ("within" not in words)


@pytest.mark.parametrize(
    ("age_s", "words"),
    [(0.2, "within"), (1.9, "within"), (4.5, "2.5 s ahead"), (-3.0, "3 s behind"), (-1.0, "within")],
)
async def test_where_discord_can_not_be_asked_the_interaction_tells(age_s: float, words: str) -> None:
    async with LoopbackDiscord() as loopback, loopback.running(stored_bot()) as bot:
        with redirect("http://127.0.0.1:1/api/v10", "ws://127.0.0.1:1/gateway"):
            (finding,) = await check_clock(bot.http, ManualClock(datetime.now(UTC)), age_s)
            assert await check_clock(bot.http, ManualClock(datetime.now(UTC))) == []
    assert words in said_of(finding).title
    assert finding.severity == ("fine" if words == "within" else "warning")


def test_a_store_near_its_cap_is_said_before_it_is_full() -> None:
    config = make_config(retention=RetentionConfig(disk_cap_mb=100))
    assert check_size(94_000_000, config).severity == "fine"
    assert check_size(96_000_000, config).severity == "warning"
    assert check_size(10**12, make_config(retention=RetentionConfig(disk_cap_mb=0))).severity == "fine"


def test_a_variable_that_nothing_reads_is_said_without_its_value() -> None:
    unknown, source = check_configuration({"BOTMON_STORAGE_ULR": "postgresql://me:secret@host/db"})
    assert unknown.values["like"] == "BOTMON_STORAGE_URL"
    assert "secret" not in repr(said_of(unknown))
    assert source.severity == "fine"


def test_every_finding_has_words() -> None:
    folder = Path(inspect.getfile(botmon_cog.setup_check)).parent
    sources = [*folder.glob("*.py"), folder.parent / "cli" / "check.py"]
    used = {
        what
        for file in sources
        for what in re.findall(r'\b(?:wrong|warning|fine)\(\s*"([a-z._]+)"', file.read_text(encoding="utf-8"))
    }
    assert used == set(WORDS)


# -- syncing -----------------------------------------------------------------------------------------------------------


@app_commands.command(description="New in the code")
async def queue(_: discord.Interaction) -> None:
    """The host's."""


async def names_at_discord(rig: Rig) -> set[str]:
    return {command.name for command in await rig.bot.tree.fetch_commands()}


async def test_sync_says_first_what_it_would_change_and_then_changes_that() -> None:
    bot = stored_bot()

    @bot.tree.command()
    async def play(interaction: discord.Interaction, song: str) -> None:
        await interaction.response.send_message(song)

    @bot.tree.command()
    async def skip(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("skipped")

    async with running(bot) as rig:
        bot.tree.remove_command("skip")
        bot.tree.add_command(queue)
        bot.tree.remove_command("play")

        @bot.tree.command(name="play")
        async def other_play(interaction: discord.Interaction, song: str, volume: int) -> None:
            await interaction.response.send_message(f"{song} {volume}")

        message = await checked(rig)
        said = text_of(message)
        assert "3 commands differ" in said
        for name in ("`/queue`", "`/skip`", "`/play`"):
            assert name in said
        before = await names_at_discord(rig)
        await rig.discord.owner.click(message, "Sync now")
        assert "Add `/queue`" in text_of(message)
        assert "Change `/play`" in text_of(message)
        assert "**Remove** `/skip`" in text_of(message)
        assert await names_at_discord(rig) == before
        await rig.discord.owner.click(message, "Yes, sync")
        assert message.embeds[0]["title"] == "🟢 Set-up: all is well"
        assert await names_at_discord(rig) == {command.name for command in bot.tree.get_commands()}


async def test_saying_no_changes_nothing() -> None:
    bot = stored_bot()
    async with running(bot) as rig:
        bot.tree.add_command(queue)
        before = await names_at_discord(rig)
        message = await checked(rig)
        await rig.discord.owner.click(message, "Sync now")
        await rig.discord.owner.click(message, "No")
        assert "1 command differs" in text_of(message)
        assert await names_at_discord(rig) == before
        bot.tree.remove_command("queue")


async def test_commands_that_are_only_in_one_server_are_no_fault_but_said() -> None:
    bot = stored_bot()
    async with running(bot, load=False) as rig:
        await bot.load_extension("botmon_cog")
        guild = discord.Object(rig.discord.guild.id)
        bot.tree.copy_global_to(guild=guild)
        await bot.tree.sync(guild=guild)
        assert "known in single servers only" in text_of(await checked(rig))


async def test_discord_that_does_not_tell_its_commands_is_said() -> None:
    async with running(stored_bot()) as rig:
        rig.discord.faults.fail_next(status=403, path=r"/commands$")
        assert "Can't ask Discord" in text_of(await checked(rig))


# -- a test alert ------------------------------------------------------------------------------------------------------


async def test_a_test_alert_comes_by_dm_and_is_told_of() -> None:
    async with running(stored_bot()) as rig:
        message = await checked(rig)
        await rig.discord.owner.click(message, "Send me a test alert")
        received = await rig.discord.owner.next_dm()
        assert "a test: this is how the monitor reaches you" in text_of(received)
        assert "✅ DM to 1 owner" in text_of(message)


async def test_a_way_that_is_closed_is_told_and_tried_again_by_the_next_test() -> None:
    async with running(stored_bot()) as rig:
        owner = rig.discord.owner
        rig.discord.faults.close_dms(owner)
        message = await checked(rig)
        await owner.click(message, "Send me a test alert")
        assert "❌" in text_of(message)
        assert "50007" in text_of(message)
        await owner.click(message, "Check again")
        assert "One way to reach you is closed" in text_of(message)
        rig.discord.faults.open_dms(owner)
        await owner.click(message, "Send me a test alert")
        assert "✅ DM to 1 owner" in text_of(message)


# -- who may -----------------------------------------------------------------------------------------------------------


async def test_nobody_but_an_owner_gets_an_answer_by_command_or_press() -> None:
    async with running(stored_bot()) as rig:
        other = rig.discord.add_user("Other admin")
        rig.discord.guild.add_member(other)
        elsewhere = rig.discord.add_guild("Elsewhere", members=[other])
        other.set_permissions(elsewhere, ADMIN)
        public = rig.discord.channel
        view = discord.ui.View(timeout=None)
        for words in ("again", "sync", "sync:yes", "test"):
            view.add_item(discord.ui.Button(label=words, custom_id=f"botmon:check:{words}"))
        view.stop()
        await rig.bot.get_channel(public.id).send("buttons", view=view)
        message = await public.next_message()
        before = len(rig.discord.owner.dms)
        for person in (rig.discord.user, rig.discord.admin, other):
            answer = await person.slash(person.dm_channel, "botmon check")
            assert OWNERS_ONLY in text_of(answer.message).lower()
            for words in ("again", "sync", "sync:yes", "test"):
                answer = await person.click(message, words)
                assert "Only the bot's owners" in text_of(answer.message)
                assert "Set-up" not in text_of(answer.message)
        assert OWNERS_ONLY in text_of(await checked(rig, other)).lower()
        assert len(rig.discord.owner.dms) == before


# -- on the command line -----------------------------------------------------------------------------------------------


async def check(*argv: str) -> int:
    return await asyncio.to_thread(main, ["check", *argv])


async def test_before_the_first_start_the_command_line_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert await check() == 0
    assert "No bot has written to this store yet" in capsys.readouterr().out


async def test_the_command_line_tells_of_a_store_and_of_discord(monkeypatch, capsys) -> None:
    bot = stored_bot()
    async with running(bot) as rig:
        await cog_of(bot).system.uptime.beat()
        monkeypatch.setenv("DISCORD_TOKEN", rig.discord.token)
        assert await check("--database", "bot.db", "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert found["is_well"] is True
        titles = {each["what"]: each["title"] for each in found["findings"]}
        assert titles["store.last_seen"].startswith("main was seen")
        assert titles["discord.logged_in"].startswith("the token is ")
        assert "commands.absent" not in titles
    async with LoopbackDiscord() as loopback:
        monkeypatch.setenv("DISCORD_TOKEN", loopback.token)
        assert await check("--database", "bot.db") == 0
        out = capsys.readouterr().out
        assert "Discord does not know /health, /stats, /perf" in out
        assert loopback.token not in out


async def test_what_is_wrong_makes_exit_code_2(monkeypatch, capsys) -> None:
    Path("bot.db").write_bytes(b"no database")
    assert await check("--database", "bot.db") == 2
    assert "✗ The database does not answer" in capsys.readouterr().out
    Path("bot.db").unlink()
    async with LoopbackDiscord():
        monkeypatch.setenv("DISCORD_TOKEN", "not.the.token")
        assert await check() == 2
        assert "✗ Can't ask Discord" in capsys.readouterr().out


def test_a_finding_of_a_renamed_command_names_it_as_it_is_called() -> None:
    names = [replace(CommandsConfig(), health="botfine").health]
    said = said_of(Finding(what="commands.absent", severity="warning", values={"names": [f"/{names[0]}"]}))
    assert "/botfine" in said.title
