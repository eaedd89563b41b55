"""What is watched, the gravest first: of two equals the first one's reason is told. A component is added here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from botmon_cog.health.component import Component
from botmon_cog.health.components.commands import Commands
from botmon_cog.health.components.cpu import Cpu
from botmon_cog.health.components.database import Database
from botmon_cog.health.components.disk import Disk
from botmon_cog.health.components.files import Files
from botmon_cog.health.components.gateway import Gateway
from botmon_cog.health.components.loop import Loop
from botmon_cog.health.components.memory import Memory
from botmon_cog.health.components.monitor import Monitor
from botmon_cog.health.components.rest import Rest
from botmon_cog.health.components.voice import Voice

COMPONENTS: tuple[type[Component[Any]], ...] = (
    Database,
    Gateway,
    Loop,
    Commands,
    Memory,
    Cpu,
    Disk,
    Files,
    Rest,
    Voice,
    Monitor,
)

INHIBITS: Mapping[str, Sequence[str]] = {
    "gateway": ("gateway.*", "rest.*", "commands.*", "voice.*"),
    "loop.blocked": ("loop.lag",),
    "loop.*": ("gateway.latency", "gateway.heartbeat", "database.slow", "commands.slow.*", "voice.latency"),
    "commands.failing": ("commands.failing.*",),
    "cpu": ("cpu.throttled",),
    "database": ("database.slow", "monitor", "monitor.*"),
}
"""By pattern of keys: the patterns of what follows from it, and is not told besides."""
