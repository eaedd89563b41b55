"""What may be asked for as the outcome, in Discord and on the command line."""

from __future__ import annotations

from botmon_cog.domain.outcome import Outcome

FAILED = "failed"
"""The choice that stands for all faults of the bot."""
CHOICES: dict[str, frozenset[Outcome]] = {
    FAILED: frozenset(outcome for outcome in Outcome if outcome.is_fault),
    **{outcome.value: frozenset({outcome}) for outcome in Outcome},
}
"""The order is part of the buttons' custom ids: add at the end only."""
