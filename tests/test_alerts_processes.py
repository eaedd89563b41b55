"""Processes of one bot on one database: each alert is sent by exactly one of them, whoever is killed meanwhile."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from botmon_cog.config import AlertsConfig, Config, StorageConfig
from botmon_cog.domain.alerts import SHARED, Notice, Sent
from botmon_cog.health.debounce import CHECKS_TO_ENTER
from botmon_cog.monitors.alert_teller import AlertContext
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.testing import LoopbackDiscord, ManualClock, redirect
from botmon_cog.testing.running import run_bot
from tests.alert_helpers import START, problem
from tests.child import Child, Talk
from tests.engines import Engine
from tests.faults import full
from tests.harness import EXTENSION, cog_of, make_bot, make_config, make_health

APP = "app"
ROUNDS = full(20, 8)
MINUTE_S = 60
SLOW, MEMORY, CPU = "database.slow", "memory", "cpu"
QUICK = AlertsConfig(after_s=(0, 0), recover_after_s=0, repeat_after_s=(0, 0), messages_per_h=1_000)
OUTLASTING_S = 60.0


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One message, as it reached the owners."""

    message_id: str
    by: str
    """The instance that sent it."""
    is_repeat: bool
    items: list[tuple[str, str, str]]
    """(change, scope, key)."""
    made_at: datetime


class Step(msgspec.Struct, kw_only=True):
    """What a process is to do next: move its clock, see what is bad, and send what is due.

    `hang` has it get no further than the first message, before it is on its way or after.
    """

    seconds: float = 0.0
    own: list[str] = []
    shared: list[str] = []
    hang: str | None = None


def append(path: str, line: Line) -> None:
    """What was sent stays sent, whatever becomes of the sender."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, msgspec.json.encode(line) + b"\n")
        os.fsync(file)
    finally:
        os.close(file)


def sent(path: Path) -> list[Line]:
    return [msgspec.json.decode(line, type=Line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def monitor(talk: Talk, url: str, instance: str, path: str) -> None:
    """A process without Discord: its clock, and what it finds bad, are the test's."""
    clock = ManualClock(START)
    storage = StorageConfig(url=url, linger_ms=0, busy_timeout_s=OUTLASTING_S, spool=f"{path}.{instance}.spool.db")
    config = Config(instance=instance, storage=storage, alerts=QUICK)
    async with MonitoringSystem(config, clock=clock) as system:
        talk.send("ready")
        while (order := await talk.receive()) is not None:
            step = msgspec.convert(order, Step)

            async def send(notice: Notice, is_repeat: bool, hang: str | None = step.hang) -> Sent:
                items = [(item.change, item.scope, item.key) for item in notice.items]
                if hang != "before":
                    line = Line(
                        message_id=notice.message_id,
                        by=instance,
                        is_repeat=is_repeat,
                        items=items,
                        made_at=notice.made_at,
                    )
                    append(path, line)
                if hang:
                    talk.send(notice.message_id)
                    await asyncio.Event().wait()
                return Sent(state="told", words="a line in a file")

            await clock.advance(step.seconds)
            problems = [problem(key, since=clock.now()) for key in step.own]
            problems += [problem(key, since=clock.now(), is_shared=True) for key in step.shared]
            await system.alerts.step(problems, AlertContext(audience=APP))
            await system.alerts.deliver(APP, send)
            talk.send(system.failures.last)


def all_do(children: list[Child], *steps: Step) -> None:
    """At the same time; none of them fails at anything."""
    for child, step in zip(children, steps, strict=True):
        child.send(msgspec.to_builtins(step))
    for child in children:
        assert child.receive() is None


def start(stack: ExitStack, engine: Engine, path: Path, *instances: str) -> list[Child]:
    children = [stack.enter_context(Child(monitor, engine.url, instance, path)) for instance in instances]
    for child in children:
        assert child.receive() == "ready"
    return children


def test_of_many_alerts_each_is_sent_by_exactly_one_process(engine: Engine, tmp_path: Path) -> None:
    path = tmp_path / "sent"
    expected: Counter[tuple[datetime, str, str]] = Counter()
    now = START
    with ExitStack() as stack:
        children = start(stack, engine, path, "one", "two", "three")
        for n in range(2 * ROUNDS):
            change = "fired" if n % 2 == 0 else "recovered"
            bad = Step(seconds=MINUTE_S, own=[MEMORY], shared=[SLOW]) if change == "fired" else Step(seconds=MINUTE_S)
            all_do(children, *[bad] * len(children))
            now += timedelta(seconds=MINUTE_S)
            expected.update((now, change, key) for key in (SLOW, MEMORY))
        all_do(children, *[Step()] * len(children))  # what one made may have been due to the other
        for child in children:
            child.send(None)
        assert [child.wait() for child in children] == [0] * len(children)
    lines = sent(path)
    assert Counter((line.made_at, change, key) for line in lines for change, _, key in line.items) == expected
    assert len({line.message_id for line in lines}) == len(lines)
    assert {line.by for line in lines} <= {"one", "two", "three"}
    assert engine.sql("SELECT COUNT(*) FROM @alerts") == [(0,)]
    assert not any(line.is_repeat for line in lines)
    assert engine.sql("SELECT state, attempts FROM @alert_messages") == [("sent", 1)] * len(lines)


@pytest.mark.parametrize("when", ["before", "after"])
def test_what_a_killed_process_was_sending_another_sends_once_and_says_so(
    engine: Engine, tmp_path: Path, when: str
) -> None:
    path = tmp_path / "sent"
    with ExitStack() as stack:
        one, two = start(stack, engine, path, "one", "two")
        one.send(msgspec.to_builtins(Step(own=[MEMORY], shared=[SLOW], hang=when)))
        claimed = one.receive()
        one.kill()
        for _ in range(6):
            all_do([two], Step(seconds=MINUTE_S, own=[CPU], shared=[SLOW]))
        all_do([two], Step(seconds=MINUTE_S))
    both = [("fired", SHARED, SLOW), ("fired", "one", MEMORY)]
    of_killed = [line for line in sent(path) if line.message_id == claimed]
    assert [(line.by, line.is_repeat, sorted(line.items)) for line in of_killed] == [
        *([("one", False, both)] if when == "after" else []),
        ("two", True, both),
    ]
    others = [line for line in sent(path) if line.message_id != claimed]
    assert [(line.by, line.is_repeat, sorted(line.items)) for line in others] == [
        ("two", False, [("fired", "two", CPU)]),
        ("two", False, [("recovered", SHARED, SLOW), ("recovered", "two", CPU)]),
    ]
    attempts = dict(engine.sql("SELECT message_id, attempts FROM @alert_messages WHERE state = 'sent'"))
    assert attempts == {line.message_id: 1 + (line.message_id == claimed) for line in sent(path)}


async def run(talk: Talk, url: str, instance: str, base_url: str, gateway_url: str, token: str) -> None:
    """A real bot, to which every answer of the database is too slow."""
    bot = make_bot()
    bot.botmon_config = make_config(
        instance=instance,
        storage=StorageConfig(url=url, linger_ms=0, busy_timeout_s=OUTLASTING_S, spool_max_mb=0),
        health=make_health(watch=("database", "gateway"), database_slow_ms=1e-6),
        alerts=QUICK,
    )
    with redirect(base_url, gateway_url):
        async with run_bot(bot, token, hurry=True, timeout_s=OUTLASTING_S):
            await bot.load_extension(EXTENSION)
            talk.send("ready")
            while (await talk.receive()) is not None:
                report = await cog_of(bot).check_health()
                talk.send([problem.key for problem in report.problems])
            await bot.unload_extension(EXTENSION)


async def test_of_two_real_bots_one_tells_the_owner_what_both_see(engine: Engine) -> None:
    async with LoopbackDiscord() as loopback:
        with ExitStack() as stack:
            at = (loopback.base_url, loopback.gateway_url, loopback.token)
            children = [stack.enter_context(Child(run, engine.url, name, *at)) for name in ("one", "two")]
            assert await everybody(children) == ["ready", "ready"]
            for n in range(1, 6):
                for child in children:
                    child.send("check")
                seen = [SLOW] if n >= CHECKS_TO_ENTER else []
                assert await everybody(children) == [seen, seen]
            for child in children:
                child.send(None)
            assert [await asyncio.to_thread(child.wait) for child in children] == [0, 0]
        (dm,) = loopback.owner.dms
        assert dm.embeds[0]["title"].startswith("🟡 Degraded: the database")
    assert engine.sql("SELECT state, attempts FROM @alert_messages") == [("sent", 1)]


async def everybody(children: list[Child]) -> list[Any]:
    """What each of them says next; they need our loop for it."""
    return await asyncio.gather(*(child.answer() for child in children))
