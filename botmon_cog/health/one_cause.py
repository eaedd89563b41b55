"""A command that blocks the event loop answers too late, too: one cause, which the blocked loop tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from botmon_cog.health.component import Finding

Looks = Mapping[str, Sequence[Finding] | None]
"""By component: what it finds, None if it could not look."""


class OneCause:
    """Leaves late answers to the blocked loop that explains them, also once it runs freely again."""

    def __init__(self) -> None:
        self._explained: dict[str, int] = {}
        """By key: so many of the last hour's faults."""

    def joined(self, looks: Looks, *, is_check: bool) -> Looks:
        """Of what is explained nothing can be told, and the blocked loop is as grave. Only a check is remembered."""
        found = {finding.key: finding for findings in looks.values() for finding in findings or ()}
        explained: dict[str, int] = {}
        loop = found.get("loop.blocked")
        who = loop.reason.values.get("who") if loop is not None and loop.is_reached else None
        blocking = found.get(f"commands.failing.{str(who).removeprefix('/')}")
        if loop is not None and blocking is not None and _is_late(blocking):
            explained[blocking.key] = _number(blocking, "faults")
            if blocking.reaches(blocking.limits[1]):
                found[loop.key] = replace(loop, limits=(loop.limits[0], loop.value))
        for key in self._explained.keys() & found.keys():
            if (faults := _number(found[key], "faults")) <= self._explained[key]:
                explained[key] = faults
        for key in explained:
            found[key] = replace(found[key], value=None)
        if is_check:
            self._explained = explained
        return {name: findings and [found[finding.key] for finding in findings] for name, findings in looks.items()}


def _is_late(finding: Finding) -> bool:
    """Whether most of its faults are answers that came too late, or never."""
    return (_number(finding, "late") + _number(finding, "unanswered")) * 2 > _number(finding, "faults")


def _number(finding: Finding, name: str) -> int:
    value = finding.reason.values.get(name)
    return value if isinstance(value, int) else 0
