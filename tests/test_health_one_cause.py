"""Late answers of a command that blocks the event loop are the blocked loop's, and nobody else's."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from botmon_cog.health.components.commands import CommandsSample
from botmon_cog.monitors.fault_runs import NO_RUN
from botmon_cog.monitors.recent_outcomes import FailingCommand
from tests.health_samples import BLOCK, Bot, keys

BLOCKED = {"blocked_s": 9.0, "worst": BLOCK}
FREE = {"blocked_s": 0.0, "worst": None}


def failing(n: int = 9, **changes: Any) -> CommandsSample:
    one: dict[str, Any] = {"command": "play", "late": n, "unanswered": 0, "run": NO_RUN, "error_type": "NotFound"}
    each = FailingCommand(**one | {"calls": n, "faults": n, "fingerprint": 7} | changes)
    return CommandsSample(total=n, errors=n, late=n, failing=(each,))


def test_as_long_as_it_lasts_and_afterwards_too():
    bot = Bot()
    report = bot.check(5, loop=BLOCKED, commands=failing())
    (problem,) = report.troubles
    assert (problem.key, problem.severity) == ("loop.blocked", "critical"), "as grave as what follows from it"
    assert [reason.what for reason in report.components["commands"].watched] == ["commands.one_failing"]
    assert bot.check(20, loop=FREE, commands=failing(8)).troubles == ()
    assert keys(bot.check(5, commands=failing(9)).troubles) == ["commands.failing.play"], "one that came since"


@pytest.mark.parametrize(
    ("loop", "changes"),
    [
        pytest.param(FREE, {}, id="nothing blocks"),
        pytest.param({"blocked_s": 4.0, "worst": BLOCK}, {}, id="too little for a trouble"),
        pytest.param({"blocked_s": 9.0, "worst": msgspec.structs.replace(BLOCK, who="/stop")}, {}, id="another one"),
        pytest.param({"blocked_s": 9.0, "worst": None}, {}, id="nobody knows who"),
        pytest.param(BLOCKED, {"late": 2}, id="it raises, too"),
    ],
)
def test_what_fails_for_another_reason_is_told(loop, changes):
    assert "commands.failing.play" in keys(Bot().check(5, loop=loop, commands=failing(**changes)).troubles)
