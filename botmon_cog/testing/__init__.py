"""A Discord of your own for tests: the gateway and the REST API on 127.0.0.1, and people who use the bot.

An unmodified discord.py bot connects to it; see docs/testing.md.
"""

from botmon_cog.testing.answers import Answer
from botmon_cog.testing.channels import LoopbackChannel
from botmon_cog.testing.custom_emojis import CustomEmoji
from botmon_cog.testing.faults import Faults
from botmon_cog.testing.guilds import LoopbackGuild
from botmon_cog.testing.loopback import LoopbackDiscord
from botmon_cog.testing.manual_clock import ManualClock
from botmon_cog.testing.messages import SeenAttachment, SeenMessage, Upload
from botmon_cog.testing.people import LoopbackUser
from botmon_cog.testing.recording import RecordedRequest
from botmon_cog.testing.redirect import redirect
from botmon_cog.testing.rest.table import NotImitatedError
from botmon_cog.testing.roles import LoopbackRole

__all__ = [
    "Answer",
    "CustomEmoji",
    "Faults",
    "LoopbackChannel",
    "LoopbackDiscord",
    "LoopbackGuild",
    "LoopbackRole",
    "LoopbackUser",
    "ManualClock",
    "NotImitatedError",
    "RecordedRequest",
    "SeenAttachment",
    "SeenMessage",
    "Upload",
    "redirect",
]
