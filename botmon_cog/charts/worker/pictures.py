"""From the message that asks for a chart to the picture."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# matplotlib's own types leave its keywords open.

from __future__ import annotations

import io

import msgspec
from matplotlib.backends.backend_agg import FigureCanvasAgg

from botmon_cog.charts.values import CalendarChart, Chart, CommandsChart, GrowthChart, HeatMapChart, LinesChart
from botmon_cog.charts.worker.calendar import draw_calendar
from botmon_cog.charts.worker.commands import draw_commands
from botmon_cog.charts.worker.growth import draw_growth
from botmon_cog.charts.worker.heat_map import draw_heat_map
from botmon_cog.charts.worker.lines import draw_lines
from botmon_cog.charts.worker.style import new_figure

_decoder: msgspec.msgpack.Decoder[Chart] = msgspec.msgpack.Decoder(Chart)


def picture(request: bytes) -> bytes:
    """A PNG.

    Raises:
        msgspec.ValidationError: what was sent is no chart.
    """
    chart: Chart = _decoder.decode(request)
    figure = new_figure()
    canvas = FigureCanvasAgg(figure)
    match chart:
        case CommandsChart():
            draw_commands(figure, chart)
        case HeatMapChart():
            draw_heat_map(figure, chart)
        case LinesChart():
            draw_lines(figure, chart)
        case GrowthChart():
            draw_growth(figure, chart)
        case CalendarChart():
            draw_calendar(figure, chart)
    made = io.BytesIO()
    canvas.print_png(made, metadata={"Software": None})
    return made.getvalue()
