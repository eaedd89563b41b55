"""Makes the Grafana boards in grafana/boards: `python examples/monitoring/make_boards.py` (grafana-foundation-sdk).

Each panel answers one question, which is its description too. docs/metrics.md lists them all.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import BigValueColorMode, GraphTresholdsStyleMode, StackingMode
from grafana_foundation_sdk.models.dashboard import (
    DataSourceRef,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

sys.path.insert(0, str(Path(__file__).parent))

from boards import BOARDS, Board, Panel

FOLDER = Path(__file__).parent / "grafana" / "boards"

# -- as JSON -----------------------------------------------------------------------------------------------------------

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_HEIGHTS = {"number": 4, "graph": 8, "stacked": 8, "table": 8, "heat": 8}


def _builder(panel: Panel) -> Any:
    match panel.kind:
        case "number":
            last = common.ReduceDataOptions().calcs(["lastNotNull"])
            made = stat.Panel().color_mode(BigValueColorMode.VALUE).reduce_options(last)
        case "table":
            made = table.Panel()
        case "heat":
            made = heatmap.Panel().color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges"))
        case "graph" | "stacked":
            made = timeseries.Panel().fill_opacity(10).min(0)
            if panel.kind == "stacked":
                made.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(40)
            if panel.steps:
                made.thresholds_style(common.GraphThresholdsStyleConfig().mode(GraphTresholdsStyleMode.DASHED))
    return made


def _panel(number: int, panel: Panel) -> Any:
    made = _builder(panel).id(number).title(panel.title).description(panel.question).unit(panel.unit)
    made.datasource(_SOURCE).span(panel.width).height(_HEIGHTS[panel.kind])
    if panel.steps:
        steps = [Threshold(value=None if not n else value, color=color) for n, (value, color) in enumerate(panel.steps)]
        made.thresholds(dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps))
    for ref, (expr, legend) in zip("ABCDEF", panel.queries, strict=False):
        query = prometheus.Dataquery().ref_id(ref).expr(expr).legend_format(legend).datasource(_SOURCE)
        if panel.kind == "table":
            query.instant().format(PromQueryFormat.TABLE)
        elif panel.kind == "heat":
            query.range().format(PromQueryFormat.HEATMAP)
        elif panel.kind == "number":
            query.instant()
        else:
            query.range()
        made.with_target(query)
    return made


def _choice(name: str, label: str, query: str) -> Any:
    return (
        dashboard.QueryVariable(name)
        .label(label)
        .datasource(_SOURCE)
        .query(query)
        .refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(VariableSort.ALPHABETICAL_ASC)
        .multi(True)
        .include_all(True)
        .all_value(".*")
    )


def board_json(board: Board) -> str:
    """A board as Grafana imports it."""
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .tags(["discord", "botmon"])
        .refresh("30s")
        .time("now-6h", "now")
        .timezone("browser")
        .with_variable(dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(_choice("job", "Bot", "label_values(botmon_build_info, job)"))
        .with_variable(_choice("instance", "Process", 'label_values(botmon_build_info{job=~"$job"}, instance)'))
    )
    for number, panel in enumerate(board.panels, 1):
        made.with_panel(_panel(number, panel))
    return json.dumps(json.loads(JSONEncoder(sort_keys=True).encode(made.build())), indent=1, sort_keys=True) + "\n"


def files() -> Iterator[tuple[Path, str]]:
    """Each board's file and what is in it."""
    for board in BOARDS:
        yield FOLDER / f"{board.uid}.json", board_json(board)


def questions() -> str:
    """All boards with their panels and questions, for docs/metrics.md."""
    parts: list[str] = []
    for board in BOARDS:
        rows = "\n".join(f"| {panel.title} | {panel.question} |" for panel in board.panels)
        parts.append(f"### {board.title}\n\n| Panel | answers |\n|---|---|\n{rows}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, text in files():
        path.write_text(text, encoding="utf-8")
