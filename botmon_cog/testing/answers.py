"""What a user sees of one interaction, from the click to the last edit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from botmon_cog.testing.errors import Payload
from botmon_cog.testing.waiting import Changes

if TYPE_CHECKING:
    from botmon_cog.testing.messages import SeenMessage


class Answer:
    """Fills up while the bot answers; `await` the methods to wait for more of it."""

    def __init__(self, act: str) -> None:
        self._act = act
        self._changes = Changes()
        self._sights: list[SeenMessage] = []
        self._returned = 0
        self.messages: list[SeenMessage] = []
        """Every message that this user saw because of this interaction, oldest first, edits applied."""
        self.deferred = False
        """Whether the bot asked for more time first ("Bot is thinking...")."""
        self.modal: Payload | None = None
        self.choices: list[Payload] | None = None
        """Autocompletion: the suggestions, each with `name` and `value`."""
        self.failed: str | None = None
        """What Discord tells the user where the bot stayed silent for three seconds."""
        self.acknowledged_after_s: float | None = None
        """Seconds from the interaction to the bot's first callback, by the loopback's clock."""
        self.is_withdrawn = False
        """The bot deferred, then deleted the pending answer."""

    def __repr__(self) -> str:
        return f"<Answer to {self._act}: {self.describe()}>"

    @property
    def message(self) -> SeenMessage:
        """The last message; AssertionError with what happened instead where there is none."""
        if not self.messages:
            raise AssertionError(f"no message came in answer to {self._act}: {self.describe()}")
        return self.messages[-1]

    def describe(self) -> str:  # noqa: PLR0911  # one line for each way it can go
        """What happened so far, in words."""
        if self.failed is not None:
            return self.failed
        if self.modal is not None:
            return f"the bot opened the modal {self.modal.get('title')!r}"
        if self.choices is not None:
            return f"the bot suggested {len(self.choices)} choices"
        if self.messages:
            return f"{len(self.messages)} message(s), the last: {self.messages[-1].content[:80]!r}"
        if self.is_withdrawn:
            return "the bot deferred and then deleted its answer"
        if self.deferred:
            return "the bot deferred and sent nothing yet"
        return (
            "the bot has not acknowledged it" if self.acknowledged_after_s is None else "the bot acknowledged it only"
        )

    async def wait(self, timeout_s: float = 10.0) -> Answer:
        """Until the first real answer, or its failure; at the latest `timeout_s` seconds of real time."""
        await self._changes.until(self._is_answered, timeout_s)
        if self._sights:
            self._returned = max(self._returned, 1)
        return self

    async def next_message(self, timeout_s: float = 5.0) -> SeenMessage:
        """The next message or edit that neither this method nor the wait for the first answer has returned yet."""
        if not await self._changes.until(lambda: len(self._sights) > self._returned, timeout_s):
            raise AssertionError(f"no further message within {timeout_s} s in answer to {self._act}: {self.describe()}")
        self._returned += 1
        return self._sights[self._returned - 1]

    def _is_answered(self) -> bool:
        is_done = self.modal is not None or self.choices is not None or self.failed is not None
        return is_done or self.is_withdrawn or bool(self._sights)

    # What the routes report.

    def acknowledged(self, after_s: float) -> None:
        self.acknowledged_after_s = after_s
        self._changes.notify()

    def saw(self, message: SeenMessage) -> None:
        if message not in self.messages:
            self.messages.append(message)
        self._sights.append(message)
        self._changes.notify()

    def opened(self, modal: Payload) -> None:
        self.modal = modal
        self._changes.notify()

    def suggested(self, choices: list[Payload]) -> None:
        self.choices = choices
        self._changes.notify()

    def fail(self, text: str) -> None:
        self.failed = text
        self._changes.notify()

    def withdraw(self) -> None:
        self.is_withdrawn = True
        self._changes.notify()
