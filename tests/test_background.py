"""What fails without being invoked: listeners, tasks.loops and tasks, each with its place."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import threading
from collections.abc import Callable, Iterator

import discord
import pytest
from discord.ext import commands, tasks

from botmon_cog.config import RecordConfig
from botmon_cog.domain.models import BackgroundFailures
from botmon_cog.observer.background import MOST_PLACES, OTHER
from tests.harness import EXTENSION, Rig, cog_of, make_bot, make_config, running, until
from tests.recorded import Recorded

Context = commands.Context[commands.Bot]


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Recorded:
    return Recorded(monkeypatch)


@pytest.fixture
def bot() -> Iterator[commands.Bot]:
    yield make_bot()
    gc.collect()  # no task of one test is thrown away in another


class Music(commands.Cog):
    """`on_message` raises `error`, if there is one, with what was written."""

    def __init__(self, bot: commands.Bot, error: Callable[[str], Exception] | None = ValueError) -> None:
        self.bot = bot
        self.error = error
        self.heard = 0
        self.runs = 0

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        self.heard += 1
        if self.error is not None:
            raise self.error(f"can't read {message.content}")

    @tasks.loop(seconds=0)
    async def refresh(self) -> None:
        self.runs += 1
        if self.error is not None:
            raise self.error("no songs")

    @tasks.loop(count=1)
    async def prepare(self) -> None: ...

    @prepare.before_loop
    async def before_prepare(self) -> None:
        raise LookupError("no way to prepare")


async def counted(rig: Rig, recorded: Recorded) -> list[tuple[str, str, int, str | None, str | None]]:
    """(kind, place, n, type of the error, its text), by place."""
    for _ in range(5):
        await asyncio.sleep(0)
    await rig.clock.advance(60)
    found = [(str(f.kind), f.place, f.n, f.error_type, f.error_message) for f in recorded.all(BackgroundFailures)]
    return sorted(found)


async def places(rig: Rig, recorded: Recorded) -> list[tuple[str, str, int]]:
    return [one[:3] for one in await counted(rig, recorded)]


async def write(rig: Rig, music: Music, text: str = "hello") -> None:
    before = music.heard
    await rig.discord.user.send(rig.discord.channel, text)
    await until(lambda: music.heard > before)
    await until(lambda: not any("on_message" in task.get_name() for task in asyncio.all_tasks()))


async def play_by_prefix(rig: Rig) -> None:
    arrived = rig.bot.wait_for("message")
    await rig.discord.user.send(rig.discord.channel, "!play")
    await arrived
    await until(lambda: ended("on_message"))


def ended(name: str) -> bool:
    """Whether no task of that name runs any more."""
    return not any(name in task.get_name() for task in asyncio.all_tasks())


# -- listeners ---------------------------------------------------------------------------------------------------------


async def test_listener_that_raises_is_counted_once_a_minute(bot: commands.Bot, recorded: Recorded) -> None:
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await rig.clock.advance(60 - rig.clock.now().second)
        await write(rig, music)
        await write(rig, music)
        assert recorded.all(BackgroundFailures) == []
        assert await counted(rig, recorded) == [
            ("listener", "Music.on_message", 2, "ValueError", "can't read [hidden]"),
        ]
        (failures,) = recorded.all(BackgroundFailures)
        assert failures.started_at.second == 0
        await rig.clock.advance(600)
        assert len(recorded.all(BackgroundFailures)) == 1
        await write(rig, music)
        assert [n for *_, n, _, _ in await counted(rig, recorded)] == [1, 2]
        assert cog_of(bot).system.failures.n == 0


async def test_discord_py_logs_it_as_ever(
    bot: commands.Bot, recorded: Recorded, caplog: pytest.LogCaptureFixture
) -> None:
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        (record,) = [r for r in caplog.records if r.name == "discord.client" and r.exc_info]
        assert record.getMessage() == "Ignoring exception in on_message"
        assert record.exc_info[0] is ValueError


async def test_places_of_listeners(bot: commands.Bot, recorded: Recorded) -> None:
    def wrapping(listener: Callable[..., object]) -> Callable[..., object]:
        @functools.wraps(listener)
        async def inner(*args: object) -> None:
            await listener(*args)

        return inner

    @bot.event
    async def on_reaction_add(reaction: discord.Reaction, user: discord.User) -> None:
        raise ValueError

    async def decorated(*_: object) -> None:
        raise ValueError

    async def takes_nothing() -> None: ...

    bot.add_listener(wrapping(decorated), "on_greeting")
    bot.add_listener(takes_nothing, "on_greeting")
    async with running(bot) as rig:
        bot.dispatch("reaction_add", None, None)
        bot.dispatch("greeting", 1)
        assert await places(rig, recorded) == [
            ("listener", "decorated", 1),
            ("listener", "on_reaction_add", 1),
            ("listener", "takes_nothing", 1),
        ]


async def test_prefix_that_can_not_be_found_out_is_a_place(recorded: Recorded) -> None:
    async def prefix_of(bot: commands.Bot, message: discord.Message) -> str:
        raise OSError("no database")

    bot = make_bot()
    bot.command_prefix = prefix_of
    async with running(bot) as rig:
        await rig.discord.user.send(rig.discord.channel, "!play")
        await until(lambda: bool(cog_of(bot).observer.background._counted))
        assert await places(rig, recorded) == [("listener", "prefix_of", 1)]


async def test_crash_of_a_prefix_command_is_that_invocations(bot: commands.Bot, recorded: Recorded) -> None:
    def crashing(context: Context) -> bool:
        raise ValueError("no database")

    @bot.command()
    @commands.check(crashing)
    async def play(context: Context) -> None: ...

    async with running(bot) as rig:
        await play_by_prefix(rig)
        assert [(row.command, row.outcome) for row in await rig.rows()] == [("play", "error")]
        assert await places(rig, recorded) == []


async def test_error_handler_counts_where_it_crashes_not_where_it_raises_again(
    bot: commands.Bot, recorded: Recorded
) -> None:
    @bot.command()
    async def play(context: Context) -> None:
        raise RuntimeError

    async def raises_again(_: Context, error: Exception) -> None:
        raise error

    async def raises_the_cause(_: Context, error: commands.CommandInvokeError) -> None:
        raise error.original

    async def crashes(_: Context, error: Exception) -> None:
        raise ValueError from error

    for handler in (raises_again, raises_the_cause, crashes):
        bot.add_listener(handler, "on_command_error")
    async with running(bot) as rig:
        await play_by_prefix(rig)
        await until(lambda: ended("on_command_error"))
        assert [row.outcome for row in await rig.rows()] == ["error"]
        assert await places(rig, recorded) == [("listener", "crashes", 1)]


async def test_values_typed_into_a_command_are_taken_out(bot: commands.Bot, recorded: Recorded) -> None:
    @bot.tree.command(name="buy", description="b")
    async def buy(interaction: discord.Interaction, what: str) -> None:
        await interaction.response.send_message("bought")

    async def watch(interaction: discord.Interaction) -> None:
        raise ValueError(f"what is {interaction.data['options'][0]['value']}?")

    bot.add_listener(watch, "on_interaction")
    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "buy", what="secrets")
        assert [one[4] for one in await counted(rig, recorded)] == ["what is [hidden]?"]


# -- bot.on_error belongs to the host ----------------------------------------------------------------------------------


class OwnHandler(commands.Bot):
    """A bot with a handler of its own; it notes the events."""

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self.told: list[tuple[str, int]] = []

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        self.told.append((event_method, len(args)))


async def test_overridden_handler_is_called_and_left_as_it_was(recorded: Recorded) -> None:
    bot = make_bot(OwnHandler)
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        assert bot.told == [("on_message", 1)]
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1)]
        await bot.unload_extension(EXTENSION)
        assert "on_error" not in vars(bot)
        await write(rig, music)
        assert bot.told == [("on_message", 1)] * 2


async def test_handler_set_before_us_is_put_back(bot: commands.Bot, recorded: Recorded) -> None:
    told: list[str] = []

    @bot.event
    async def on_error(event_method: str, /, *args: object) -> None:
        told.append(event_method)

    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        assert told == ["on_message"]
        await bot.unload_extension(EXTENSION)
        assert bot.on_error is on_error


@pytest.mark.parametrize("passes_on", [False, True])
async def test_handler_set_after_us_is_heard_again_at_the_next_sweep(
    bot: commands.Bot, recorded: Recorded, *, passes_on: bool
) -> None:
    told: list[str] = []
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        ours = bot.on_error

        @bot.event
        async def on_error(event_method: str, /, *args: object) -> None:
            told.append(event_method)
            if passes_on:
                await ours(event_method, *args)

        cog_of(bot).observer.sweep()
        await write(rig, music)
        assert told == ["on_message"]
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1)]
        await bot.unload_extension(EXTENSION)
        assert bot.on_error is on_error
        await write(rig, music)
        assert told == ["on_message"] * 2


async def test_handler_set_while_the_bot_starts_is_heard_from_ready_on(recorded: Recorded) -> None:
    class Late(commands.Bot):
        async def setup_hook(self) -> None:
            await self.load_extension(EXTENSION)
            self.on_error = self.note

        async def note(self, event_method: str, /, *args: object) -> None:
            told.append(event_method)

    told: list[str] = []
    bot = make_bot(Late)
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot, load=False) as rig:
        await write(rig, music)
        assert told == ["on_message"]
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1)]


async def test_handler_that_wrapped_ours_outlives_us(bot: commands.Bot, recorded: Recorded) -> None:
    told: list[str] = []
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        ours = bot.on_error

        async def on_error(event_method: str, /, *args: object) -> None:
            told.append(event_method)
            await ours(event_method, *args)

        bot.on_error = on_error
        await bot.unload_extension(EXTENSION)
        await write(rig, music)
        assert told == ["on_message"]
        assert recorded.all(BackgroundFailures) == []


async def test_handler_that_crashes_is_a_lost_task_of_its_own(bot: commands.Bot, recorded: Recorded) -> None:
    @bot.event
    async def on_error(event_method: str, /, *args: object) -> None:
        raise LookupError("nowhere to tell it")

    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        gc.collect()
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1), ("task", "on_error", 1)]


async def test_handler_that_raises_again_adds_nothing(bot: commands.Bot, recorded: Recorded) -> None:
    @bot.event
    async def on_error(event_method: str, /, *args: object) -> None:
        raise  # noqa: PLE0704 (discord.py calls it while it handles the error)

    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        gc.collect()
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1)]


# -- tasks.loops -------------------------------------------------------------------------------------------------------


async def test_loop_that_ends_with_an_exception(bot: commands.Bot, recorded: Recorded) -> None:
    music = Music(bot)
    async with running(bot) as rig:
        await bot.add_cog(music)
        for _ in range(2):
            music.refresh.start()
            await until(lambda: not music.refresh.is_running())
        music.prepare.start()
        await until(lambda: not music.prepare.is_running())
        assert music.refresh.failed()
        del music.refresh._task, music.prepare._task
        gc.collect()  # asyncio complains of each; nobody counts that again
        assert await counted(rig, recorded) == [
            ("loop", "Music.prepare", 1, "LookupError", "no way to prepare"),
            ("loop", "Music.refresh", 2, "ValueError", "no songs"),
        ]


async def test_loop_that_ran_before_us(bot: commands.Bot, recorded: Recorded, caplog: pytest.LogCaptureFixture) -> None:
    music = Music(bot, None)
    async with running(bot, load=False) as rig:
        await bot.add_cog(music)
        music.refresh.start()
        await until(lambda: music.runs > 1)
        await bot.load_extension(EXTENSION)
        music.error = RuntimeError
        await until(lambda: not music.refresh.is_running())
        music.refresh.restart()
        music.refresh.start()
        await until(lambda: not music.refresh.is_running())
        del music.refresh._task
        gc.collect()
        assert await places(rig, recorded) == [("loop", "Music.refresh", 2)]
        lost = [r for r in caplog.records if r.name == "asyncio" and r.exc_info and r.exc_info[0] is RuntimeError]
        assert len(lost) == 2  # asyncio still says that nobody retrieved them


async def test_run_that_is_tried_again(bot: commands.Bot, recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("discord.ext.tasks.ExponentialBackoff.delay", lambda _: 0)
    music = Music(bot, OSError)
    async with running(bot) as rig:
        await bot.add_cog(music)
        music.refresh.start()
        await until(lambda: music.runs >= 3)
        music.error = None
        runs = music.runs
        await until(lambda: music.runs > runs)
        music.refresh.cancel()
        await until(lambda: not music.refresh.is_running())
        assert await counted(rig, recorded) == [("loop", "Music.refresh", runs, "OSError", "no songs")]


async def test_cancelled_and_stopped_loops_are_no_failures(bot: commands.Bot, recorded: Recorded) -> None:
    music = Music(bot, None)
    async with running(bot) as rig:
        await bot.add_cog(music)
        for end in (music.refresh.cancel, music.refresh.stop):
            music.refresh.start()
            await until(lambda: music.refresh.current_loop > 0)
            end()
            await until(lambda: not music.refresh.is_running())
        assert await places(rig, recorded) == []


async def test_loop_of_another_bot_is_that_bots(bot: commands.Bot, recorded: Recorded) -> None:
    music, elsewhere = Music(bot), Music(make_bot())

    @tasks.loop(count=1)
    async def of_nobody() -> None:
        raise ValueError

    async with running(bot) as rig:
        for loop in (music.refresh, elsewhere.refresh, of_nobody):
            loop.start()
            await until(lambda loop=loop: not loop.is_running())
        assert await places(rig, recorded) == [("loop", "Music.refresh", 1), ("loop", "of_nobody", 1)]


async def test_class_of_loops_is_left_as_it_was(bot: commands.Bot, recorded: Recorded) -> None:
    before, filters = vars(tasks.Loop)["_loop"], [*logging.getLogger("asyncio").filters]
    music = Music(bot, None)
    async with running(bot) as rig:
        assert vars(tasks.Loop)["_loop"] is not before
        await bot.add_cog(music)
        music.refresh.start()
        await until(lambda: music.runs > 0)
        await bot.unload_extension(EXTENSION)
        assert vars(tasks.Loop)["_loop"] is before
        assert logging.getLogger("asyncio").filters == filters
        assert logging.getLogger("discord.ext.tasks").filters == []
        music.error = ValueError
        await until(lambda: not music.refresh.is_running())
        assert recorded.all(BackgroundFailures) == []
        assert rig.clock.pending == 0


# -- tasks -------------------------------------------------------------------------------------------------------------


async def test_task_that_nobody_waits_for(bot: commands.Bot, recorded: Recorded) -> None:
    async def download() -> None:
        raise ConnectionError("from https://example.org/?secret")

    async with running(bot) as rig:
        for _ in range(3):
            task = asyncio.create_task(download())
            await asyncio.wait([task])
            del task
        gc.collect()
        assert await counted(rig, recorded) == [
            ("task", "download", 3, "ConnectionError", "from https://example.org/?[hidden]")
        ]


async def test_task_that_somebody_waits_for_is_none(bot: commands.Bot, recorded: Recorded) -> None:
    async def download() -> None:
        raise ConnectionError

    async with running(bot) as rig:
        task = asyncio.create_task(download())
        with pytest.raises(ConnectionError):
            await task
        del task
        gc.collect()
        assert await places(rig, recorded) == []


async def test_future_and_callback_that_raise(bot: commands.Bot, recorded: Recorded) -> None:
    def ring() -> None:
        raise ValueError

    async with running(bot) as rig:
        asyncio.get_running_loop().call_soon(ring)
        future = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError())
        del future
        gc.collect()
        assert await places(rig, recorded) == [("task", "?", 1), ("task", "ring", 1)]


async def test_crash_of_an_app_commands_handler_is_that_invocations(bot: commands.Bot, recorded: Recorded) -> None:
    @bot.tree.command(name="play", description="p")
    async def play(interaction: discord.Interaction) -> None:
        await interaction.response.send_message("playing")
        raise ValueError

    @play.error
    async def handle(*_: object) -> None:
        raise LookupError

    async with running(bot) as rig:
        await rig.discord.user.slash(rig.discord.channel, "play")
        assert [row.outcome for row in await rig.rows()] == ["error"]
        await until(lambda: ended("CommandTree-invoker"))
        gc.collect()
        assert await places(rig, recorded) == []


async def test_task_that_is_thrown_away_in_another_thread(bot: commands.Bot, recorded: Recorded) -> None:
    async def download() -> None:
        raise ConnectionError

    async with running(bot) as rig:
        held = [asyncio.create_task(download())]
        await asyncio.wait(held)
        asyncio.get_running_loop().set_debug(True)  # it then refuses what is not safe for threads
        thread = threading.Thread(target=held.clear)
        thread.start()
        thread.join()
        assert await places(rig, recorded) == [("task", "download", 1)]
        assert cog_of(bot).system.failures.n == 0


async def test_text_that_can_not_be_had_costs_nobody_anything(bot: commands.Bot, recorded: Recorded) -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            raise RuntimeError("no words")

    told: list[str] = []

    @bot.event
    async def on_error(event_method: str, /, *args: object) -> None:
        told.append(event_method)

    music = Music(bot, lambda _: Mute())
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        assert told == ["on_message"]
        assert await places(rig, recorded) == [("listener", "Music.on_message", 1)]
        (failures,) = recorded.all(BackgroundFailures)
        assert (failures.error_type, failures.error_message or "") == ("Mute", "")
        assert cog_of(bot).system.failures.n == 0


# -- bounds and switches -----------------------------------------------------------------------------------------------


async def test_places_are_bounded(bot: commands.Bot, recorded: Recorded) -> None:
    made: dict[str, Callable[[], object]] = {}
    for n in range(MOST_PLACES + 20):
        exec(f"async def listener_{n}(): raise ValueError({n})", made)  # noqa: S102
        bot.add_listener(made[f"listener_{n}"], "on_greeting")
    async with running(bot) as rig:
        bot.dispatch("greeting")
        found = await places(rig, recorded)
        assert len({place for _, place, _ in found}) == MOST_PLACES + 1
        assert sum(n for _, place, n in found if place == OTHER) == 20  # each with its own error group
        bot.dispatch("greeting")
        await places(rig, recorded)
        assert len({(f.kind, f.place) for f in recorded.all(BackgroundFailures)}) == MOST_PLACES + 1


async def test_what_is_counted_is_recorded_before_the_extension_goes(bot: commands.Bot, recorded: Recorded) -> None:
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        await bot.unload_extension(EXTENSION)
        assert [(f.place, f.n) for f in recorded.all(BackgroundFailures)] == [("Music.on_message", 1)]


async def test_end_of_the_process_records_what_is_counted(bot: commands.Bot, recorded: Recorded) -> None:
    music = Music(bot)
    await bot.add_cog(music)
    async with running(bot) as rig:
        await write(rig, music)
        cog_of(bot).observer.end()
        assert [(f.place, f.n) for f in recorded.all(BackgroundFailures)] == [("Music.on_message", 1)]


async def test_can_be_switched_off(bot: commands.Bot, recorded: Recorded) -> None:
    bot.botmon_config = make_config(record=RecordConfig(background=False))
    music = Music(bot)
    await bot.add_cog(music)
    before = vars(tasks.Loop)["_loop"]
    async with running(bot) as rig:
        await write(rig, music)
        music.refresh.start()
        await until(lambda: not music.refresh.is_running())
        assert await places(rig, recorded) == []
        assert "on_error" not in vars(bot)
        assert vars(tasks.Loop)["_loop"] is before
