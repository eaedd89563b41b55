"""Processes that send the messages of one database: each message once, and once more where its sender was killed."""

from __future__ import annotations

import os
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

from botmon_cog.domain.alerts import AlertMessage
from botmon_cog.store.alerts import AlertStore
from tests.child import Child, Talk
from tests.engines import Engine
from tests.storage_helpers import NOON, message

MESSAGES = 40
MS = timedelta(milliseconds=1)
HOLDS = timedelta(minutes=5)
OUTLASTING_S = 60.0


def append(path: str, line: str) -> None:
    """What was sent stays sent, whatever becomes of the sender."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        os.write(file, f"{line}\n".encode())
        os.fsync(file)
    finally:
        os.close(file)


async def send_all(alerts: AlertStore, found: list[AlertMessage], by: str, now: datetime, path: str) -> int:
    """Send those of the messages that this process gets; returns how many that were."""
    n = 0
    for due in found:
        claimed = await alerts.claim_message(due.message_id, by, now, now - HOLDS)
        if claimed is not None:
            append(path, f"{claimed.message_id} {'repeat' if claimed.is_repeat else 'first'}")
            await alerts.finish_message(due.message_id, by, "sent", "a line in a file", now)
            n += 1
    return n


async def courier(talk: Talk, url: str, by: str, path: str) -> None:
    """Find what is due; once told to, send all of it, or claim one message, say which, and get no further."""
    async with Engine.of(url).storage("same", busy_timeout_s=OUTLASTING_S) as storage:
        due = await storage.alerts.due_messages("9", NOON - HOLDS)
        talk.send(len(due))
        if await talk.receive() == "send":
            talk.send(await send_all(storage.alerts, due, by, NOON, path))
        else:
            claimed = await storage.alerts.claim_message(due[0].message_id, by, NOON, NOON - HOLDS)
            assert claimed is not None
            talk.send(claimed.message_id)
            await talk.receive()


def sent(path: Path) -> Counter[tuple[str, ...]]:
    """How often each message was sent, and as what."""
    return Counter(tuple(line.split()) for line in path.read_text().splitlines())


async def test_two_processes_send_each_message_once(engine, tmp_path):
    path = tmp_path / "sent"
    messages = [message() for _ in range(MESSAGES)]
    async with engine.storage() as storage:
        assert await storage.alerts.keep_alerts([], [], messages)
        with Child(courier, engine.url, "p1", path) as one, Child(courier, engine.url, "p2", path) as other:
            for child in (one, other):
                assert child.receive() == MESSAGES
            for child in (one, other):
                child.send("send")
            assert one.receive() + other.receive() == MESSAGES
            assert [child.wait() for child in (one, other)] == [0, 0]
        assert sent(path) == {(made.message_id, "first"): 1 for made in messages}
        found = await storage.alerts.alert_history(NOON, MESSAGES + 1)
        assert {(made.state, made.attempts, made.is_repeat) for made in found} == {("sent", 1, False)}
        assert len(found) == MESSAGES


async def test_a_message_of_a_killed_process_is_sent_once_more_as_a_repeat(engine, tmp_path):
    path = tmp_path / "sent"
    messages = [message() for _ in range(3)]
    async with engine.storage("same") as storage:
        assert await storage.alerts.keep_alerts([], [], messages)
        with Child(courier, engine.url, "p1", path) as child:
            assert child.receive() == 3
            claimed = child.ask("claim")
            child.kill()
        others = {made.message_id for made in messages} - {claimed}
        for now, n in ((NOON + HOLDS, 2), (NOON + HOLDS + MS, 1), (NOON + 2 * HOLDS + MS, 0)):
            due = await storage.alerts.due_messages("9", now - HOLDS)
            assert await send_all(storage.alerts, due, "p2", now, str(path)) == n
            assert sent(path)[claimed, "repeat"] == (now > NOON + HOLDS)
        assert sent(path) == {(claimed, "repeat"): 1, **{(message_id, "first"): 1 for message_id in others}}
