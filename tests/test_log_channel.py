"""Log channels: commands told as they come, in batches, for who may read them, until the channel takes no more."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import discord
import pytest

from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.errors import StorageError
from botmon_cog.history.log_channel import EVERY_S, LogChannels
from botmon_cog.testing import LoopbackChannel
from tests.harness import EXTENSION, Rig, cog_of, make_bot, running, until
from tests.history_helpers import put, settings_of, use, use_elsewhere

PAUSE_S = 60.0


async def set_up(rig: Rig, channel: LoopbackChannel | None = None, **fields: object) -> LoopbackChannel:
    """The server's log, set up by its admin, from now on."""
    channel = channel or rig.discord.guild.add_text_channel("bot-log")
    await until(lambda: rig.bot.get_channel(channel.id) is not None)
    await put(rig, rig.discord.guild.id, log_channel_id=channel.id, log_by=rig.discord.admin.id, **fields)
    await look_up(rig)
    return channel


async def look_up(rig: Rig) -> None:
    """What was set is known."""
    for _ in range(4):
        await next_tick(rig)


async def next_tick(rig: Rig) -> None:
    """The next message is on its way, and what came of it is done."""
    await tick(rig)
    await settled()


async def tick(rig: Rig, seconds: float = EVERY_S) -> None:
    """What was recorded is sorted."""

    def last_run() -> datetime | None:
        return next(run.last_at for run in cog_of(rig.bot).system.loops.runs() if run.name == "telling log channels")

    before = last_run()
    await rig.clock.advance(seconds)
    await until(lambda: last_run() != before)


async def settled() -> None:
    async with asyncio.timeout(10):
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "botmon-log-channel"]:
            await asyncio.wait(tasks)


def told(channel: LoopbackChannel) -> list[str]:
    return [message.content for message in channel.messages if message.is_from_bot]


async def test_commands_are_told_in_one_message_and_pings_nobody() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        use(rig, "play", ago=timedelta(seconds=2), username="<@1> @everyone")
        use(rig, "lyrics", outcome=Outcome.ERROR, error_type="ValueError", error_message="API key wrong")
        assert told(channel) == []
        await next_tick(rig)
        (message,) = channel.messages
        assert [line.split("` ", 1)[1].split(" anna")[0].split(" <")[0] for line in message.content.splitlines()] == [
            "**/play**",
            "❌ **/lyrics**",
        ]
        assert message.body["mention_everyone"] is False
        assert message.body["mentions"] == []
        flags = discord.MessageFlags._from_value(message.body["flags"])
        assert flags.suppress_notifications
        assert flags.suppress_embeds
        assert "ValueError" not in message.content, "why is the owners' business"
        await next_tick(rig)
        assert len(channel.messages) == 1, "nothing is told twice"


async def test_a_real_command_is_told_and_ours_are_not() -> None:
    bot = make_bot()

    @bot.tree.command(name="ping", description="p")
    async def ping(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("pong")

    async with running(bot) as rig:
        channel = await set_up(rig)
        await rig.discord.admin.slash(rig.discord.channel, "stats weekly")
        await rig.discord.user.slash(rig.discord.channel, "ping")
        use(rig, "skip", kind=Kind.BUTTON)
        await rig.rows()
        await next_tick(rig)
        (content,) = told(channel)
        assert content.count("\n") == 0
        assert f"**/ping** {rig.discord.user.name}" in content


async def test_each_server_is_told_of_itself_and_the_owner_of_all() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        owners = rig.discord.add_guild("Owners").add_text_channel("everything")
        await until(lambda: rig.bot.get_channel(owners.id) is not None)
        await put(rig, None, log_channel_id=owners.id, log_by=rig.discord.owner.id)
        await look_up(rig)
        use(rig, "local", outcome=Outcome.ERROR, error_type="ValueError", error_message="wrong")
        use_elsewhere(rig)
        use(rig, "private", guild_id=None, guild_name=None)
        await next_tick(rig)
        assert [name in told(channel)[0] for name in ("local", "elsewhere", "private", "wrong")] == [
            True,
            False,
            False,
            False,
        ]
        assert all(
            name in told(owners)[0]
            for name in ("local", "elsewhere", "private", "`ValueError: wrong`", "Another place")
        )


async def test_many_at_once_are_one_message_with_a_count() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        for n in range(332):
            use(rig, outcome=Outcome.OK if n % 50 else Outcome.LATE)
        await next_tick(rig)
        (content,) = told(channel)
        assert content.splitlines()[-1] == "-# and 312 more"
        assert content.count("⌛") == 7


async def test_no_channel_costs_nothing_and_turning_it_off_ends_it() -> None:
    async with running(make_bot()) as rig:
        recorder = cog_of(rig.bot).system.recorder
        await tick(rig)
        assert recorder.tap is None
        channel = await set_up(rig)
        assert recorder.tap is not None
        await put(rig, rig.discord.guild.id)
        use(rig)
        await next_tick(rig)
        assert recorder.tap is None
        assert told(channel) == []


async def test_a_slow_channel_gets_one_message_after_the_other_and_the_rest_counted() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        rig.discord.faults.rate_limit_next(1, retry_after_s=2.0, path=f"channels/{channel.id}/messages")
        use(rig, "first")
        await tick(rig)
        for _ in range(5):  # discord.py still waits
            for _ in range(20):
                use(rig, "later")
            await tick(rig)
        await settled()
        await next_tick(rig)
        first, second = told(channel)
        assert "first" in first
        assert "later" not in first
        assert second.splitlines()[-1] == "-# and 80 more"


async def test_what_discord_does_not_take_for_now_is_counted_a_minute_later() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        rig.discord.faults.fail_next(1, status=400, path=f"channels/{channel.id}/messages")
        use(rig, "lost", outcome=Outcome.LATE)
        await next_tick(rig)
        assert told(channel) == []
        use(rig, "later")
        await next_tick(rig)
        assert told(channel) == [], "it is left alone for a minute"
        await tick(rig, PAUSE_S)  # somewhere on the way
        await next_tick(rig)
        (content,) = told(channel)
        assert "later" in content
        assert content.endswith("-# and 1 more, 1 of them failed")
        assert (await settings_of(rig, rig.discord.guild.id)).log_channel_id == channel.id


@pytest.mark.parametrize("how", ["no permission", "deleted", "of another server"])
async def test_a_channel_that_takes_none_is_switched_off_and_told_of_once(how: str) -> None:
    async with running(make_bot()) as rig:
        guild, admin = rig.discord.guild, rig.discord.admin
        if how == "of another server":
            channel = await set_up(rig, rig.discord.add_guild("Elsewhere").add_text_channel("general"))
            expected = "that channel is not of this server"
        else:
            channel = await set_up(rig)
            expected = "the channel is gone"
        if how == "no permission":
            rig.discord.bot_user.set_permissions(channel, discord.Permissions(view_channel=True))
            await until(
                lambda: (
                    not rig.bot.get_channel(channel.id).permissions_for(rig.bot.get_guild(guild.id).me).send_messages
                )
            )
            expected = "the bot lacks Send Messages there"
        elif how == "deleted":
            rig.discord.bot_user.add_permissions(guild, discord.Permissions(manage_channels=True))
            await rig.bot.get_channel(channel.id).delete()
            await until(lambda: rig.bot.get_channel(channel.id) is None)
        use(rig)
        await next_tick(rig)
        letter = (await admin.next_dm()).embeds[0]
        assert letter["title"] == f"The command log of {guild.name} has stopped"
        assert expected in letter["description"]
        assert "`/stats settings`" in letter["description"]
        found = await settings_of(rig, guild.id)
        assert (found.log_channel_id, found.log_problem, found.log_by) == (None, expected, admin.id)
        for _ in range(9):
            use(rig)
            await next_tick(rig)
        assert len(admin.dms) == 1
        assert told(channel) == []


async def test_who_has_closed_dms_costs_a_line_in_the_log() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        rig.discord.faults.close_dms(rig.discord.admin)
        rig.discord.bot_user.set_permissions(channel, discord.Permissions(view_channel=True))
        use(rig)
        await next_tick(rig)
        assert (await settings_of(rig, rig.discord.guild.id)).log_channel_id is None
        assert cog_of(rig.bot).system.failures.n == 0


async def test_a_channel_that_was_chosen_meanwhile_stays_and_works_without_the_old_problem() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig, log_problem="the bot lacks Send Messages there")
        use(rig)
        await next_tick(rig)
        assert len(told(channel)) == 1
        found = await settings_of(rig, rig.discord.guild.id)
        assert (found.log_channel_id, found.log_problem) == (channel.id, None)


async def test_of_two_processes_one_switches_it_off_and_tells() -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)
        cog = cog_of(rig.bot)
        other = LogChannels(cog._responder)
        await other.step()
        rig.discord.bot_user.set_permissions(channel, discord.Permissions(view_channel=True))
        row = use(rig)
        other._taken.append(row)
        await other.step()
        await next_tick(rig)
        await rig.discord.admin.next_dm()
        assert len(rig.discord.admin.dms) == 1
        await other.stop()


async def test_a_database_that_is_away_leaves_the_channels_as_they_were(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(make_bot()) as rig:
        channel = await set_up(rig)

        async def away() -> None:
            raise StorageError("away")

        monkeypatch.setattr(cog_of(rig.bot).system.store.settings, "all", away)
        use(rig)
        await next_tick(rig)
        assert len(told(channel)) == 1
        assert cog_of(rig.bot).system.failures.n == 0


async def test_unloading_ends_it_while_a_message_is_on_its_way() -> None:
    async with running(make_bot()) as rig:
        await set_up(rig)
        rig.discord.faults.latency_s = 0.5
        use(rig)
        await tick(rig)
        recorder = cog_of(rig.bot).system.recorder
        await rig.bot.unload_extension(EXTENSION)
        assert recorder.tap is None
        names = {task.get_name() for task in asyncio.all_tasks()}
        assert not {name for name in names if name.startswith("botmon-log-channel")}
