"""How options are completed: counted by command and minute, whatever befalls them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import discord
import pytest
from discord import app_commands
from discord.app_commands import Choice
from discord.ext import commands
from msgspec.structs import replace

import botmon_cog
from botmon_cog.config import RecordConfig
from botmon_cog.domain.histogram import Histogram
from botmon_cog.domain.models import AutocompleteCalls
from botmon_cog.observer.private import COMPLETE
from botmon_cog.testing import ManualClock
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, unanswered_slash, until
from tests.recorded import Recorded

Interaction = discord.Interaction


class Songs(commands.Cog):
    """`/find song:` completes as `answer` says."""

    def __init__(self) -> None:
        self.began = 0

    async def answer(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        return [Choice(name=current, value=current)]

    @app_commands.command(description="f")
    async def find(self, interaction: Interaction, song: str) -> None:
        await interaction.response.send_message(song)

    @find.autocomplete("song")
    async def complete(self, interaction: Interaction, current: str) -> list[Choice[str]]:
        self.began += 1
        return await self.answer(interaction, current)


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(monkeypatch)


async def with_songs(bot: commands.Bot) -> Songs:
    songs = Songs()
    await bot.add_cog(songs)
    return songs


async def type_in(rig: Rig, value: str = "abc", command: str = "find") -> list[str]:
    """What a user is offered; nothing where the completion fails."""
    try:
        offered = await rig.discord.user.autocomplete(rig.discord.channel, command, focused="song", value=value)
    except AssertionError:
        return []
    return [choice["value"] for choice in offered]


async def type_without_an_answer(rig: Rig, value: str = "abc") -> None:
    """Complete the option of a command that never answers: Discord waits 3 s."""
    songs = rig.bot.get_cog("Songs")
    before = songs.began
    typing = asyncio.ensure_future(type_in(rig, value))
    await until(lambda: songs.began > before)
    await settled(rig)
    await rig.clock.advance(3.1)
    assert await typing == []


async def settled(rig: Rig) -> None:
    """Let the task of the completion end."""
    await until(lambda: not any(task.get_name() == "CommandTree-invoker" for task in asyncio.all_tasks()))


async def counted(rig: Rig, recorded: Recorded) -> list[AutocompleteCalls]:
    await settled(rig)
    await rig.clock.advance(60)
    return recorded.all(AutocompleteCalls)


async def only(rig: Rig, recorded: Recorded) -> AutocompleteCalls:
    (calls,) = await counted(rig, recorded)
    return calls


def quantile(calls: AutocompleteCalls, q: float) -> float:
    found = Histogram(dict(calls.durations)).quantile(q)
    assert found is not None
    return found


async def test_calls_of_a_command_are_one_event_a_minute(recorded: Recorded) -> None:
    bot = make_bot()
    await with_songs(bot)
    async with running(bot) as rig:
        await rig.clock.advance(60 - rig.clock.now().second)
        minute = rig.clock.now().replace(microsecond=0)
        for text in ("a", "ab", "abc"):
            assert await type_in(rig, text) == [text]
        await settled(rig)
        assert recorded.all(AutocompleteCalls) == []
        await rig.clock.advance(60)
        assert await type_in(rig) == ["abc"]
        first, second = await counted(rig, recorded)
        assert (first.command, first.n, first.failed) == ("find", 3, 0)
        assert (second.command, second.n, second.failed) == ("find", 1, 0)
        assert (second.started_at - first.started_at).total_seconds() in {60, 61}
        assert abs((first.started_at - minute).total_seconds()) < 1
        assert isinstance(first.started_at, datetime)
        assert first.started_at.second == 0
        assert sum(n for _, n in first.durations) == 3
        await rig.clock.advance(600)
        assert len(recorded.all(AutocompleteCalls)) == 2  # nothing happened since, so nothing is told
        assert await rig.rows() == []  # and no row of the log


async def test_durations_are_from_received_to_answered(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    gate = asyncio.Event()
    async with running(bot) as rig:

        async def slow(_: Interaction, current: str) -> list[Choice[str]]:
            await gate.wait()
            return [Choice(name=current, value=current)]

        songs.answer = slow
        typing = asyncio.ensure_future(type_in(rig))
        await until(lambda: songs.began == 1)
        await rig.clock.advance(2)
        gate.set()
        assert await typing == ["abc"]
        calls = await only(rig, recorded)
        assert quantile(calls, 0.5) == pytest.approx(2, rel=0.02)


async def test_waiting_for_a_busy_loop_is_part_of_the_duration(
    recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot = make_bot()
    await with_songs(bot)
    clock = ManualClock(datetime.now(UTC))
    receive = app_commands.CommandTree._from_interaction

    def received(tree: app_commands.CommandTree, interaction: Interaction) -> None:
        receive(tree, interaction)
        clock._move_to(clock.monotonic() + 1.5)  # something blocks the loop before the task first runs

    monkeypatch.setattr(app_commands.CommandTree, "_from_interaction", received)
    async with running(bot, clock=clock) as rig:
        assert await type_in(rig) == ["abc"]
        calls = await only(rig, recorded)
        assert quantile(calls, 0.5) == pytest.approx(1.5, rel=0.02)


async def raises(_: Interaction, current: str) -> list[Choice[str]]:
    raise ValueError(current)


async def offers_too_many(_: Interaction, current: str) -> list[Choice[str]]:
    return [Choice(name=f"{current}{n}", value=current) for n in range(26)]


async def test_raising_is_a_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    songs.answer = raises
    async with running(bot) as rig:
        await type_without_an_answer(rig)
        calls = await only(rig, recorded)
        assert (calls.command, calls.n, calls.failed) == ("find", 1, 1)
        assert cog_of(bot).system.failures.n == 0


async def test_choices_that_discord_refuses_are_a_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    songs.answer = offers_too_many
    async with running(bot) as rig:
        await type_without_an_answer(rig)
        calls = await only(rig, recorded)
        assert (calls.n, calls.failed) == (1, 1)


async def test_raising_after_it_was_answered_is_a_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)

    async def answers_and_raises(interaction: Interaction, current: str) -> list[Choice[str]]:
        await interaction.response.autocomplete([Choice(name=current, value=current)])
        raise ValueError

    songs.answer = answers_and_raises
    async with running(bot) as rig:
        assert await type_in(rig) == ["abc"]
        calls = await only(rig, recorded)
        assert (calls.n, calls.failed) == (1, 1)


async def test_answering_by_itself_is_no_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)

    async def answers(interaction: Interaction, current: str) -> list[Choice[str]]:
        await interaction.response.autocomplete([Choice(name=current, value=current)])
        return []

    songs.answer = answers
    async with running(bot) as rig:
        assert await type_in(rig) == ["abc"]
        calls = await only(rig, recorded)
        assert (calls.n, calls.failed) == (1, 0)


async def test_work_after_the_answer_is_not_part_of_the_duration(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    gate = asyncio.Event()

    async def answers_and_works(interaction: Interaction, current: str) -> list[Choice[str]]:
        await interaction.response.autocomplete([Choice(name=current, value=current)])
        await gate.wait()
        return []

    songs.answer = answers_and_works
    async with running(bot) as rig:
        assert await type_in(rig) == ["abc"]
        await rig.clock.advance(2)
        gate.set()
        calls = await only(rig, recorded)
        assert (calls.failed, quantile(calls, 0.5) < 0.001) == (0, True)


async def test_answer_after_three_seconds_is_a_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    gate = asyncio.Event()

    async def late(_: Interaction, current: str) -> list[Choice[str]]:
        await gate.wait()
        return [Choice(name=current, value=current)]

    songs.answer = late
    async with running(bot) as rig:
        typing = asyncio.ensure_future(type_in(rig))
        await until(lambda: songs.began == 1)
        await rig.clock.advance(3.5)
        assert await typing == []
        gate.set()
        calls = await only(rig, recorded)
        assert (calls.n, calls.failed) == (1, 1)
        assert quantile(calls, 0.5) == pytest.approx(3.5, rel=0.02)


async def test_interaction_that_is_unknown_at_once_was_answered_elsewhere(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)

    async def forgotten(interaction: Interaction, current: str) -> list[Choice[str]]:
        del rig.discord.world.interactions[interaction.id]
        return [Choice(name=current, value=current)]

    songs.answer = forgotten
    async with running(bot) as rig:
        await type_without_an_answer(rig)
        assert await counted(rig, recorded) == []


async def test_tree_that_says_no_leaves_it_unanswered(recorded: Recorded) -> None:
    class Tree(app_commands.CommandTree):
        async def interaction_check(self, interaction: Interaction) -> bool:
            songs.began += 1
            return False

    bot = make_bot(tree_cls=Tree)
    songs = await with_songs(bot)
    async with running(bot) as rig:
        await type_without_an_answer(rig)
        calls = await only(rig, recorded)
        assert (calls.command, calls.n, calls.failed) == ("find", 1, 1)


async def test_command_that_the_bot_does_not_know_is_a_failure(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)
    errors: list[Exception] = []

    @bot.tree.error
    async def on_error(_: Interaction, error: Exception) -> None:
        songs.began += 1
        errors.append(error)

    async with running(bot) as rig:
        await bot.remove_cog("Songs")
        typing = asyncio.ensure_future(type_in(rig))
        await until(lambda: bool(errors))
        await rig.clock.advance(3.1)
        assert await typing == []
        calls = await only(rig, recorded)
        assert (calls.command, calls.n, calls.failed) == ("find", 1, 1)
        assert [type(error) for error in errors] == [app_commands.CommandNotFound]  # the host is told as ever
        assert await rig.rows() == []


async def test_answered_by_another_process_is_not_counted_here(recorded: Recorded) -> None:
    bot = make_bot()
    songs = await with_songs(bot)

    async def beaten(interaction: Interaction, current: str) -> list[Choice[str]]:
        other = discord.InteractionResponse(interaction)  # what another process with the same token has
        await other.autocomplete([Choice(name="theirs", value="theirs")])
        return [Choice(name=current, value=current)]

    async with running(bot) as rig:
        songs.answer = beaten
        assert await type_in(rig) == ["theirs"]
        assert await counted(rig, recorded) == []


async def test_sub_commands_have_their_full_name(recorded: Recorded) -> None:
    bot = make_bot()
    outer = app_commands.Group(name="music", description="m")
    inner = app_commands.Group(name="list", description="l", parent=outer)

    @inner.command(name="add", description="a")
    async def add(interaction: Interaction, song: str) -> None: ...

    @add.autocomplete("song")
    async def complete(_: Interaction, current: str) -> list[Choice[str]]:
        return []

    @bot.hybrid_group(name="tag", fallback="get", description="t")
    async def tag(context: commands.Context[commands.Bot], song: str) -> None: ...

    tag.autocomplete("song")(complete)
    bot.tree.add_command(outer)
    async with running(bot) as rig:
        for command in ("music list add", "tag get"):
            await type_in(rig, command=command)
        assert sorted(calls.command for calls in await counted(rig, recorded)) == ["music list add", "tag get"]


async def test_own_and_ignored_commands_are_left_out(recorded: Recorded) -> None:
    bot = make_bot()

    @bot.tree.command(name="quiet", description="q")
    @botmon_cog.ignore
    async def quiet(interaction: Interaction, song: str) -> None: ...

    @quiet.autocomplete("song")
    async def complete(_: Interaction, current: str) -> list[Choice[str]]:
        return []

    await with_songs(bot)
    async with running(bot) as rig:
        await type_in(rig, command="quiet")
        await rig.discord.admin.autocomplete(rig.discord.channel, "perf", focused="command", value="p")
        await type_in(rig)
        assert [calls.command for calls in await counted(rig, recorded)] == ["find"]


async def test_ignored_people_are_left_out(recorded: Recorded) -> None:
    bot = make_bot()
    await with_songs(bot)
    async with running(bot, load=False) as rig:
        bot.botmon_config = make_config(record=RecordConfig(ignore_users=(rig.discord.user.id,)))
        await bot.load_extension(EXTENSION)
        await type_in(rig)
        assert await counted(rig, recorded) == []


async def test_what_is_counted_is_recorded_before_the_extension_goes(recorded: Recorded) -> None:
    bot = make_bot()
    await with_songs(bot)
    complete = vars(app_commands.Command)[COMPLETE]
    respond = vars(discord.InteractionResponse)["autocomplete"]
    async with running(bot) as rig:
        assert vars(app_commands.Command)[COMPLETE] is not complete
        await type_in(rig)
        await settled(rig)
        await bot.unload_extension(EXTENSION)
        (calls,) = recorded.all(AutocompleteCalls)
        assert (calls.command, calls.n) == ("find", 1)
        assert vars(app_commands.Command)[COMPLETE] is complete
        assert vars(discord.InteractionResponse)["autocomplete"] is respond
        assert await type_in(rig) == ["abc"]
        assert len(recorded.all(AutocompleteCalls)) == 1


async def test_end_of_the_process_records_what_is_counted(recorded: Recorded) -> None:
    bot = make_bot()
    await with_songs(bot)
    async with running(bot) as rig:
        await type_in(rig)
        await settled(rig)
        cog_of(bot).observer.end()
        assert [calls.n for calls in recorded.all(AutocompleteCalls)] == [1]


async def test_can_be_switched_off(recorded: Recorded) -> None:
    bot = make_bot()
    bot.botmon_config = make_config(record=replace(RecordConfig(), autocomplete=False))
    await with_songs(bot)
    complete = vars(app_commands.Command)[COMPLETE]
    async with running(bot) as rig:
        assert await type_in(rig) == ["abc"]
        assert await counted(rig, recorded) == []
        assert vars(app_commands.Command)[COMPLETE] is complete


async def test_failure_of_our_own_costs_no_choices(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    bot = make_bot()
    await with_songs(bot)

    def broken(*_: object) -> str:
        raise RuntimeError("ours")

    async with running(bot) as rig:
        monkeypatch.setattr(cog_of(bot).observer.autocomplete, "_is_ignored", broken)
        assert await type_in(rig) == ["abc"]
        await settled(rig)
        assert cog_of(bot).system.failures.last == "counting an autocomplete: RuntimeError: ours"


async def test_a_command_beside_it_is_a_row_as_ever(recorded: Recorded) -> None:
    bot = make_bot()
    await with_songs(bot)

    @bot.tree.command(name="silent", description="s")
    async def silent(interaction: Interaction) -> None: ...

    async with running(bot) as rig:
        await type_in(rig)
        await rig.discord.user.slash(rig.discord.channel, "find", song="x")
        await unanswered_slash(rig, "silent")
        assert [(row.command, row.outcome) for row in await rig.rows()] == [("find", "ok"), ("silent", "unanswered")]
        assert [(calls.command, calls.n) for calls in await counted(rig, recorded)] == [("find", 1)]
