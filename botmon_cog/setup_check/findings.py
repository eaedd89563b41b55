"""What the check of the set-up found: values, of which `words` makes sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

Severity = Literal["wrong", "warning", "fine"]


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was looked at.

    Attributes:
        what: names it, and its words in `words.WORDS`.
        severity: `wrong`: something does not work; `warning`: it might not do what is expected; `fine`.
        values: what its words need.
    """

    what: str
    severity: Severity
    values: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])


def wrong(what: str, **values: object) -> Finding:
    return Finding(what=what, severity="wrong", values=values)


def warning(what: str, **values: object) -> Finding:
    return Finding(what=what, severity="warning", values=values)


def fine(what: str, **values: object) -> Finding:
    return Finding(what=what, severity="fine", values=values)


def of_severity(findings: Sequence[Finding], severity: Severity) -> list[Finding]:
    return [finding for finding in findings if finding.severity == severity]
