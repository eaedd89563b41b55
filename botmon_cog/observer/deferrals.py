"""Whether a "thinking..." was ever filled.

Whatever fills it goes through the public methods of `Interaction` or of a `Webhook` with the interaction's token. A
worker may do so in another process or over raw REST: so before the token dies, Discord is asked once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import discord

from botmon_cog.clock import Clock
from botmon_cog.monitors.failures import Failures
from botmon_cog.observer.class_sinks import add_sink, remove_sink
from botmon_cog.observer.opened import OpenInteraction

_ASK_BEFORE_S = 60.0
"""So long before the token dies."""
_MOST_ASKED = 10
"""Asked at the same time; what is more is taken to be unanswered."""
_ASK_WITHIN_S = 20.0
_BY_INTERACTION = ("edit_original_response", "delete_original_response")
_BY_WEBHOOK = ("send", "edit_message", "delete_message")
_ORIGINAL: Any = "@original"

Ended = Callable[[OpenInteraction], None]


class Deferrals:
    """The deferred interactions of one bot that nothing has filled yet."""

    def __init__(self, clock: Clock, failures: Failures, filled: Ended, never_filled: Ended) -> None:
        """`filled` and `never_filled`: one of them is called for each, once."""
        self._clock = clock
        self._failures = failures
        self._filled = filled
        self._never_filled = never_filled
        self._by_token: dict[str, OpenInteraction] = {}
        self._asking: set[asyncio.Task[None]] = set()

    def attach(self) -> None:
        add_sink(discord.Interaction, _BY_INTERACTION, self._heard)
        add_sink(discord.Webhook, _BY_WEBHOOK, self._heard)

    def let_go(self) -> None:
        """Hear nothing more, and ask nothing more."""
        remove_sink(discord.Interaction, _BY_INTERACTION, self._heard)
        remove_sink(discord.Webhook, _BY_WEBHOOK, self._heard)
        for task in self._asking:
            task.cancel()

    def add(self, opened: OpenInteraction) -> None:
        """It was deferred."""
        self._by_token[opened.interaction.token] = opened

    def discard(self, opened: OpenInteraction) -> None:
        """Nobody wants to know any more."""
        self._by_token.pop(opened.interaction.token, None)

    def wait(self, opened: OpenInteraction) -> None:
        """Its code has returned: ask Discord before the token dies, if nothing fills it until then."""
        left_s = opened.LIFETIME_S - (self._clock.monotonic() - opened.received_s)
        if left_s <= 0:
            self._end(opened, is_filled=False)
        elif left_s <= _ASK_BEFORE_S:
            self._ask(opened)
        elif opened.timer is None:
            opened.timer = self._clock.call_later(left_s - _ASK_BEFORE_S, lambda: self._ask(opened))

    def _heard(self, by: Any, error: BaseException | None) -> None:
        """An original was edited or deleted, or a webhook was used: by an interaction, or a webhook of its token."""
        if error is None and self._by_token:
            opened = self._by_token.get(by.token)
            if opened is not None:
                try:
                    self._end(opened, is_filled=True)
                except Exception as failure:  # noqa: BLE001 (the host is in the middle of answering somebody)
                    self._failures.note("observing a follow-up", failure)

    def _end(self, opened: OpenInteraction, *, is_filled: bool) -> None:
        if self._by_token.pop(opened.interaction.token, None) is None:
            return
        if opened.timer is not None:
            opened.timer.cancel()
            opened.timer = None
        (self._filled if is_filled else self._never_filled)(opened)

    def _ask(self, opened: OpenInteraction) -> None:
        if len(self._asking) >= _MOST_ASKED:
            self._end(opened, is_filled=False)
            return
        task = asyncio.ensure_future(self._ask_discord(opened))
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)

    async def _ask_discord(self, opened: OpenInteraction) -> None:
        is_filled = False
        try:
            async with asyncio.timeout(_ASK_WITHIN_S):
                message = await opened.interaction.followup.fetch_message(_ORIGINAL)
            is_filled = not message.flags.loading
        except discord.NotFound:
            is_filled = True  # somebody deleted it
        except (discord.HTTPException, OSError, TimeoutError):
            pass  # nothing was seen that fills it, and Discord does not say otherwise
        except Exception as error:  # noqa: BLE001 (a task of ours)
            self._failures.note("asking whether a command was answered", error)
        self._end(opened, is_filled=is_filled)
