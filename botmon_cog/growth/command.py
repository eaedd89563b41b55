"""/botmon overview: all servers at a glance, and how many come, stay and go. The owners' alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

import discord
from discord import app_commands

from botmon_cog.discord_ui.buttons import row, view_of
from botmon_cog.discord_ui.component_interactions import defer_in_place
from botmon_cog.discord_ui.pictures import draw_picture, without_picture
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, SlashCommand
from botmon_cog.growth.chart import growth_chart
from botmon_cog.growth.embeds import growth_embed, growth_heading, overview_embed
from botmon_cog.growth.gather import fleet, growth, overview
from botmon_cog.growth.processes_embed import processes_embed

FEATURE = "growth"
"""The first word of its custom ids."""

Span = Literal["7 days", "30 days"]
"""Choices of the `period` option."""

_REPORTS: dict[str, str] = {"7": "weekly", "30": "monthly"}
_SPANS: dict[Span, str] = {"7 days": "7", "30 days": "30"}
_GROWTH, _CHART, _PROCESSES = "weeks", "chart", "processes"
_LABELS: dict[str, str] = {
    "7": "7 days",
    "30": "30 days",
    _GROWTH: "Growth",
    _CHART: "Chart",
    _PROCESSES: "Processes",
}
_ERROR_DAYS = {"7": 7, "30": 30, _GROWTH: 30, _CHART: 30, _PROCESSES: 7}
_OWNERS_ONLY = "Only the bot's owners can see all servers."

MoreButtons = Callable[[str], Sequence[discord.ui.Button[discord.ui.View]]]
"""Buttons of other features, for the report of a period by its name."""


def overview_command(responder: Responder, name: str, more_buttons: MoreButtons) -> SlashCommand:
    async def show(interaction: AnyInteraction, period: Span = "7 days") -> None:
        await responder.answer_owner(interaction, lambda: _answer(responder, _SPANS[period], more_buttons))

    command: SlashCommand = app_commands.Command(
        name=name, description="All servers: growth, people, commands, and what nobody uses", callback=show
    )
    return app_commands.describe(period="How far back (7 days)")(command)


def component_handler(
    responder: Responder, more_buttons: MoreButtons
) -> Callable[[discord.Interaction[Any], Sequence[str]], Awaitable[bool]]:
    """Answers the buttons below it. Whether somebody is an owner is asked at each press."""

    async def answer(interaction: AnyInteraction, words: Sequence[str]) -> bool:
        if len(words) != 1 or words[0] not in _LABELS:
            return False
        await defer_in_place(interaction)
        if not await responder.bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return True
        shown = await responder.attempt(lambda: _answer(responder, words[0], more_buttons))
        view = shown.view or _view(responder, words[0], more_buttons)
        await interaction.edit_original_response(embed=shown.embed, view=view, attachments=shown.files)
        return True

    return answer


async def _answer(responder: Responder, what: str, more_buttons: MoreButtons) -> Answer:
    """Raises StorageError if the database can't be read."""
    now = responder.system.clock.now()
    view = _view(responder, what, more_buttons)
    if what in _REPORTS:
        return Answer(overview_embed(await overview(responder.system, _REPORTS[what]), now), view)
    if what == _PROCESSES:
        return Answer(processes_embed(await fleet(responder.system), now), view)
    grown = await growth(responder.system)
    if what == _GROWTH:
        return Answer(growth_embed(grown), view)
    picture = await draw_picture(responder.charts, growth_chart(grown), "growth")
    if picture is None:
        return Answer(without_picture(growth_embed(grown)), view)
    return Answer(picture.show_in(growth_heading(grown)), view, files=(picture.file(),))


def _view(responder: Responder, what: str, more_buttons: MoreButtons) -> discord.ui.View:
    """The buttons: first what can be shown, of which that which is stands out, then where else to go."""
    labels = {of: label for of, label in _LABELS.items() if of != _CHART or responder.charts.can_draw}
    buttons = row({label: f"{FEATURE}:{of}" for of, label in labels.items()})
    for button, of in zip(buttons, labels, strict=True):
        if of == what:
            button.style = discord.ButtonStyle.primary
    more = more_buttons(_REPORTS.get(what, "monthly"))
    return view_of(buttons, [*row({"Errors": f"errors:{_ERROR_DAYS[what]}"}), *more])
