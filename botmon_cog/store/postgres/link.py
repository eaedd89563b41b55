"""One connection to the server, and transactions over it.

Nothing is left to the session: behind PgBouncer, each transaction may come to another one of the server's connections.
So there are no prepared statements, no startup parameters, and the time-outs are set anew in each transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TypeVar

from botmon_cog.store.postgres.asyncpg_types import Connection, failures
from botmon_cog.store.postgres.steps import Steps
from botmon_cog.store.script import Script, run_async

T = TypeVar("T")

WRITE = "ISOLATION LEVEL READ COMMITTED"
"""Each statement sees what was committed before it, so that a script sees what it waited for. Whether the transaction
may write is left to the server: a provider makes it read-only when the disk is full."""
READ = "ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_ROLLBACK_S = 1.0


def begin(mode: str, limits: Mapping[str, float]) -> str:
    """The start of a transaction and its time-outs in seconds, in one round trip; 0 is none."""
    return f"BEGIN {mode}" + "".join(f"; SET LOCAL {name} = {s * 1000:.0f}" for name, s in limits.items())


class Link:
    """A connection that is made when it is needed, and made anew after it broke.

    Args:
        connect: makes one.
        schema: where the tables are.
    """

    def __init__(self, connect: Callable[[], Awaitable[Connection]], schema: str) -> None:
        self._connect = connect
        self._schema = schema
        self._steps: Steps | None = None
        self._turn = asyncio.Lock()

    async def run(self, begin: str, script: Script[T]) -> T:
        """Run a script in a transaction that `begin` starts."""
        async with self.transaction(begin) as steps:
            return await run_async(script, steps.perform)

    @asynccontextmanager
    async def transaction(self, begin: str) -> AsyncGenerator[Steps, None]:
        """A transaction, alone on the connection: committed at the end, rolled back after an error."""
        async with self._turn:
            if self._steps is None or self._steps.db.is_closed():
                self._steps = Steps(await self._connect(), self._schema)
            db, is_over = self._steps.db, False
            try:
                await db.execute(begin)
                yield self._steps
                await db.execute("COMMIT")
                is_over = True
            except BaseException:
                with suppress(*failures()):  # TimeoutError is an OSError
                    async with asyncio.timeout(_ROLLBACK_S):  # asyncpg's own does not count what comes before
                        await db.execute("ROLLBACK")
                    is_over = True
                raise
            finally:
                if not is_over:
                    db.terminate()

    async def close(self) -> None:
        """Let go of the connection, whatever the server says to that."""
        steps, self._steps = self._steps, None
        if steps is not None:
            try:
                await steps.db.close(timeout=_ROLLBACK_S)
            except failures():
                steps.db.terminate()
