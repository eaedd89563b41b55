"""/botmon metrics: the bot's own counters, gauges, histograms and timers. The owners' alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import discord
from discord import app_commands

from botmon_cog.discord_ui.buttons import PREFIX, row, view_of
from botmon_cog.discord_ui.component_interactions import chosen, defer_in_place
from botmon_cog.discord_ui.pictures import draw_picture, without_picture
from botmon_cog.discord_ui.refusal import refuse
from botmon_cog.discord_ui.responder import Answer, AnyInteraction, Responder, SlashCommand
from botmon_cog.domain import text
from botmon_cog.metrics.chart import metric_chart
from botmon_cog.metrics.embeds import MOST_SHOWN, board_embed, metric_embed, metric_heading
from botmon_cog.metrics.figures import figure
from botmon_cog.metrics.gather import metrics
from botmon_cog.metrics.values import MetricReport
from botmon_cog.monitors.metrics.names import LONGEST_NAME

FEATURE = "metrics"
"""The first word of its custom ids. Behind it: the days, and the view and the metric if one is shown in depth."""

_REPORTS = {"7": "weekly", "30": "monthly"}
_LABELS = {"7": "Week", "30": "Month"}
_PICK = "pick"
_OWNERS_ONLY = "Only the bot's owners can see the bot's own metrics."
_LONGEST_CHOICE = 100


def metrics_command(responder: Responder, name: str) -> SlashCommand:
    async def show(interaction: AnyInteraction) -> None:
        await responder.answer_owner(interaction, lambda: _board(responder, "7"))

    return app_commands.Command(
        name=name, description="Your bot's own counters, gauges and timers, and how they develop", callback=show
    )


def component_handler(responder: Responder) -> Callable[[discord.Interaction[Any], Sequence[str]], Awaitable[bool]]:
    """Answers the buttons and the menu. Whether somebody is an owner is asked at each press."""

    async def answer(interaction: AnyInteraction, words: Sequence[str]) -> bool:
        match [*words]:
            case [days] if days in _REPORTS:
                draw = lambda: _board(responder, days)  # noqa: E731
            case [days, "pick"] if days in _REPORTS and (picked := chosen(interaction)):
                draw = lambda: _metric(responder, days, picked[0])  # noqa: E731
            case [days, "of" | "chart" as view, metric] if days in _REPORTS:
                draw = lambda: _metric(responder, days, metric, view)  # noqa: E731
            case _:
                return False
        await defer_in_place(interaction)
        if not await responder.bot.is_owner(interaction.user):
            await refuse(interaction, _OWNERS_ONLY)
            return True
        shown = await responder.attempt(draw)
        await interaction.edit_original_response(
            embed=shown.embed, view=shown.view or _view(words[0], []), attachments=shown.files
        )
        return True

    return answer


async def _board(responder: Responder, days: str) -> Answer:
    """All metrics. Raises StorageError if the database can't be read."""
    period, reports = await metrics(responder.system, _REPORTS[days])
    return Answer(board_embed(period, reports), _view(days, reports) if reports else None)


async def _metric(responder: Responder, days: str, name: str, view: str = "of") -> Answer:
    """One in depth, in numbers or as a chart; all of them if it is gone. Raises as `_board`."""
    _, reports = await metrics(responder.system, _REPORTS[days], name[:LONGEST_NAME])
    if not reports:
        return await _board(responder, days)
    buttons = _view_of_one(days, name, view, can_draw=responder.charts.can_draw)
    if view == "of":
        return Answer(metric_embed(reports[0]), buttons)
    picture = await draw_picture(responder.charts, metric_chart(reports[0]), "metric")
    if picture is None:
        return Answer(without_picture(metric_embed(reports[0])), buttons)
    return Answer(picture.show_in(metric_heading(reports[0])), buttons, files=(picture.file(),))


def _spans(days: str, behind: str = "") -> list[discord.ui.Button[discord.ui.View]]:
    """The buttons for the period; the one that is shown stands out."""
    buttons = row({label: f"{FEATURE}:{of}{behind}" for of, label in _LABELS.items()})
    buttons[list(_LABELS).index(days)].style = discord.ButtonStyle.primary
    return buttons


def _view(days: str, reports: Sequence[MetricReport]) -> discord.ui.View:
    menu: list[discord.ui.Select[discord.ui.View]] = []
    if reports:
        options = [discord.SelectOption(label=each.name, description=_description(each)) for each in reports]
        menu.append(
            discord.ui.Select(
                custom_id=f"{PREFIX}{FEATURE}:{days}:{_PICK}",
                placeholder="One metric in depth",
                options=options[:MOST_SHOWN],
            )
        )
    return view_of(menu, _spans(days))


def _view_of_one(days: str, name: str, view: str, *, can_draw: bool) -> discord.ui.View:
    """The same view of the other period, the other view, and back."""
    others = {"Chart": f"{FEATURE}:{days}:chart:{name}"} if view == "of" else {"Numbers": f"{FEATURE}:{days}:of:{name}"}
    others = others if can_draw or view != "of" else {}
    return view_of(_spans(days, f":{view}:{name}") + row(others | {"All metrics": f"{FEATURE}:{days}"}))


def _description(report: MetricReport) -> str | None:
    told = report.what or ("" if report.figure is None else figure(report.figure, report.unit))
    return text.fit(text.clean(told), _LONGEST_CHOICE) or None
