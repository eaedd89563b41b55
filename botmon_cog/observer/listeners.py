"""The cog's listeners: what discord.py dispatches of application commands, and what a host dispatches itself."""

from __future__ import annotations

from discord.ext import commands

from botmon_cog.observer.known_commands import AnyInteraction
from botmon_cog.observer.observer import Observer


class AppCommandListeners(commands.Cog):
    """Hears how application commands end. What is known by then is ignored: each command counts once.

    discord.py runs listeners as tasks, after the command has ended. `app_commands.py` hears the same sooner, and with
    the true times; these two need nothing but public names.
    """

    observer: Observer

    @commands.Cog.listener()
    async def on_app_command_completion(self, interaction: AnyInteraction, command: object) -> None:
        """discord.py's own event: an application command returned."""
        self.observer.app_commands.completed(interaction, command)

    @commands.Cog.listener()
    async def on_app_command_error(self, *event: object) -> None:
        """An application command failed: (interaction, error) or (interaction, command, error).

        discord.py has no such event. `app_commands.py` calls this with each error that reaches `tree.on_error`; bots
        that dispatch it themselves do so with either.
        """
        self.observer.app_commands.failure_told(*event)
