"""What holds for every test."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType

import pytest
from hypothesis import settings

from botmon_cog.health import debounce
from botmon_cog.health.components.monitor import THREAD_PREFIX
from botmon_cog.original.systems import SHARED
from botmon_cog.testing import LoopbackDiscord
from botmon_cog.testing.waiting import Changes
from tests.engines import Engine
from tests.pgbouncer import PgBouncer, PoolMode
from tests.postgres_databases import BARE, TABLES, Databases
from tests.postgres_server import PostgresServer
from tests.programs import program

# A run of the tests leaves nothing outside of its temporary folders, what git ignores included. Child processes share
# what they compile: without that, to compile the package is half of what each of them does.
_is_worker = "PYTEST_XDIST_WORKER" in os.environ
if _is_worker:
    sys.pycache_prefix = None  # it is for children alone: what is installed is compiled, and compiling it anew warns
    sys.dont_write_bytecode = True  # a worker does not inherit -B
else:  # xdist's workers inherit it
    os.environ["PYTHONPYCACHEPREFIX"] = tempfile.mkdtemp(prefix="botmon-compiled-")
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "botmon-hypothesis"))  # noqa: PTH118
settings.register_profile(
    "suite", database=None, derandomize=os.environ.get("BOTMON_EXAMPLES") != "random", deadline=None
)
settings.load_profile("suite")


@cache
def _compiled(source: bytes, path: str) -> CodeType:
    return compile(source, path, "exec", dont_inherit=True)


def _compile_once(_: SourceFileLoader, data: bytes, path: str) -> CodeType:
    """A reload of the extension imports the whole package anew: without a cache, to compile it is most of that."""
    return _compiled(data, path)


SourceFileLoader.source_to_code = _compile_once  # pyright: ignore[reportAttributeAccessIssue]


def pytest_unconfigure() -> None:
    if not _is_worker:
        shutil.rmtree(os.environ["PYTHONPYCACHEPREFIX"], ignore_errors=True)


_LAST_WAIT_S = 1.0
"""For a thread that is about to end."""
_LONG_WAIT_S = 5.0
"""What the loopback waits for an answer if it is told nothing else, at the least."""

# They take longest, so they come first, and no worker is left with one of them at the end.
_LONG = (
    "test_lifecycle",
    "test_incident_day",
    "test_postgres_engine",
    "test_posting_month",
    "test_cli_copy",
    "test_crashed",
    "test_cli_doctor",
    "test_cli_rebuild",
    "test_postgres_server",
    "test_cli_output",
    "test_storage_writing",
    "test_exactly_once",
    "test_host_settling",
    "test_host_kill",
    "test_rollup_properties",
    "test_storage_rollups",
    "test_charts_discord",
    "test_charts",
    "test_faults_kill",
    "test_faults_postgres",
    "test_faults_close",
    "test_faults_clock",
    "test_faults_spool",
    "test_faults",
)


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # xdist would go by the number of a file's tests


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    rank = {name: n for n, name in enumerate(_LONG)}
    items.sort(key=lambda item: rank.get(item.path.stem, len(rank)))


def _modules() -> dict[str, object]:
    return {name: module for name, module in sys.modules.items() if name.split(".", 1)[0] == "botmon_cog"}


def _close_what_is_shared() -> None:
    """The systems that a test made and left open, as a bot may: their threads are not the next test's."""
    module = sys.modules.pop(SHARED, None)
    if module is None:
        return
    loop = asyncio.new_event_loop()
    try:
        for shared in module.registry.shared.values():
            loop.run_until_complete(shared.close_own())
    finally:
        loop.close()


def _refuse_threads_left() -> None:
    """Some tests say which threads of ours there are, and fail where an earlier one left some."""
    ours = [thread for thread in threading.enumerate() if thread.name.startswith(THREAD_PREFIX)]
    for thread in ours:
        thread.join(_LAST_WAIT_S)
    left = [thread.name for thread in ours if thread.is_alive()]
    if left:
        gc.collect()  # which ends them: the next test is not to fail for it
        pytest.fail(f"the test left threads: {left}; what has them was never closed, or was used after its close")


@pytest.fixture(autouse=True)
def _same_modules() -> Iterator[None]:
    """Unloading the extension takes our modules out of `sys.modules`; the next test finds those that it imported."""
    before = _modules()
    yield
    for name in _modules():
        del sys.modules[name]
    sys.modules.update(before)  # pyright: ignore[reportArgumentType]
    _close_what_is_shared()
    _refuse_threads_left()


@pytest.fixture(autouse=True)
def _no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOTMON_CONFIG", "BOTMON_STORAGE_URL", "DISCORD_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "argv", ["botmon"])  # and not of how pytest was called


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


@pytest.fixture(autouse=True)
def _nobody_waits_in_vain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What never comes is not waited for in real seconds: `clock.advance` lets those of Discord pass."""
    waited_s: list[float] = []
    until = Changes.until

    async def watched(changes: Changes, is_done: Callable[[], bool], timeout_s: float | None) -> bool:
        has_come = await until(changes, is_done, timeout_s)
        if not has_come and timeout_s is not None and timeout_s >= _LONG_WAIT_S:
            waited_s.append(timeout_s)
        return has_come

    monkeypatch.setattr(Changes, "until", watched)
    yield
    assert not waited_s, f"the test waited in vain for the bot's answer, so many real seconds: {waited_s}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One for the whole run; a test that stops or kills the server takes `private_postgres`."""
    with PostgresServer() as server:
        yield server


@pytest.fixture(scope="session")
def bare_databases(postgres_server: PostgresServer) -> Databases:
    return Databases(postgres_server, BARE)


@pytest.fixture
def postgres_url(bare_databases: Databases) -> Iterator[str]:
    """An empty database of one's own."""
    with bare_databases.lent() as url:
        yield url


@pytest.fixture(scope="session")
def store_databases(postgres_server: PostgresServer) -> Databases:
    return Databases(postgres_server, TABLES)


@pytest.fixture
def postgres_store_url(store_databases: Databases) -> Iterator[str]:
    """A database of one's own that has the store's tables, and no row in them."""
    with store_databases.lent() as url:
        yield url


@pytest.fixture
def new_postgres(postgres_server: PostgresServer) -> Iterator[Callable[..., PostgresServer]]:
    """Starts servers of one's own, with the arguments of `PostgresServer`, as `new_postgres(fsync=True)`."""
    with ExitStack() as servers:
        yield lambda **kwargs: servers.enter_context(PostgresServer(pristine=postgres_server.pristine, **kwargs))


@pytest.fixture
def private_postgres(new_postgres: Callable[..., PostgresServer]) -> PostgresServer:
    """A server that the test may stop, start, kill and freeze."""
    return new_postgres()


@pytest.fixture(scope="session")
def oldest_postgres() -> Iterator[PostgresServer]:
    """A server of the oldest version that is supported."""
    oldest = program("/usr/lib/postgresql/15/bin/postgres", "postgresql-15").parents[1]
    with PostgresServer(oldest=oldest) as server:
        yield server


@pytest.fixture(scope="session")
def pgbouncer(postgres_server: PostgresServer) -> Iterator[Callable[[PoolMode], PgBouncer]]:
    """The one in front of `postgres_server`, for a mode."""
    with ExitStack() as bouncers:
        yield cache(lambda pool_mode: bouncers.enter_context(PgBouncer(postgres_server, pool_mode)))


@pytest.fixture(params=["session", "transaction"])
def pgbouncer_url(request: pytest.FixtureRequest, pgbouncer: Callable[[PoolMode], PgBouncer], postgres_url: str) -> str:
    """An empty database of one's own behind PgBouncer, in each of its modes."""
    return pgbouncer(request.param).url_of(postgres_url)


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Engine:
    """A database of one's own without a row: what a test says of it holds on every engine."""
    url = str(tmp_path / "botmon.db") if request.param == "sqlite" else request.getfixturevalue("postgres_store_url")
    return Engine(request.param, url)


@pytest.fixture
async def storage(engine: Engine) -> AsyncIterator[object]:
    async with engine.storage() as storage:
        yield storage


@pytest.fixture
def certain_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """One check that finds a value beyond its limit is enough."""
    monkeypatch.setattr(debounce, "CHECKS_TO_ENTER", 1)
