"""The processes as Discord shows them: who is there, since when, with what. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

import discord

from botmon_cog.discord_ui.parts import NEUTRAL, at, clamp
from botmon_cog.domain import text
from botmon_cog.domain.reports.fleet import Versions
from botmon_cog.growth.embeds import process_emoji, process_state
from botmon_cog.growth.values import Process, Processes
from botmon_cog.health.words import sentence

_MOST = 20
_NAME_CHARS = 40
_REASON_CHARS = 120
_VERSION_CHARS = 24
_MOST_SHARDS = 6
"""Groups of shards that follow each other."""


def processes_embed(found: Processes, now: datetime) -> discord.Embed:
    """Who is there, since when, with which shards, servers and versions; what is the same in all of them, once."""
    embed = discord.Embed(title="Processes", colour=NEUTRAL)
    common = _common(found.processes)
    lines = [_totals(found)]
    if found.nobodys and any(each.shard_ids for each in found.processes):
        n = len(found.nobodys)
        lines.append(f"🔴 {_shards(found.nobodys)} {text.plural(n, 'has', 'have')} no process")
    for each in found.processes[:_MOST]:
        lines += ["", *_lines(each, now, common)]
    if rest := found.processes[_MOST:]:
        lines += ["", f"{process_emoji(rest[0])} and {text.count(len(rest))} more"]
    embed.description = "\n".join(lines)
    if common is not None and (told := _versions(common)):
        embed.set_footer(text=told)
    return clamp(embed)


def _totals(found: Processes) -> str:
    running = sum(each.state == "running" for each in found.processes)
    told = [f"**{running}** {text.plural(running, 'process', 'processes')}"]
    if found.shard_count is not None:
        told.append(f"**{text.count(found.shard_count)}** {text.plural(found.shard_count, 'shard', 'shards')}")
    if found.servers is not None:
        told.append(f"**{text.count(found.servers)}** {text.plural(found.servers, 'server', 'servers')}")
    return " · ".join(told)


def _lines(process: Process, now: datetime, common: Versions | None) -> list[str]:
    name = text.plain(text.fit_middle(text.clean(process.instance), _NAME_CHARS), _NAME_CHARS)
    has: list[str] = []
    if process.shard_ids:
        has.append(_shards(process.shard_ids))
    if process.servers is not None:
        has.append(f"{text.count(process.servers)} {text.plural(process.servers, 'server', 'servers')}")
    lines = [" · ".join([f"{process_emoji(process)} **{name}**", *has])]
    since = f"since {at(process.started_at, 'f')}" if process.state == "running" else process_state(process, now)
    own = "" if process.versions == common else _versions(process.versions)
    lines.append("-# " + " · ".join(filter(None, (since, own))))
    if process.state == "running" and process.reason is not None:
        lines.append(f"-# {text.plain(text.fit(text.clean(sentence(process.reason)), _REASON_CHARS), _REASON_CHARS)}")
    return lines


def _common(processes: Sequence[Process]) -> Versions | None:
    """What most of those that run have."""
    running = Counter(each.versions for each in processes if each.state == "running")
    return running.most_common(1)[0][0] if running else None


def _versions(versions: Versions) -> str:
    named = (
        ("", versions.host),
        ("botmon ", versions.botmon),
        ("discord.py ", versions.discord_py),
        ("Python ", versions.python),
    )
    return " · ".join(f"{what}{text.fit(text.clean(version), _VERSION_CHARS)}" for what, version in named if version)


def _shards(shard_ids: Sequence[int]) -> str:
    """`shards 0 to 3, 8`."""
    groups: list[list[int]] = []
    for shard_id in shard_ids:
        if groups and shard_id == groups[-1][-1] + 1:
            groups[-1].append(shard_id)
        else:
            groups.append([shard_id])
    words = [str(first) if first == last else f"{first} to {last}" for first, *_, last in ([*g, g[-1]] for g in groups)]
    n = len(shard_ids)
    return f"{text.plural(n, 'shard', 'shards')} {text.listed(words, _MOST_SHARDS)}"
