"""Other event loops: uvloop, and tasks that begin at once (Python 3.12 and newer)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable

import pytest

from tests.hosts.bots import Template
from tests.hosts.comparing import recorded
from tests.test_hosts_kinds import ROWS, use_all


def run(loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None, *, eager: bool = False) -> list[object]:
    """The rows of all that a host was asked for, on a loop of that kind."""

    async def main() -> list[object]:
        if eager:
            asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        return await recorded(Template, use_all)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        return runner.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop for Windows")
def test_uvloop():
    import uvloop  # noqa: PLC0415 (not for Windows)

    assert run(uvloop.new_event_loop) == ROWS


if sys.version_info >= (3, 12):  # there are none before

    def test_eager_tasks():
        assert run(eager=True) == ROWS
