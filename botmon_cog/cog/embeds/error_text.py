"""One error group as text that can be pasted into an issue: no name or id of a server or a person is in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from botmon_cog.cog.embeds.error_details import code_lines
from botmon_cog.cog.embeds.errors import cause_of, hit, last, name_of, place_of
from botmon_cog.domain import text
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts, ErrorDetails

_DISCORD_ID = re.compile(r"(?<!\d)\d{17,20}(?!\d)")
_HIDDEN_ID = "[id]"


def error_text(details: ErrorDetails, period: Period, deploys: Sequence[Deploy]) -> str:
    """A fenced block. `deploys`: oldest first; the versions are those in which it failed last."""
    group = details.counts
    facts = [
        ("In", name_of(group.source, group.what)),
        ("At", _place(group)),
        ("Failed", _often(group, period)),
        ("First", _moment(group.first_at, group.first_version)),
        ("Last", _moment(group.last_at, _last_version(details))),
        ("Versions", _versions(_deploy_at(group.last_at, deploys))),
        ("ID", group.id),
    ]
    lines = code_lines(cause_of(group))
    lines += [f"{name + ':':<10}{''.join(code_lines(value))}" for name, value in facts if value]
    if details.traceback:
        lines += ["", *code_lines(details.traceback)]
    return "\n".join(["```", *(_DISCORD_ID.sub(_HIDDEN_ID, line) for line in lines), "```"])


def _place(group: ErrorCounts) -> str | None:
    place = place_of(group)
    return f"{place} in {group.function}" if place and group.function else place


def _often(group: ErrorCounts, period: Period) -> str:
    hits = f", {' in '.join(hit(group))}" if hit(group) else ""
    return f"{text.count(group.n)} {text.plural(group.n, 'time', 'times')} in the {last(period)}{hits}"


def _moment(when: datetime, version: str | None) -> str:
    return f"{when.astimezone(UTC):%Y-%m-%d %H:%M} UTC" + ("" if version is None else f", version {version}")


def _last_version(details: ErrorDetails) -> str | None:
    return details.versions[0][0] if details.versions else None


def _deploy_at(when: datetime, deploys: Sequence[Deploy]) -> Deploy | None:
    """The one that ran then, or else the current one."""
    running = [deploy for deploy in deploys if deploy.started_at <= when] or [*deploys]
    return running[-1] if running else None


def _versions(deploy: Deploy | None) -> str | None:
    if deploy is None:
        return None
    known = (
        ("bot", deploy.version),
        ("Python", deploy.python_version),
        ("discord.py", deploy.discord_version),
        ("botmon", deploy.botmon_version),
    )
    return ", ".join(f"{name} {version}" for name, version in known if version) or None
