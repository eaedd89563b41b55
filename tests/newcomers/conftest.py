"""Tests as the authors of ordinary bots write them against the loopback Discord; nothing of the monitor is in them.

`.ci/nightly` runs them, by `pytest tests/newcomers`. One file is one kind of test, and docs/testing.md lists them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from botmon_cog.testing import LoopbackDiscord


@pytest.fixture
async def loopback() -> AsyncIterator[LoopbackDiscord]:
    async with LoopbackDiscord() as loopback:
        yield loopback
