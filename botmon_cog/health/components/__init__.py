"""What is watched, the gravest first: of two equals the first one's reason is told. A component is added here."""

from __future__ import annotations

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
