"""What the features add to the bot: answers to their buttons, and what runs beside the commands."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping, Sequence
from typing import Protocol

from botmon_cog.cog.commands.botmon import export_of_all
from botmon_cog.cog.commands.stats import posted_report
from botmon_cog.cog.delivery import Delivery
from botmon_cog.cog.views.buttons import UPTIME
from botmon_cog.cog.views.stats import PERF, STATS
from botmon_cog.cog.views.stats_handler import StatsHandler
from botmon_cog.cog.views.uptime_handler import UptimeHandler
from botmon_cog.discord_ui.buttons import ComponentHandler
from botmon_cog.discord_ui.responder import Responder
from botmon_cog.domain.reports import Period
from botmon_cog.export import commands as export
from botmon_cog.growth import command as growth
from botmon_cog.history import people_command
from botmon_cog.history import views as history
from botmon_cog.history.commands import HistoryHandler
from botmon_cog.history.log_channel import LogChannels
from botmon_cog.history.people_command import PeopleHandler
from botmon_cog.metrics import command as metrics
from botmon_cog.posting.component_handler import PostHandler
from botmon_cog.posting.drawing import DrawnReport, DrawReport
from botmon_cog.posting.service import ReportPosts
from botmon_cog.privacy.component_handler import PrivacyHandler
from botmon_cog.privacy.forgetting import Forgetting
from botmon_cog.privacy.upkeep import PrivacyUpkeep
from botmon_cog.settings.component_handler import SettingsHandler
from botmon_cog.setup_check import views as setup_check


class Service(Protocol):
    """Something that runs as long as the extension is loaded."""

    def start(self) -> None:
        """Begin. Needs a running event loop; raises nothing."""
        ...

    async def stop(self) -> None:
        """Return when nothing of it runs any more."""
        ...


def component_handlers(responder: Responder, delivery: Delivery) -> Mapping[str, ComponentHandler]:
    """By the first word of the custom ids that they answer."""
    stats = StatsHandler(responder)
    return {
        export.FEATURE: export.export_handler(responder),
        setup_check.FEATURE: setup_check.check_handler(responder, delivery.try_every_way),
        history.FEATURE: HistoryHandler(responder).answer,
        people_command.FEATURE: PeopleHandler(responder).answer,
        growth.FEATURE: growth.component_handler(responder, export_of_all),
        metrics.FEATURE: metrics.component_handler(responder),
        STATS: stats.stats,
        PERF: stats.perf,
        UPTIME: UptimeHandler(responder).answer,
        "settings": SettingsHandler(responder).answer,
        "privacy": PrivacyHandler(responder).answer,
        "post": PostHandler(responder, _draw_report(responder)).answer,
    }


def services(responder: Responder, delivery: Delivery) -> Sequence[Service]:
    """In the order in which they are started; they are stopped in reverse."""
    return (
        ReportPosts(responder, _draw_report(responder), delivery.greet),
        LogChannels(responder),
        PrivacyUpkeep(responder.bot, responder.system, Forgetting(responder.system)),
    )


def _draw_report(responder: Responder) -> DrawReport:
    """What is posted is `/stats` of that period, as the readers of a channel may see it."""

    def draw(guild_id: str | None, period: Period) -> Awaitable[DrawnReport]:
        return posted_report(responder, guild_id, period)

    return draw
