"""/botmon errors: what failed, by its cause. The owners' alone."""

from __future__ import annotations

from typing import Literal

from discord import app_commands

from botmon_cog.cog import embeds
from botmon_cog.cog.views.errors import error_view, errors_view
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, SlashCommand
from botmon_cog.domain import text
from botmon_cog.domain.periods import last_days
from botmon_cog.domain.reports import Period
from botmon_cog.domain.reports.errors import Deploy, fingerprint_of
from botmon_cog.errors import StorageError

Span = Literal["24 hours", "7 days", "30 days"]
"""Choices of the `period` option."""

_DAYS: dict[Span, int] = {"24 hours": 1, "7 days": 7, "30 days": 30}
_COMPLETED_DAYS = 30
_MOST_COMPLETED = 500
_MOST_CHOICES = 25


def errors_command(responder: Responder, name: str) -> SlashCommand:
    async def errors(interaction: AnyInteraction, period: Span = "7 days", id_: str | None = None) -> None:
        days = _DAYS[period]

        async def draw() -> Answer:
            return await errors_answer(responder, days) if id_ is None else await error_answer(responder, id_, days)

        await responder.answer_owner(interaction, draw)

    command: SlashCommand = app_commands.Command(
        name=name, description="What failed, by its cause, with type, line and first time", callback=errors
    )
    app_commands.rename(id_="id")(command)
    app_commands.describe(period="How far back (7 days)", id_="Open one of them")(command)

    @command.autocomplete("id_")
    async def complete(interaction: AnyInteraction, current: str) -> list[app_commands.Choice[str]]:
        """Those whose type, name or ID holds what was typed; none for anybody but the owners."""
        if not await responder.bot.is_owner(interaction.user):
            return []
        try:
            return await _choices(responder, current)
        except StorageError as error:
            responder.system.failures.note("completing an error's ID", error)
            return []

    del complete
    return command


async def errors_answer(responder: Responder, days: int) -> Answer:
    """The list of the last `days` days.

    Raises:
        StorageError: the database can't be read.
    """
    now = responder.system.clock.now()
    period = last_days(days, now)
    groups = await responder.system.errors.counts(period, limit=embeds.MOST_KINDS)
    deploys = await responder.system.errors.deploys(period.start)
    return Answer(embeds.errors_list(groups, period, _current(deploys), now), errors_view(groups, days))


async def error_answer(responder: Responder, error_id: str, days: int) -> Answer:
    """One error, or that there is none of that id. Raises as `errors_answer`."""
    now = responder.system.clock.now()
    period = last_days(days, now)
    fingerprint = fingerprint_of(error_id)
    details = None if fingerprint is None else await responder.system.errors.details(fingerprint, period)
    if details is None:
        words = f"No error on record has the ID {text.inline_code(error_id, 40)}. The list below opens those that are."
        return Answer(embeds.short_embed("No such error", words), errors_view((), days))
    deploys = await responder.system.errors.deploys(period.start)
    zone = await responder.system.settings.zone(None)
    embed = embeds.error_details(details, period, _current(deploys), now, zone)
    return Answer(embed, error_view(details, days, now))


async def error_as_text(responder: Responder, error_id: str, days: int) -> str | None:
    """One error to be pasted into an issue; None if it is not on record. Raises as `errors_answer`."""
    period = _period(responder, days)
    fingerprint = fingerprint_of(error_id)
    details = None if fingerprint is None else await responder.system.errors.details(fingerprint, period)
    if details is None:
        return None
    return embeds.error_text(details, period, await responder.system.errors.deploys(period.start))


async def _choices(responder: Responder, current: str) -> list[app_commands.Choice[str]]:
    recent = await responder.system.errors.recent_ids(_period(responder, _COMPLETED_DAYS), _MOST_COMPLETED)
    named = {f"{embeds.short_title(error)} · {error.id}": error.id for error in recent}
    fitting = [name for name in named if current.strip().lower() in name.lower()]
    return [app_commands.Choice(name=name, value=named[name]) for name in fitting[:_MOST_CHOICES]]


def _period(responder: Responder, days: int) -> Period:
    return last_days(days, responder.system.clock.now())


def _current(deploys: list[Deploy]) -> Deploy | None:
    return deploys[-1] if deploys else None
