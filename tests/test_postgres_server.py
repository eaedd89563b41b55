"""The PostgreSQL that the tests start holds what it promises."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest

from tests.postgres_server import GONE, PostgresServer, connect


async def _fetchval(url: str, query: str) -> object:
    connection = await connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def _write(url: str, value: int) -> None:
    connection = await connect(url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)
    finally:
        await connection.close()


def _processes_of(server: PostgresServer) -> list[psutil.Process]:
    """The supervisor first."""
    supervisor = psutil.Process(server._supervisor.pid)
    return [supervisor, *supervisor.children(recursive=True)]


def _shared_memory(folder: Path) -> int:
    """The number of the segment that a running server holds."""
    return int((folder / "data" / "postmaster.pid").read_text().splitlines()[6].split()[1])


def _shared_memory_there() -> set[int]:
    table = Path("/proc/sysvipc/shm")
    return {int(line.split()[1]) for line in table.read_text().splitlines()[1:]} if table.exists() else set()


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _assert_gone(processes: list[psutil.Process]) -> None:
    until = time.monotonic() + 30
    while any(_runs(process) for process in processes):
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("_", range(2))
async def test_each_test_finds_an_empty_database_that_it_owns(postgres_url, _):
    tables = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
    assert await _fetchval(postgres_url, tables) == 0
    await _write(postgres_url, 1)
    assert await _fetchval(postgres_url, tables) == 1
    assert await _fetchval(postgres_url, "SELECT NOT rolsuper FROM pg_roles WHERE rolname = current_user")


async def test_a_dropped_database_sends_its_clients_away(postgres_server):
    url = postgres_server.create_database()
    connection = await connect(url)
    postgres_server.drop_database(url)
    with pytest.raises(GONE):
        await connection.fetchval("SELECT 1")
    await connection.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await connect(url)


async def test_tcp_wants_the_password_and_the_socket_does_not(postgres_server):
    for wrong in ("", ":wrong"):
        with pytest.raises((asyncpg.InvalidPasswordError, asyncpg.InterfaceError)):
            await asyncpg.connect(f"postgresql://botmon{wrong}@127.0.0.1:{postgres_server.port}/botmon")
    who = "SELECT current_user || coalesce(host(inet_server_addr()), '-')"
    assert await _fetchval(postgres_server.url, who) == "botmon127.0.0.1"
    assert await _fetchval(postgres_server.socket_url, who) == "botmon-"
    assert await _fetchval(postgres_server.admin_url, who) == "postgres127.0.0.1"


async def test_a_stopped_server_refuses_and_comes_back_at_its_place_with_its_data(private_postgres):
    url, pid = private_postgres.url, private_postgres.pid
    await _write(url, 7)
    connection = await connect(url)
    private_postgres.stop()
    with pytest.raises(GONE):
        await connection.fetchval("SELECT 1")
    await connection.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncpg.connect(url)
    private_postgres.start()
    assert private_postgres.url == url
    assert private_postgres.pid != pid
    assert await _fetchval(url, "SELECT value FROM kept") == 7


@pytest.mark.parametrize("fsync", [False, True])
async def test_a_killed_server_recovers(new_postgres, fsync):
    server = new_postgres(fsync=fsync, settings={"synchronous_commit": "on"})
    assert server.sql("SHOW fsync") == ["on" if fsync else "off"]
    await _write(server.url, 8)
    connection = await connect(server.url)
    processes = _processes_of(server)[1:]
    server.kill()
    assert not any(process.is_running() for process in processes)
    with pytest.raises(GONE):
        await connection.fetchval("SELECT 1")
    await connection.close()
    server.start()
    assert await _fetchval(server.url, "SELECT value FROM kept") == 8
    assert "automatic recovery" in server.log()


async def test_connections_are_terminated_and_new_ones_taken(private_postgres):
    connections = [await connect(private_postgres.url) for _ in range(3)]
    assert private_postgres.terminate_connections() == 3
    for connection in connections:
        with pytest.raises(GONE):
            await connection.fetchval("SELECT 1")
        await connection.close()
    assert private_postgres.connections() == 0
    assert await _fetchval(private_postgres.url, "SELECT 1") == 1


async def test_a_frozen_server_answers_when_it_thaws(private_postgres):
    connection = await connect(private_postgres.url)
    private_postgres.freeze()
    answer = asyncio.ensure_future(connection.fetchval("SELECT 1"))
    done, _ = await asyncio.wait([answer], timeout=0.2)
    assert not done
    private_postgres.thaw()
    assert await answer == 1
    await connection.close()


@pytest.mark.parametrize("state", ["running", "stopped", "killed", "frozen"])
def test_nothing_is_left_after_close(new_postgres, state):
    server = new_postgres()
    processes, segment = _processes_of(server), _shared_memory(server.folder)
    {"running": str, "stopped": server.stop, "killed": server.kill, "frozen": server.freeze}[state]()
    server.close()
    _assert_gone(processes)
    assert not server.folder.exists()
    assert segment not in _shared_memory_there()
    server.close()


def test_nothing_is_left_of_a_server_that_does_not_come_up(postgres_server):
    before = set(postgres_server.folder.parent.glob("botmon-pg-*"))
    with pytest.raises(RuntimeError, match="no_such_setting"):
        PostgresServer(pristine=postgres_server.pristine, settings={"no_such_setting": "1"})
    assert set(postgres_server.folder.parent.glob("botmon-pg-*")) == before


def test_nothing_is_left_when_the_process_of_the_tests_is_killed(postgres_server: PostgresServer):
    program = (
        "import pathlib, sys; from tests.postgres_server import PostgresServer\n"
        "server = PostgresServer(pristine=pathlib.Path(sys.argv[1]))\n"
        "print(server.folder, server._supervisor.pid, server.pid, flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(postgres_server.pristine)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[1],
    ) as child:
        assert child.stdout is not None
        folder, *pids = child.stdout.readline().split()
        processes = [psutil.Process(int(pid)) for pid in pids]
        child.kill()
    assert len(processes) == 2
    _assert_gone(processes)
    assert not Path(folder).exists()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no process dies with its parent")
def test_a_killed_supervisor_takes_its_server_with_it(new_postgres: Callable[..., PostgresServer]):
    server = new_postgres()
    processes = _processes_of(server)
    os.kill(server._supervisor.pid, signal.SIGKILL)
    server._supervisor.wait()
    _assert_gone(processes[1:])
    with pytest.raises(RuntimeError, match="gone"):
        server.start()
    server.close()
    assert not server.folder.exists()
