"""`/botmon errors`: failures by their cause, the urgent ones first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

import discord

from botmon_cog.causes.causes import OTHERS
from botmon_cog.discord_ui.parts import GREEN, RED, YELLOW, at, clamp
from botmon_cog.domain import text
from botmon_cog.domain.models import ErrorSource
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import Deploy, ErrorCounts, ErrorState, RecentError

MOST_KINDS = 100
"""So many are asked for. Where there are as many, there may be more."""
STATE_EMOJI = {
    ErrorState.NEW: "🆕",
    ErrorState.RETURNED: "🔁",
    ErrorState.OPEN: "▫️",
    ErrorState.MUTED: "🔇",
    ErrorState.RESOLVED: "✅",
}
_MOST_SHOWN = 10
_NAME_CHARS = 40
_CAUSE_CHARS = 90
_TITLE_CHARS = 80
_PLACE_CHARS = 50
_VERSION_CHARS = 20
_REFUSAL = re.compile(r"\A\d{3} [^(\n]*\(error code: (?P<code>[1-9]\d*)\): (?P<why>[^\n]+)\Z")
_URGENT = frozenset({ErrorState.NEW, ErrorState.RETURNED})
_WITHOUT_EXCEPTION = {
    Outcome.LATE: "answered after Discord's 3 s",
    Outcome.UNANSWERED: "never answered",
    Outcome.CRASHED: "running when the bot crashed",
    Outcome.REFUSED: "refused by Discord",
}
_KINDS = {
    ErrorSource.COMPONENT: ("component", "other components"),
    ErrorSource.AUTOCOMPLETE: ("autocomplete of", "other autocompletes"),
    ErrorSource.LISTENER: ("listener", "other listeners"),
    ErrorSource.LOOP: ("loop", "other loops"),
    ErrorSource.TASK: ("task", "other tasks"),
    ErrorSource.OWN: ("botmon's own", "others of botmon's own"),
}


def errors_list(groups: Sequence[ErrorCounts], period: Period, deploy: Deploy | None, now: datetime) -> discord.Embed:
    """`groups`: in the order in which they are shown, `MOST_KINDS` at the most. `deploy`: the current one."""
    if not groups:
        embed = discord.Embed(title=f"🟢 No errors, {last(period)}", colour=GREEN)
        embed.description = (
            "When a command, button, listener, loop or task fails, it appears here: once for each cause, with the line "
            "it came from, how often it failed and for how many people."
        )
    else:
        embed = discord.Embed(title=f"Errors, {last(period)} · {_totals(groups)}", colour=_colour(groups))
        lines = [_group(group) for group in groups[:_MOST_SHOWN]]
        if len(groups) > _MOST_SHOWN:
            n = len(groups) - _MOST_SHOWN
            lines.append(f"and {_at_least(n, len(groups))} more {text.plural(n, 'kind', 'kinds')}")
        embed.description = "\n".join(lines)
    embed.set_footer(text=" · ".join([*deployed(deploy, now), "all servers"]))
    return clamp(embed)


# -- words that the details use as well --------------------------------------------------------------------------------


def last(period: Period) -> str:
    return f"last {period.name}"


def name_of(source: ErrorSource, what: str) -> str:
    """What failed, as plain text: `/lyrics`, `listener Music.on_message`."""
    if source is ErrorSource.COMMAND:
        return "other commands" if what == OTHERS else _slash(what)
    kind, others = _KINDS[source]
    if what == OTHERS:
        return others
    return f"{kind} {_slash(what) if source is ErrorSource.AUTOCOMPLETE else what}"


def marked_name_of(source: ErrorSource, what: str) -> str:
    """The same with Discord's markup: `listener` and the code's name as code."""
    if what == OTHERS or source in {ErrorSource.COMMAND, ErrorSource.AUTOCOMPLETE}:
        return text.name(name_of(source, what), _NAME_CHARS)
    return f"{_KINDS[source][0]} {text.code_name(what, _NAME_CHARS)}"


def kind_of_failure(group: ErrorCounts) -> str:
    """Its type or, where there was no exception, how it ended."""
    return group.error_type or _WITHOUT_EXCEPTION.get(group.outcome, "reported as failed")


def cause_of(group: ErrorCounts) -> str:
    """`ValueError: API key wrong`; of Discord's refusals what matters, `NotFound: Unknown Message (10008)`."""
    kind = kind_of_failure(group)
    return f"{kind}: {brief(group.error_message)}" if group.error_message else kind


def brief(message: str) -> str:
    """An exception's text, without what discord.py puts before a refusal of Discord's."""
    return _REFUSAL.sub(r"\g<why> (\g<code>)", message)


def short_title(error: ErrorCounts | RecentError) -> str:
    """`ValueError in /lyrics` in plain text of at most 80 columns, for menus."""
    name = text.fit_middle(text.clean(name_of(error.source, error.what)), _NAME_CHARS)
    if error.error_type is not None:
        kind = text.fit_middle(text.clean(error.error_type), _TITLE_CHARS - len(" in ") - _NAME_CHARS)
        return f"{kind} in {name}"
    return f"{name}: {kind_of_failure(error)}" if isinstance(error, ErrorCounts) else name


def place_of(group: ErrorCounts) -> str | None:
    """`cogs/lyrics.py:48`, the end of it where it is long; None where there was no exception."""
    if group.file is None:
        return None
    place = group.file if group.line is None else f"{group.file}:{group.line}"
    return place if len(place) <= _PLACE_CHARS else "…" + place[1 - _PLACE_CHARS :]


def times(n: int) -> str:
    """How often, in short."""
    return f"{text.count(n)}\N{MULTIPLICATION SIGN}"


def hit(group: ErrorCounts) -> list[str]:
    """`14 people`, `3 servers`: as far as there are any, and more than one server."""
    found: list[str] = []
    if group.people > 0:
        found.append(f"{text.count(group.people)} {text.plural(group.people, 'person', 'people')}")
    if group.guilds > 1:
        found.append(f"{text.count(group.guilds)} servers")
    return found


def version_of(version: str | None) -> str | None:
    return None if version is None else text.fit(text.clean(version), _VERSION_CHARS) or None


def deployed(deploy: Deploy | None, now: datetime) -> list[str]:
    """`version 9c1d, deployed 2 h ago`, for a footer; empty where the version is not known."""
    version = None if deploy is None else version_of(deploy.version)
    if deploy is None or version is None:
        return []
    return [f"version {version}, deployed {text.duration((now - deploy.started_at).total_seconds())} ago"]


# -- parts -------------------------------------------------------------------------------------------------------------


def _totals(groups: Sequence[ErrorCounts]) -> str:
    n = sum(group.n for group in groups)
    kinds = f"{_at_least(len(groups), len(groups))} {text.plural(len(groups), 'kind', 'kinds')}"
    return f"{kinds}, {_at_least(n, len(groups))} {text.plural(n, 'time', 'times')}"


def _at_least(n: int, groups: int) -> str:
    return text.count(n) + ("+" if groups >= MOST_KINDS else "")


def _colour(groups: Sequence[ErrorCounts]) -> discord.Colour:
    states = {group.state for group in groups}
    if states & _URGENT:
        return RED
    return YELLOW if ErrorState.OPEN in states else GREEN


def _group(group: ErrorCounts) -> str:
    name = marked_name_of(group.source, group.what)
    moment = f"first {at(group.first_at, 'R')}" if group.state is ErrorState.NEW else f"last {at(group.last_at, 'R')}"
    notes = [times(group.n), *hit(group), moment]
    if place := place_of(group):
        notes.append(text.inline_code(place, _PLACE_CHARS))
    cause = text.inline_code(cause_of(group), _CAUSE_CHARS)
    return f"{STATE_EMOJI[group.state]} **{name}** {cause}\n-# {' · '.join(notes)}"


def _slash(what: str) -> str:
    return "/" + what.removeprefix("/")
