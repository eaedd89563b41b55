"""Metrics as exporters show them."""

from __future__ import annotations

from typing import Any

from botmon_cog.domain.exposed import Distribution, Family, FamilyKind, Series
from botmon_cog.domain.models import MetricKind
from botmon_cog.monitors.metrics.metric import Metric

_BASE_UNITS = {
    **dict.fromkeys(("s", "seconds"), "seconds"),
    **dict.fromkeys(("B", "byte", "bytes"), "bytes"),
    "%": "percent",
}
"""Of the units that exporters name; values are in them already."""


def family_of(metric: Metric[Any]) -> Family:
    """Named as the host named it, with the unit at its end where exporters have a name for that."""
    shape = metric.shape
    unit = _BASE_UNITS.get(shape.unit, "")
    name = shape.name.removesuffix("_total")
    kind = MetricKind(str(shape.kind))
    what = metric.what or shape.name.replace("_", " ").capitalize()
    return Family(
        name=name if not unit or name.endswith(f"_{unit}") else f"{name}_{unit}",
        kind=FamilyKind.GAUGE if kind.is_gauge else FamilyKind.HISTOGRAM if kind.has_values else FamilyKind.COUNTER,
        what=what if unit or not shape.unit else f"{what} ({shape.unit})",
        unit=unit,
        label_names=shape.labels,
        series=[
            Series(labels, value if isinstance(value, int | float) else Distribution(*value))
            for labels, value in metric.exposed()
        ],
    )
