"""The engine for PostgreSQL behind PgBouncer, which keeps nothing from one transaction to the next."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import asyncpg
import psutil
import pytest

from botmon_cog.errors import StorageError
from tests.pgbouncer import PgBouncer
from tests.postgres_scripts import WHAT_COMES_OF_EVERY_STEP, engine_at, every_step, put, texts
from tests.postgres_server import PostgresServer
from tests.programs import program

STATE = """
SELECT current_setting('statement_timeout'), current_setting('lock_timeout'),
       current_setting('idle_in_transaction_session_timeout'), current_setting('transaction_isolation'),
       (SELECT count(*) FROM pg_prepared_statements),
       (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid())
"""


@pytest.fixture(params=["session", "transaction"])
def bouncer(request: pytest.FixtureRequest, postgres_server: PostgresServer):
    """One that the test may stop."""
    with PgBouncer(postgres_server, request.param) as bouncer:
        yield bouncer


async def test_a_startup_parameter_would_be_refused(pgbouncer_url):
    """So that every test behind PgBouncer shows that the engine sends none."""
    with pytest.raises(asyncpg.ProtocolViolationError, match="unsupported startup parameter: statement_timeout"):
        await asyncpg.connect(pgbouncer_url, server_settings={"statement_timeout": "1"})
    async with engine_at(pgbouncer_url) as engine:
        assert await engine.ping() > 0


async def test_nothing_stays_with_the_connection_of_the_server(postgres_server, postgres_url):
    with PgBouncer(postgres_server, "transaction", pool_size=1) as bouncer:
        url = bouncer.url_of(postgres_url)
        other = await asyncpg.connect(url, statement_cache_size=0)
        try:
            before = await other.fetch(STATE)
            async with engine_at(url, command_timeout_s=7.0) as engine:
                assert await engine.write(every_step()) == WHAT_COMES_OF_EVERY_STEP
                assert await other.fetch(STATE) == before
                await engine.read(texts())
                with pytest.raises(StorageError):
                    await engine.read(put("x"))
                assert await other.fetch(STATE) == before
        finally:
            await other.close()


async def test_many_engines_share_one_connection_of_the_server(postgres_server, postgres_url):
    with PgBouncer(postgres_server, "transaction", pool_size=1) as bouncer:
        async with engine_at(bouncer.url_of(postgres_url)) as first, engine_at(bouncer.url_of(postgres_url)) as second:
            await asyncio.gather(
                *(engine.write(put(f"{n}")) for n, engine in enumerate([first, second] * 20)),
                *(engine.read(texts()) for engine in [first, second] * 20),
            )
            assert await first.read(texts()) == {f"{n}" for n in range(40)}
        count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{postgres_url.rpartition('/')[2]}'"  # noqa: S608
        assert postgres_server.sql(count) == ["1"]


async def test_after_a_restart_the_next_script_works(bouncer, postgres_url):
    async with engine_at(bouncer.url_of(postgres_url)) as engine:
        await engine.write(put("x"))
        await engine.read(texts())
        await asyncio.to_thread(bouncer.restart)
        assert await engine.read(texts()) == {"x"}
        assert await engine.write(put("y")) == 1


async def test_what_is_acknowledged_under_restarts_is_stored(bouncer, postgres_url):
    stored: set[str] = set()
    is_over = False

    async def write(engine, name: str) -> None:
        n = 0
        while not is_over:
            n += 1
            with suppress(StorageError):
                await engine.write(put(f"{name} {n}"))
                stored.add(f"{name} {n}")
            await asyncio.sleep(0)

    async with engine_at(bouncer.url_of(postgres_url)) as engine, engine_at(postgres_url) as direct:
        await engine.open()
        writers = [asyncio.create_task(write(engine, name)) for name in "ab"]
        for _ in range(5):
            await asyncio.sleep(0.2)
            await asyncio.to_thread(bouncer.restart)
        before = len(stored)
        await asyncio.sleep(0.5)
        is_over = True
        await asyncio.gather(*writers)
        assert len(stored) > before > 0
        found = await direct.read(texts())
        assert stored <= found
        assert len(found - stored) <= 5, "what was committed when the connection broke"


async def test_a_server_that_is_away_is_said_and_used_again(private_postgres: PostgresServer):
    with PgBouncer(private_postgres, "transaction") as bouncer:
        # It keeps whoever it knows waiting.
        async with engine_at(bouncer.url_of(private_postgres.url), command_timeout_s=0.5) as engine:
            await engine.write(put("x"))
            private_postgres.stop()
            with pytest.raises(StorageError):
                await engine.write(put("y"))
            private_postgres.start()
            until = time.monotonic() + 10
            while True:
                try:
                    assert await engine.write(put("z")) == 1
                except StorageError:
                    assert time.monotonic() < until
                    await asyncio.sleep(0.1)
                else:
                    break
            assert await engine.read(texts()) == {"x", "z"}


# -- the harness -------------------------------------------------------------------------------------------------------


def test_nothing_is_left_after_close(postgres_server):
    bouncer = PgBouncer(postgres_server, "session")
    processes = processes_of(bouncer)
    assert any("pgbouncer" in process.name() for process in processes)
    bouncer.close()
    assert not any(process.is_running() for process in processes)
    assert not bouncer.folder.exists()
    bouncer.close()


def test_nothing_runs_on_when_the_process_of_the_tests_is_killed(postgres_server):
    code = (
        "import sys, types; from tests.pgbouncer import PgBouncer\n"
        "server = types.SimpleNamespace(port=int(sys.argv[1]), password='x')\n"
        "bouncer = PgBouncer(server, 'session')\n"
        "print(bouncer._process.pid, bouncer.folder, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(postgres_server.port)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as child:
        assert child.stdout is not None
        pid, folder = child.stdout.readline().split()
        processes = [psutil.Process(int(pid)), *psutil.Process(int(pid)).children(recursive=True)]
        os.kill(child.pid, signal.SIGKILL)
    assert len(processes) == 2
    until = time.monotonic() + 30
    while any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in processes):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert not Path(folder).exists()


def test_a_missing_program_skips_the_test_but_fails_in_ci(monkeypatch):
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="apt-get install no-package"):
        program("no-such-program", "no-package")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="apt-get install no-package"):
        program("no-such-program", "no-package")


def processes_of(bouncer: PgBouncer) -> list[psutil.Process]:
    assert bouncer._process is not None
    shell = psutil.Process(bouncer._process.pid)
    return [shell, *shell.children(recursive=True)]
