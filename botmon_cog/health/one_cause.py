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
        changed: dict[str, Finding] = {}
        explained: dict[str, int] = {}
        blocked = found.get("loop.blocked")
        key = f"commands.failing.{str(blocked.reason.values.get('who')).removeprefix('/')}" if blocked else ""
        for each in {*self._explained, key} & found.keys():
            finding, faults = found[each], _number(found[each], "faults")
            is_blocking = each == key and blocked is not None and blocked.is_reached and _is_late(finding)
            if is_blocking or faults <= self._explained.get(each, -1):
                explained[each] = faults
                changed[each] = replace(finding, value=None)
            if is_blocking and blocked is not None and finding.reaches(finding.limits[1]):
                changed[blocked.key] = replace(blocked, limits=(blocked.limits[0], blocked.value))
        if is_check:
            self._explained = explained
        return {
            name: findings and [changed.get(finding.key, finding) for finding in findings]
            for name, findings in looks.items()
        }


def _is_late(finding: Finding) -> bool:
    """Whether most of its faults are answers that came too late, or never."""
    return (_number(finding, "late") + _number(finding, "unanswered")) * 2 > _number(finding, "faults")


def _number(finding: Finding, name: str) -> int:
    value = finding.reason.values.get(name)
    return value if isinstance(value, int) else 0
