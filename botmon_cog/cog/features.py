"""What the features add to the bot: answers to their buttons, and what runs beside the commands."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from botmon_cog.cog.commands.botmon import export_of_all
from botmon_cog.cog.commands.stats import posted_report
from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.views.buttons import UPTIME
from botmon_cog.cog.views.stats import PERF, STATS
from botmon_cog.cog.views.stats_presses import StatsPresses
from botmon_cog.cog.views.uptime_presses import UptimePresses
from botmon_cog.discord_ui.buttons import PressHandler
from botmon_cog.discord_ui.desk import Desk
from botmon_cog.domain.reports import Period
from botmon_cog.export import commands as export
from botmon_cog.growth import command as growth
from botmon_cog.history import people_command
from botmon_cog.history import views as history
from botmon_cog.history.commands import HistoryPresses
from botmon_cog.history.log_channel import LogChannels
from botmon_cog.history.people_command import PeoplePresses
from botmon_cog.metrics import command as metrics
from botmon_cog.posting.drawing import DrawnReport, DrawReport
from botmon_cog.posting.presses import PostPresses
from botmon_cog.posting.service import ReportPosts
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.presses import PrivacyPresses
from botmon_cog.privacy.upkeep import PrivacyUpkeep
from botmon_cog.settings.presses import SettingsPresses
from botmon_cog.setup_check import views as setup_check


class Service(Protocol):
    """Something that runs as long as the extension is loaded."""

    def start(self) -> None:
        """Begin. Needs a running event loop; raises nothing."""
        ...

    async def stop(self) -> None:
        """Return when nothing of it runs any more."""
        ...


def press_handlers(desk: Desk, delivery: Delivery) -> Mapping[str, PressHandler]:
    """By the first word of the custom ids that they answer."""
    stats = StatsPresses(desk)
    return {
        export.FEATURE: export.export_presses(desk),
        setup_check.FEATURE: setup_check.check_presses(desk, delivery.try_every_way),
        history.FEATURE: HistoryPresses(desk).answer,
        people_command.FEATURE: PeoplePresses(desk).answer,
        growth.FEATURE: growth.presses(desk, export_of_all),
        metrics.FEATURE: metrics.presses(desk),
        STATS: stats.stats,
        PERF: stats.perf,
        UPTIME: UptimePresses(desk).answer,
        "settings": SettingsPresses(desk).answer,
        "privacy": PrivacyPresses(desk).answer,
        "post": PostPresses(desk, _draw_report(desk)).answer,
    }


def services(desk: Desk, delivery: Delivery) -> Sequence[Service]:
    """In the order in which they are started; they are stopped in reverse."""
    return (
        ReportPosts(desk, _draw_report(desk), delivery.greet),
        LogChannels(desk),
        PrivacyUpkeep(desk.bot, desk.system, Forgetting(desk.system)),
    )


def _draw_report(desk: Desk) -> DrawReport:
    """What is posted is `/stats` of that period, as the readers of a channel may see it."""

    def draw(guild_id: str | None, period: Period) -> Awaitable[DrawnReport]:
        return posted_report(desk, guild_id, period)

    return draw
