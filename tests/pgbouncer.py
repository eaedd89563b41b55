"""A real PgBouncer in front of a PostgreSQL of the tests: Debian's package `pgbouncer`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from types import TracebackType
from typing import Literal, Self

from tests.postgres_server import PATIENCE, USER, PostgresServer
from tests.postgres_supervisor import account_of_servers, free_port, make_folder
from tests.programs import program

PoolMode = Literal["session", "transaction"]

# Whatever becomes of the process of the tests, the pipe ends, and PgBouncer with it.
_RUN = '"$0" -q "$1/pgbouncer.ini" & read -r keep; kill -KILL $!; wait; [ "$keep" ] || rm -rf "$1"'
_CONFIG = """
[databases]
* = host=127.0.0.1 port={server_port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {users}
pool_mode = {pool_mode}
default_pool_size = {pool_size}
server_login_retry = 0.2
logfile = {log}
"""


class PgBouncer:
    """Runs until `close`, or until this process is gone."""

    def __init__(self, server: PostgresServer, pool_mode: PoolMode, pool_size: int = 20) -> None:
        self._program = program("pgbouncer", "pgbouncer")
        self.port = free_port()
        self._server = server
        self._account = account_of_servers()
        self._process: subprocess.Popen[bytes] | None = None
        self.folder = make_folder("botmon-bouncer-", self._account)
        users, config = self.folder / "users.txt", self.folder / "pgbouncer.ini"
        password = server.password.replace('"', '""')
        users.write_text(f'"{USER}" "{password}"\n', encoding="utf-8")
        values = {"server_port": server.port, "port": self.port, "users": users, "log": self.folder / "log"}
        text = _CONFIG.format(**values, pool_mode=pool_mode, pool_size=pool_size)
        config.write_text(text, encoding="utf-8")
        try:
            self.start()
        except BaseException:
            self.close()
            raise

    def url_of(self, url: str) -> str:
        """The way through here to a database of the server."""
        return url.replace(f":{self._server.port}/", f":{self.port}/")

    def start(self) -> None:
        account = self._account
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _RUN, self._program, self.folder],
            stdin=subprocess.PIPE,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=None if account is None else [],
            cwd=self.folder,
            start_new_session=True,  # Ctrl-C is for pytest
        )
        until = time.monotonic() + PATIENCE
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
            except OSError:
                if time.monotonic() > until:
                    raise RuntimeError(f"PgBouncer does not come up:\n{self.log()}") from None
                time.sleep(0.01)
            else:
                return

    def stop(self) -> None:
        """All connections end at once."""
        process, self._process = self._process, None
        if process is not None:
            process.communicate(b"keep the folder\n", PATIENCE)

    def restart(self) -> None:
        self.stop()
        self.start()

    def log(self) -> str:
        log = self.folder / "log"
        return log.read_text(errors="replace") if log.exists() else ""

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
