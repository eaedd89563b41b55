"""Commands: what is failing, what is only watched, and what Discord refuses everywhere."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from botmon_cog.config import AlertsConfig, HealthConfig
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.shares import certain_share
from botmon_cog.errors import StorageError
from botmon_cog.health.component import Effect, Finding
from botmon_cog.health.components import INHIBITS
from botmon_cog.health.components.commands import Commands, CommandsSample
from botmon_cog.health.debounce import Debouncer, Now
from botmon_cog.health.words import recovered, sentence, trouble_of, words_of
from botmon_cog.monitors.failures import Failures
from botmon_cog.monitors.recent_outcomes import RecentOutcomes
from botmon_cog.monitors.windows import LiveWindows
from botmon_cog.testing import ManualClock
from tests.health_samples import sources_of
from tests.test_windows import invocation, recorder_of

CONFIG = HealthConfig()
OK, ERROR, LATE, REFUSED = Outcome.OK, Outcome.ERROR, Outcome.LATE, Outcome.REFUSED


class Away:
    """A database that is away in one way or another, or only quiet."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.reads = 0

    async def counted(self, *_: object) -> Any:
        self.reads += 1
        if self.error is None:
            await asyncio.get_running_loop().create_future()
        raise self.error  # pyright: ignore[reportGeneralTypeIssues]


class Rig:
    """The component of a process, what is recorded in it, and its checks."""

    def __init__(self, reports: Any = None, timeout_s: float = 5.0) -> None:
        self.clock = ManualClock()
        self.failures = Failures(self.clock)
        live, self.recent = LiveWindows(), RecentOutcomes(self.clock)
        self.record = recorder_of(self.clock, live, self.recent).record
        sources = sources_of(
            recent=self.recent,
            live=live,
            store=SimpleNamespace(reports=reports or Away(StorageError("away"))),
            clock=self.clock,
            failures=self.failures,
            timeout_s=timeout_s,
        )
        self.commands = Commands(sources)
        self.debouncer = Debouncer(AlertsConfig())

    def use(self, command: str, outcome: Outcome = OK, times: int = 1, **changes: Any) -> None:
        one = replace(invocation(command, outcome), started_at=self.clock.now(), guild_id=1, user_id=1)
        for _ in range(times):
            self.record(replace(one, **changes))

    async def findings(self) -> dict[str, Finding]:
        found = {each.key: each for each in self.commands.judge(await self.commands.sample(), CONFIG)}
        for each in found.values():
            assert sentence(each.reason)
            assert recovered(each.reason)
        return found

    async def reached(self) -> dict[str, str]:
        """What is beyond a limit, by key, as what."""
        return {key: as_what for key, each in (await self.findings()).items() if (as_what := severity(each))}

    async def watched(self) -> list[str]:
        found = (await self.findings()).values()
        return [sentence(each.reason) for each in found if each.is_watched and severity(each) is None]

    async def check(self, n: int = 1) -> dict[str, str]:
        """Checks, a minute apart; returns the problems by key."""
        problems: dict[str, str] = {}
        for _ in range(n):
            now = Now(at=self.clock.now(), at_s=self.clock.monotonic(), age_s=1e6)
            findings = tuple((await self.findings()).values())
            found = self.debouncer.step({"commands": findings}, now)
            problems = {each.key: each.severity for each in found if each.is_seen}
            await self.clock.advance(60)
        return problems


def severity(finding: Finding) -> str | None:
    warning, critical = finding.limits
    if finding.value is None or warning is None or finding.value < warning:
        return None
    return "critical" if critical is not None and finding.value >= critical else "warning"


# -- failing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n", "total", "share"), [(0, 0, 0), (0, 50, 0), (5, 5, 0.566), (19, 19, 0.832), (5, 20, 0.112), (50, 1000, 0.038)]
)
def test_the_certain_share_is_the_lower_bound_of_wilsons_interval(n: int, total: int, share: float):
    assert certain_share(n, total) == pytest.approx(share, abs=0.001)


async def test_fewer_than_five_faults_are_watched_and_are_no_problem():
    rig = Rig()
    rig.use("play", OK, 300)
    rig.use("play", ERROR)
    rig.use("lyrics", ERROR, 3)
    assert await rig.check(9) == {}
    assert await rig.watched() == ["/lyrics failed 3 of 3, watching", "/play failed 1 of 301, watching"]


async def test_nineteen_of_nineteen_are_critical_at_once():
    rig = Rig()
    for user in range(19):
        rig.use("lyrics", ERROR, user_id=user, fingerprint=7, error_type="ValueError")
    assert await rig.check() == {"commands.failing.lyrics": "critical"}
    reason = (await rig.findings())["commands.failing.lyrics"].reason
    assert reason.owners_only
    assert trouble_of(reason).effect is Effect.FAILING
    assert reason.values["fingerprint"] == 7
    assert (reason.values["faults"], reason.values["calls"], reason.values["share"]) == (19, 19, 1.0)
    assert sentence(reason) == "/lyrics failed 19 of 19 times in the last hour (ValueError)"
    assert recovered(reason) == "/lyrics works"


async def test_faults_of_many_commands_are_the_bots():
    rig = Rig()
    for name in ("play", "stop", "skip", "queue"):
        rig.use(name, OK, 50)
        rig.use(name, ERROR, 6)
        rig.use(name, OK)
    assert await rig.reached() == {"commands.failing": "warning"}
    assert await rig.check(2) == {}
    assert await rig.check() == {"commands.failing": "warning"}, "a share is certain after three checks"
    reason = (await rig.findings())["commands.failing"].reason
    assert reason.values["worst"] == ["play", "stop", "skip"]
    assert sentence(reason).startswith("11 % of the last hour's commands failed (24 of 228, mostly /play, /stop")


@pytest.mark.parametrize(("others", "key"), [(2, "commands.failing.lyrics"), (3, "commands.failing")])
async def test_one_command_with_four_fifths_of_the_faults_is_what_is_wrong(others: int, key: str):
    rig = Rig()
    rig.use("play", ERROR, others)
    rig.use("play", OK, 60)
    rig.use("lyrics", ERROR, 10)
    rig.use("lyrics", OK)
    assert await rig.reached() == {key: "warning"}


async def test_a_command_stays_told_while_others_begin_to_fail_too():
    rig = Rig()
    rig.use("lyrics", ERROR, 20)
    rig.use("lyrics", OK)
    assert await rig.check(3) == {"commands.failing.lyrics": "critical"}
    rig.use("play", ERROR, 10)
    rig.use("play", OK)
    assert await rig.check(5) == {"commands.failing.lyrics": "critical", "commands.failing": "critical"}
    assert INHIBITS["commands.failing"] == ("commands.failing.*",), "one cause, one message"
    await rig.check(60)
    assert await rig.check(60) == {}


@pytest.mark.parametrize(
    ("pause_s", "users", "is_told"), [(0, [1, 1, 1, 1, 1], False), (0, [1, 1, 1, 1, 2], True), (20, [1] * 5, True)]
)
async def test_a_run_of_five_is_told_of_two_people_or_of_more_than_a_minute(
    pause_s: float, users: list[int], is_told: bool
):
    rig = Rig()
    rig.use("play", OK, 2_000)
    for user in users:
        rig.use("lyrics", ERROR, user_id=user)
        await rig.clock.advance(pause_s)
    found = await rig.findings()
    assert (await rig.reached()) == ({"commands.failing.lyrics": "warning"} if is_told else {})
    assert found["commands.failing.lyrics"].lasted_s == (len(users) * pause_s if is_told else 0)
    assert bool(await rig.watched()) != is_told


async def test_a_run_ends_with_the_first_good_end():
    rig = Rig()
    rig.use("play", OK, 2_000)
    for user in range(6):
        rig.use("lyrics", ERROR, user_id=user)
    assert await rig.check() == {"commands.failing.lyrics": "warning"}
    reason = (await rig.findings())["commands.failing.lyrics"].reason
    assert reason.values["in_a_row"] == 6
    rig.use("lyrics", OK)
    assert await rig.check() == {}
    assert await rig.watched() == ["/lyrics failed 6 of 7, watching"]


async def test_a_run_among_calls_that_went_well_is_told_as_one():
    rig = Rig()
    rig.use("lyrics", OK, 300)
    for user in range(6):
        rig.use("lyrics", LATE, user_id=user)
    words = words_of((await rig.findings())["commands.failing.lyrics"].reason)
    assert words.what == "/lyrics failed 6 times in a row, 6 of 306 times in the last hour, 6 too late for Discord"
    assert words.remedy is not None
    assert "defer()" in words.remedy


async def test_nothing_is_wrong_before_anything_happened():
    rig = Rig()
    assert await rig.reached() == {}
    assert await rig.watched() == []
    assert list(rig.commands.brief(CommandsSample())) == ["0 commands in 1 h", "0 failed"]


async def test_a_young_process_does_not_know_that_an_older_trouble_is_over():
    found = await Rig().findings()
    assert {each.looks_back_s for each in found.values()} == {3600}


# -- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusing", "each", "using", "is_told"),
    [(5, 1, 9, True), (5, 1, 10, False), (3, 2, 3, True), (4, 1, 4, False), (2, 9, 2, False), (3, 1, 3, False)],
)
async def test_refused_in_most_servers_is_a_warning_of_its_own(refusing: int, each: int, using: int, is_told: bool):
    rig = Rig()
    for server in range(using):
        rig.use("play", guild_id=server)
    for server in range(refusing):
        rig.use("ban", REFUSED, each, guild_id=server, lacks="Ban Members")
    assert await rig.reached() == ({"commands.refused": "warning"} if is_told else {})
    assert (await rig.commands.sample()).errors == 0, "it is in no rate"
    if is_told:
        assert sentence((await rig.findings())["commands.refused"].reason) == (
            f"Discord refuses /ban in {refusing} of {using} servers (the bot lacks Ban Members)"
        )


async def test_what_is_muted_counts_nowhere():
    rig = Rig()
    for user in range(19):
        rig.use("lyrics", ERROR, user_id=user, guild_id=user, fingerprint=7)
        rig.use("ban", REFUSED, guild_id=user, fingerprint=8)
    assert set(await rig.reached()) == {"commands.failing.lyrics", "commands.refused"}
    rig.recent.muted = frozenset({7, 8})
    assert await rig.reached() == {}
    assert await rig.watched() == []
