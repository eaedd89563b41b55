"""What can be checked without a bot: the configuration, the environment, the versions and the store."""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import discord

from botmon_cog.config import Config
from botmon_cog.config.reading import DEFAULT_FILE, ENV_FILE, ENV_STORAGE_URL
from botmon_cog.database_url import IN_MEMORY
from botmon_cog.domain.reports.fleet import ProcessHealth
from botmon_cog.errors import StorageError
from botmon_cog.setup_check.findings import Finding, fine, warning, wrong
from botmon_cog.store.engine import Engine, answered

OLDEST_DISCORD = (2, 4)
_VARIABLES = (ENV_FILE, ENV_STORAGE_URL)
_PREFIX = "BOTMON_"
_NEARLY_FULL = 0.95
_MB = 1_000_000


def check_configuration(env: Mapping[str, str] = os.environ) -> list[Finding]:
    """Where it is read from, and variables that nothing reads."""
    found: list[Finding] = []
    for name in sorted(env):
        if name.startswith(_PREFIX) and name not in _VARIABLES:
            near = difflib.get_close_matches(name, _VARIABLES, n=1)
            found.append(warning("config.variable", name=name, like=near[0] if near else None))
    named = env.get(ENV_FILE)
    source = named or (DEFAULT_FILE if Path(DEFAULT_FILE).exists() else None)
    return [*found, fine("config.source", source=source)]


def check_versions() -> list[Finding]:
    """Whether discord.py is new enough; Python is, or none of this would run."""
    if (discord.version_info.major, discord.version_info.minor) >= OLDEST_DISCORD:
        return []
    oldest = ".".join(map(str, OLDEST_DISCORD))
    return [wrong("versions.old_discord", version=discord.__version__, oldest=oldest)]


def check_missing(features: Sequence[str]) -> list[Finding]:
    """`features`: what was asked for and does not work, in words."""
    return [wrong("monitor.missing", words=words) for words in features]


async def check_store(engine: Engine, config: Config) -> list[Finding]:
    """Whether it takes writes, and how full it is."""
    if engine.description == IN_MEMORY:
        return [warning("store.in_memory")]
    try:
        size_bytes = await answered(engine.ping(), config.health.database_timeout_s)
    except StorageError as error:
        return [wrong("store.away", error=str(error))]
    return [check_size(size_bytes, config)]


def check_size(size_bytes: int, config: Config) -> Finding:
    cap_bytes = config.retention.disk_cap_mb * _MB
    if cap_bytes and size_bytes >= _NEARLY_FULL * cap_bytes:
        return warning("store.nearly_full", size_bytes=size_bytes, cap_bytes=cap_bytes)
    return fine("store.fine", size_bytes=size_bytes, cap_bytes=cap_bytes or None)


def check_processes(processes: Sequence[ProcessHealth]) -> list[Finding]:
    """Whether two of those that are alive go by one name. One that was killed a moment ago counts as alive."""
    names = Counter(process.instance for process in processes)
    twins = [wrong("monitor.twins", instance=name, processes=n) for name, n in sorted(names.items()) if n > 1]
    return twins or ([fine("monitor.processes", processes=len(processes))] if processes else [])


def check_seen(seen: Mapping[str, datetime], now: datetime, *, within: timedelta) -> list[Finding]:
    """When each bot gave its last sign of life to the store; of those that did so lately."""
    if not seen:
        return [warning("store.never_seen")]
    newest = max(seen.values())
    return [
        fine("store.last_seen", instance=instance, ago_s=max((now - at).total_seconds(), 0.0))
        for instance, at in sorted(seen.items())
        if newest - at <= within
    ]
