"""What is shown outside, as Prometheus and OpenTelemetry have it: families of series, whatever they are written as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple


class FamilyKind(StrEnum):
    COUNTER = "counter"
    """Only grows, over restarts too."""
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Distribution(NamedTuple):
    """Measured values.

    Attributes:
        n: how many.
        total: their sum, in the family's unit.
        buckets: how many are in each bucket of `domain.histogram`.
    """

    n: int
    total: float
    buckets: Mapping[int, int]


class Series(NamedTuple):
    """One line of a family.

    Attributes:
        labels: values, in the order of the family's names. Never a server, a person or a text that somebody typed.
        value: a number, or a distribution where the family is a histogram.
    """

    labels: tuple[str, ...]
    value: float | Distribution


class Family(NamedTuple):
    """One metric with all its series.

    Attributes:
        name: in snake case, with its base unit at the end (`_seconds`, `_bytes`), without `_total`.
        what: in one plain sentence.
        unit: the base unit, as `name` ends with it; empty for plain counts.
        label_names: in the order of the values in each series.
    """

    name: str
    kind: FamilyKind
    what: str
    unit: str
    label_names: tuple[str, ...]
    series: Sequence[Series]
