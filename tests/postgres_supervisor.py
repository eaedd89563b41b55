"""Runs one PostgreSQL for the tests, in a folder of its own, and takes both away when its standard input ends.

This is a program of its own because a pytest that is killed runs no finalizer: the end of a pipe is the one thing that
reaches us however the other side came to its end. `postgres_server.py` starts it and speaks to it in lines of JSON.
"""

from __future__ import annotations

import ctypes
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

PATIENCE = 60.0
LONGEST_FOLDER = 60  # a socket's path has 107 bytes at most
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
IPC_RMID = 0
LINUX = sys.platform == "linux"
LIBC = ctypes.CDLL(None, use_errno=True)


def within_reach_of_others(path: Path) -> bool:
    """Whether an account without any right of its own can read this; a home of mode 0700 above it says no."""
    return bool(path.stat().st_mode & 0o004) and all(parent.stat().st_mode & 0o001 for parent in path.parents)


def free_port() -> int:
    """Below the ports that the system hands to clients.

    From among those, a client that knocks while the server is down could meet itself, and keep the server out.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def account_of_servers() -> pwd.struct_passwd | None:
    """Whose right a server has: root's is refused by PostgreSQL and by PgBouncer."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def make_folder(prefix: str, account: pwd.struct_passwd | None) -> Path:
    """A folder for temporary files that belongs to the account, with a path short enough for a socket."""
    for place in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - mkdtemp in it
        if len(os.fsencode(place)) <= LONGEST_FOLDER and (account is None or within_reach_of_others(place.resolve())):
            folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place)).resolve()
            if account is not None:
                os.chown(folder, account.pw_uid, account.pw_gid)
            return folder
    msg = "no folder for temporary files has a short path and is open to the account of the server"
    raise RuntimeError(msg)


def die_with_the_supervisor() -> None:
    """Also a supervisor that is killed itself takes its server with it; SIGQUIT is "stop at once" to PostgreSQL."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGQUIT)


class Supervisor:
    def __init__(
        self, *, install: str, password: str, pristine: str | None, initdb: list[str], settings: dict[str, str]
    ) -> None:
        self.install = Path(install)
        self.initdb = initdb
        self.settings = settings
        self.account = account_of_servers()
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.frozen = False
        self.folder = make_folder("botmon-pg-", self.account)
        try:
            self.data = self.folder / "data"
            self.pristine = Path(pristine) if pristine else None
            self._make_install_readable()
            self._make_data(password)
        except BaseException:
            self.finish()
            raise

    def _give_away(self, path: Path) -> None:
        if self.account is not None:
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def _as_server(self) -> dict[str, Any]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
        kwargs: dict[str, Any] = {"env": environment, "cwd": self.folder, "stdin": subprocess.DEVNULL}
        if self.account is not None:
            kwargs |= {"user": self.account.pw_uid, "group": self.account.pw_gid, "extra_groups": []}
        return kwargs

    def _make_install_readable(self) -> None:
        """A copy where the account of the server cannot reach the package, as in a virtual environment of root's."""
        needed = (self.install / "bin" / "postgres", self.install / "share" / "postgresql" / "postgres.bki")
        if self.account is None or all(within_reach_of_others(path) for path in needed if path.exists()):
            return
        package, copy = self.install.parent, self.folder / "package"
        shutil.copytree(self.install, copy / "package" / self.install.name, symlinks=True)
        libraries = package.parent / f"{package.name}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, copy / libraries.name)
        for path in (copy, *copy.rglob("*")):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or path.stat().st_mode & 0o100 else 0o044))
        self.install = copy / "package" / self.install.name

    def _make_data(self, password: str) -> None:
        if self.pristine is not None:
            shutil.copytree(self.pristine, self.data)
            for path in (self.data, *self.data.rglob("*")):
                self._give_away(path)
            return
        secret = self.folder / "password"
        secret.touch(mode=0o600)
        secret.write_text(password)
        self._give_away(secret)
        command = [self.install / "bin" / "initdb", "--no-sync", "--no-instructions", "-D", self.data]
        command += ["-U", "postgres", f"--pwfile={secret}", "--auth-host=scram-sha-256", "--auth-local=trust"]
        command += ["--encoding=UTF8", "--locale=C", "--wal-segsize=1", *self.initdb]
        done = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_server())
        secret.unlink()
        if done.returncode:
            msg = f"initdb failed:\n{done.stdout}{done.stderr}"
            raise RuntimeError(msg)
        self.pristine = self.folder / "pristine"
        shutil.copytree(self.data, self.pristine)

    def _pid_file(self) -> list[str]:
        try:
            return (self.data / "postmaster.pid").read_text().splitlines()
        except OSError:
            return []

    def facts(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "pristine": str(self.pristine),
            "port": self.port,
            "pid": self.process.pid if self.process else None,
        }

    def start(self) -> None:
        if self.process is not None:
            msg = "the server runs already"
            raise RuntimeError(msg)
        settings = self.settings | {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        command = [self.install / "bin" / "postgres", "-D", self.data]
        command += [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            process = self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_the_supervisor if LINUX else None,  # noqa: PLW1509 - we have one thread
                **self._as_server(),
            )
        until = time.monotonic() + PATIENCE
        while not (len(lines := self._pid_file()) > 7 and lines[0] == str(process.pid) and lines[7].startswith("rea")):
            if process.poll() is not None or time.monotonic() > until:
                self.kill()
                msg = "the server does not come up:\n" + (self.folder / "log").read_text(errors="replace")[-3000:]
                raise RuntimeError(msg)
            time.sleep(0.005)

    def stop(self, mode: str = "fast") -> None:
        if self.process is None:
            return
        self.thaw()
        self.process.send_signal({"fast": signal.SIGINT, "immediate": signal.SIGQUIT}[mode])
        self.process.wait(PATIENCE)
        self._forget()

    def _everything(self) -> list[psutil.Process]:
        if self.process is None or self.process.poll() is not None:
            return []
        postmaster = psutil.Process(self.process.pid)
        postmaster.suspend()  # so that it starts nobody while we look
        return [postmaster, *postmaster.children(recursive=True)]

    def kill(self) -> None:
        if self.process is None:
            return
        everything = self._everything()
        for process in everything:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self.process.wait(PATIENCE)
        until = time.monotonic() + PATIENCE
        while any(process.is_running() for process in everything) and time.monotonic() < until:
            self._reap()
            time.sleep(0.002)
        self._forget()

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass

    def _forget(self) -> None:
        self._reap()
        self.process = None
        self.frozen = False

    def freeze(self) -> None:
        for process in self._everything():
            process.suspend()
        self.frozen = True

    def thaw(self) -> None:
        if self.frozen:
            for process in self._everything():
                process.resume()
            self.frozen = False

    def finish(self) -> None:
        """No process, no shared memory and no file stays."""
        try:
            try:
                self.stop("immediate")
            except (subprocess.TimeoutExpired, psutil.Error):
                self.kill()
            lines = self._pid_file()  # stays after a kill only
            if len(lines) > 6 and len(shared := lines[6].split()) == 2:
                LIBC.shmctl(int(shared[1]), IPC_RMID, None)
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


def answer(**values: Any) -> None:
    os.write(1, json.dumps(values).encode() + b"\n")


def main() -> None:
    def leave(*_: object) -> None:
        raise SystemExit

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if LINUX:  # so that the orphans of a killed server are ours to reap
        LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    try:
        supervisor = Supervisor(**json.loads(sys.stdin.readline()))
    except Exception as error:  # noqa: BLE001 - the other side raises it
        answer(error=str(error))
        return
    try:
        answer(**supervisor.facts())
        for line in sys.stdin:
            command, argument = json.loads(line)
            try:
                getattr(supervisor, command)(*argument)
            except Exception as error:  # noqa: BLE001 - the other side raises it
                answer(error=f"{type(error).__name__}: {error}")
            else:
                answer(**supervisor.facts())
    except BrokenPipeError:
        pass
    finally:
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        supervisor.finish()


if __name__ == "__main__":
    main()
