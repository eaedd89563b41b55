"""Every failure that the extension sees belongs to an error group: with its type, its line, and what it was in."""

from __future__ import annotations

import asyncio

import discord
import pytest
from discord import app_commands
from discord.ext import commands, tasks

from botmon_cog.domain.models import BackgroundFailures, BackgroundKind, ErrorGroup, ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports.errors import ErrorCounts
from tests.harness import Rig, cog_of, make_bot, running, unanswered_slash, until
from tests.recorded import Recorded

Interaction = discord.Interaction
HERE = "tests/test_causes_observed.py"


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(monkeypatch)


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


def fetch() -> str:
    raise ValueError("API key wrong")


def line_of(function: object) -> int:
    return function.__code__.co_firstlineno + 1  # type: ignore[attr-defined]


async def counts(rig: Rig) -> list[ErrorCounts]:
    system = cog_of(rig.bot).system
    await rig.rows()
    return await system.errors.counts(last_days(7, rig.clock.now()))


async def test_slash_command(bot: commands.Bot) -> None:
    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: Interaction, song: str) -> None:
        fetch()

    async with running(bot) as rig:
        for song in ("Yesterday", "Help"):
            await unanswered_slash(rig, "lyrics", song=song)
        (group,) = await counts(rig)
        assert (group.source, group.what, group.n, group.people, group.guilds) == (
            ErrorSource.COMMAND,
            "lyrics",
            2,
            1,
            1,
        )
        assert (group.error_type, group.error_message) == ("ValueError", "API key wrong")
        assert (group.file, group.line, group.function) == (HERE, line_of(fetch), "fetch")
        assert {row.fingerprint for row in await rig.rows()} == {group.fingerprint}
        details = await cog_of(bot).system.errors.details(group.fingerprint, last_days(7, rig.clock.now()))
        assert details is not None
        assert 'raise ValueError("API key wrong")' in str(details.traceback)


async def test_prefix_command_and_slash_command_of_one_name_are_one_group(bot: commands.Bot) -> None:
    @bot.hybrid_command(name="lyrics")
    async def lyrics(context: commands.Context[commands.Bot]) -> None:
        fetch()

    async with running(bot) as rig:
        await unanswered_slash(rig, "lyrics")
        await rig.discord.user.send(rig.discord.channel, "!lyrics")
        await rig.discord.settled()
        (group,) = await counts(rig)
        assert (group.n, group.file, group.line) == (2, HERE, line_of(fetch))


async def test_what_the_user_did_wrong_or_may_not_do_belongs_to_no_group(bot: commands.Bot) -> None:
    @bot.tree.command(name="ban", description="b")
    @app_commands.check(lambda _: False)
    async def ban(interaction: Interaction) -> None: ...

    @bot.command(name="roll")
    async def roll(context: commands.Context[commands.Bot], sides: int) -> None: ...

    async with running(bot) as rig:
        await unanswered_slash(rig, "ban")
        await rig.discord.user.send(rig.discord.channel, "!roll many")
        await rig.discord.settled()
        rows = {row.command: row for row in await rig.rows()}
        assert (rows["roll"].outcome, rows["roll"].error_type, rows["roll"].fingerprint) == (
            "user_error",
            "BadArgument",
            None,
        )
        assert rows["ban"].outcome == "unanswered"  # nobody told the user
        assert [group.what for group in await counts(rig)] == ["ban"]


async def test_answer_that_never_came_is_a_group_without_an_exception(bot: commands.Bot) -> None:
    @bot.tree.command(name="silent", description="s")
    async def silent(interaction: Interaction) -> None: ...

    async with running(bot) as rig:
        await unanswered_slash(rig, "silent")
        (group,) = await counts(rig)
        assert (group.what, group.outcome, group.error_type, group.file) == ("silent", Outcome.UNANSWERED, None, None)


async def test_what_discord_refuses_says_which_permission_is_missing(bot: commands.Bot) -> None:
    @bot.tree.command(name="purge", description="p")
    async def purge(interaction: Interaction) -> None:
        await interaction.response.send_message("purging")
        channel = interaction.channel
        assert isinstance(channel, discord.TextChannel)
        await channel.delete_messages([discord.Object(1), discord.Object(2)])

    @bot.tree.command(name="kick", description="k")
    @app_commands.checks.bot_has_permissions(kick_members=True, manage_guild=True)
    async def kick(interaction: Interaction) -> None: ...

    async with running(bot) as rig:
        rig.discord.guild.set_bot_permissions(discord.Permissions(view_channel=True, send_messages=True))
        await rig.discord.user.slash(rig.discord.channel, "purge")
        await unanswered_slash(rig, "kick")
        rows = {row.command: row for row in await rig.rows()}
        assert (rows["purge"].outcome, rows["purge"].lacks) == ("refused", "Manage Messages")
        guild_id = str(rig.discord.guild.id)
        refused = await cog_of(bot).system.errors.refusals(guild_id, last_days(7, rig.clock.now()))
        assert ("purge", "Manage Messages", 1) in [(one.command, one.lacks, one.n) for one in refused]


async def test_what_the_host_caught_and_told_is_a_group(bot: commands.Bot) -> None:
    @bot.tree.command(name="play", description="p")
    async def play(interaction: Interaction) -> None:
        await interaction.response.send_message("sorry")
        log = cog_of(bot).system.command_log
        await log.record(1, 2, "play", success=False, error_type="LavalinkError", error_message="no nodes")

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        await cog_of(bot).system.command_log.record(1, 2, "other", success=False, error_type="TimeoutError")
        found = {(group.what, group.error_type, group.error_message) for group in await counts(rig)}
        assert found == {("play", "LavalinkError", "no nodes"), ("other", "TimeoutError", None)}


async def test_autocomplete(bot: commands.Bot, recorded: Recorded) -> None:
    is_completed = asyncio.Event()

    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: Interaction, song: str) -> None: ...

    @lyrics.autocomplete("song")
    async def complete(interaction: Interaction, current: str) -> list[app_commands.Choice[str]]:
        is_completed.set()
        raise LookupError(f"no song like {current}")

    async with running(bot) as rig:
        typing = asyncio.ensure_future(
            rig.discord.user.autocomplete(rig.discord.channel, "lyrics", focused="song", value="Yester")
        )
        await until(is_completed.is_set)
        await until(lambda: not any(task.get_name() == "CommandTree-invoker" for task in asyncio.all_tasks()))
        await rig.clock.advance(61)
        with pytest.raises(AssertionError):
            await typing
        (failures,) = [f for f in recorded.all(BackgroundFailures) if f.kind is BackgroundKind.AUTOCOMPLETE]
        (group,) = recorded.all(ErrorGroup)
        assert (failures.place, failures.n, failures.fingerprint) == ("lyrics", 1, group.fingerprint)
        assert (group.source, group.file, group.function) == (ErrorSource.AUTOCOMPLETE, HERE, "complete")
        assert group.error_message == "no song like [hidden]"


class Songs(commands.Cog):
    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        fetch()

    @tasks.loop(seconds=0)
    async def refresh(self) -> None:
        fetch()


async def test_listener_loop_and_task_from_one_line_are_three_groups(bot: commands.Bot, recorded: Recorded) -> None:
    songs = Songs()
    await bot.add_cog(songs)

    async def prepare() -> None:
        fetch()

    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "hello")
        loop = songs.refresh.start()
        await asyncio.wait([loop, task := asyncio.create_task(prepare())])
        del loop, task
        await rig.discord.settled()
        await rig.clock.advance(61)
        groups = recorded.all(ErrorGroup)
        assert {(group.source, group.what) for group in groups} >= {
            (ErrorSource.LISTENER, "Songs.on_message"),
            (ErrorSource.LOOP, "Songs.refresh"),
        }
        assert {(group.file, group.line) for group in groups} == {(HERE, line_of(fetch))}
        rows = {failures.fingerprint for failures in recorded.all(BackgroundFailures)}
        assert rows == {group.fingerprint for group in groups}


async def test_failure_of_our_own_is_a_group_of_its_own(bot: commands.Bot, recorded: Recorded) -> None:
    async with running(bot) as rig:
        try:
            fetch()
        except ValueError as error:
            cog_of(bot).system.failures.note("counting sheep", error)
        await asyncio.sleep(0)
        await rig.clock.advance(61)
        (failures,) = recorded.all(BackgroundFailures)
        (group,) = recorded.all(ErrorGroup)
        assert (failures.kind, failures.place, failures.n) == (BackgroundKind.OWN, "counting sheep", 1)
        assert (group.source, group.what, group.error_type) == (ErrorSource.OWN, "counting sheep", "ValueError")


async def test_muted_group_counts_in_no_verdict_and_in_every_row(bot: commands.Bot) -> None:
    @bot.tree.command(name="lyrics", description="l")
    async def lyrics(interaction: Interaction) -> None:
        fetch()

    async with running(bot) as rig:
        system = cog_of(bot).system
        await unanswered_slash(rig, "lyrics")
        (group,) = await counts(rig)
        assert system.recent.totals() == (1, 1)
        await system.errors.mute(group.fingerprint, rig.clock.now().replace(year=2100), "1")
        assert system.recent.totals() == (0, 0)
        await unanswered_slash(rig, "lyrics")
        assert (await counts(rig))[0].n == 2
        assert system.recent.totals() == (0, 0)
        await system.errors.unmute(group.fingerprint)
        assert system.recent.totals() == (2, 2)
