"""What the features add to the bot: answers to their buttons, and what runs beside the commands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from botmon_cog.cog.delivery import Delivery
from botmon_cog.discord_ui.buttons import PressHandler
from botmon_cog.discord_ui.desk import Desk
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.presses import PrivacyPresses
from botmon_cog.privacy.upkeep import PrivacyUpkeep


class Service(Protocol):
    """Something that runs as long as the extension is loaded."""

    def start(self) -> None:
        """Begin. Needs a running event loop; raises nothing."""
        ...

    async def stop(self) -> None:
        """Return when nothing of it runs any more."""
        ...


def press_handlers(desk: Desk) -> Mapping[str, PressHandler]:
    """By the first word of the custom ids that they answer."""
    return {"privacy": PrivacyPresses(desk).answer}


def services(desk: Desk, delivery: Delivery) -> Sequence[Service]:
    """In the order in which they are started; they are stopped in reverse."""
    del delivery
    return (PrivacyUpkeep(desk.bot, desk.system, Forgetting(desk.system)),)
