"""Lives of a bot that are cut short at each step in turn: does a counter that was shown ever fall?

Run as a program: `python -m tests.totals_children FOLDER`. Each life is a fork of this process, so that it costs
milliseconds; one that is killed dies of SIGKILL before the n-th of the steps that touch what is kept.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from botmon_cog.config import Config, LoopConfig, StorageConfig
from botmon_cog.domain.models import Kind
from botmon_cog.domain.outcome import Outcome
from botmon_cog.domain.totals import Totals
from botmon_cog.exporters.totals import TotalsKeeper
from botmon_cog.runtime import MonitoringSystem
from botmon_cog.store.log import Log
from botmon_cog.store.queue import delivery
from botmon_cog.store.queue.pending import Pending
from botmon_cog.store.queue.spool import Spool
from botmon_cog.store.totals import TotalsStore
from tests.storage_helpers import autocompletion, background_failure, invocation, music

MOST_LIVES = 200
_STEPS = (
    (Log, "append"),
    (Spool, "add"),
    (Spool, "remove"),
    (Pending, "remove"),
    (TotalsStore, "recall"),
    (TotalsStore, "keep"),
    (TotalsStore, "beyond"),
    (TotalsKeeper, "_count"),
)


def shown(totals: Totals) -> dict[str, float]:
    """Every number that Prometheus would see as a counter."""
    found: dict[str, float] = {f"calls {call}": n for call, n in totals.calls.items()}
    for what, timings in (("durations", totals.durations), ("responses", totals.responses)):
        for name, timing in timings.items():
            n, total_s, buckets = timing.distribution
            found |= {f"{what} {name} n": n, f"{what} {name} s": total_s}
            found |= {f"{what} {name} {bucket}": of for bucket, of in buckets.items()}
    found |= {"delays": totals.delays.distribution.n, "delays s": totals.delays.distribution.total}
    found |= {f"completions {which}": n for which, n in totals.completions.items()}
    found |= {f"background {kind}": n for kind, n in totals.background.items()}
    return found | {f"music {kind}": n for kind, n in totals.music.items()}


class Steps:
    """Before each step and after it, this process may end; what it would show is shown right before that.

    Attributes:
        show: shows the totals.
    """

    show: Callable[[], None] = staticmethod(lambda: None)

    def __init__(self, last: int | None) -> None:
        self.n = 0
        self._last = last
        for kind, name in _STEPS:
            setattr(kind, name, self._around(getattr(kind, name)))

    def _step(self) -> None:
        self.n += 1
        if self.n == self._last:
            Steps.show()
            os.kill(os.getpid(), signal.SIGKILL)

    def _around(self, function: Callable[..., Any]) -> Callable[..., Any]:
        if asyncio.iscoroutinefunction(function):

            async def awaited(*args: Any, **kwargs: Any) -> Any:
                self._step()
                result = await function(*args, **kwargs)
                self._step()
                return result

            return awaited

        def called(*args: Any, **kwargs: Any) -> Any:
            self._step()
            result = function(*args, **kwargs)
            self._step()
            return result

        return called


async def live(database: Path, log: Path) -> None:
    storage = StorageConfig(url=str(database), linger_ms=0, spool_after_s=0.001, busy_timeout_s=0.01)
    system = MonitoringSystem(Config(storage=storage, loop=LoopConfig(watch=False)))
    writer = system.writer
    keeper = TotalsKeeper(
        system.store.totals,
        system.store.run,
        writer.pending,
        writer.spool,
        system.clock,
        system.failures,
        system.loops,
    )
    await system.start()

    def show() -> None:
        totals = keeper.read()
        if totals is not None:
            with log.open("a") as file:
                file.write(json.dumps(shown(totals)) + "\n")

    async def step() -> None:
        await keeper.step()
        show()

    Steps.show = show
    await system.flush()
    while keeper.read() is None:
        await step()
    for n, command in enumerate(("play", "skip", "play")):
        system.writer.put(invocation(command=command, duration_s=0.1 + n, response_s=0.07, gateway_delay_s=0.03))
        system.writer.put(invocation(kind=Kind.LOGGED, outcome=Outcome.ERROR, duration_s=1e-3))
        system.writer.put(music())
        system.writer.put(autocompletion(command=command, n=3, failed=1))
        system.writer.put(background_failure(n=2))
        if n == 1:
            with closing(sqlite3.connect(database, isolation_level=None)) as other:
                other.execute("BEGIN IMMEDIATE")
                while not system.writer.spooled:
                    await asyncio.sleep(0.001)
                show()
        else:
            await system.flush()
        show()
        while system.writer.queued or system.writer.spooled:
            await system.recorder.retry()
            await system.flush()
        await step()
    await keeper.stop()
    system.writer.put(invocation(command="last", duration_s=0.3))
    await system.close()


def fork(last: int | None, database: Path, log: Path) -> tuple[int, int]:
    """(how it ended, how many steps it took) of one life."""
    read, write = os.pipe()
    pid = os.fork()
    if not pid:
        steps = Steps(last)
        code = 1
        try:
            asyncio.run(asyncio.wait_for(live(database, log), 20))
            os.write(write, str(steps.n).encode())
            code = 0
        finally:
            os._exit(code)
    os.close(write)
    _, status = os.waitpid(pid, 0)
    with os.fdopen(read) as told:
        return os.waitstatus_to_exitcode(status), int(told.read() or 0)


def check(log: Path) -> str | None:
    """What fell, and how."""
    before: Counter[str] = Counter()
    for number, line in enumerate(log.read_text().splitlines(), 1):
        now = json.loads(line)
        for name, value in before.items():
            if now.get(name, 0) < value:
                return f"line {number}: {name} fell from {value} to {now.get(name)}"
        before = Counter(now)
    return None


def rows(database: Path) -> dict[str, int]:
    with closing(sqlite3.connect(database)) as db:
        (calls,) = db.execute("SELECT COUNT(*) FROM invocations").fetchone()
        (background_failures,) = db.execute("SELECT SUM(n) FROM background_failures").fetchone()
        return {"calls": calls, "background": background_failures}


def main() -> None:
    folder = Path(sys.argv[1])
    delivery._FIRST_BACKOFF_S = 0.001
    database, log = folder / "store.db", folder / "shown.txt"
    lives = 0
    _, steps = fork(None, database, log)
    for last in range(1, MOST_LIVES):
        lives += 1
        code, _ = fork(last, database, log)
        if code == 0:
            break
        assert code == -signal.SIGKILL, code
    code, _ = fork(None, database, log)
    assert code == 0, code
    final = json.loads(log.read_text().splitlines()[-1])
    found = rows(database)
    print(  # noqa: T201 (what the test reads)
        json.dumps(
            {
                "lives": lives,
                "steps": steps,
                "fell": check(log),
                "calls": sum(n for name, n in final.items() if name.startswith("calls "))
                + 1,  # the row that the last life recorded once it had kept its totals
                "background": sum(n for name, n in final.items() if name.startswith("background ")),
                "rows": found,
            }
        )
    )


if __name__ == "__main__":
    main()
