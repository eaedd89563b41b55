"""Prefix commands: each call of `Bot.invoke` that finds one, from its beginning to its end, however it ends.

discord.py dispatches no event where a check, a hook, a dynamic cooldown or an error handler raises an error of another
kind. `Bot.invoke` is public and runs in the same task, so wrapped on the instance it sees every end. The events only
tell how it stands by then; but of a call that goes past the instance, as `super().invoke` does from elsewhere, they
tell all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import discord
from discord.ext import commands

from botmon_cog.clock import Clock
from botmon_cog.config import PrivacyConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.observed import current
from botmon_cog.observer import outcomes
from botmon_cog.observer.bot_invoke import BotInvoke
from botmon_cog.observer.class_sinks import add_sink, remove_sink
from botmon_cog.observer.closing import Closer
from botmon_cog.observer.event_hooks import EventHooks
from botmon_cog.observer.open_message import OpenMessage, root_of
from botmon_cog.observer.opened import AnyContext
from botmon_cog.observer.private import handlers_of
from botmon_cog.observer.received import ReceivedMessages

_REINVOKE = ("reinvoke",)
PATIENCE_S = 15 * 60.0
"""How long error handlers are waited for: each may sleep out a cooldown, and run the command again."""


class PrefixCommands:
    """Those of one bot.

    Attributes:
        open: by their own ids.
    """

    def __init__(
        self, bot: commands.Bot, closer: Closer, clock: Clock, failures: Failures, privacy: PrivacyConfig
    ) -> None:
        self._bot = bot
        self._closer = closer
        self._clock = clock
        self._now, self._monotonic = clock.now, clock.monotonic
        self._failures = failures
        self._privacy = privacy
        self._hooks = EventHooks(bot, failures)
        self._bot_invoke = BotInvoke(bot, self._invoke)
        self._received = ReceivedMessages(self._monotonic)
        self._last: EventHooks | None = None
        self._ending: asyncio.Future[None] | None = None
        self._is_attached = False
        self._in: dict[int, OpenMessage] = {}
        """By the id of its context, which it keeps: the one that began last in it, and is open."""
        self.open: dict[int, OpenMessage] = {}
        self._note_open = closer.kept.note_message

    def attach(self) -> None:
        """Start observing. Needs a running event loop."""
        self._is_attached = True
        self._bot_invoke.wrap()
        note, wrap = self._received.note, self._bot_invoke.wrap

        def on_message(message: discord.Message) -> bool:
            wrap()  # the host may have set its own since
            return note(message)

        self._hooks.wait("message", on_message)
        add_sink(commands.Context, _REINVOKE, self._reinvoked)

    async def detach(self) -> None:
        """Open nothing more. `let_go` undoes the rest, once nothing is open any more."""
        self._is_attached = False
        self._bot_invoke.unwrap()
        await self._hooks.end()
        if isinstance(current.get(), OpenMessage):  # a command unloads us: how it ends is still to be heard
            self._last = EventHooks(self._bot, self._failures)
            self._last.listen("command_completion", self.completed)
            self._last.listen("command_error", self.failed)

    def let_go(self) -> None:
        """Hear nothing more."""
        if self._last is not None:
            self._ending = asyncio.ensure_future(self._last.end())
        remove_sink(commands.Context, _REINVOKE, self._reinvoked)

    async def _invoke(self, context: AnyContext, invoke: Callable[[], Awaitable[Any]]) -> Any:
        """Run `Bot.invoke`, and see how it ends."""
        opened = self._opened(context)
        if opened is None:
            return await self._again(context, invoke)
        outer = current.get()
        current.set(opened)
        try:
            return await invoke()
        except BaseException as error:
            self._crashed(opened, error)
            raise
        finally:
            current.set(outer)
            self._returned(opened)

    # -- what opens ----------------------------------------------------------------------------------------------------

    def _opened(self, context: AnyContext) -> OpenMessage | None:
        """None: it is no command, or one that is open already, as where a host's `invoke` calls discord.py's."""
        if not self._is_attached or context.command is None or context.interaction is not None:
            return None
        outer = self._in.get(id(context))
        if outer is not None and root_of(context.command) is outer.root:
            return None
        try:
            now_s = self._monotonic()
            received_s = self._received.take(context.message.id)
            if received_s is None:
                received_s = now_s
            started_at = self._now() - timedelta(seconds=now_s - received_s)
            opened = OpenMessage.of(context, started_at, received_s, self._privacy, self._bot.shard_count)
            opened.outer, opened.has_failed = outer, context.command_failed
            self.open[id(opened)] = self._in[id(context)] = opened
            self._note_open(opened)
        except Exception as error:  # noqa: BLE001 (the command must run, whatever we can't read of it)
            self._failures.note("opening an invocation", error)
            return None
        return opened

    async def _again(self, context: AnyContext, invoke: Callable[[], Awaitable[Any]]) -> Any:
        """Nothing opens; but where an error handler invokes its context once more, how that ends is how it ended."""
        opened = self._in.get(id(context))
        if opened is None or not context.command_failed:
            return await invoke()
        opened.outcome, opened.error, opened.has_failed, opened.is_rerun = Outcome.OK, None, True, False
        try:
            return await invoke()
        except BaseException as error:
            self._crashed(opened, error)
            raise
        finally:
            self._was_rerun(opened)

    def started(self, context: AnyContext) -> None:
        """The event `command`. What is not open by then is open now, until an event or its task ends it."""
        task = asyncio.current_task()
        opened = None if task is None else self._opened(context)
        if task is None or opened is None:
            return
        opened.is_by_event = True
        current.set(opened)

        def ended(task: asyncio.Task[Any]) -> None:
            if opened.ended_s is None:  # no event: a check, a hook or a handler crashed
                opened.outcome = Outcome.CANCELLED if task.cancelled() else Outcome.ERROR
                self._returned(opened)

        task.add_done_callback(ended)

    # -- how it stands -------------------------------------------------------------------------------------------------

    def completed(self, context: AnyContext) -> None:
        """The event `command_completion`."""
        opened = self._in.get(id(context))
        if opened is not None:
            # discord.py swallows a prefix command's CancelledError and calls it complete.
            is_cancelled = context.command_failed and not opened.has_failed
            opened.outcome = Outcome.CANCELLED if is_cancelled else Outcome.OK
            opened.error = None
            if opened.is_by_event:
                self._returned(opened)

    def failed(self, context: AnyContext, error: commands.CommandError) -> None:
        """The event `command_error`."""
        opened = self._in.get(id(context))
        if opened is None:
            return
        if not opened.is_rerun:
            opened.outcome, opened.error = outcomes.outcome_of(error), error
        if opened.is_by_event:  # soon: discord.py has not yet made the tasks of the event
            asyncio.get_running_loop().call_soon(self._returned, opened)

    def _crashed(self, opened: OpenMessage, error: BaseException) -> None:
        """`invoke` raised: a check, a hook or an error handler did; of a local handler's there is no event.

        A handler may raise again what it was called with; and what it can't tell the user, because Discord does not let
        it, makes no fault of a denial.
        """
        if not isinstance(error, Exception):  # cancelled, or the process is about to end
            opened.outcome, opened.error = Outcome.CANCELLED, error
            return
        if opened.error is None:
            told = error.__context__
            while told is not None and not isinstance(told, commands.CommandError):
                told = told.__context__
            if told is not None:
                opened.outcome, opened.error = outcomes.outcome_of(told), told
        outcome = outcomes.outcome_of(error)
        if opened.error is None or (outcome.is_fault and not opened.outcome.is_fault):
            opened.outcome, opened.error = outcome, error

    def _reinvoked(self, context: Any, error: BaseException | None) -> None:
        """Somebody ran the command again: how that ended is how it ended."""
        opened = self._in.get(id(context))
        if opened is None:
            return
        if error is None:
            opened.outcome = Outcome.OK
        else:
            opened.outcome = outcomes.outcome_of(error) if isinstance(error, Exception) else Outcome.CANCELLED
        opened.error = error
        if context.command_failed:
            self._was_rerun(opened)

    def _was_rerun(self, opened: OpenMessage) -> None:
        opened.has_failed = opened.is_rerun = True  # where a local handler did it, the event is still to come
        if opened.ended_s is not None:
            opened.ended_s = self._monotonic()

    # -- the end -------------------------------------------------------------------------------------------------------

    def _returned(self, opened: OpenMessage) -> None:
        """`invoke` is over; but a handler that was told of a cooldown or a check may still run the command again."""
        if opened.ended_s is None:
            opened.ended_s = self._monotonic()
        if opened.outcome is Outcome.OK and opened.context.command_failed and not opened.has_failed:
            opened.outcome = Outcome.ERROR  # a host's own `invoke` kept it to itself
        if opened.error is None or opened.outcome.is_executed or opened.outer is not None or not self._is_attached:
            self._close(opened)
            return
        try:
            handlers = handlers_of(opened.context)
        except Exception as error:  # noqa: BLE001 (tasks are the host's, and may be of any kind)
            self._failures.note("looking for error handlers", error)
            handlers = []
        if not handlers:
            self._close(opened)
            return
        opened.handlers = len(handlers)
        opened.patience = self._clock.call_later(PATIENCE_S, lambda: self._close(opened))
        for task in handlers:
            task.add_done_callback(lambda _: self._handled(opened))

    def _handled(self, opened: OpenMessage) -> None:
        opened.handlers -= 1
        if not opened.handlers:
            self._close(opened)

    def _close(self, opened: OpenMessage) -> None:
        """Once: what comes later about it changes nothing."""
        if self.open.pop(id(opened), None) is None:
            return
        if opened.patience is not None:
            opened.patience.cancel()
        key = id(opened.context)
        if self._in.get(key) is opened:
            if opened.outer is not None and opened.outer.is_open:
                self._in[key] = opened.outer
            else:
                del self._in[key]
        self._closer.close(opened, opened.outcome, opened.error, opened.ended_s)

    def sweep(self) -> None:
        """Close what has been running for longer than anything does."""
        now_s = self._monotonic()
        self._cut_short([o for o in self.open.values() if now_s - o.received_s > o.LIFETIME_S])

    def close_all(self, spared: object = None) -> None:
        """Close what is still open, because nobody will watch it any longer; but not `spared`."""
        self._cut_short([o for o in self.open.values() if o is not spared])

    def _cut_short(self, of: list[OpenMessage]) -> None:
        for opened in of:
            if opened.ended_s is None:
                opened.outcome, opened.error = Outcome.CANCELLED, None
                opened.ended_s = self._monotonic()
            self._close(opened)
