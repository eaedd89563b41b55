"""Our commands: what there is (`table`), how they get into a bot (`registration`), and one file for each."""

from botmon_cog.cog.commands.registration import Commands
from botmon_cog.cog.commands.table import COMMANDS, AnyCommand, make_commands

__all__ = ["COMMANDS", "AnyCommand", "Commands", "make_commands"]
