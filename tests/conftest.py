"""What holds for every test."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from botmon_cog.api import forget, newest_system
from botmon_cog.testing import LoopbackDiscord
from tests.engines import Engine
from tests.postgres_server import PostgresServer


def _modules() -> dict[str, object]:
    return {name: module for name, module in sys.modules.items() if name.split(".", 1)[0] == "botmon_cog"}


@pytest.fixture(autouse=True)
def _same_modules() -> Iterator[None]:
    """Unloading the extension takes our modules out of `sys.modules`; the next test finds those that it imported."""
    before = _modules()
    yield
    for name in _modules():
        del sys.modules[name]
    sys.modules.update(before)  # pyright: ignore[reportArgumentType]
    system = newest_system()
    if system is not None:
        forget(system)


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOTMON_CONFIG", "BOTMON_STORAGE_URL", "DISCORD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _bodies_hold_against_discords_description(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every REST body that Discord would have taken; only where `DISCORD_OPENAPI` names its description."""
    opened: list[LoopbackDiscord] = []
    enter = LoopbackDiscord.__aenter__

    async def remember(loopback: LoopbackDiscord) -> LoopbackDiscord:
        opened.append(loopback)
        return await enter(loopback)

    monkeypatch.setattr(LoopbackDiscord, "__aenter__", remember)
    yield
    assert [fault for loopback in opened for fault in loopback.check_requests()] == []


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One for the whole run; a test that stops or kills the server takes `private_postgres`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """An empty database of one's own."""
    url = postgres_server.create_database()
    yield url
    postgres_server.drop_database(url)


@pytest.fixture
def new_postgres(postgres_server: PostgresServer) -> Iterator[Callable[..., PostgresServer]]:
    """Starts servers of one's own, with the arguments of `PostgresServer`, as `new_postgres(fsync=True)`."""
    with ExitStack() as servers:
        yield lambda **kwargs: servers.enter_context(PostgresServer(pristine=postgres_server.pristine, **kwargs))


@pytest.fixture
def private_postgres(new_postgres: Callable[..., PostgresServer]) -> PostgresServer:
    """A server that the test may stop, start, kill and freeze."""
    return new_postgres()


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """An empty database of one's own: what a test says of it holds on every engine."""
    url = str(tmp_path / "botmon.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    return Engine(request.param, url)


@pytest.fixture
async def storage(engine: Engine) -> AsyncIterator[object]:
    async with engine.storage() as storage:
        yield storage
