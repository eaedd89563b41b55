"""Why commands fail: the line of a cause, and how failures are told apart."""

from __future__ import annotations

from collections.abc import Sequence

from botmon_cog.domain import text
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.reports import Outcomes
from botmon_cog.domain.reports.errors import ErrorCounts

_LONGEST_MESSAGE, _LONGEST_LINE = 90, 60
_LONGEST_PLACE = 40
_FAULTS = {
    Outcome.ERROR: "with an error",
    Outcome.LATE: "answered too late",
    Outcome.UNANSWERED: "never answered",
    Outcome.CRASHED: "when the bot crashed",
}


def command_name(name: str, max_chars: int = 60) -> str:
    """`/play`; a context menu's name, which has capitals, as it is."""
    shown = text.name(name, max_chars)
    return shown if any(map(str.isupper, name)) else f"/{shown}"


def faults_by_outcome(outcomes: Outcomes) -> list[str]:
    """`22 with an error`, `3 answered too late`."""
    return [f"{text.count(n)} {words}" for outcome, words in _FAULTS.items() if (n := outcomes.of(outcome))]


def what_was_raised(cause: ErrorCounts, max_chars: int = _LONGEST_MESSAGE) -> str:
    """`ValueError: API key wrong` in a monospaced font; of what raised nothing, how it ended."""
    if cause.error_type is None:
        return _FAULTS.get(cause.outcome, cause.outcome.words)
    message = f": {cause.error_message}" if cause.error_message else ""
    return text.inline_code(cause.error_type + message, max_chars)


def where_raised(cause: ErrorCounts) -> str | None:
    """`cogs/lyrics.py:48` in a monospaced font; None if nothing was raised."""
    if cause.file is None:
        return None
    return text.code_name(cause.file if cause.line is None else f"{cause.file}:{cause.line}", _LONGEST_PLACE)


def commonest(causes: Sequence[ErrorCounts], faults: int) -> list[str]:
    """A small line for the first of the causes, with its count unless it explains all the faults."""
    if not causes:
        return []
    first = causes[0]
    n = f"{text.count(first.n)}×" if first.n < faults or len(causes) > 1 else None  # noqa: RUF001
    return [f"-# {' · '.join(filter(None, (what_was_raised(first, _LONGEST_LINE), where_raised(first), n)))}"]
