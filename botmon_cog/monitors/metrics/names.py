"""What metrics and their labels may be called, and what label values become."""

from __future__ import annotations

import re
from collections.abc import Sequence

MOST_LABELS = 3
LONGEST_NAME, LONGEST_UNIT, LONGEST_WHAT, LONGEST_VALUE = 60, 20, 200, 40
"""Characters."""
OTHER = "other"
"""The value of each label in the series that takes what is beyond the bounds."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_UNFIT = re.compile(r"[^\w .:/+@#-]")
_DISCORD_ID = re.compile(r"\d{16,20}")


class MetricError(Exception):
    """A host's metric, or a value of one, can't be taken. The text says why, and what would be right."""


def check_name(name: object, what: str = "metric") -> None:
    """Raises MetricError unless it is a name of at most 60 characters, in snake case."""
    if not isinstance(name, str) or not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise MetricError(
            f"{name!r} can't be the name of a {what}: use small letters, digits and underscores, beginning with a "
            f"letter, at most {LONGEST_NAME} characters, such as 'songs_queued'"
        )


def check_labels(names: Sequence[str]) -> None:
    """Raises MetricError unless they are up to three different names."""
    if isinstance(names, str):
        raise MetricError(f"labels must be a tuple of names, such as ({names!r},)")
    for name in names:
        check_name(name, "label")
    if len(set(names)) < len(names) or len(names) > MOST_LABELS:
        raise MetricError(f"a metric has up to {MOST_LABELS} labels, each with a name of its own, not {[*names]}")


def label_value(value: object) -> str:
    """What is kept of a label's value: up to 40 letters, digits, spaces and `_.:/+@#-`; of an id of Discord's, `other`.

    Raises:
        MetricError: it is neither text nor a whole number.
    """
    if not isinstance(value, str | int):
        raise MetricError(f"a label's value is a text or a whole number, not {value!r:.60}")
    text = _UNFIT.sub("_", str(value)).strip()[:LONGEST_VALUE]
    return OTHER if not text or _DISCORD_ID.search(text) else text


def labels_text(names: Sequence[str], values: Sequence[str]) -> str:
    """`region=eu,state=on`."""
    return ",".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
