"""The check of the set-up, as Discord shows it."""

from __future__ import annotations

import platform
from collections.abc import Sequence

import discord

from botmon_cog.discord_ui.parts import GREEN, RED, YELLOW, clamp, short_embed
from botmon_cog.domain import text
from botmon_cog.setup_check.commands_at_discord import SyncState
from botmon_cog.setup_check.findings import Finding, Severity, of_severity
from botmon_cog.setup_check.words import headline, said_of

_VERDICTS: dict[Severity, tuple[str, discord.Colour]] = {
    "wrong": ("🔴", RED),
    "warning": ("🟡", YELLOW),
    "fine": ("🟢", GREEN),
}
_MOST_FIELDS = 10
_MOST_NAMES = 12


def check_embed(findings: Sequence[Finding], version: str | None) -> discord.Embed:
    """`version`: of this package; None where it is not known."""
    worst: Severity = "wrong" if of_severity(findings, "wrong") else "fine"
    if worst == "fine" and of_severity(findings, "warning"):
        worst = "warning"
    emoji, colour = _VERDICTS[worst]
    embed = discord.Embed(title=f"{emoji} {headline(findings)}", colour=colour)
    told = [*of_severity(findings, "wrong"), *of_severity(findings, "warning")]
    for finding in told[:_MOST_FIELDS]:
        said = said_of(finding)
        mark = "❌" if finding.severity == "wrong" else "⚠️"
        embed.add_field(name=f"{mark} {said.title}", value=said.remedy, inline=False)
    if len(told) > _MOST_FIELDS:
        embed.add_field(name="…", value=f"and {text.count(len(told) - _MOST_FIELDS)} more", inline=False)
    good = " · ".join(said_of(finding).title for finding in of_severity(findings, "fine"))
    if good:
        embed.add_field(name="✅ Fine", value=good[:1].upper() + good[1:], inline=False)
    embed.set_footer(
        text=f"discord.py {discord.__version__} · Python {platform.python_version()} · botmon {version or 'unknown'}"
    )
    return clamp(embed)


def sync_embed(states: Sequence[tuple[str, SyncState]]) -> discord.Embed:
    """What syncing would change, before it does. `states`: with the name of each place."""
    lines: list[str] = []
    for place, state in states:
        for names, what in ((state.missing, "Add"), (state.changed, "Change"), (state.stale, "**Remove**")):
            if names:
                shown = text.listed([text.inline_code(name, 40) for name in names], _MOST_NAMES)
                lines.append(f"{what} {shown}{place}")
    if not lines:
        return short_embed("Nothing to sync", "Discord knows every command as the code has it.")
    lines += [
        "",
        "-# Commands that the bot adds only later, such as those of an extension not loaded now, would go too.",
    ]
    return short_embed("Sync now?", "\n".join(lines))
