"""What the bot's OTLP push is made of."""

from __future__ import annotations

from collections.abc import Sequence

from discord.ext import commands

from botmon_cog.cog.exporting import Exporting
from botmon_cog.domain.exposed import Family
from botmon_cog.exporters.otlp.about import About
from botmon_cog.exporters.otlp.service import OtlpPush
from botmon_cog.runtime import MonitoringSystem

_NAMELESS = "discord-bot"
"""The service, if Discord did not say how the bot is called."""


def otlp_push(bot: commands.Bot, system: MonitoringSystem, exporting: Exporting | None) -> OtlpPush:
    """`exporting`: None if spans alone are wanted."""

    async def gather() -> Sequence[Family]:
        return () if exporting is None else await exporting.families()

    def about() -> About:
        name = _NAMELESS if bot.user is None else bot.user.name
        return About(name, system.instance, system.causes.version)

    config = system.config.otel
    return OtlpPush(config, gather, about, system.recorder, system.clock, system.failures, system.loops)
