"""What the tests of a mirror that is killed run in an interpreter of its own."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from botmon_cog.clock import SystemClock
from botmon_cog.domain.models import CountedCommand, Event, Invocation, Kind, MusicEvent, MusicEventType
from botmon_cog.domain.outcome import Outcome
from botmon_cog.host import HostSync
from botmon_cog.host import mirror as mirror_module
from botmon_cog.monitors.failures import Failures
from tests.child import Talk
from tests.engines import Engine, Storage

GUILDS = 3


def events_of(prefix: str, n: int) -> Sequence[Event]:
    """What is recorded in the n-th round: sometimes rows, sometimes counts alone, most of the time both."""
    at = datetime.now(UTC) - timedelta(seconds=10)
    guild = str(1 + n % GUILDS)
    who = {"guild_id": guild, "user_id": str(100 + n % 7)}
    music = [
        MusicEvent(type=MusicEventType.SONG_PLAYED, occurred_at=at, duration_s=n % 50, **who),
        MusicEvent(type=MusicEventType.SKIP, occurred_at=at, **who),
    ]
    if n % 3 == 0:
        return [*music, CountedCommand(occurred_at=at, **who)]
    rows = [
        Invocation(
            kind=kind,
            command="play",
            outcome=Outcome.OK,
            started_at=at,
            duration_s=n / 1000,
            details=f"{prefix}-{n}-{kind}",
            **who,
        )
        for kind in (Kind.LOGGED, Kind.SLASH)
    ]
    return rows if n % 3 == 1 else [*rows, *music]


def make_sync(storage: Storage, path: Path, failures: Failures) -> HostSync:
    async def flush() -> None:
        """Everything was stored when it was appended."""

    clock = SystemClock()
    return HostSync(path, storage, clock, mirrors=True, flush=flush, is_running=lambda *_: False, failures=failures)


async def mirror_without_end(talk: Talk, url: str, path: str, prefix: str, deadly: int | None) -> None:
    """Record and mirror, telling up to which round; `deadly`: be killed between the commits of this transaction."""
    if deadly is not None:
        mirror_module.keep = _killing(deadly)
    storage = Engine.of(url).new(prefix)
    failures = Failures(SystemClock())
    sync = make_sync(storage, Path(path), failures)
    talk.send("ready")
    for n in count(1):
        await storage.append(events_of(prefix, n))
        talk.send(n)
        await sync.sync()
        assert failures.last is None, failures.last


def _killing(deadly: int) -> Any:
    keep = mirror_module.keep
    numbers = count(1)

    def killing(*arguments: Any) -> Any:
        if next(numbers) == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return keep(*arguments)

    return killing
