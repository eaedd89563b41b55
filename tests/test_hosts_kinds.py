"""Each kind of host answers, logs and is told the same with the extension as without; each invocation is one row."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from botmon_cog.testing import LoopbackDiscord
from tests.hosts.bots import EarlyLazy, Lazy, Overriding, Template
from tests.hosts.comparing import recorded

ROWS = [
    ("hybrid_slash", "help", "ok"),
    ("hybrid_prefix", "help", "ok"),
    ("hybrid_slash", "both", "ok"),
    ("slash", "slashed", "ok"),
    ("slash", "broken", "error"),
    ("prefix", "fail", "error"),
]


async def use_all(loopback: LoopbackDiscord) -> list[str]:
    user, channel = loopback.user, loopback.channel
    answers = [(await user.slash(channel, "help")).message.content]
    await user.send(channel, "!help")
    answers.append((await channel.next_message()).content)
    answers += [(await user.slash(channel, name)).message.content for name in ("both", "slashed", "broken")]
    await user.send(channel, "!fail")
    answers.append((await channel.next_message()).content)
    return answers


@pytest.mark.parametrize("kind", [Template, Overriding])
async def test_host_that_loads_in_setup_hook(kind: type[Template]):
    assert await recorded(kind, use_all) == ROWS


@pytest.mark.parametrize("kind", [Lazy, EarlyLazy])
async def test_host_that_loads_in_on_ready_if_it_has_no_cogs(kind: type[Lazy]):
    bots: list[Lazy] = []

    def make() -> Lazy:
        bots.append(kind())
        return bots[-1]

    async def use(loopback: LoopbackDiscord) -> list[Any]:
        async with asyncio.timeout(10):
            await bots[-1].loaded.wait()
        answers: list[Any] = await use_all(loopback)
        ready = bots[-1].wait_for("ready")
        await loopback.invalidate_session(resumable=False)
        await ready
        return [*answers, *await use_all(loopback), [name for name in bots[-1].cogs if name != "botmon"]]

    assert await recorded(make, use) == [*ROWS, *ROWS]
