"""What the observing of components leaves alone, and who is asked: hooks, processes, reloads, names."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.ext import commands
from discord.ui.view import ViewStore

from botmon_cog.domain.models import Invocation
from botmon_cog.domain.reports import HistoryEntry
from botmon_cog.monitors.recorder import Recorder
from botmon_cog.observer.private import DISPATCH_VIEW, SCHEDULED
from botmon_cog.store.history import HistoryFilter
from botmon_cog.testing import LoopbackDiscord, ManualClock
from tests.component_helpers import Panel, answer, calling, dead, send, show, used
from tests.harness import EXTENSION, cog_of, make_bot, make_config, running, until

Interaction = discord.Interaction
BASE: type = getattr(discord.ui.view, "BaseView", discord.ui.View)
HOOKED = [
    *((ViewStore, name) for name in ("dispatch_view", "dispatch_modal", "schedule_dynamic_item_call")),
    *((of, SCHEDULED) for of in (BASE, discord.ui.Modal)),
]


@pytest.fixture
def bot() -> commands.Bot:
    return make_bot()


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Invocation]:
    """Every invocation that is recorded, our own included."""
    found: list[Invocation] = []
    record = Recorder.record_invocation

    def noting(recorder: Recorder, invocation: Invocation, ended_s: float) -> None:
        found.append(invocation)
        record(recorder, invocation, ended_s)

    monkeypatch.setattr(Recorder, "record_invocation", noting)
    return found


# -- discord.py's classes ----------------------------------------------------------------------------------------------


async def test_classes_are_as_before_once_the_last_bot_is_gone(bot: commands.Bot) -> None:
    before = [vars(of)[name] for of, name in HOOKED]
    async with running(bot) as rig:
        assert all(vars(of)[name] is not method for (of, name), method in zip(HOOKED, before, strict=True))
        await bot.reload_extension(EXTENSION)
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        assert (await used(rig)).outcome == "ok"
        await bot.unload_extension(EXTENSION)
        assert [vars(of)[name] for of, name in HOOKED] == before


async def test_wrapper_that_somebody_put_around_ours_stays(bot: commands.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []
    monkeypatch.setattr(BASE, SCHEDULED, vars(BASE)[SCHEDULED])
    async with running(bot) as rig:
        ours = vars(BASE)[SCHEDULED]

        @wraps(ours)
        async def theirs(*given: Any) -> None:
            calls.append(given)
            await ours(*given)

        setattr(BASE, SCHEDULED, theirs)
        await bot.unload_extension(EXTENSION)
        assert vars(BASE)[SCHEDULED] is theirs
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        await rig.discord.settled()
        await bot.load_extension(EXTENSION)
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        assert (await used(rig)).outcome == "ok"
        assert len(calls) == 2


async def test_names_that_discord_py_lacks_are_said_and_done_without(
    bot: commands.Bot, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    original = vars(ViewStore)[DISPATCH_VIEW]
    monkeypatch.delattr(ViewStore, DISPATCH_VIEW)
    monkeypatch.setattr(ViewStore, "__getattr__", lambda store, name: original.__get__(store), raising=False)
    with caplog.at_level(logging.WARNING, "botmon_cog.observer.private"):
        async with running(bot) as rig:
            await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
            row = await used(rig)
            assert (row.command, row.outcome) == ("Panel.later", "ok")
    assert [record.getMessage() for record in caplog.records if DISPATCH_VIEW in record.getMessage()] == [
        "this discord.py has no ViewStore.dispatch_view: components are noticed by their event"
    ]


async def test_view_is_itself_in_all_that_it_calls(bot: commands.Bot) -> None:
    seen: list[bool] = []

    class Strict(discord.ui.View):
        async def interaction_check(self, interaction: Interaction, /) -> bool:
            seen.append(type(self) is Strict)
            return True

        @discord.ui.button(label="Go", custom_id="go")
        async def go(self, interaction: Interaction, button: discord.ui.Button[Any]) -> None:
            seen.append(type(self) is Strict and self.children == [button] and button.view is self)
            await interaction.response.defer()

    view = Strict(timeout=60)
    async with running(bot) as rig:
        message = await show(rig, view)
        before = dict(vars(view)), dict(vars(view.children[0]))
        await rig.discord.user.click(message, "Go", wait=False)
        row = await used(rig)
        assert (row.outcome, seen) == ("ok", [True, True])
        after = dict(vars(view)), dict(vars(view.children[0]))
        assert [name for was, now in zip(before, after, strict=True) for name in was if was[name] != now[name]] == [
            next(name for name in vars(view) if name.endswith("__timeout_expiry"))
        ]
        view.stop()


# -- who answers -------------------------------------------------------------------------------------------------------


async def test_command_that_waits_for_a_press_answers_it(bot: commands.Bot) -> None:
    async with running(bot) as rig:
        message = await show(rig, view := dead("vote:81384788"))
        view.stop()

        async def wait() -> None:
            await (await bot.wait_for("interaction")).response.send_message("thanks")

        waiting = bot.loop.create_task(wait())
        await rig.discord.user.click(message, "Go")
        await waiting
        row = await used(rig)
        assert (row.command, row.outcome, row.duration_s) == ("vote", "ok", None)


async def test_only_ten_presses_at_a_time_are_asked_for(bot: commands.Bot, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    answered = asyncio.Event()

    async def fetch_message(_: discord.Webhook, message_id: object) -> None:
        asked.append(message_id)
        await answered.wait()
        raise TimeoutError

    monkeypatch.setattr(discord.Webhook, "fetch_message", fetch_message)
    async with running(bot) as rig:
        message = await show(rig, view := dead())
        view.stop()
        for _ in range(12):
            await rig.discord.user.click(message, "Go", wait=False)
        await until(lambda: len(cog_of(bot).observer.interactions.open) == 12)
        await rig.clock.advance(3.1)
        await until(lambda: len(cog_of(bot).observer.interactions.open) == 10)
        assert asked == ["@original"] * 10
        answered.set()
        assert [row.outcome for row in await rig.rows()] == ["unanswered"] * 12


@pytest.mark.parametrize("knows_view", [True, False])
async def test_press_that_another_process_answers_is_one_row_and_no_fault(tmp_path: Path, knows_view: bool) -> None:
    clock = ManualClock(datetime.now(UTC))
    old, new = make_bot(), make_bot()
    told: list[str] = []
    for process in (old, new):
        process.botmon_clock, process.botmon_config = clock, make_config(str(tmp_path / "botmon.db"))
    async with LoopbackDiscord(clock=clock) as loopback, loopback.running(old), loopback.running(new):
        for process in (old, new):
            await process.load_extension(EXTENSION)
            cog_of(process).system.on_failure(lambda invocation, _: told.append(invocation.outcome))
        message = await send(old, loopback, calling(quietly(answer)))
        if knows_view:
            new.add_view(calling(quietly(answer)))
        await loopback.user.click(message, "Go")
        await loopback.settled()
        await clock.advance(3.1)
        await loopback.settled()
        systems = [cog_of(process).system for process in (old, new)]
        for process in (old, new):
            await until(lambda process=process: not cog_of(process).observer.interactions.open)
            await cog_of(process).system.flush()
        rows = await all_rows(systems[0])
        assert [(row.command, row.outcome) for row in rows] == [("View.answer", "ok")]
        assert told == []
        assert await systems[0].store.elsewhere.settle(clock.now() + timedelta(minutes=21)) == 1
        assert len(await all_rows(systems[0])) == 1


def quietly(callback: Callable[[Interaction], Awaitable[None]]) -> Callable[[Interaction], Awaitable[None]]:
    """The slower of two processes says nothing of Discord's refusal."""

    @wraps(callback)
    async def run(interaction: Interaction) -> None:
        with contextlib.suppress(discord.HTTPException):
            await callback(interaction)

    return run


async def all_rows(system: Any) -> list[HistoryEntry]:
    await system.recorder.catch_up()
    return await system.store.history.find(HistoryFilter(limit=100))


# -- coming and going --------------------------------------------------------------------------------------------------


async def test_button_that_reloads_us_ends_as_it_ended(tmp_path: Path, bot: commands.Bot) -> None:
    bot.botmon_config = make_config(str(tmp_path / "botmon.db"))

    async def reload(interaction: Interaction) -> None:
        await interaction.response.defer()
        await bot.reload_extension(EXTENSION)

    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, calling(reload)), "Go", wait=False)
        await rig.discord.settled()
        row = await rig.only_row()
        assert (row.command, row.outcome) == ("View.reload", "ok")


@pytest.mark.parametrize("is_killed", [False, True])
async def test_press_that_a_listener_answered_is_ok_where_we_end_at_once(
    bot: commands.Bot, recorded: list[Invocation], is_killed: bool
) -> None:
    bot.add_listener(answer, "on_interaction")
    async with running(bot) as rig:
        message = await show(rig, view := dead())
        view.stop()
        await rig.discord.user.click(message, "Go")
        await rig.discord.settled()  # its user sees an answer before the bot knows that Discord took it
        if is_killed:
            cog_of(bot).observer.end()  # as SIGTERM has it
        else:
            await bot.unload_extension(EXTENSION)
        assert [(i.command, i.outcome) for i in recorded] == [("go", "ok")]


async def test_each_bot_of_a_process_sees_its_own(bot: commands.Bot, recorded: list[Invocation]) -> None:
    async with running(bot) as rig:
        await rig.discord.user.click(await show(rig, Panel()), "Later", wait=False)
        await rig.discord.settled()
        client: Any = SimpleNamespace(client=object(), type=discord.InteractionType.component)
        seen: list[object] = []

        class Foreign(discord.ui.View):
            async def interaction_check(self, interaction: Interaction, /) -> bool:
                seen.append(interaction)
                return False

        foreign = Foreign().add_item(discord.ui.Button(label="Go"))
        client.data = {}
        await foreign._scheduled_task(foreign.children[0], client)
        assert seen == [client]
        assert len(recorded) == 1


async def test_our_own_buttons_are_ours(bot: commands.Bot, recorded: list[Invocation]) -> None:
    async with running(bot) as rig:
        answered = await rig.discord.admin.slash(rig.discord.channel, "health")
        await rig.discord.admin.click(answered.message, "Details")
        await rig.discord.settled()
        assert [(i.kind, i.command, i.is_own) for i in recorded] == [
            ("slash", "health", True),
            ("button", "BotMonItem", True),
        ]
